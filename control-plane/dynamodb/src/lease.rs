//! The leader's lease: an item that its holder keeps changing.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use aws_sdk_dynamodb::types::{
    AttributeValue::{N, S},
    ConditionCheck,
};
use control_plane_model::store::{Lease, StoreError};
use parking_lot::Mutex;

use crate::table::{Item, Table, failed, key, put_if};

/// The item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeaseItem {
    holder: String,
    term: u64,
    beat: u64,
}

impl LeaseItem {
    fn read(item: &Item) -> Result<Self, StoreError> {
        let wrong = || StoreError::Failed("the lease cannot be read".into());
        let number = |name: &str| item.get(name).and_then(|value| value.as_n().ok()?.parse().ok()).ok_or_else(wrong);
        let holder = item.get("holder").and_then(|value| value.as_s().ok()).ok_or_else(wrong)?.clone();
        Ok(Self { holder, term: number("term")?, beat: number("beat")? })
    }
}

/// The lease as this server sees it.
#[derive(Debug, Clone)]
pub(crate) struct Leases {
    pub(crate) table: Table,
    /// What another held when this looked last, and since when it is so.
    pub(crate) seen: Arc<Mutex<Option<(LeaseItem, Instant)>>>,
}

impl Leases {
    /// Renews the lease, takes it where nobody has renewed it for as long as it lasts, or remembers who has it.
    pub(crate) async fn take(&self, holder: &str, length: Duration) -> Result<Option<Lease>, StoreError> {
        let call = self.table.client.get_item().table_name(&self.table.name).consistent_read(true);
        let found = call.set_key(Some(item())).send().await.map_err(failed)?;
        let held = found.item.as_ref().map(LeaseItem::read).transpose()?;
        let next = match &held {
            None => LeaseItem { holder: holder.to_owned(), term: 1, beat: 0 },
            Some(held) if held.holder == holder => LeaseItem { beat: held.beat + 1, ..held.clone() },
            Some(held) if self.unchanged_for(held) >= length => {
                LeaseItem { holder: holder.to_owned(), term: held.term + 1, beat: 0 }
            }
            Some(_) => return Ok(None),
        };
        let term = next.term;
        Ok(self.replace(held, next).await?.then_some(Lease { term }))
    }

    /// How long another's lease has been seen as it is.
    fn unchanged_for(&self, held: &LeaseItem) -> Duration {
        let mut seen = self.seen.lock();
        match &*seen {
            Some((before, since)) if before == held => since.elapsed(),
            _ => {
                *seen = Some((held.clone(), Instant::now()));
                Duration::ZERO
            }
        }
    }

    /// Whether nobody else did so before. A holder's own renewal that is repeated for want of an answer finds the first.
    async fn replace(&self, held: Option<LeaseItem>, next: LeaseItem) -> Result<bool, StoreError> {
        let mut put = self.table.client.put_item().table_name(&self.table.name).set_item(Some(item()));
        put = match held {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(held) => put
                .condition_expression("term = :term AND (beat = :beat OR holder = :holder)")
                .expression_attribute_values(":term", N(held.term.to_string()))
                .expression_attribute_values(":beat", N(held.beat.to_string()))
                .expression_attribute_values(":holder", S(next.holder.clone())),
        };
        put = put.item("holder", S(next.holder)).item("term", N(next.term.to_string()));
        put_if(put.item("beat", N(next.beat.to_string()))).await
    }
}

fn item() -> Item {
    key("CONTROL_PLANE", "LEASE")
}

/// The condition that nobody has taken the lease since.
pub(crate) fn still(lease: Lease, table: &Table) -> Result<ConditionCheck, StoreError> {
    let check = ConditionCheck::builder().table_name(&table.name).set_key(Some(item()));
    let check = check.condition_expression("term = :term");
    check.expression_attribute_values(":term", N(lease.term.to_string())).build().map_err(failed)
}
