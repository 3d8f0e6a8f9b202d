//! The miles ledger in DynamoDB: one entry per booking, one balance per user, written together.
//!
//! Keys and credentials come from a [`TenantTable`] for one verified tenant, so nothing here can read or write across tenants.

use std::time::Duration;

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem},
};
use lambda_http_client::aws::describe;
use serde::{Deserialize, Serialize};
use tenancy::TenantContext;
use tenant_store::{Cursor, Listed, Page, Retries, StoreError, TenantItems, TenantTable, TransactionFailure};

use crate::miles::Miles;

const BALANCE: &str = "BALANCE";
/// The entry comes first in the transaction.
const ENTRY_WRITE: usize = 0;
/// How long conflicts and throttling are retried: well within the function's and the message's time.
const RETRY_FOR: Duration = Duration::from_secs(5);

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

impl Listed for Entry {
    const PREFIX: &'static str = "BOOKING#";
    type Id = String;

    fn id(&self) -> &String {
        &self.booking_number
    }

    fn created_at(&self) -> &str {
        &self.created_at
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
    pub async fn post(&self, tenant: &TenantContext, entry: &Entry) -> Result<Posted, StoreError> {
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

    /// The entry of a booking, if its miles have arrived.
    pub async fn entry(&self, tenant: &TenantContext, booking_number: &str) -> Result<Option<Entry>, StoreError> {
        self.table.of_user(tenant)?.find(booking_number).await
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
        after: Option<Cursor<String>>,
    ) -> Result<Page<Entry>, StoreError> {
        self.table.of_user(tenant)?.list(limit, after).await
    }
}

async fn try_post(items: &TenantItems, entry: &Entry) -> Result<(), SdkError<TransactWriteItemsError>> {
    let put = items
        .put(Entry::sk(&entry.booking_number), entry)
        .map_err(SdkError::construction_failure)?
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
