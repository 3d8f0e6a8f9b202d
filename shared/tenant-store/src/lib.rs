//! Items of one tenant in DynamoDB: the only way to them is a [`TenantTable`] and a verified [`TenantContext`].
//!
//! | item | idea |
//! |---|---|
//! | [`TenantTable`] | a table whose items belong to tenants |
//! | [`TenantItems`] | the items of one user of one tenant, or of one tenant as a whole: read, queried, and written, alone or in transactions |
//! | [`Item`] | an item, by attribute |
//! | [`Listed`], [`Cursor`] | items that are found by an id and listed by when they were made, page by page |
//! | [`StoreError`] | why a store did not do what it was asked |
//! | [`is_partition_of`] | whose a stored key is, for those who look over a whole table |
//! | [`NoUser`] | what can go wrong before anything is called |
//!
//! ```no_run
//! use aws_sdk_dynamodb::types::TransactWriteItem;
//! use serde::{Deserialize, Serialize};
//! use tenancy::TenantContext;
//! use tenant_store::TenantTable;
//!
//! #[derive(Serialize, Deserialize)]
//! struct Note {
//!     text: String,
//! }
//!
//! /// Takes a note, and reads it again. `tenant` is from a layer or a message that vouched for it.
//! async fn note(table: &TenantTable, tenant: &TenantContext, text: &str) -> Result<Option<Note>, Box<dyn std::error::Error>> {
//!     let items = table.of_tenant(tenant);
//!     let put = items.put("NOTE#1", &Note { text: text.to_owned() })?.build()?;
//!     items.transact().transact_items(TransactWriteItem::builder().put(put).build()).send().await?;
//!     Ok(items.read("NOTE#1").await?)
//! }
//!
//! # async fn start(config: &aws_config::SdkConfig) {
//! let table = TenantTable::new(config, "notes", "arn:aws:iam::111111111111:role/notes-tenant");
//! # let _ = table;
//! # }
//! ```
//!
//! # Errors
//!
//! Making a table and choosing its items makes no call. [`NoUser`] says that a user's items were asked for where no user is known. If there is no
//! session for a tenant, the first call that needs it fails with the SDK's error, as other calls do.
//!
//! # Guarantees
//!
//! - [`TenantItems`] forms every key, whatever an item says its key is, and calls with credentials that IAM fences to the tenant. Code that would
//!   form another tenant's key by hand would still be refused by DynamoDB.
//! - A session is one tenant's, tagged with its id. A thousand tenants' sessions are kept, and renewed before they end.
//! - Reads are consistent: an item is read as last written.

mod clients;
mod error;
mod listing;
mod retries;
mod transaction;

use std::{collections::HashMap, future::Future, pin::Pin, sync::Arc};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    Client,
    operation::{
        get_item::builders::GetItemFluentBuilder, query::builders::QueryFluentBuilder,
        transact_write_items::builders::TransactWriteItemsFluentBuilder,
        update_item::builders::UpdateItemFluentBuilder,
    },
    types::{
        AttributeValue, Put, Update,
        builders::{PutBuilder, UpdateBuilder},
    },
};
use function_settings::{InvalidSettings, Variables};
use serde::Serialize;
use tenancy::{TenantContext, TenantId, TenantLabel};

use self::clients::TenantClients;
pub use self::{
    error::{NoUser, StoreError},
    listing::{Cursor, InvalidCursor, Listed, Page},
    retries::Retries,
    transaction::TransactionFailure,
};

/// An item: its attributes by name.
pub type Item = HashMap<String, AttributeValue>;

/// A table whose items belong to tenants: keys `pk` and `sk`.
#[derive(Debug, Clone)]
pub struct TenantTable {
    clients: Arc<TenantClients>,
    name: Arc<str>,
}

impl TenantTable {
    /// The table `name`, which is called with sessions of the role `role_arn`. Each tenant's session has the tag `tenant_id`, and the role's policy
    /// allows only keys of that tenant.
    pub fn new(config: &SdkConfig, name: &str, role_arn: &str) -> Self {
        Self { clients: Arc::new(TenantClients::new(config, role_arn)), name: name.into() }
    }

    /// The table that the variable `table` names, reached as the role in `TENANT_ROLE_ARN`.
    ///
    /// # Errors
    ///
    /// [`InvalidSettings`] with those of the two variables that are missing or wrong.
    pub fn from_env(config: &SdkConfig, table: &str) -> Result<Self, InvalidSettings> {
        let read = Variables::of_process().read(|read| (read.text(table), read.arn("TENANT_ROLE_ARN")));
        read.map(|(name, role_arn)| Self::new(config, &name, &role_arn))
    }

    /// Fetches credentials before this tenant's first call. Await it beside what else the tenant's first request waits for. It reports no failure;
    /// the first call does.
    async fn prepare(&self, tenant: &TenantContext) {
        self.clients.prepare(&tenant.tenant_id).await;
    }

    /// Returns a function that fetches a tenant's credentials before its first call, for a layer that knows the tenant before a handler does.
    pub fn preparing(
        &self,
    ) -> impl Fn(TenantContext) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync + 'static {
        let table = self.clone();
        move |tenant| {
            let table = table.clone();
            Box::pin(async move { table.prepare(&tenant).await })
        }
    }

    /// The items of this user of this tenant. It makes no call.
    ///
    /// # Errors
    ///
    /// [`NoUser`] where the context names no user, as that of a machine.
    pub fn of_user(&self, tenant: &TenantContext) -> Result<TenantItems, NoUser> {
        Ok(self.items(tenant, user_partition(tenant.label()).ok_or(NoUser)?))
    }

    /// The items of this tenant as a whole, which belong to no user. It makes no call.
    pub fn of_tenant(&self, tenant: &TenantContext) -> TenantItems {
        self.items(tenant, tenant_partition(&tenant.tenant_id))
    }

    fn items(&self, tenant: &TenantContext, partition: String) -> TenantItems {
        TenantItems { client: self.clients.of(&tenant.tenant_id), table: self.name.clone(), partition }
    }
}

/// Whether a stored partition key is that of this user of this tenant, for programs that read a whole table.
pub fn is_partition_of(partition: &str, user: &TenantLabel) -> bool {
    user_partition(user).as_deref() == Some(partition)
}

/// The partition of what is a tenant's as a whole. The `#` after the tenant is what the fence `TENANT#<tenant>#*` relies on: without it
/// `acme` could read `acme2`.
fn tenant_partition(tenant_id: &TenantId) -> String {
    format!("TENANT#{tenant_id}#")
}

/// The partition under which everything of a user is stored.
fn user_partition(of: &TenantLabel) -> Option<String> {
    Some(format!("{}USER#{}", tenant_partition(&of.tenant_id), of.user_id.as_ref()?))
}

/// The items of one user of one tenant, or of one tenant as a whole. A [`TenantTable`] makes it; nobody else can:
///
/// ```compile_fail,E0451
/// fn peek(mine: &tenant_store::TenantItems) -> tenant_store::TenantItems {
///     tenant_store::TenantItems { partition: "TENANT#another#USER#1".into(), ..mine.clone() }
/// }
/// ```
///
/// What a span or a message names does not open it:
///
/// ```compile_fail,E0308
/// fn open(table: &tenant_store::TenantTable, named: &tenancy::TenantLabel) -> tenant_store::TenantItems {
///     table.of_tenant(named)
/// }
/// ```
///
/// ```compile_fail,E0308
/// fn open(table: &tenant_store::TenantTable, mine: &tenancy::TenantContext) {
///     table.of_user(mine.label());
/// }
/// ```
#[derive(Debug, Clone)]
pub struct TenantItems {
    client: Client,
    table: Arc<str>,
    partition: String,
}

impl TenantItems {
    /// The key of an item, as a page of a query starts after.
    pub fn key(&self, sk: impl Into<String>) -> Item {
        HashMap::from([
            ("pk".to_owned(), AttributeValue::S(self.partition.clone())),
            ("sk".to_owned(), AttributeValue::S(sk.into())),
        ])
    }

    /// Reads an item as last written.
    pub fn get(&self, sk: impl Into<String>) -> GetItemFluentBuilder {
        let get = self.client.get_item().table_name(&*self.table);
        get.set_key(Some(self.key(sk))).consistent_read(true)
    }

    /// Reads this user's items as last written, through a local index where the caller names one.
    pub fn query(&self) -> QueryFluentBuilder {
        let query = self.client.query().table_name(&*self.table).consistent_read(true);
        query
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(self.partition.clone()))
    }

    /// A whole item to write in a transaction; its key is this user's whatever `item` says.
    ///
    /// # Errors
    ///
    /// Where `item` has no form that DynamoDB stores, such as a map with keys that are no text.
    pub fn put(&self, sk: impl Into<String>, item: &impl Serialize) -> Result<PutBuilder, serde_dynamo::Error> {
        let mut item: Item = serde_dynamo::to_item(item)?;
        item.extend(self.key(sk));
        Ok(Put::builder().table_name(&*self.table).set_item(Some(item)))
    }

    /// A change of an item, for a transaction.
    pub fn update(&self, sk: impl Into<String>) -> UpdateBuilder {
        Update::builder().table_name(&*self.table).set_key(Some(self.key(sk)))
    }

    /// A change of one item, by itself.
    pub fn change(&self, sk: impl Into<String>) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&*self.table).set_key(Some(self.key(sk)))
    }

    /// A transaction of such writes, all or none.
    pub fn transact(&self) -> TransactWriteItemsFluentBuilder {
        self.client.transact_write_items()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenants_partition_ends_its_name_with_the_fence() {
        let label = |tenant: &str, user: Option<&str>| TenantLabel {
            tenant_id: tenant.parse().unwrap(),
            tier: tenancy::Tier::named("basic"),
            user_id: user.map(|user| user.parse().unwrap()),
        };
        let of = |tenant: &str| user_partition(&label(tenant, Some("auth0|1"))).unwrap();
        assert_eq!(of("acme"), "TENANT#acme#USER#auth0|1");
        assert!(of("acme").starts_with("TENANT#acme#") && !of("acme2").starts_with("TENANT#acme#"));
        assert_eq!(tenant_partition(&"acme".parse().unwrap()), "TENANT#acme#");
        assert_eq!(user_partition(&label("acme", None)), None);
    }
}
