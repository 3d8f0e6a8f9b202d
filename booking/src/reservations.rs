//! Reservations in DynamoDB, and the idempotency records and cancellations beside them.
//!
//! Keys and credentials come from a [`TenantTable`] for one verified tenant, so nothing here can read or write across tenants.

mod cancelling;

use std::{collections::HashMap, time::Duration};

use airline_events::{BOOKING_NUMBER, Booking};
use aws_sdk_dynamodb::{
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, TransactWriteItem, builders::PutBuilder},
};
use lambda_http_client::aws::describe;
use opentelemetry::{Context, trace::TraceContextExt};
use serde::{Deserialize, Serialize};
use tenancy::{TenantContext, TenantId, Tier, UserId};
use tenant_store::{Cursor, Listed, NoUser, Page, Retries, StoreError, TenantItems, TenantTable, TransactionFailure};
use tenant_telemetry::{Work, propagation};
use tokio::time::{Instant, timeout, timeout_at};

pub use self::cancelling::{NotCancelled, StoredCancellation};
use crate::domain::{BookingNumber, Fingerprint, IdempotencyKey, NewBooking, RandomnessUnavailable, Reservation};

/// How long an idempotency key is remembered, in seconds.
const KEY_KEPT_SECONDS: i64 = 24 * 60 * 60;
/// How long conflicts, and what the SDK has given up on, are retried before the caller is asked to come back.
const RETRY_FOR: Duration = Duration::from_secs(4);
/// How long booking or cancelling is tried for, the last try included: half of the function's time.
const WITHIN: Duration = Duration::from_secs(5);
/// How long one is looked for that may have been made already.
const LOOKED_FOR: Duration = Duration::from_secs(1);
/// The idempotency record comes second in the transaction.
const IDEMPOTENCY_WRITE: usize = 1;

/// Why a reservation was not made.
#[derive(Debug, thiserror::Error)]
pub enum NotMade {
    /// The store did not do what it was asked, or the caller is no user.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// As before, and the reservation may have been made: its answer was lost, and it could not be looked for.
    #[error(transparent)]
    Unclear(StoreError),
    /// No booking number could be made.
    #[error(transparent)]
    Randomness(#[from] RandomnessUnavailable),
    /// The key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
}

/// What is stored of a reservation: what was booked, whose it is, and the trace it was booked in, which its stream record
/// carries on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoredReservation {
    /// The booking itself.
    #[serde(flatten)]
    pub reservation: Reservation,
    /// The tenant whose user booked.
    pub tenant_id: TenantId,
    /// The tenant's tier at that time.
    pub tier: Tier,
    /// The user who booked.
    pub sub: UserId,
    /// W3C trace context of the request that booked it: `traceparent`, `tracestate`, `baggage`.
    pub trace: HashMap<String, String>,
}

impl StoredReservation {
    /// What the event about it says.
    pub fn booking(&self) -> Booking {
        let flight = self.reservation.clone();
        Booking {
            booking_number: flight.booking_number.into(),
            from_airport: flight.from_airport,
            to_airport: flight.to_airport,
            departure_date: flight.departure_date,
            sub: self.sub.clone(),
            tier: self.tier,
            tenant_id: self.tenant_id.clone(),
        }
    }
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
    /// This request made the booking.
    Now(Reservation),
    /// By an earlier one with the same idempotency key. It is as it is now: it may have been cancelled since.
    Before(Reservation),
}

impl Listed for Reservation {
    type Id = BookingNumber;

    fn id(&self) -> BookingNumber {
        self.booking_number.clone()
    }

    fn created_at(&self) -> &str {
        &self.created_at
    }

    fn sk(number: &BookingNumber) -> String {
        format!("BOOKING#{number}")
    }
}

/// Reads and writes the table of reservations.
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
    ) -> Result<Made, NotMade> {
        let made = timeout(WITHIN + LOOKED_FOR, self.make_with_retries(tenant, booking, key)).await;
        made.unwrap_or_else(|_| Err(NotMade::Unclear(StoreError::Unavailable(format!("no answer within {WITHIN:?}")))))
    }

    async fn make_with_retries(
        &self,
        tenant: &TenantContext,
        booking: &NewBooking,
        key: Option<&IdempotencyKey>,
    ) -> Result<Made, NotMade> {
        let items = self.table.of_user(tenant).map_err(StoreError::from)?;
        let user = tenant.user_id.as_ref().ok_or(StoreError::NoUser(NoUser))?;
        let (mut retries, until) = (Retries::within(RETRY_FOR), Instant::now() + WITHIN);
        let (mut now, mut number) = (jiff::Timestamp::now(), BookingNumber::random()?);
        let span = Context::map_current(|cx| cx.span().span_context().clone());
        loop {
            Work::current().annotate(BOOKING_NUMBER, number.as_str());
            let reservation = Reservation::of(booking, number.clone(), now).made_in(&span);
            let tried = try_make(&items, tenant, user, booking, &reservation, key, now);
            let error = match timeout_at(until, tried).await {
                Ok(Ok(())) => return Ok(Made::Now(reservation)),
                Ok(Err(error)) => error,
                Err(_) => return look_for(&items, reservation, format!("no answer within {WITHIN:?}")).await,
            };
            let failure = TransactionFailure::of(&error, IDEMPOTENCY_WRITE);
            match (failure, key) {
                // The idempotency key is in use.
                (TransactionFailure::ConditionUnmet, Some(key)) => {
                    if let Some(earlier) = made_before(&items, booking, key).await? {
                        return Ok(Made::Before(earlier));
                    }
                    (now, number) = (jiff::Timestamp::now(), BookingNumber::random()?);
                }
                // Nothing was written: the number is taken, or a twin of this request was in the way.
                (TransactionFailure::ConditionUnmet | TransactionFailure::Cancelled, _) => {
                    (now, number) = (jiff::Timestamp::now(), BookingNumber::random()?);
                }
                // It may have been written and only the answer be lost: the very same write again.
                (TransactionFailure::Unclear, _) => {}
                (TransactionFailure::Refused, _) => return Err(StoreError::from(error).into()),
            }
            if retries.pause().await {
                continue;
            }
            if failure == TransactionFailure::Unclear {
                return look_for(&items, reservation, describe(&error)).await;
            }
            return Err(StoreError::Unavailable(describe(&error)).into());
        }
    }

    /// The reservation that an earlier request with this idempotency key made, as it is now; `None` without a key.
    pub async fn made_before(
        &self,
        tenant: &TenantContext,
        booking: &NewBooking,
        key: Option<&IdempotencyKey>,
    ) -> Result<Option<Reservation>, NotMade> {
        let Some(key) = key else { return Ok(None) };
        let items = self.table.of_user(tenant).map_err(StoreError::from)?;
        let found = timeout(LOOKED_FOR, made_before(&items, booking, key)).await;
        found.unwrap_or_else(|_| Err(StoreError::Unavailable(format!("no answer within {LOOKED_FOR:?}")).into()))
    }

    /// A reservation of this user.
    pub async fn get_reservation(
        &self,
        tenant: &TenantContext,
        number: &BookingNumber,
    ) -> Result<Option<Reservation>, StoreError> {
        self.table.of_user(tenant)?.find(number).await
    }

    /// The user's reservations, newest first, at most `limit`. Idempotency records and cancellations have no `created_at` of their
    /// own, so they are not among them.
    pub async fn list(
        &self,
        tenant: &TenantContext,
        limit: u8,
        after: Option<Cursor<BookingNumber>>,
    ) -> Result<Page<Reservation>, StoreError> {
        self.table.of_user(tenant)?.list(limit, after).await
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
    let stored = StoredReservation {
        reservation: reservation.clone(),
        tenant_id: tenant.tenant_id.clone(),
        tier: tenant.tier,
        sub: user.clone(),
        trace: trace_of_request(tenant),
    };
    let put =
        items.put(Reservation::sk(&reservation.booking_number), &stored).map_err(SdkError::construction_failure)?;
    let put = put.condition_expression("attribute_not_exists(pk)");
    // Names this write for ten minutes: sent again with the same items, it changes nothing and succeeds.
    let token = format!("{}-{}", reservation.booking_number, now.as_microsecond());
    let mut write = items.transact().client_request_token(token).transact_items(transact(put)?);
    if let Some(key) = key {
        let record = IdempotencyRecord {
            fingerprint: booking.fingerprint().as_str().to_owned(),
            reservation: reservation.clone(),
            expires_at: now.as_second() + KEY_KEPT_SECONDS,
        };
        let put = items.put(idempotency_sk(key), &record).map_err(SdkError::construction_failure)?;
        let put = put
            .condition_expression("attribute_not_exists(pk) OR expires_at <= :now")
            .expression_attribute_values(":now", AttributeValue::N(now.as_second().to_string()));
        write = write.transact_items(transact(put)?);
    }
    write.send().await.map(|_| ())
}

/// Trace context of the request that is served, for whoever reads the table's stream.
fn trace_of_request(tenant: &TenantContext) -> HashMap<String, String> {
    let mut trace = HashMap::new();
    propagation::inject(&Context::current(), Some(tenant.label()), &mut trace);
    trace
}

/// What became of a reservation whose answer was lost: it is there, or it was not made, or that cannot be told either.
async fn look_for(items: &TenantItems, reservation: Reservation, reason: String) -> Result<Made, NotMade> {
    match timeout(LOOKED_FOR, items.find::<Reservation>(&reservation.booking_number)).await {
        Ok(Ok(Some(_))) => Ok(Made::Now(reservation)),
        Ok(Ok(None)) => Err(StoreError::Unavailable(reason).into()),
        Ok(Err(_)) | Err(_) => Err(NotMade::Unclear(StoreError::Unavailable(reason))),
    }
}

fn transact(put: PutBuilder) -> Result<TransactWriteItem, SdkError<TransactWriteItemsError>> {
    Ok(TransactWriteItem::builder().put(put.build().map_err(SdkError::construction_failure)?).build())
}

/// The reservation an earlier request with this key made, as it is now; `None` if its record has gone meanwhile, or has expired.
async fn made_before(
    items: &TenantItems,
    booking: &NewBooking,
    key: &IdempotencyKey,
) -> Result<Option<Reservation>, NotMade> {
    let record: Option<IdempotencyRecord> = items.read(idempotency_sk(key)).await?;
    let now = jiff::Timestamp::now().as_second();
    let Some(record) = record.filter(|record| record.expires_at > now) else { return Ok(None) };
    if Fingerprint::as_str(&booking.fingerprint()) != record.fingerprint {
        return Err(NotMade::KeyReused);
    }
    // The record tells what was made, and not what became of it.
    let number = &record.reservation.booking_number;
    Work::current().annotate(BOOKING_NUMBER, number.as_str());
    let as_it_is = items.find(number).await?;
    Ok(Some(as_it_is.unwrap_or(record.reservation)))
}

fn idempotency_sk(key: &IdempotencyKey) -> String {
    format!("IDEM#{}", key.hash())
}
