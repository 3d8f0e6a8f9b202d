//! Reservations in DynamoDB, and the idempotency records beside them.
//!
//! Keys and credentials come from a [`TenantTable`] for one verified tenant, so nothing here can read or write across tenants.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, TransactWriteItem, builders::PutBuilder},
};
use lambda_http_client::aws::{describe, is_temporary};
use serde::{Deserialize, Serialize};
use tenancy::{TenantContext, TenantId, Tier, UserId};
use tenant_store::{NoUser, TenantItems, TenantTable};
use tenant_telemetry::propagation;
use tokio::time::{sleep, timeout};

use crate::domain::{BookingNumber, Fingerprint, IdempotencyKey, NewBooking, Reservation};

const BOOKING_PREFIX: &str = "BOOKING#";
/// The local index on `created_at`.
const BY_CREATED_AT: &str = "by-created-at";
/// How long an idempotency key is remembered, in seconds.
const KEY_KEPT_SECONDS: i64 = 24 * 60 * 60;
/// How long conflicts, and what the SDK has given up on, are retried before the caller is asked to come back.
const RETRY_FOR: Duration = Duration::from_secs(4);
/// How long a booking takes at most, its last try included: half of the function's time.
const WITHIN: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// DynamoDB is throttling or away: try again later.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// DynamoDB refused the call.
    #[error("the store refused: {0}")]
    Refused(String),
    /// A stored item is not of the shape this code writes.
    #[error("a stored item does not parse: {0}")]
    Item(#[from] serde_dynamo::Error),
    /// No booking number could be made.
    #[error(transparent)]
    Randomness(#[from] crate::domain::RandomnessUnavailable),
    /// The caller is no user.
    #[error(transparent)]
    NoUser(#[from] NoUser),
    /// The key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
}

/// What is stored of a reservation: what was booked, whose it is, and the trace it was booked in, which its stream record
/// carries on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoredReservation {
    /// What was booked.
    #[serde(flatten)]
    pub reservation: Reservation,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// The tenant's tier at that time.
    pub tier: Tier,
    /// The user who booked.
    pub sub: UserId,
    /// W3C trace context of the request that booked it: `traceparent`, `tracestate`, `baggage`.
    pub trace: HashMap<String, String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct IdempotencyRecord {
    fingerprint: String,
    reservation: Reservation,
    /// Epoch seconds. In the write's condition, since DynamoDB's TTL may lag two days.
    expires_at: i64,
}

/// Whether a reservation was made by this call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made {
    /// By this one.
    Now(Reservation),
    /// By an earlier one with the same idempotency key.
    Before(Reservation),
}

/// A page of reservations, newest first.
#[derive(Debug, Clone)]
pub struct Page {
    /// The reservations.
    pub reservations: Vec<Reservation>,
    /// Where the next page starts, if there is one.
    pub next: Option<Cursor>,
}

/// The last reservation of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    created_at: String,
    booking_number: BookingNumber,
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}~{}", self.created_at, self.booking_number)
    }
}

impl std::str::FromStr for Cursor {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (created_at, number) = text.split_once('~').ok_or(())?;
        let _is_time: jiff::Timestamp = created_at.parse().map_err(|_| ())?;
        Ok(Self { created_at: created_at.to_owned(), booking_number: number.parse().map_err(|_| ())? })
    }
}

/// The reservations table.
#[derive(Debug, Clone)]
pub struct Reservations {
    table: TenantTable,
}

impl Reservations {
    /// The reservations in `table`.
    pub fn new(table: TenantTable) -> Self {
        Self { table }
    }

    /// Stores a reservation, with its idempotency record where there is a key, in one transaction.
    pub async fn make(
        &self,
        tenant: &TenantContext,
        booking: &NewBooking,
        key: Option<&IdempotencyKey>,
    ) -> Result<Made, StoreError> {
        let made = timeout(WITHIN, self.make_with_retries(tenant, booking, key)).await;
        made.unwrap_or_else(|_| Err(StoreError::Unavailable(format!("no answer within {WITHIN:?}"))))
    }

    async fn make_with_retries(
        &self,
        tenant: &TenantContext,
        booking: &NewBooking,
        key: Option<&IdempotencyKey>,
    ) -> Result<Made, StoreError> {
        let items = self.table.of_user(tenant)?;
        let user = tenant.user_id.as_ref().ok_or(NoUser)?;
        let started = Instant::now();
        let mut pause = FIRST_PAUSE;
        let (mut now, mut number) = (jiff::Timestamp::now(), BookingNumber::random()?);
        loop {
            let reservation = Reservation::of(booking, number.clone(), now);
            let Err(error) = try_make(&items, tenant, user, booking, &reservation, key, now).await else {
                return Ok(Made::Now(reservation));
            };
            match (judge(&error), key) {
                (Verdict::KeyTaken, Some(key)) => {
                    if let Some(earlier) = made_before(&items, booking, key).await? {
                        return Ok(Made::Before(earlier));
                    }
                    (now, number) = (jiff::Timestamp::now(), BookingNumber::random()?);
                }
                // Nothing was written: the number is taken, or a twin of this request was in the way.
                (Verdict::KeyTaken | Verdict::Cancelled, _) => {
                    (now, number) = (jiff::Timestamp::now(), BookingNumber::random()?);
                }
                // It may have been written and only the answer be lost: the very same write again.
                (Verdict::TryAgain, _) => {}
                (Verdict::Refused, _) => return Err(StoreError::Refused(describe(&error))),
            }
            if started.elapsed() + pause > RETRY_FOR {
                return Err(StoreError::Unavailable(describe(&error)));
            }
            sleep(pause).await;
            pause *= 2;
        }
    }

    /// A reservation of this user.
    pub async fn get_reservation(
        &self,
        tenant: &TenantContext,
        number: &BookingNumber,
    ) -> Result<Option<Reservation>, StoreError> {
        read(&self.table.of_user(tenant)?, format!("{BOOKING_PREFIX}{number}")).await
    }

    /// The user's reservations, newest first, at most `limit`. Strongly consistent: a new booking is there at once.
    pub async fn list(&self, tenant: &TenantContext, limit: u8, after: Option<Cursor>) -> Result<Page, StoreError> {
        let items = self.table.of_user(tenant)?;
        let start = after.map(|cursor| {
            let mut start = items.key(format!("{BOOKING_PREFIX}{}", cursor.booking_number));
            start.insert("created_at".to_owned(), AttributeValue::S(cursor.created_at));
            start
        });
        // Idempotency records have no `created_at` of their own, so they are not in the index.
        let query = items.query().index_name(BY_CREATED_AT).scan_index_forward(false).limit(i32::from(limit));
        let query = query.set_exclusive_start_key(start);
        let found = query.send().await.map_err(|error| unavailable_or_refused(&error))?;
        let more = found.last_evaluated_key.is_some();
        let reservations: Vec<Reservation> = serde_dynamo::from_items(found.items.unwrap_or_default())?;
        let next = reservations
            .last()
            .filter(|_| more)
            .map(|last| Cursor { created_at: last.created_at.clone(), booking_number: last.booking_number.clone() });
        Ok(Page { reservations, next })
    }
}

async fn try_make(
    items: &TenantItems,
    tenant: &TenantContext,
    user: &UserId,
    booking: &NewBooking,
    reservation: &Reservation,
    key: Option<&IdempotencyKey>,
    now: jiff::Timestamp,
) -> Result<(), SdkError<TransactWriteItemsError>> {
    let mut trace = HashMap::new();
    propagation::inject(&opentelemetry::Context::current(), Some(tenant.label()), &mut trace);
    let stored = StoredReservation {
        reservation: reservation.clone(),
        tenant_id: tenant.tenant_id.clone(),
        tier: tenant.tier,
        sub: user.clone(),
        trace,
    };
    let sk = format!("{BOOKING_PREFIX}{}", reservation.booking_number);
    let put = put(items, sk, &stored)?.condition_expression("attribute_not_exists(pk)");
    // Names this write for ten minutes: sent again with the same items, it changes nothing and succeeds.
    let token = format!("{}-{}", reservation.booking_number, now.as_microsecond());
    let mut write = items.transact().client_request_token(token).transact_items(transact(put)?);
    if let Some(key) = key {
        let record = IdempotencyRecord {
            fingerprint: booking.fingerprint().as_str().to_owned(),
            reservation: reservation.clone(),
            expires_at: now.as_second() + KEY_KEPT_SECONDS,
        };
        let put = self::put(items, idempotency_sk(key), &record)?
            .condition_expression("attribute_not_exists(pk) OR expires_at <= :now")
            .expression_attribute_values(":now", AttributeValue::N(now.as_second().to_string()));
        write = write.transact_items(transact(put)?);
    }
    write.send().await.map(|_| ())
}

fn put(
    items: &TenantItems,
    sk: String,
    item: &impl Serialize,
) -> Result<PutBuilder, SdkError<TransactWriteItemsError>> {
    Ok(items.put(sk, serde_dynamo::to_item(item).map_err(SdkError::construction_failure)?))
}

fn transact(put: PutBuilder) -> Result<TransactWriteItem, SdkError<TransactWriteItemsError>> {
    Ok(TransactWriteItem::builder().put(put.build().map_err(SdkError::construction_failure)?).build())
}

/// The reservation an earlier request with this key made; `None` if its record has gone meanwhile.
async fn made_before(
    items: &TenantItems,
    booking: &NewBooking,
    key: &IdempotencyKey,
) -> Result<Option<Reservation>, StoreError> {
    let Some(record) = read::<IdempotencyRecord>(items, idempotency_sk(key)).await? else { return Ok(None) };
    if Fingerprint::as_str(&booking.fingerprint()) != record.fingerprint {
        return Err(StoreError::KeyReused);
    }
    Ok(Some(record.reservation))
}

async fn read<T: for<'a> Deserialize<'a>>(items: &TenantItems, sk: String) -> Result<Option<T>, StoreError> {
    let found = items.get(sk).send().await.map_err(|error| unavailable_or_refused(&error))?;
    Ok(found.item.map(serde_dynamo::from_item).transpose()?)
}

fn idempotency_sk(key: &IdempotencyKey) -> String {
    format!("IDEM#{}", key.hash())
}

enum Verdict {
    /// The idempotency key is in use.
    KeyTaken,
    /// Nothing was written, for another reason.
    Cancelled,
    /// Throttling, or no answer.
    TryAgain,
    Refused,
}

fn judge(error: &SdkError<TransactWriteItemsError>) -> Verdict {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            // The idempotency record comes second in the transaction, and so does its reason.
            match cancelled.cancellation_reasons().get(1).and_then(|reason| reason.code()) {
                Some("ConditionalCheckFailed") => Verdict::KeyTaken,
                _ => Verdict::Cancelled,
            }
        }
        _ if is_temporary(error) => Verdict::TryAgain,
        _ => Verdict::Refused,
    }
}

/// A failed call, by whether it may succeed later.
pub(crate) fn unavailable_or_refused<E>(error: &SdkError<E>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    if is_temporary(error) { StoreError::Unavailable(describe(error)) } else { StoreError::Refused(describe(error)) }
}
