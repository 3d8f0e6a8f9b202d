//! Reads and changes the registry's table in DynamoDB.

use std::collections::HashMap;

use aws_config::{SdkConfig, retry::RetryConfig};
use aws_lc_rs::rand;
use aws_sdk_dynamodb::{
    Client, Config,
    error::{ProvideErrorMetadata, SdkError},
    operation::update_item::UpdateItemError,
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use lambda_http_client::{
    Roots,
    aws::{self, describe},
};
use serde::de::DeserializeOwned;
use serde_dynamo::{from_attribute_value, from_item, to_attribute_value, to_item};
use tenancy::{AccessLists, Quota, RegistryEntry, TenantId, TenantStatus, Tier};

use crate::{Change, LastChange, Reason, Tenant};

/// Why there is no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RegistryError {
    /// The company's name is empty, too long or not printable.
    #[error("the company's name must be 1 to 100 printable characters")]
    CompanyName,
    /// Nobody of this id is registered.
    #[error("there is no tenant {0}")]
    NoTenant(TenantId),
    /// The entry is not as it was shown: somebody else changed it meanwhile. This is how it is now; nothing was changed.
    #[error("{tenant} is {status}, {tier} by now, its quota {quota}; nothing was changed", tenant = .0.entry.tenant_id, status = .0.entry.status.as_str(), tier = .0.entry.tier, quota = .0.quota_in_words())]
    Stale(Box<Tenant>),
    /// It did not answer, or refused; nothing was changed.
    #[error("{0}")]
    Unavailable(String),
    /// It did not answer; the change may have been made.
    #[error("{0}; it is unknown whether the change was made")]
    Unknown(String),
}

/// The registry's table, as operators read and change it.
#[derive(Debug, Clone)]
pub struct Registry {
    client: Client,
    table: String,
}

impl Registry {
    /// The registry in `table`, by its name or ARN, with the credentials, profile and region that the AWS CLI would take. A call ends within four
    /// seconds.
    pub async fn open(table: &str) -> Self {
        Self::new(&aws::config(Roots::System).await, table)
    }

    /// The registry in `table`.
    pub fn new(config: &SdkConfig, table: &str) -> Self {
        Self { client: Client::new(config), table: table.to_owned() }
    }

    /// Registers a company as a new, active tenant.
    ///
    /// # Errors
    ///
    /// [`RegistryError::CompanyName`], [`RegistryError::Unavailable`], [`RegistryError::Unknown`].
    pub async fn create(&self, company_name: &str, tier: Tier) -> Result<RegistryEntry, RegistryError> {
        let company_name = company_name.trim();
        if company_name.is_empty() || company_name.chars().count() > 100 || company_name.chars().any(char::is_control) {
            return Err(RegistryError::CompanyName);
        }
        let entry = RegistryEntry {
            tenant_id: new_id().map_err(|error| self.unavailable(error))?,
            tier,
            status: TenantStatus::Active,
            company_name: company_name.to_owned(),
            created_at: now(),
            quota: None,
            access_lists: None,
        };
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(to_item(&entry).map_err(|error| self.unavailable(error))?));
        let put = put.condition_expression("attribute_not_exists(tenant_id)");
        put.send().await.map_err(|error| self.failed(&error))?;
        Ok(entry)
    }

    /// All tenants, by id.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Unavailable`].
    pub async fn list(&self) -> Result<Vec<Tenant>, RegistryError> {
        let mut tenants = Vec::new();
        let mut pages = self.client.scan().table_name(&self.table).consistent_read(true).into_paginator().send();
        while let Some(page) = pages.next().await {
            for item in page.map_err(|error| self.unavailable(describe(&error)))?.items() {
                tenants.push(self.tenant(item.clone())?);
            }
        }
        tenants.sort_by(|one: &Tenant, other| one.entry.tenant_id.cmp(&other.entry.tenant_id));
        Ok(tenants)
    }

    /// Ids and companies' names of so many tenants at most, and whether these are all. It reads no other attributes, and not the latest changes; an
    /// entry that lacks one of them is left out.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Unavailable`].
    pub async fn names(&self, most: usize) -> Result<(Vec<(String, String)>, bool), RegistryError> {
        let mut names = Vec::new();
        let scan = self.client.scan().table_name(&self.table).projection_expression("tenant_id, company_name");
        let mut pages = scan.into_paginator().send();
        while let Some(page) = pages.next().await {
            for item in page.map_err(|error| self.unavailable(describe(&error)))?.items() {
                let attribute = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
                if names.len() == most {
                    return Ok((names, false));
                }
                names.extend(attribute("tenant_id").zip(attribute("company_name")));
            }
        }
        Ok((names, true))
    }

    /// A tenant, as the table has it now.
    ///
    /// # Errors
    ///
    /// [`RegistryError::NoTenant`], [`RegistryError::Unavailable`].
    pub async fn get(&self, tenant_id: &TenantId) -> Result<Tenant, RegistryError> {
        self.tenant(self.item(tenant_id).await?.ok_or_else(|| RegistryError::NoTenant(tenant_id.clone()))?)
    }

    async fn item(&self, tenant_id: &TenantId) -> Result<Option<Item>, RegistryError> {
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let get = get.key(RegistryEntry::TENANT_ID, text(tenant_id.as_str()));
        Ok(get.send().await.map_err(|error| self.unavailable(describe(&error)))?.item)
    }

    /// Changes a tenant that is as it was shown; the tenant afterwards.
    ///
    /// # Errors
    ///
    /// [`RegistryError::NoTenant`], [`RegistryError::Stale`], [`RegistryError::Unavailable`], [`RegistryError::Unknown`].
    pub async fn change(
        &self,
        tenant_id: &TenantId,
        change: &Change,
        by: &str,
        reason: &Reason,
    ) -> Result<Tenant, RegistryError> {
        let last = LastChange { changed_at: now(), changed_by: by.to_owned(), change_reason: reason.clone() };
        let update =
            self.client.update_item().table_name(&self.table).key(RegistryEntry::TENANT_ID, text(tenant_id.as_str()));
        let (from, to) = values(change).map_err(|error| self.unavailable(error))?;
        let from = match change {
            // What was shown as none may be a quota that cannot be read.
            Change::Quota { from: None, .. } => {
                self.item(tenant_id).await?.and_then(|item| unreadable::<Quota>(&item, RegistryEntry::QUOTA))
            }
            Change::AccessLists { from: shown, .. } => {
                self.item(tenant_id).await?.and_then(|item| lists_shown_as(shown, &item)).or(from)
            }
            _ => from,
        };
        // Of a tenant that is not there no attribute is, either.
        let shown = if from.is_some() { "#attribute = :from" } else { "attribute_not_exists(#attribute)" };
        let (set, remove) = if to.is_some() { ("#attribute = :to, ", "") } else { ("", " REMOVE #attribute") };
        let last_change = "changed_at = :at, changed_by = :by, change_reason = :reason";
        let update = [(":from", from), (":to", to)].into_iter().fold(update, |update, (name, value)| match value {
            Some(value) => update.expression_attribute_values(name, value),
            None => update,
        });
        let update = update
            .condition_expression(format!("attribute_exists({}) AND {shown}", RegistryEntry::TENANT_ID))
            .update_expression(format!("SET {set}{last_change}{remove}"))
            .expression_attribute_names("#attribute", change.attribute())
            .expression_attribute_values(":at", text(&last.changed_at))
            .expression_attribute_values(":by", text(&last.changed_by))
            .expression_attribute_values(":reason", text(&last.change_reason.to_string()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        // Tried again after an answer that was lost, it would find what it has done itself, and take it for somebody else's.
        let once = Config::builder().retry_config(RetryConfig::disabled());
        match update.customize().config_override(once).send().await {
            // What was changed was changed, whatever cannot be read of it.
            Ok(updated) => self.tenant(updated.attributes.unwrap_or_default()).map_err(|error| match error {
                RegistryError::Unavailable(told) => RegistryError::Unknown(told),
                other => other,
            }),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => match failed.item() {
                    Some(there) => Err(RegistryError::Stale(Box::new(self.tenant(there.clone())?))),
                    None => Err(RegistryError::NoTenant(tenant_id.clone())),
                },
                _ => Err(self.failed(&error)),
            },
        }
    }

    fn tenant(&self, item: Item) -> Result<Tenant, RegistryError> {
        read(item).map_err(|error| self.unavailable(format_args!("an entry that is none: {error}")))
    }

    /// Why a write failed: what AWS refused was not done, and what it did not answer may have been.
    fn failed<E, R>(&self, error: &SdkError<E, R>) -> RegistryError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
    {
        let refused = match error {
            SdkError::ConstructionFailure(_) => true,
            SdkError::ServiceError(error) => {
                !matches!(error.err().code(), None | Some("InternalServerError" | "ServiceUnavailable"))
            }
            _ => false,
        };
        let told = describe(error);
        if refused { self.unavailable(told) } else { RegistryError::Unknown(format!("table {}: {told}", self.table)) }
    }

    fn unavailable(&self, told: impl std::fmt::Display) -> RegistryError {
        RegistryError::Unavailable(format!("table {}: {told}", self.table))
    }
}

/// An item of the table.
type Item = HashMap<String, AttributeValue>;

/// A tenant as an item has it. A quota or access lists that cannot be read are none here, and said to be wrong, so that somebody can mend them.
fn read(mut item: Item) -> Result<Tenant, serde_dynamo::Error> {
    let quota_is_wrong = unreadable::<Quota>(&item, RegistryEntry::QUOTA).is_some();
    if quota_is_wrong {
        item.remove(RegistryEntry::QUOTA);
    }
    let access_lists_are_wrong = unreadable::<AccessLists>(&item, RegistryEntry::ACCESS_LISTS).is_some();
    if access_lists_are_wrong {
        item.remove(RegistryEntry::ACCESS_LISTS);
    }
    Ok(Tenant { quota_is_wrong, access_lists_are_wrong, ..from_item(item)? })
}

/// What an item has for an attribute and is none.
fn unreadable<T: DeserializeOwned>(item: &Item, attribute: &str) -> Option<AttributeValue> {
    let value = item.get(attribute)?;
    from_attribute_value::<_, T>(value.clone()).is_err().then(|| value.clone())
}

/// The lists of an item as they are written there, where they are those that were shown: ones that cannot be read are shown as none, and a
/// network may be written in another way than we would.
fn lists_shown_as(shown: &AccessLists, item: &Item) -> Option<AttributeValue> {
    let written = item.get(RegistryEntry::ACCESS_LISTS)?;
    let read = from_attribute_value::<_, AccessLists>(written.clone()).unwrap_or_default();
    (read == *shown).then(|| written.clone())
}

/// The attribute's value before and after; none where it is not there.
fn values(change: &Change) -> Result<(Option<AttributeValue>, Option<AttributeValue>), serde_dynamo::Error> {
    match change {
        Change::Quota { from, to } => {
            let value = |quota: Option<Quota>| quota.map(to_attribute_value).transpose();
            Ok((value(*from)?, value(*to)?))
        }
        Change::AccessLists { from, to } => {
            let value = |lists: &AccessLists| (!lists.is_empty()).then(|| to_attribute_value(lists)).transpose();
            Ok((value(from)?, value(to)?))
        }
        Change::Status { .. } | Change::Tier { .. } => {
            let value = |value: Option<String>| value.map(AttributeValue::S);
            Ok((value(change.from()), value(change.to())))
        }
    }
}

fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

fn new_id() -> Result<TenantId, String> {
    let mut bytes = [0; 12];
    rand::fill(&mut bytes).map_err(|_| "no random bytes")?;
    TenantId::random(bytes).map_err(|error| error.to_string())
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

#[cfg(test)]
mod tests {
    use tenancy::{List, Listed};

    use super::*;

    #[test]
    fn an_entry_is_read_as_it_was_written() {
        let entry = RegistryEntry {
            tenant_id: new_id().unwrap(),
            tier: Tier::named("premium"),
            status: TenantStatus::Suspended,
            company_name: "Oceanic Airlines".to_owned(),
            created_at: "2026-11-21T05:10:06.000Z".to_owned(),
            quota: Some("20/40/1000".parse().unwrap()),
            access_lists: Some(
                AccessLists::default()
                    .with(List::Block, Listed::Network("2001:db8::/48".parse().unwrap()), Some(7), 0)
                    .unwrap(),
            ),
        };
        let mut item: HashMap<String, AttributeValue> = to_item(&entry).unwrap();
        assert_eq!(
            from_item::<_, Tenant>(item.clone()).unwrap(),
            Tenant { entry: entry.clone(), last_change: None, quota_is_wrong: false, access_lists_are_wrong: false }
        );
        let last_change = Some(LastChange {
            changed_at: now(),
            changed_by: "ada@staff.example".into(),
            change_reason: "unpaid".parse().unwrap(),
        });
        let changed = Tenant { entry, last_change, quota_is_wrong: false, access_lists_are_wrong: false };
        assert_eq!(
            from_item::<_, Tenant>(to_item::<_, HashMap<String, AttributeValue>>(&changed).unwrap()).unwrap(),
            changed
        );
        assert_eq!(unreadable::<Quota>(&item, "quota"), None);
        let without_a_number =
            AttributeValue::M(HashMap::from([("burst".to_owned(), AttributeValue::N("40".to_owned()))]));
        item.insert("quota".to_owned(), without_a_number.clone());
        let wrong = read(item.clone()).unwrap();
        assert_eq!(
            (wrong.entry.quota, wrong.quota_is_wrong),
            (None, true),
            "what its tier gives, as the functions see it"
        );
        assert_eq!(wrong.quota_in_words(), "what its tier gives, since its own cannot be read");
        assert_eq!(unreadable::<Quota>(&item, "quota"), Some(without_a_number), "and it can be replaced");
        let lists = |network: &str| {
            let entry = AttributeValue::M(HashMap::from([("network".to_owned(), text(network))]));
            let both = [("block", vec![entry]), ("allow", Vec::new())];
            AttributeValue::M(both.into_iter().map(|(list, of)| (list.to_owned(), AttributeValue::L(of))).collect())
        };
        item.insert("access_lists".to_owned(), lists("everywhere"));
        let wrong = read(item.clone()).unwrap();
        assert_eq!((wrong.entry.access_lists, wrong.access_lists_are_wrong), (None, true));
        assert_eq!(
            lists_shown_as(&AccessLists::default(), &item),
            Some(lists("everywhere")),
            "and they can be replaced"
        );
        item.insert("access_lists".to_owned(), lists("203.0.113.7/24"));
        let shown = read(item.clone()).unwrap().entry.access_lists.unwrap();
        assert_eq!(
            lists_shown_as(&shown, &item),
            Some(lists("203.0.113.7/24")),
            "written in another way than we would"
        );
        assert_eq!(lists_shown_as(&AccessLists::default(), &item), None, "somebody has changed them");
        item.insert("status".to_owned(), text("gone"));
        assert!(read(item).is_err());
    }

    #[test]
    fn no_two_ids_are_alike() {
        let (one, other) = (new_id().unwrap(), new_id().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.as_str().len(), 14);
    }
}
