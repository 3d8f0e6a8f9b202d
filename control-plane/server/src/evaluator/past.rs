//! What is remembered of each tenant, of each tier and of all together, fed from the store's sums.

use std::collections::{BTreeMap, BTreeSet};

use control_plane_model::store::{RequestQuery, Scope, SpanStore, StoreError, SumsOf};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use slo::{Definitions, Row, TenantState};

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
    pub(super) async fn reach(
        &mut self,
        spans: &dyn SpanStore,
        definitions: &Definitions,
        closed: i64,
    ) -> Result<(), StoreError> {
        let from = self.until.max(closed - MEMORY);
        self.read(spans, definitions, RequestQuery { from, to: closed, of: SumsOf::Each }).await?;
        self.until = closed;
        Ok(())
    }

    /// The tenants of late spans anew, from their beginnings; everybody, if these are many.
    pub(super) async fn read_again(
        &mut self,
        spans: &dyn SpanStore,
        definitions: &Definitions,
        late: &BTreeSet<Option<String>>,
    ) -> Result<(), StoreError> {
        let until = self.until;
        if until == 0 {
            return Ok(());
        }
        if late.len() > MAX_ONE_BY_ONE {
            *self = Self::default();
            return self.reach(spans, definitions, until).await;
        }
        self.of.retain(|whose, _| matches!(whose, Whose::Tenant(tenant) if !late.contains(&Some(tenant.clone()))));
        let tenants = late.iter().flatten().cloned().map(SumsOf::Tenant);
        for of in tenants.chain([SumsOf::Together]) {
            self.read(spans, definitions, RequestQuery { from: until - MEMORY, to: until, of }).await?;
        }
        Ok(())
    }

    async fn read(
        &mut self,
        spans: &dyn SpanStore,
        definitions: &Definitions,
        query: RequestQuery,
    ) -> Result<(), StoreError> {
        let mut rows = spans.request_rows(&Scope::All, query).await?;
        while let Some(batch) = rows.next().await {
            batch?.iter().for_each(|row| self.feed(row, definitions));
        }
        Ok(())
    }

    fn feed(&mut self, row: &Row, definitions: &Definitions) {
        match &row.key.tenant {
            Some(tenant) => self.remember(Whose::Tenant(tenant.clone()), Some(tenant), row, definitions),
            None => {
                self.remember(Whose::Tier(row.key.tier.clone().unwrap_or_default()), None, row, definitions);
                self.remember(Whose::All, None, row, definitions);
            }
        }
    }

    fn remember(&mut self, whose: Whose, tenant: Option<&str>, row: &Row, definitions: &Definitions) {
        let tier = if whose == Whose::All { TIER_OF_ALL } else { row.key.tier.as_deref().unwrap_or_default() };
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
