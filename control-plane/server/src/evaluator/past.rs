//! What is remembered of each tenant, of each tier and of all together, fed from the store's sums.

use std::collections::{BTreeMap, HashSet};

use control_plane_embedded::{NONE, Reader, RequestRow};
use control_plane_model::store::StoreError;
use serde::{Deserialize, Serialize};
use slo::{Definitions, TenantState};

use super::Fare;

const DAY: i64 = 86_400;
/// How far back a budget looks, and an hour for the bucket that it begins in.
const MEMORY: i64 = 30 * DAY + 3_600;
/// So many tenants with late spans are read one by one; more, and everything is read again.
const MAX_ONE_BY_ONE: usize = 50;

/// Whose requests.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// One tenant's.
    Tenant(String),
    /// Those of all tenants of a tier.
    Tier(String),
    /// Everybody's.
    All,
}

#[derive(Debug)]
struct Remembered {
    /// The tier of the latest request.
    tier: String,
    state: TenantState,
}

/// The past of everybody.
#[derive(Debug, Default)]
pub(super) struct Past {
    of: BTreeMap<Whose, Remembered>,
    until: i64,
}

/// Whose objectives everybody together is held against.
const TIER_OF_ALL: &str = "standard";

impl Past {
    /// All that was before is known; Unix seconds.
    pub(super) fn until(&self) -> i64 {
        self.until
    }

    /// Reads what closed since.
    pub(super) fn reach(&mut self, reader: &Reader, definitions: &Definitions, closed: i64) -> Result<(), StoreError> {
        let from = self.until.max(closed - MEMORY);
        reader.request_rows(from, closed, None, |row| self.feed(&row, definitions))?;
        self.until = closed;
        Ok(())
    }

    /// The tenants of late spans anew, from their beginnings; everybody, if these are many.
    pub(super) fn read_again(
        &mut self,
        reader: &Reader,
        definitions: &Definitions,
        late: &HashSet<u32>,
    ) -> Result<(), StoreError> {
        let until = self.until;
        if until == 0 {
            return Ok(());
        }
        if late.len() > MAX_ONE_BY_ONE {
            *self = Self::default();
            return self.reach(reader, definitions, until);
        }
        // What is kept of all, and of tiers, is under the number of nobody.
        let numbers: HashSet<u32> = late.iter().copied().chain([NONE]).collect();
        let names = reader.tenant_names(&numbers)?;
        self.of.retain(|whose, _| matches!(whose, Whose::Tenant(tenant) if !names.contains(tenant)));
        for number in numbers {
            reader.request_rows(until - MEMORY, until, Some(number), |row| self.feed(&row, definitions))?;
        }
        Ok(())
    }

    fn feed(&mut self, row: &RequestRow<'_>, definitions: &Definitions) {
        match &row.tenant {
            Some(tenant) => self.remember(Whose::Tenant(tenant.clone()), Some(tenant), row, definitions),
            None => {
                self.remember(Whose::Tier(row.tier.to_owned()), None, row, definitions);
                self.remember(Whose::All, None, row, definitions);
            }
        }
    }

    fn remember(&mut self, whose: Whose, tenant: Option<&str>, row: &RequestRow<'_>, definitions: &Definitions) {
        let tier = if whose == Whose::All { TIER_OF_ALL } else { row.tier };
        let Some(objectives) = definitions.of(tenant, tier) else { return };
        let remembered =
            self.of.entry(whose).or_insert_with(|| Remembered { tier: tier.to_owned(), state: TenantState::new() });
        if remembered.tier != tier {
            remembered.tier = tier.to_owned();
        }
        // Rows come in the order of time; one that does not was read before.
        let _read_before = remembered.state.feed(&row.cell, &objectives);
    }

    /// How everybody fares at `closed`.
    pub(super) fn fares(&self, definitions: &Definitions, closed: i64) -> Vec<Fare> {
        let fares = self.of.iter().filter_map(|(whose, remembered)| {
            let tenant = match whose {
                Whose::Tenant(tenant) => Some(tenant.as_str()),
                _ => None,
            };
            let objectives = definitions.of(tenant, &remembered.tier)?;
            Some(Fare {
                whose: whose.clone(),
                tier: remembered.tier.clone(),
                evaluation: remembered.state.evaluate(&objectives, closed),
            })
        });
        fares.collect()
    }
}
