//! Tenants as this account makes them.

use tenancy::{RegistryEntry, TenantId, TenantStatus, Tier};

use super::random::{RandomnessUnavailable, random_bytes};

/// What a company has that registers itself, until somebody gives it another tier.
const FIRST_TIER: Tier = Tier::named("basic");

/// A company that has just come: in the basic tier, under a name nobody could have chosen.
pub fn new_tenant(company_name: &str, now: jiff::Timestamp) -> Result<RegistryEntry, RandomnessUnavailable> {
    Ok(RegistryEntry {
        tenant_id: TenantId::random(random_bytes()?).map_err(|_| RandomnessUnavailable)?,
        tier: FIRST_TIER,
        status: TenantStatus::Active,
        company_name: company_name.to_owned(),
        created_at: format!("{now:.3}"),
        quota: None,
        access_lists: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_tenant_is_basic_active_and_named_at_random() {
        let now = "2026-11-21T12:00:00Z".parse().unwrap();
        let [one, other] = [(); 2].map(|()| new_tenant("Hooli Air", now).unwrap());
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
