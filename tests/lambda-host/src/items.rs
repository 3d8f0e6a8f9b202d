//! Items that conditional writes change: as much of DynamoDB's expressions as the functions use for quotas.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

/// Items, by table and key.
#[derive(Debug, Default)]
pub(crate) struct Items(HashMap<String, HashMap<String, i128>>);

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
        let item = self.0.entry(format!("{} {}", call["TableName"], call["Key"])).or_default();
        let value =
            |name: &str| -> Option<i128> { call["ExpressionAttributeValues"][name]["N"].as_str()?.parse().ok() };
        let condition = call["ConditionExpression"].as_str().ok_or(NotDone::Unknown)?;
        if !holds(condition, item, &value).ok_or(NotDone::Unknown)? {
            return Err(NotDone::Unmet(written(item)));
        }
        let update = call["UpdateExpression"].as_str().ok_or(NotDone::Unknown)?;
        change(update, item, &value).ok_or(NotDone::Unknown)?;
        Ok(written(item))
    }
}

fn written(item: &HashMap<String, i128>) -> Value {
    let numbers = item.iter().map(|(name, number)| (name.clone(), json!({ "N": number.to_string() })));
    Value::Object(numbers.collect::<Map<_, _>>())
}

type Values<'a> = &'a dyn Fn(&str) -> Option<i128>;

fn holds(condition: &str, item: &HashMap<String, i128>, value: Values<'_>) -> Option<bool> {
    if let Some((one, other)) = condition.split_once(" OR ") {
        return Some(holds(one, item, value)? || holds(other, item, value)?);
    }
    if let Some((name, bounds)) = condition.split_once(" BETWEEN ") {
        let (from, to) = bounds.split_once(" AND ")?;
        return Some(item.get(name).is_some_and(|number| (value(from)..=value(to)).contains(&Some(*number))));
    }
    if let Some((one, other)) = condition.split_once(" AND ") {
        return Some(holds(one, item, value)? && holds(other, item, value)?);
    }
    if let Some(name) = condition.strip_prefix("attribute_not_exists(") {
        return Some(!item.contains_key(name.strip_suffix(')')?));
    }
    let [name, operator, bound] = condition.split(' ').collect::<Vec<_>>()[..] else { return None };
    let bound = value(bound)?;
    let Some(number) = item.get(name) else { return Some(false) };
    match operator {
        "<" => Some(*number < bound),
        "<=" => Some(*number <= bound),
        ">=" => Some(*number >= bound),
        "=" => Some(*number == bound),
        ">" => Some(*number > bound),
        _ => None,
    }
}

fn change(update: &str, item: &mut HashMap<String, i128>, value: Values<'_>) -> Option<()> {
    if let Some(added) = update.strip_prefix("ADD ") {
        let (name, number) = added.split_once(' ')?;
        *item.entry(name.to_owned()).or_default() += value(number)?;
        return Some(());
    }
    for set in update.strip_prefix("SET ")?.split(", ") {
        let (name, number) = set.split_once(" = ")?;
        item.insert(name.to_owned(), value(number)?);
    }
    Some(())
}
