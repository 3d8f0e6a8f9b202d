//! The tenant registry as a table, and what changed in it.

use comfy_table::{Table, presets::NOTHING};
use tenancy::RegistryEntry;
use tenant_registry::Changed;

/// The tenants, a line for each.
pub(super) fn tenants(tenants: &[RegistryEntry]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["tenant", "company", "tier", "status", "registered"]);
    for tenant in tenants {
        table.add_row([
            tenant.tenant_id.as_str(),
            &tenant.company_name,
            tenant.tier.as_str(),
            tenant.status.as_str(),
            &tenant.created_at,
        ]);
    }
    format!("{table}\n{} tenants", tenants.len())
}

/// A change in one line.
pub(super) fn changed(Changed { from, to }: &Changed) -> String {
    let tenant = format!("{} ({})", to.tenant_id, to.company_name);
    let changes: Vec<String> = [(from.tier.as_str(), to.tier.as_str()), (from.status.as_str(), to.status.as_str())]
        .into_iter()
        .filter(|(from, to)| from != to)
        .map(|(from, to)| format!("{from} → {to}"))
        .collect();
    match changes.as_slice() {
        [] => format!("{tenant}: {}, {} as before", to.tier, to.status.as_str()),
        changes => format!("{tenant}: {}", changes.join(", ")),
    }
}
