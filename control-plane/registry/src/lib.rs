//! The tenant registry as operators see it: one table of the booking account, read by its functions at most half a minute late.
//!
//! Ids are the service's to give, so that nobody can ask for another tenant's.

use std::collections::HashMap;

use anyhow::{Context, Result, anyhow, bail};
use aws_config::{BehaviorVersion, SdkConfig};
use aws_lc_rs::rand;
use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::update_item::UpdateItemError,
    types::{AttributeValue, ReturnValue},
};
use lambda_http_client::aws::describe;
use serde_json::{Map, Value};
use tenancy::{RegistryEntry, TenantId, TenantStatus, Tier};

/// An entry before and after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Before.
    pub from: RegistryEntry,
    /// After.
    pub to: RegistryEntry,
}

/// The registry's table.
#[derive(Debug)]
pub struct Registry {
    client: Client,
    table: String,
}

impl Registry {
    /// The registry in `table`, with the credentials, profile and region that the AWS CLI would take.
    pub async fn open(table: &str) -> Self {
        Self::new(&aws_config::load_defaults(BehaviorVersion::latest()).await, table)
    }

    /// The registry in `table`.
    pub fn new(config: &SdkConfig, table: &str) -> Self {
        Self { client: Client::new(config), table: table.to_owned() }
    }

    /// Registers a company as a new, active tenant.
    pub async fn create(&self, company_name: &str, tier: Tier) -> Result<RegistryEntry> {
        let company_name = company_name.trim();
        if company_name.is_empty() || company_name.chars().count() > 100 || company_name.chars().any(char::is_control) {
            bail!("the company's name must be 1 to 100 printable characters");
        }
        let tenant = RegistryEntry {
            tenant_id: new_id()?,
            tier,
            status: TenantStatus::Active,
            company_name: company_name.to_owned(),
            created_at: format!("{:.3}", jiff::Timestamp::now()),
        };
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item(&tenant)?));
        let put = put.condition_expression("attribute_not_exists(tenant_id)");
        put.send().await.map_err(|error| self.failed(&error))?;
        Ok(tenant)
    }

    /// All tenants, by id.
    pub async fn list(&self) -> Result<Vec<RegistryEntry>> {
        let mut tenants = Vec::new();
        let mut pages = self.client.scan().table_name(&self.table).consistent_read(true).into_paginator().send();
        while let Some(page) = pages.next().await {
            for item in page.map_err(|error| self.failed(&error))?.items() {
                tenants.push(tenant(item)?);
            }
        }
        tenants.sort_by(|one: &RegistryEntry, other| one.tenant_id.cmp(&other.tenant_id));
        Ok(tenants)
    }

    /// Serves a tenant from now on, or no longer.
    pub async fn set_status(&self, tenant_id: &TenantId, status: TenantStatus) -> Result<Changed> {
        let changed = self.set(tenant_id, RegistryEntry::STATUS, status.as_str()).await?;
        let to = RegistryEntry { status, ..changed.clone() };
        Ok(Changed { from: changed, to })
    }

    /// Gives a tenant another service level.
    pub async fn set_tier(&self, tenant_id: &TenantId, tier: Tier) -> Result<Changed> {
        let changed = self.set(tenant_id, RegistryEntry::TIER, tier.as_str()).await?;
        let to = RegistryEntry { tier, ..changed.clone() };
        Ok(Changed { from: changed, to })
    }

    /// Sets an attribute of an entry that exists; the entry as it was before.
    async fn set(&self, tenant_id: &TenantId, attribute: &str, value: &str) -> Result<RegistryEntry> {
        let update =
            self.client.update_item().table_name(&self.table).key(RegistryEntry::TENANT_ID, text(tenant_id.as_str()));
        let update = update
            .condition_expression("attribute_exists(tenant_id)")
            .update_expression("SET #attribute = :value")
            .expression_attribute_names("#attribute", attribute)
            .expression_attribute_values(":value", text(value))
            .return_values(ReturnValue::AllOld);
        match update.send().await {
            Ok(updated) => tenant(updated.attributes().context("the table did not say what was there before")?),
            Err(SdkError::ServiceError(error))
                if matches!(error.err(), UpdateItemError::ConditionalCheckFailedException(_)) =>
            {
                bail!("there is no tenant {tenant_id}")
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn failed<E, R>(&self, error: &SdkError<E, R>) -> anyhow::Error
    where
        E: aws_sdk_dynamodb::error::ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
    {
        anyhow!("table {}: {}", self.table, describe(error))
    }
}

fn new_id() -> Result<TenantId> {
    let mut bytes = [0; 12];
    rand::fill(&mut bytes).map_err(|_| anyhow!("no random bytes"))?;
    Ok(TenantId::random(bytes)?)
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn item(tenant: &RegistryEntry) -> Result<HashMap<String, AttributeValue>> {
    let Value::Object(fields) = serde_json::to_value(tenant)? else { bail!("an entry is no object") };
    let attribute = |(name, value): (String, Value)| Some((name, text(value.as_str()?)));
    Ok(fields.into_iter().filter_map(attribute).collect())
}

fn tenant(item: &HashMap<String, AttributeValue>) -> Result<RegistryEntry> {
    let field = |(name, value): (&String, &AttributeValue)| Some((name.clone(), value.as_s().ok()?.as_str().into()));
    let fields: Map<String, Value> = item.iter().filter_map(field).collect();
    serde_json::from_value(fields.into()).context("an entry of the registry")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_read_as_it_was_written() {
        let written = RegistryEntry {
            tenant_id: new_id().unwrap(),
            tier: Tier::named("premium"),
            status: TenantStatus::Suspended,
            company_name: "Oceanic Airlines".to_owned(),
            created_at: "2026-11-21T05:10:06.000Z".to_owned(),
        };
        assert_eq!(tenant(&item(&written).unwrap()).unwrap(), written);
        let mut broken = item(&written).unwrap();
        broken.insert("status".to_owned(), text("gone"));
        assert!(tenant(&broken).is_err());
    }

    #[test]
    fn no_two_ids_are_alike() {
        let (one, other) = (new_id().unwrap(), new_id().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.as_str().len(), 14);
    }
}
