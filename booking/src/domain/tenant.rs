//! Tenants as this account makes them.

use serde::Serialize;
use tenancy::{TenantId, Tier};

use super::random::{RandomnessUnavailable, random_text};

/// What is known of a tenant: an item of the tenants table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tenant {
    /// Names it: `t-` and twelve characters of Crockford base 32 in lower case, 60 bits, for one that registered itself.
    pub tenant_id: TenantId,
    /// What it has bought.
    pub tier: Tier,
    /// Whether it is served: `active`, until somebody suspends it.
    pub status: &'static str,
    /// What the company is called.
    pub company_name: String,
    /// When it registered, RFC 3339 with milliseconds, UTC.
    pub created_at: String,
}

impl Tenant {
    /// A company that has just come: in the basic tier, under a name nobody could have chosen.
    pub fn new(company_name: &str, now: jiff::Timestamp) -> Result<Self, RandomnessUnavailable> {
        let id = format!("t-{}", random_text::<12>()?.to_ascii_lowercase());
        Ok(Self {
            // Of these characters, a tenant id it always is.
            tenant_id: id.parse().map_err(|_| RandomnessUnavailable)?,
            tier: Tier::Basic,
            status: "active",
            company_name: company_name.to_owned(),
            created_at: format!("{now:.3}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_tenant_is_basic_active_and_named_at_random() {
        let now = "2026-11-21T12:00:00Z".parse().unwrap();
        let [one, other] = [(); 2].map(|()| Tenant::new("Hooli Air", now).unwrap());
        assert_ne!(one.tenant_id, other.tenant_id);
        assert_eq!(one.tenant_id.as_str().len(), 14);
        let item = serde_json::to_value(&one).unwrap();
        assert_eq!(
            item,
            serde_json::json!({
                "tenant_id": one.tenant_id.as_str(), "tier": "basic", "status": "active", "company_name": "Hooli Air",
                "created_at": "2026-11-21T12:00:00.000Z",
            })
        );
    }
}
