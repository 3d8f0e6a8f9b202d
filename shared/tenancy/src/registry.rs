//! What a registry of tenants knows of one.

use serde::{Deserialize, Serialize};

use crate::{AccessLists, InvalidTenant, Quota, TenantId, Tier};

/// An entry of the registry: an item of its table, with these names of attributes, and what commands and pages show of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryEntry {
    /// The id that the service gave. It is the table's partition key.
    pub tenant_id: TenantId,
    /// The tier at which the tenant is served.
    pub tier: Tier,
    /// Whether the tenant is served.
    pub status: TenantStatus,
    /// The company, as it calls itself.
    pub company_name: String,
    /// When it was registered, RFC 3339 with milliseconds, UTC.
    pub created_at: String,
    /// How much the tenant may use. Without a quota of its own, its tier's holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<Quota>,
    /// The callers whom the tenant turns away. Without lists it turns nobody away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_lists: Option<AccessLists>,
}

/// Whether a tenant is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TenantStatus {
    /// The tenant is served.
    Active,
    /// It is not, though its tokens verify.
    Suspended,
}

impl TenantStatus {
    /// The status as the table names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }
}

impl RegistryEntry {
    /// The attribute with the tenant's id, by which entries are found.
    pub const TENANT_ID: &'static str = "tenant_id";
    /// The attribute with the tier.
    pub const TIER: &'static str = "tier";
    /// The attribute with the status; it is a reserved word in expressions.
    pub const STATUS: &'static str = "status";
    /// The attribute with the company's name.
    pub const COMPANY_NAME: &'static str = "company_name";
    /// The attribute with the quota, a map. It is not there where the tier's holds.
    pub const QUOTA: &'static str = "quota";
    /// The attribute with the access lists, a map. It is not there where nobody is on them.
    pub const ACCESS_LISTS: &'static str = "access_lists";
}

impl TenantId {
    /// The id of a new tenant, which nobody can have chosen: `t-` and twelve characters of Crockford's base 32 in lower case, 60 bits of these
    /// random bytes. <https://www.crockford.com/base32.html>
    ///
    /// # Errors
    ///
    /// None in practice: these characters always make a valid tenant id.
    pub fn random(bytes: [u8; 12]) -> Result<Self, InvalidTenant> {
        const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
        let id: String = bytes.iter().map(|byte| char::from(DIGITS[usize::from(byte % 32)])).collect();
        format!("t-{id}").parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_all_of_its_bytes() {
        let id = |bytes| TenantId::random(bytes).unwrap().to_string();
        assert_eq!(id([0; 12]), "t-000000000000");
        assert_eq!(id([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 31]), "t-0123456789az");
        assert_eq!(id([255; 12]), "t-zzzzzzzzzzzz");
    }
}
