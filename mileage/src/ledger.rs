//! The miles ledger in DynamoDB: one entry per booking, one balance per user, written together.
//!
//! Keys and credentials come from a [`TenantTable`] for one verified tenant, so nothing here can read or write across tenants.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem},
};
use lambda_http_client::aws::{describe, is_temporary};
use serde::{Deserialize, Serialize};
use tenancy::TenantContext;
use tenant_store::{NoUser, TenantItems, TenantTable};

use crate::miles::Miles;

const BALANCE: &str = "BALANCE";
const ENTRY_PREFIX: &str = "BOOKING#";
/// The local index on `created_at`.
const BY_CREATED_AT: &str = "by-created-at";

/// How long conflicts and throttling are retried: well within the function's and the message's time.
const RETRY_FOR: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// Why the ledger did not answer.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// DynamoDB is throttling or away: try again later.
    #[error("the ledger is unavailable: {0}")]
    Unavailable(String),
    /// DynamoDB refused the call.
    #[error("the ledger refused: {0}")]
    Refused(String),
    /// A stored item is not of the shape this code writes.
    #[error("a stored item does not parse: {0}")]
    Item(#[from] serde_dynamo::Error),
    /// Miles are a user's, and none is named.
    #[error(transparent)]
    NoUser(#[from] NoUser),
}

/// The miles of one booking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The booking that earned them.
    pub booking_number: String,
    /// IATA code of the departure airport.
    pub from_airport: String,
    /// IATA code of the arrival airport.
    pub to_airport: String,
    /// Day of departure, `YYYY-MM-DD`.
    pub departure_date: String,
    /// The miles earned.
    pub miles: Miles,
    /// When they were posted, RFC 3339 with milliseconds, UTC.
    pub created_at: String,
}

/// What a user has earned in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// Sum of all entries.
    pub miles: u64,
    /// Number of entries.
    pub bookings: u64,
}

/// A page of entries, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The entries.
    pub entries: Vec<Entry>,
    /// Where the next page starts, if there is one.
    pub next: Option<Cursor>,
}

/// The last entry of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    created_at: String,
    booking_number: String,
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}~{}", self.created_at, self.booking_number)
    }
}

impl std::str::FromStr for Cursor {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (created_at, booking_number) = text.split_once('~').ok_or(())?;
        let _is_time: jiff::Timestamp = created_at.parse().map_err(|_| ())?;
        Ok(Self { created_at: created_at.to_owned(), booking_number: booking_number.to_owned() })
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

/// The ledger table.
#[derive(Debug, Clone)]
pub struct Ledger {
    table: TenantTable,
}

impl Ledger {
    /// The ledger in `table`.
    pub fn new(table: TenantTable) -> Self {
        Self { table }
    }

    /// Posts an entry and adds it to the balance, both or neither, once per booking.
    pub async fn post(&self, tenant: &TenantContext, entry: &Entry) -> Result<Posted, LedgerError> {
        let items = self.table.of_user(tenant)?;
        let started = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            match try_post(&items, entry).await {
                Ok(()) => return Ok(Posted::Now),
                Err(error) => match judge(&error) {
                    Verdict::AlreadyPosted => return Ok(Posted::Before),
                    Verdict::TryAgain if started.elapsed() + pause < RETRY_FOR => tokio::time::sleep(pause).await,
                    Verdict::TryAgain => return Err(LedgerError::Unavailable(describe(&error))),
                    Verdict::Refused => return Err(LedgerError::Refused(describe(&error))),
                },
            }
            pause *= 2;
        }
    }

    /// The entry of a booking, if its miles have arrived.
    pub async fn entry(&self, tenant: &TenantContext, booking_number: &str) -> Result<Option<Entry>, LedgerError> {
        read(&self.table.of_user(tenant)?, format!("{ENTRY_PREFIX}{booking_number}")).await
    }

    /// The user's balance; nothing earned yet is zero.
    pub async fn balance(&self, tenant: &TenantContext) -> Result<Balance, LedgerError> {
        Ok(read(&self.table.of_user(tenant)?, BALANCE.to_owned()).await?.unwrap_or_default())
    }

    /// The user's entries, newest first, at most `limit`.
    pub async fn history(&self, tenant: &TenantContext, limit: u8, after: Option<Cursor>) -> Result<Page, LedgerError> {
        let items = self.table.of_user(tenant)?;
        let start = after.map(|cursor| {
            let mut start = items.key(format!("{ENTRY_PREFIX}{}", cursor.booking_number));
            start.insert("created_at".to_owned(), AttributeValue::S(cursor.created_at));
            start
        });
        let query = items.query().index_name(BY_CREATED_AT).scan_index_forward(false).limit(i32::from(limit));
        let query = query.set_exclusive_start_key(start);
        let found = query.send().await.map_err(|error| unavailable_or_refused(&error))?;
        let more = found.last_evaluated_key.is_some();
        let entries: Vec<Entry> = serde_dynamo::from_items(found.items.unwrap_or_default())?;
        let next = entries
            .last()
            .filter(|_| more)
            .map(|last| Cursor { created_at: last.created_at.clone(), booking_number: last.booking_number.clone() });
        Ok(Page { entries, next })
    }
}

async fn try_post(items: &TenantItems, entry: &Entry) -> Result<(), SdkError<TransactWriteItemsError>> {
    let item = serde_dynamo::to_item(entry).map_err(SdkError::construction_failure)?;
    let put = items
        .put(format!("{ENTRY_PREFIX}{}", entry.booking_number), item)
        .condition_expression("attribute_not_exists(pk)")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::None)
        .build()
        .map_err(SdkError::construction_failure)?;
    let update = items
        .update(BALANCE)
        .update_expression("ADD miles :miles, bookings :one")
        .expression_attribute_values(":miles", AttributeValue::N(entry.miles.to_string()))
        .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
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

async fn read<T: for<'a> Deserialize<'a>>(items: &TenantItems, sk: String) -> Result<Option<T>, LedgerError> {
    let found = items.get(sk).send().await.map_err(|error| unavailable_or_refused(&error))?;
    Ok(found.item.map(serde_dynamo::from_item).transpose()?)
}

enum Verdict {
    AlreadyPosted,
    TryAgain,
    Refused,
}

fn judge(error: &SdkError<TransactWriteItemsError>) -> Verdict {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            // The entry comes first in the transaction, and so does its reason.
            match cancelled.cancellation_reasons().first().and_then(|reason| reason.code()) {
                Some("ConditionalCheckFailed") => Verdict::AlreadyPosted,
                _ => Verdict::TryAgain,
            }
        }
        _ if is_temporary(error) => Verdict::TryAgain,
        _ => Verdict::Refused,
    }
}

fn unavailable_or_refused<E>(error: &SdkError<E>) -> LedgerError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    if is_temporary(error) { LedgerError::Unavailable(describe(error)) } else { LedgerError::Refused(describe(error)) }
}
