//! The tenants table: registration adds to it.

use aws_sdk_dynamodb::{Client, operation::put_item::PutItemError, types::AttributeValue};
use tenancy::{RegistryEntry, TenantId};
use tenant_store::StoreError;

use crate::domain::{RandomnessUnavailable, new_tenant};

/// How many names are tried. One that is taken is either a chance of one in 2^60 or our own write, whose answer was lost.
const NAMES_TRIED: u8 = 3;

/// As many letters as a name has at most when a company registers itself.
const NAME_LETTERS: usize = 100;

/// Why a company did not become a tenant.
#[derive(Debug, thiserror::Error)]
pub enum NotEnrolled {
    /// The table did not do what it was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No name could be made.
    #[error(transparent)]
    Randomness(#[from] RandomnessUnavailable),
}

/// Writes new tenants into the registry's table.
#[derive(Debug, Clone)]
pub struct Tenants {
    client: Client,
    table: String,
}

impl Tenants {
    /// The tenants in `table`.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Makes a tenant of a company.
    pub async fn enrol(&self, company_name: &str) -> Result<RegistryEntry, NotEnrolled> {
        for _ in 0..NAMES_TRIED {
            let tenant = new_tenant(company_name, jiff::Timestamp::now())?;
            let item = serde_dynamo::to_item(&tenant).map_err(StoreError::from)?;
            let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
            match put.condition_expression("attribute_not_exists(tenant_id)").send().await {
                Ok(_) => return Ok(tenant),
                Err(error) => match error.as_service_error() {
                    Some(PutItemError::ConditionalCheckFailedException(_)) => {}
                    _ => return Err(StoreError::from(error).into()),
                },
            }
        }
        Err(StoreError::Unavailable(format!("{NAMES_TRIED} names of tenants are taken")).into())
    }

    /// What a tenant's company is called.
    pub async fn company_name(&self, tenant_id: &TenantId) -> Result<String, StoreError> {
        let key = AttributeValue::S(tenant_id.to_string());
        let get = self.client.get_item().table_name(&self.table).key(RegistryEntry::TENANT_ID, key);
        let found = get.projection_expression(RegistryEntry::COMPANY_NAME).send().await?;
        let name = found.item().and_then(|entry| entry.get(RegistryEntry::COMPANY_NAME)?.as_s().ok());
        Ok(shown_name(name.map_or("", String::as_str), tenant_id))
    }

    /// Takes back a tenant that nobody belongs to.
    pub async fn forget(&self, tenant_id: &TenantId) -> Result<(), StoreError> {
        let delete = self.client.delete_item().table_name(&self.table);
        let key = AttributeValue::S(tenant_id.to_string());
        delete.key(RegistryEntry::TENANT_ID, key).send().await?;
        Ok(())
    }
}

/// A name for people to read, which must keep nobody from being invited: an entry that somebody wrote by hand may lack it, or have one that
/// is longer than users of the pool can have.
fn shown_name(name: &str, tenant_id: &TenantId) -> String {
    match name.trim() {
        "" => tenant_id.to_string(),
        name => name.chars().take(NAME_LETTERS).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_registry_has_for_a_name_a_colleague_can_be_invited() {
        let tenant: TenantId = "t-42".parse().unwrap();
        assert_eq!(shown_name("Acme Air", &tenant), "Acme Air");
        assert_eq!(shown_name(" ", &tenant), "t-42");
        assert_eq!(shown_name(&"ü".repeat(300), &tenant), "ü".repeat(100));
    }
}
