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
use serde::{Deserialize, Serialize};
use tenancy::{TenantId, Tier};

/// Whether a tenant is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is.
    Active,
    /// It is not, though its tokens verify.
    Suspended,
}

impl Status {
    /// As it stands in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Active => "active",
            Status::Suspended => "suspended",
        }
    }
}

/// An entry of the registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// The id the service gave.
    pub tenant_id: TenantId,
    /// The service level.
    pub tier: Tier,
    /// Whether it is served.
    pub status: Status,
    /// The company, as it calls itself.
    pub company_name: String,
    /// When it was registered, RFC 3339, UTC.
    pub created_at: String,
}

/// An entry before and after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Before.
    pub from: Tenant,
    /// After.
    pub to: Tenant,
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
    pub async fn create(&self, company_name: &str, tier: Tier) -> Result<Tenant> {
        let company_name = company_name.trim();
        if company_name.is_empty() || company_name.chars().count() > 100 || company_name.chars().any(char::is_control) {
            bail!("the company's name must be 1 to 100 printable characters");
        }
        let tenant = Tenant {
            tenant_id: new_id()?,
            tier,
            status: Status::Active,
            company_name: company_name.to_owned(),
            created_at: format!("{:.3}", jiff::Timestamp::now()),
        };
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item(&tenant)));
        let put = put.condition_expression("attribute_not_exists(tenant_id)");
        put.send().await.map_err(|error| self.failed(&error))?;
        Ok(tenant)
    }

    /// All tenants, by id.
    pub async fn list(&self) -> Result<Vec<Tenant>> {
        let mut tenants = Vec::new();
        let mut pages = self.client.scan().table_name(&self.table).consistent_read(true).into_paginator().send();
        while let Some(page) = pages.next().await {
            for item in page.map_err(|error| self.failed(&error))?.items() {
                tenants.push(tenant(item)?);
            }
        }
        tenants.sort_by(|one: &Tenant, other| one.tenant_id.cmp(&other.tenant_id));
        Ok(tenants)
    }

    /// Serves a tenant from now on, or no longer.
    pub async fn set_status(&self, tenant_id: &TenantId, status: Status) -> Result<Changed> {
        let changed = self.set(tenant_id, "status", status.as_str()).await?;
        let to = Tenant { status, ..changed.clone() };
        Ok(Changed { from: changed, to })
    }

    /// Gives a tenant another service level.
    pub async fn set_tier(&self, tenant_id: &TenantId, tier: Tier) -> Result<Changed> {
        let changed = self.set(tenant_id, "tier", tier.as_str()).await?;
        let to = Tenant { tier, ..changed.clone() };
        Ok(Changed { from: changed, to })
    }

    /// Sets an attribute of an entry that exists; the entry as it was before.
    async fn set(&self, tenant_id: &TenantId, attribute: &str, value: &str) -> Result<Tenant> {
        let update = self.client.update_item().table_name(&self.table).key("tenant_id", text(tenant_id.as_str()));
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

/// As registration makes them: twelve characters of Crockford's base 32, 60 bits.
fn new_id() -> Result<TenantId> {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut bytes = [0; 12];
    rand::fill(&mut bytes).map_err(|_| anyhow!("no random bytes"))?;
    let id: String = bytes.iter().map(|byte| char::from(DIGITS[usize::from(byte % 32)])).collect();
    Ok(format!("t-{id}").parse()?)
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn item(tenant: &Tenant) -> HashMap<String, AttributeValue> {
    HashMap::from([
        ("tenant_id".to_owned(), text(tenant.tenant_id.as_str())),
        ("tier".to_owned(), text(tenant.tier.as_str())),
        ("status".to_owned(), text(tenant.status.as_str())),
        ("company_name".to_owned(), text(&tenant.company_name)),
        ("created_at".to_owned(), text(&tenant.created_at)),
    ])
}

fn tenant(item: &HashMap<String, AttributeValue>) -> Result<Tenant> {
    let of = |name: &str| {
        let value = item.get(name).and_then(|value| value.as_s().ok());
        value.cloned().with_context(|| format!("an entry has no {name}"))
    };
    Ok(Tenant {
        tenant_id: of("tenant_id")?.parse()?,
        tier: of("tier")?.parse()?,
        status: match of("status")?.as_str() {
            "active" => Status::Active,
            "suspended" => Status::Suspended,
            other => bail!("an entry has the status {other:?}"),
        },
        company_name: of("company_name")?,
        created_at: of("created_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_read_as_it_was_written() {
        let written = Tenant {
            tenant_id: new_id().unwrap(),
            tier: Tier::Premium,
            status: Status::Suspended,
            company_name: "Oceanic Airlines".to_owned(),
            created_at: "2026-11-21T05:10:06.000Z".to_owned(),
        };
        assert_eq!(tenant(&item(&written)).unwrap(), written);
        let mut broken = item(&written);
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
