//! The miles ledger in DynamoDB: an entry for a booking's miles, another one that takes them back if it is cancelled, one balance per user.
//! Each entry is written together with the balance, and does not ask for the other: the two may be posted in any order.
//!
//! Keys and credentials come from a [`TenantTable`] for one verified tenant, so nothing here can read or write across tenants.

use std::{fmt, str::FromStr, time::Duration};

use airline_events::Booking;
use aws_sdk_dynamodb::{
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem},
};
use lambda_http_client::aws::describe;
use serde::{Deserialize, Serialize};
use tenancy::TenantContext;
use tenant_store::{Cursor, Listed, Page, Retries, StoreError, TenantItems, TenantTable, TransactionFailure};

const BALANCE: &str = "BALANCE";
/// The entry comes first in the transaction.
const ENTRY_WRITE: usize = 0;
/// How long conflicts and throttling are retried: well within the function's and the message's time.
const RETRY_FOR: Duration = Duration::from_secs(5);

/// What an entry does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A booking earns miles.
    #[default]
    Earned,
    /// A cancelled booking's are taken back.
    TakenBack,
}

/// Names an entry: as text `7T42H7MK`, or `7T42H7MK-taken-back`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryId {
    /// The number of the booking that the entry is about.
    pub booking_number: String,
    /// What the entry does.
    pub kind: EntryKind,
}

const TAKEN_BACK: &str = "-taken-back";

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = if self.kind == EntryKind::TakenBack { TAKEN_BACK } else { "" };
        write!(f, "{}{suffix}", self.booking_number)
    }
}

/// The text names no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no entry's name")]
pub struct InvalidEntryId;

impl FromStr for EntryId {
    type Err = InvalidEntryId;
    fn from_str(text: &str) -> Result<Self, InvalidEntryId> {
        let (number, kind) = match text.strip_suffix(TAKEN_BACK) {
            Some(number) => (number, EntryKind::TakenBack),
            None => (text, EntryKind::Earned),
        };
        let valid = Booking::NUMBER.allows(number);
        valid.then(|| Self { booking_number: number.to_owned(), kind }).ok_or(InvalidEntryId)
    }
}

/// A change of a user's miles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// The booking that it is for.
    pub booking_number: String,
    /// Whether the entry posts miles or takes them back.
    #[serde(default)]
    pub kind: EntryKind,
    /// IATA code of the departure airport.
    pub from_airport: String,
    /// IATA code of the arrival airport.
    pub to_airport: String,
    /// Day of departure, `YYYY-MM-DD`.
    pub departure_date: String,
    /// What it adds to the balance: the flight's miles, negative where they are taken back.
    pub miles: i64,
    /// When it was posted, RFC 3339 with milliseconds, UTC.
    pub created_at: String,
}

impl LedgerEntry {
    /// Makes the entry of an event about this booking, whose flight earns, or earned, this many miles.
    pub fn of(kind: EntryKind, booking: Booking, miles: i64, now: jiff::Timestamp) -> Self {
        Self {
            booking_number: booking.booking_number,
            kind,
            from_airport: booking.from_airport,
            to_airport: booking.to_airport,
            departure_date: booking.departure_date,
            miles: kind.sign() * miles,
            created_at: format!("{now:.3}"),
        }
    }
}

impl EntryKind {
    /// 1 for what adds to a balance, -1 for what takes away: what an entry does to the number of bookings that stand.
    pub fn sign(self) -> i64 {
        match self {
            Self::Earned => 1,
            Self::TakenBack => -1,
        }
    }
}

/// What a user has. Where a cancellation's event came before its booking's, both may be less than nothing for that while.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// Sum of all entries.
    pub miles: i64,
    /// Number of bookings that earn and were not cancelled.
    pub bookings: i64,
}

/// What the ledger holds of one booking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Postings {
    /// Its miles, if they have arrived.
    pub earned: Option<LedgerEntry>,
    /// What takes them back, if it was cancelled.
    pub taken_back: Option<LedgerEntry>,
}

impl Listed for LedgerEntry {
    type Id = EntryId;

    fn id(&self) -> EntryId {
        EntryId { booking_number: self.booking_number.clone(), kind: self.kind }
    }

    fn created_at(&self) -> &str {
        &self.created_at
    }

    fn sk(EntryId { booking_number, kind }: &EntryId) -> String {
        match kind {
            EntryKind::Earned => format!("BOOKING#{booking_number}"),
            EntryKind::TakenBack => format!("CANCELLATION#{booking_number}"),
        }
    }
}

/// Whether posting changed anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    /// The entry is new and counts towards the balance.
    Now,
    /// The entry was there already: a message delivered again.
    Before,
}

/// Reads and writes the ledger's table.
#[derive(Debug, Clone)]
pub struct Ledger {
    table: TenantTable,
}

impl Ledger {
    /// The ledger in `table`.
    pub fn new(table: TenantTable) -> Self {
        Self { table }
    }

    /// Posts an entry and adds it to the balance, both or neither, once per booking and kind.
    pub async fn post(&self, tenant: &TenantContext, entry: &LedgerEntry) -> Result<Posted, StoreError> {
        let items = self.table.of_user(tenant)?;
        let mut retries = Retries::within(RETRY_FOR);
        loop {
            let Err(error) = try_post(&items, entry).await else { return Ok(Posted::Now) };
            match TransactionFailure::of(&error, ENTRY_WRITE) {
                TransactionFailure::ConditionUnmet => return Ok(Posted::Before),
                TransactionFailure::Cancelled | TransactionFailure::Unclear if retries.pause().await => {}
                TransactionFailure::Cancelled | TransactionFailure::Unclear => {
                    return Err(StoreError::Unavailable(describe(&error)));
                }
                TransactionFailure::Refused => return Err(error.into()),
            }
        }
    }

    /// The miles that a booking earned, if they have arrived.
    pub async fn earned(&self, tenant: &TenantContext, booking_number: &str) -> Result<Option<i64>, StoreError> {
        let id = EntryId { booking_number: booking_number.to_owned(), kind: EntryKind::Earned };
        let entry: Option<LedgerEntry> = self.table.of_user(tenant)?.find(&id).await?;
        Ok(entry.map(|entry| entry.miles))
    }

    /// The entries of a booking, as far as they have arrived: two reads side by side, since either may be the first.
    pub async fn postings(&self, tenant: &TenantContext, booking_number: &str) -> Result<Postings, StoreError> {
        let items = self.table.of_user(tenant)?;
        let [earned, taken_back] = [EntryKind::Earned, EntryKind::TakenBack]
            .map(|kind| EntryId { booking_number: booking_number.to_owned(), kind });
        let (earned, taken_back) = tokio::try_join!(items.find(&earned), items.find(&taken_back))?;
        Ok(Postings { earned, taken_back })
    }

    /// The user's balance; nothing earned yet is zero.
    pub async fn balance(&self, tenant: &TenantContext) -> Result<Balance, StoreError> {
        Ok(self.table.of_user(tenant)?.read(BALANCE).await?.unwrap_or_default())
    }

    /// The user's entries, newest first, at most `limit`. The balance has no `created_at`, so it is not among them.
    pub async fn history(
        &self,
        tenant: &TenantContext,
        limit: u8,
        after: Option<Cursor<EntryId>>,
    ) -> Result<Page<LedgerEntry>, StoreError> {
        self.table.of_user(tenant)?.list(limit, after).await
    }
}

async fn try_post(items: &TenantItems, entry: &LedgerEntry) -> Result<(), SdkError<TransactWriteItemsError>> {
    let put = items
        .put(LedgerEntry::sk(&entry.id()), entry)
        .map_err(SdkError::construction_failure)?
        .condition_expression("attribute_not_exists(pk)")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::None)
        .build()
        .map_err(SdkError::construction_failure)?;
    let update = items
        .update(BALANCE)
        .update_expression("ADD miles :miles, bookings :bookings")
        .expression_attribute_values(":miles", AttributeValue::N(entry.miles.to_string()))
        .expression_attribute_values(":bookings", AttributeValue::N(entry.kind.sign().to_string()))
        .build()
        .map_err(SdkError::construction_failure)?;
    items
        .transact()
        .transact_items(TransactWriteItem::builder().put(put).build())
        .transact_items(TransactWriteItem::builder().update(update).build())
        .send()
        .await
        .map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entrys_name_is_read_back_and_nothing_else_is_one() {
        for (text, sort_key) in [("7T42H7MK", "BOOKING#7T42H7MK"), ("7T42H7MK-taken-back", "CANCELLATION#7T42H7MK")] {
            let id: EntryId = text.parse().unwrap();
            assert_eq!((id.to_string().as_str(), LedgerEntry::sk(&id).as_str()), (text, sort_key));
        }
        for text in ["", "BALANCE", "-taken-back", "7T42H7MK-taken", "7T42H7MK-taken-back-taken-back"] {
            assert_eq!(text.parse::<EntryId>(), Err(InvalidEntryId), "{text}");
        }
    }

    #[test]
    fn what_is_taken_back_is_what_was_earned() {
        let booking = Booking {
            booking_number: "7T42H7MK".into(),
            from_airport: "LHR".into(),
            to_airport: "JFK".into(),
            departure_date: "2027-01-01".into(),
            sub: "ada".parse().unwrap(),
            tier: airline_events::TIERS[0],
            tenant_id: "acme".parse().unwrap(),
        };
        let of = |kind| LedgerEntry::of(kind, booking.clone(), 3452, jiff::Timestamp::UNIX_EPOCH);
        let (earned, taken_back) = (of(EntryKind::Earned), of(EntryKind::TakenBack));
        assert_eq!((earned.miles, taken_back.miles), (3452, -3452));
        assert_ne!(LedgerEntry::sk(&earned.id()), LedgerEntry::sk(&taken_back.id()));
    }
}
