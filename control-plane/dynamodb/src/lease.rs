//! Who leads: an item that its holder changes again and again.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::{
    AttributeValue::{self, N, S},
    ConditionCheck,
};
use control_plane_model::store::{Lease, StoreError};

use crate::states::{DynamoDbStates, Item, failed};

pub(crate) const LEASE: (&str, &str) = ("CONTROL_PLANE", "LEASE");

/// The item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    holder: String,
    term: u64,
    beat: u64,
}

impl Held {
    fn read(item: &Item) -> Result<Self, StoreError> {
        let wrong = || StoreError::Failed("the lease cannot be read".into());
        let number = |name: &str| item.get(name).and_then(|value| value.as_n().ok()?.parse().ok()).ok_or_else(wrong);
        let holder = item.get("holder").and_then(|value| value.as_s().ok()).ok_or_else(wrong)?.clone();
        Ok(Self { holder, term: number("term")?, beat: number("beat")? })
    }
}

impl DynamoDbStates {
    /// Renews the lease, takes it where nobody has renewed it for as long as it lasts, or remembers who has it.
    pub(crate) async fn take_lease(&self, holder: &str, length: Duration) -> Result<Option<Lease>, StoreError> {
        let call = self.client.get_item().table_name(&self.table).consistent_read(true);
        let found = call.set_key(Some(key(LEASE))).send().await.map_err(failed)?;
        let held = found.item.as_ref().map(Held::read).transpose()?;
        let holder = holder.to_owned();
        let next = match &held {
            None => Held { holder, term: 1, beat: 0 },
            Some(Held { term, beat, .. }) if held.as_ref().is_some_and(|held| held.holder == holder) => {
                Held { holder, term: *term, beat: beat + 1 }
            }
            Some(held) => {
                let mut seen = self.seen.lock();
                let since = seen.as_ref().filter(|(before, _)| before == held).map(|(_, since)| *since);
                match since {
                    Some(since) if since.elapsed() >= length => Held { holder, term: held.term + 1, beat: 0 },
                    Some(_) => return Ok(None),
                    None => {
                        *seen = Some((held.clone(), Instant::now()));
                        return Ok(None);
                    }
                }
            }
        };
        let term = next.term;
        Ok(self.replace(held, next).await?.then_some(Lease { term }))
    }

    /// Whether nobody else did so before. A holder's own renewal that is repeated for want of an answer finds the first.
    async fn replace(&self, held: Option<Held>, next: Held) -> Result<bool, StoreError> {
        let mut put = self.client.put_item().table_name(&self.table).set_item(Some(key(LEASE)));
        put = match held {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(held) => put
                .condition_expression("term = :term AND (beat = :beat OR holder = :holder)")
                .expression_attribute_values(":term", N(held.term.to_string()))
                .expression_attribute_values(":beat", N(held.beat.to_string()))
                .expression_attribute_values(":holder", S(next.holder.clone())),
        };
        put = put.item("holder", S(next.holder)).item("term", N(next.term.to_string()));
        match put.item("beat", N(next.beat.to_string())).send().await {
            Ok(_) => Ok(true),
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Ok(false)
            }
            Err(error) => Err(failed(error)),
        }
    }
}

/// Nobody took the lease after this one.
pub(crate) fn still(lease: Lease, table: &str) -> Result<ConditionCheck, StoreError> {
    let check = ConditionCheck::builder().table_name(table).set_key(Some(key(LEASE)));
    let check = check.condition_expression("term = :term");
    check.expression_attribute_values(":term", N(lease.term.to_string())).build().map_err(failed)
}

pub(crate) fn key((pk, sk): (&str, &str)) -> Item {
    let text = |text: &str| -> AttributeValue { S(text.to_owned()) };
    Item::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))])
}
