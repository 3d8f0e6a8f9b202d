//! Items in the order in which they were made, page by page.

use std::{
    fmt::{self, Display},
    str::FromStr,
};

use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::DeserializeOwned;

use crate::{Item, StoreError, TenantItems};

/// The local index that lists go by, and the attribute that it sorts by. Items without the attribute are not in it.
const BY_CREATED_AT: &str = "by-created-at";
const CREATED_AT: &str = "created_at";

/// What is found by an id of its own, and listed by when it was made.
pub trait Listed: DeserializeOwned {
    /// What names it among others of its kind.
    type Id: Display + FromStr;

    /// The id of this item.
    fn id(&self) -> Self::Id;

    /// When this one was made: its attribute `created_at`, RFC 3339 in UTC, always with as many digits, so that it sorts as text.
    fn created_at(&self) -> &str;

    /// The sort key of the one with this id, such as `ORDER#17`.
    fn sk(id: &Self::Id) -> String;
}

/// A page of a list, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T: Listed> {
    /// The items on this page.
    pub items: Vec<T>,
    /// Where the next page starts, if there is one.
    pub next: Option<Cursor<T::Id>>,
}

impl<T: Listed> Page<T> {
    fn of(items: Vec<T>, more: bool) -> Self {
        let next = items
            .last()
            .filter(|_| more)
            .map(|last| Cursor { created_at: last.created_at().to_owned(), id: last.id() });
        Self { items, next }
    }
}

/// The last of a page, after which the next one starts. Its text, `<created_at>~<id>`, goes to a caller and comes back.
///
/// ```
/// let text = "2026-01-31T08:00:00.000Z~17";
/// assert_eq!(text.parse::<tenant_store::Cursor<u32>>().unwrap().to_string(), text);
/// assert!("2026-01-31T08:00:00.000Z~x".parse::<tenant_store::Cursor<u32>>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor<Id> {
    created_at: String,
    id: Id,
}

impl<Id> Cursor<Id> {
    /// The key that a query of the index starts after.
    fn key<T: Listed<Id = Id>>(self, items: &TenantItems) -> Item {
        let mut key = items.key(T::sk(&self.id));
        key.insert(CREATED_AT.to_owned(), AttributeValue::S(self.created_at));
        key
    }
}

impl<Id: Display> Display for Cursor<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}~{}", self.created_at, self.id)
    }
}

/// The text is no place in such a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no cursor of this list")]
pub struct InvalidCursor;

impl<Id: FromStr> FromStr for Cursor<Id> {
    type Err = InvalidCursor;
    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (created_at, id) = text.split_once('~').ok_or(InvalidCursor)?;
        let _is_time: jiff::Timestamp = created_at.parse().map_err(|_| InvalidCursor)?;
        Ok(Self { created_at: created_at.to_owned(), id: id.parse().map_err(|_| InvalidCursor)? })
    }
}

impl TenantItems {
    /// The item with this sort key, as last written.
    ///
    /// # Errors
    ///
    /// Where DynamoDB does not answer or refuses, or the item is no `T`.
    pub async fn read<T: DeserializeOwned>(&self, sk: impl Into<String>) -> Result<Option<T>, StoreError> {
        let found = self.get(sk).send().await?;
        Ok(found.item.map(serde_dynamo::from_item).transpose()?)
    }

    /// The one with this id, as last written.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read) has them.
    pub async fn find<T: Listed>(&self, id: &T::Id) -> Result<Option<T>, StoreError> {
        self.read(T::sk(id)).await
    }

    /// Those in the local index `by-created-at`, newest first, at most `limit`, from the one after `after` on. Strongly consistent: a new
    /// one is there at once. Every item here that has a `created_at` must be a `T`.
    ///
    /// # Errors
    ///
    /// Where DynamoDB does not answer or refuses, or an item is no `T`.
    pub async fn list<T: Listed>(&self, limit: u8, after: Option<Cursor<T::Id>>) -> Result<Page<T>, StoreError> {
        let query = self.query().index_name(BY_CREATED_AT).scan_index_forward(false).limit(i32::from(limit));
        let query = query.set_exclusive_start_key(after.map(|cursor| cursor.key::<T>(self)));
        let found = query.send().await?;
        let more = found.last_evaluated_key.is_some();
        Ok(Page::of(serde_dynamo::from_items(found.items.unwrap_or_default())?, more))
    }
}

#[cfg(test)]
mod tests {
    use aws_config::{BehaviorVersion, SdkConfig};
    use serde::Deserialize;
    use tenancy::{TenantContext, TenantLabel};

    use super::*;
    use crate::TenantTable;

    #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
    struct Order {
        number: u32,
        created_at: String,
    }

    impl Listed for Order {
        type Id = u32;
        fn id(&self) -> u32 {
            self.number
        }
        fn created_at(&self) -> &str {
            &self.created_at
        }
        fn sk(id: &u32) -> String {
            format!("ORDER#{id}")
        }
    }

    fn order(number: u32) -> Order {
        Order { number, created_at: "2026-01-31T08:00:00.000Z".to_owned() }
    }

    #[test]
    fn a_page_names_its_last_where_there_are_more() {
        let page = Page::of(vec![order(2), order(1)], true);
        assert_eq!(page.next.unwrap().to_string(), "2026-01-31T08:00:00.000Z~1");
        assert_eq!(Page::of(vec![order(1)], false).next, None);
        assert_eq!(Page::<Order>::of(Vec::new(), true).next, None);
    }

    #[test]
    fn a_cursor_becomes_a_key_of_the_index() {
        let config = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build();
        let label =
            TenantLabel { tenant_id: "acme".parse().unwrap(), tier: tenancy::Tier::named("basic"), user_id: None };
        let items = TenantTable::new(&config, "orders", "arn:aws:iam::111111111111:role/tenant-role")
            .of_tenant(&TenantContext::vouched_by("this test", label));
        let cursor: Cursor<u32> = "2026-01-31T08:00:00.000Z~1".parse().unwrap();
        let mut key: Vec<_> = cursor.key::<Order>(&items).into_iter().collect();
        key.sort_by(|(one, _), (other, _)| one.cmp(other));
        let text = |text: &str| AttributeValue::S(text.to_owned());
        assert_eq!(
            key,
            [
                ("created_at".to_owned(), text("2026-01-31T08:00:00.000Z")),
                ("pk".to_owned(), text("TENANT#acme#")),
                ("sk".to_owned(), text("ORDER#1")),
            ]
        );
    }

    #[test]
    fn a_cursor_is_a_time_and_an_id() {
        for text in ["", "~", "2026-01-31T08:00:00.000Z", "2026-01-31T08:00:00.000Z~", "2026-01-31~1", "x~1"] {
            assert_eq!(text.parse::<Cursor<u32>>(), Err(InvalidCursor), "{text}");
        }
    }
}
