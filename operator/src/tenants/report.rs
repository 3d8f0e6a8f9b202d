//! The tenant registry as a table, and what changed in it.

use comfy_table::{Table, presets::NOTHING};
use tenancy::{AccessLists, RegistryEntry};
use tenant_registry::{Change, Tenant, in_words_at};

/// The tenants, a line for each.
pub(super) fn tenants(tenants: &[Tenant]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header([
        "tenant",
        "company",
        "tier",
        "status",
        "quota",
        "registered",
        "last changed, why",
    ]);
    for Tenant { entry, last_change, quota_is_wrong, .. } in tenants {
        let changed = last_change.as_ref().map(|last| format!("{}, {}", last.changed_at, last.change_reason));
        let quota = match entry.quota {
            Some(quota) => quota.to_string(),
            None if *quota_is_wrong => "cannot be read".to_owned(),
            None => String::new(),
        };
        table.add_row([
            entry.tenant_id.as_str(),
            &entry.company_name,
            entry.tier.as_str(),
            entry.status.as_str(),
            &quota,
            &entry.created_at,
            &changed.unwrap_or_default(),
        ]);
    }
    format!("{table}\n{} tenants", tenants.len())
}

/// Who is on access lists, a line for each.
pub(super) fn access_lists(lists: &AccessLists, now: i64) -> String {
    let mut lines: Vec<String> = lists.entries().map(|(list, entry)| in_words_at(now, list, entry)).collect();
    if lists.lets_nobody_in(now) {
        lines.push("nobody is let in: every entry of the allowed list has expired".to_owned());
    }
    if lines.is_empty() { "nobody is blocked, and everybody is allowed".to_owned() } else { lines.join("\n") }
}

/// A change in one line.
pub(super) fn changed(before: &Tenant, after: &Tenant) -> String {
    let (from, to) = (&before.entry, &after.entry);
    let tenant = format!("{} ({})", to.tenant_id, to.company_name);
    let quotas = [before, after].map(Tenant::quota_in_words);
    let lists = |entry: &RegistryEntry| entry.access_lists.clone().unwrap_or_default();
    let lists = Change::AccessLists { from: lists(from), to: lists(to) };
    let lists = [lists.from(), lists.to()].map(|entries| entries.unwrap_or_else(|| "nothing".to_owned()));
    let pairs = [
        (from.tier.as_str(), to.tier.as_str()),
        (from.status.as_str(), to.status.as_str()),
        (quotas[0].as_str(), quotas[1].as_str()),
        (lists[0].as_str(), lists[1].as_str()),
    ];
    let changes: Vec<String> =
        pairs.into_iter().filter(|(from, to)| from != to).map(|(from, to)| format!("{from} → {to}")).collect();
    match (changes.as_slice(), &after.last_change) {
        ([], _) | (_, None) => format!("{tenant}: {}, {} as before", to.tier, to.status.as_str()),
        (changes, Some(last)) => format!("{tenant}: {}, {}", changes.join(", "), last.change_reason),
    }
}
