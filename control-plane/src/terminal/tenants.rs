//! The tenant registry as a table, and what changed in it.

use tenancy::RegistryEntry;

use super::lists::table;
use crate::tenants::Changed;

/// The tenants, a line for each.
pub fn tenants(tenants: &[RegistryEntry]) -> String {
    let mut table = table(["tenant", "company", "tier", "status", "registered"]);
    for tenant in tenants {
        table.add_row([
            tenant.tenant_id.as_str(),
            &tenant.company_name,
            tenant.tier.as_str(),
            tenant.status.as_str(),
            &tenant.created_at,
        ]);
    }
    format!("{table}\n{} tenants\n", tenants.len())
}

/// A change in one line.
pub fn changed(Changed { from, to }: &Changed) -> String {
    let tenant = format!("{} ({})", to.tenant_id, to.company_name);
    let changes: Vec<String> = [(from.tier.as_str(), to.tier.as_str()), (from.status.as_str(), to.status.as_str())]
        .into_iter()
        .filter(|(from, to)| from != to)
        .map(|(from, to)| format!("{from} → {to}"))
        .collect();
    match changes.as_slice() {
        [] => format!("{tenant}: {}, {} as before\n", to.tier, to.status.as_str()),
        changes => format!("{tenant}: {}\n", changes.join(", ")),
    }
}
