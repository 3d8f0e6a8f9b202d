//! Items that conditional writes change: as much of DynamoDB's expressions as the functions use for quotas.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

/// Attributes, as DynamoDB writes them in JSON.
type Item = Map<String, Value>;

/// Items, by table and key.
#[derive(Debug, Default)]
pub(crate) struct Items(HashMap<String, Item>);

/// Why a write was not done.
pub(crate) enum NotDone {
    /// Its condition does not hold; the item as it is.
    Unmet(Value),
    /// Its expressions are not among those that are known here.
    Unknown,
}

impl Items {
    /// Does an `UpdateItem`, or says why not; the whole item afterwards.
    pub(crate) fn update(&mut self, call: &Value) -> Result<Value, NotDone> {
        let item = self.0.entry(name(&call["TableName"], &call["Key"])).or_default();
        let value =
            |name: &str| -> Option<i128> { call["ExpressionAttributeValues"][name]["N"].as_str()?.parse().ok() };
        let condition = call["ConditionExpression"].as_str().ok_or(NotDone::Unknown)?;
        if !holds(condition, item, &value).ok_or(NotDone::Unknown)? {
            return Err(NotDone::Unmet(Value::Object(item.clone())));
        }
        let update = call["UpdateExpression"].as_str().ok_or(NotDone::Unknown)?;
        change(update, item, &value).ok_or(NotDone::Unknown)?;
        Ok(Value::Object(item.clone()))
    }

    /// Replaces an item's attributes.
    pub(crate) fn put(&mut self, table: &str, key: &Value, item: Item) {
        self.0.insert(name(&table.into(), key), item);
    }
}

fn name(table: &Value, key: &Value) -> String {
    format!("{table} {key}")
}

fn number(item: &Item, name: &str) -> Option<i128> {
    item.get(name)?["N"].as_str()?.parse().ok()
}

type Values<'a> = &'a dyn Fn(&str) -> Option<i128>;

fn holds(condition: &str, item: &Item, value: Values<'_>) -> Option<bool> {
    if let Some((one, other)) = condition.split_once(" OR ") {
        return Some(holds(one, item, value)? || holds(other, item, value)?);
    }
    if let Some((one, other)) = condition.split_once(" AND NOT (") {
        return Some(holds(one, item, value)? && !holds(other.strip_suffix(')')?, item, value)?);
    }
    if let Some((name, bounds)) = condition.split_once(" BETWEEN ") {
        let (from, to) = bounds.split_once(" AND ")?;
        return Some(number(item, name).is_some_and(|number| (value(from)..=value(to)).contains(&Some(number))));
    }
    if let Some((one, other)) = condition.split_once(" AND ") {
        return Some(holds(one, item, value)? && holds(other, item, value)?);
    }
    if let Some(name) = condition.strip_prefix("NOT attribute_type(") {
        return Some(number(item, name.strip_suffix(", :number)")?).is_none());
    }
    let [name, operator, bound] = condition.split(' ').collect::<Vec<_>>()[..] else { return None };
    let bound = value(bound)?;
    let Some(number) = number(item, name) else { return Some(false) };
    match operator {
        "<" => Some(number < bound),
        "<=" => Some(number <= bound),
        ">=" => Some(number >= bound),
        "=" => Some(number == bound),
        ">" => Some(number > bound),
        _ => None,
    }
}

fn change(update: &str, item: &mut Item, value: Values<'_>) -> Option<()> {
    let attribute = |number: i128| json!({ "N": number.to_string() });
    if let Some(added) = update.strip_prefix("ADD ") {
        let (name, by) = added.split_once(' ')?;
        let before = number(item, name).unwrap_or_default();
        item.insert(name.to_owned(), attribute(before + value(by)?));
        return Some(());
    }
    for assigned in update.strip_prefix("SET ")?.split(", ") {
        let (name, to) = assigned.split_once(" = ")?;
        item.insert(name.to_owned(), attribute(value(to)?));
    }
    Some(())
}
