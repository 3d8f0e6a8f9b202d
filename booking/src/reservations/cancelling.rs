//! A reservation is cancelled: it is marked, and the cancellation is stored beside it, both or neither.

use std::collections::HashMap;

use airline_events::{Booking, BookingCancelled};
use aws_sdk_dynamodb::{
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, TransactWriteItem},
};
use jiff::{Timestamp, tz::TimeZone};
use lambda_http_client::aws::describe;
use serde::{Deserialize, Serialize};
use tenancy::{TenantContext, TenantId, Tier, UserId};
use tenant_store::{Listed, NoUser, Retries, StoreError, TenantItems, TransactionFailure};
use tokio::time::timeout;

use super::{RETRY_FOR, Reservations, StoredReservation, WITHIN, trace_of_request, transact};
use crate::domain::{BookingNumber, Reservation};

/// The reservation comes first in the transaction: its condition decides.
const RESERVATION_WRITE: usize = 0;

/// Why a reservation was not cancelled.
#[derive(Debug, thiserror::Error)]
pub enum NotCancelled {
    /// The store did not do what it was asked, or the caller is no user.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// This user has no booking with this number.
    #[error("there is no such booking")]
    NoSuchBooking,
    /// The flight leaves today, or has left.
    #[error("it is too late to cancel")]
    TooLate,
}

impl From<NoUser> for NotCancelled {
    fn from(error: NoUser) -> Self {
        Self::Store(error.into())
    }
}

/// What is stored of a cancellation: all that the event about it says, and the trace it was asked for in, which its stream record carries
/// on. It has no `created_at`, so that it is not among the reservations that are listed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoredCancellation {
    /// The number of the booking that was cancelled.
    pub booking_number: BookingNumber,
    /// IATA code of the departure airport.
    pub from_airport: String,
    /// IATA code of the arrival airport.
    pub to_airport: String,
    /// Day of departure, `YYYY-MM-DD`.
    pub departure_date: String,
    /// When it was cancelled, RFC 3339 with milliseconds, UTC.
    pub cancelled_at: String,
    /// The tenant whose user cancelled.
    pub tenant_id: TenantId,
    /// The tenant's tier when the booking was made: the event goes to the account where its miles are.
    pub tier: Tier,
    /// The user whose booking it is.
    pub sub: UserId,
    /// W3C trace context of the request that cancelled it: `traceparent`, `tracestate`, `baggage`.
    pub trace: HashMap<String, String>,
}

impl StoredCancellation {
    /// What its sort key begins with.
    pub const PREFIX: &'static str = "CANCELLATION#";

    /// The sort key of the cancellation of this booking.
    pub fn sk(number: &BookingNumber) -> String {
        format!("{}{number}", Self::PREFIX)
    }

    /// The event about it.
    pub fn event(&self) -> BookingCancelled {
        let booking = Booking {
            booking_number: self.booking_number.to_string(),
            from_airport: self.from_airport.clone(),
            to_airport: self.to_airport.clone(),
            departure_date: self.departure_date.clone(),
            sub: self.sub.clone(),
            tier: self.tier,
            tenant_id: self.tenant_id.clone(),
        };
        BookingCancelled { booking, cancelled_at: self.cancelled_at.clone() }
    }

    fn of(booked: &StoredReservation, now: Timestamp, trace: HashMap<String, String>) -> Self {
        let Booking { from_airport, to_airport, departure_date, sub, tier, tenant_id, .. } = booked.booking();
        Self {
            booking_number: booked.reservation.booking_number.clone(),
            from_airport,
            to_airport,
            departure_date,
            cancelled_at: format!("{now:.3}"),
            tenant_id,
            tier,
            sub,
            trace,
        }
    }
}

impl Reservations {
    /// Cancels a reservation of this user, once: what is cancelled already stays as it is. Gives the reservation as it is then.
    pub async fn cancel(&self, tenant: &TenantContext, number: &BookingNumber) -> Result<Reservation, NotCancelled> {
        let cancelled = timeout(WITHIN, self.cancel_with_retries(tenant, number)).await;
        cancelled.unwrap_or_else(|_| Err(StoreError::Unavailable(format!("no answer within {WITHIN:?}")).into()))
    }

    async fn cancel_with_retries(
        &self,
        tenant: &TenantContext,
        number: &BookingNumber,
    ) -> Result<Reservation, NotCancelled> {
        let items = self.table.of_user(tenant)?;
        let mut retries = Retries::within(RETRY_FOR);
        loop {
            let stored: Option<StoredReservation> = items.read(Reservation::sk(number)).await?;
            let booked = stored.ok_or(NotCancelled::NoSuchBooking)?;
            if booked.reservation.cancelled_at.is_some() {
                return Ok(booked.reservation);
            }
            let now = Timestamp::now();
            if !booked.reservation.can_be_cancelled(now.to_zoned(TimeZone::UTC).date()) {
                return Err(NotCancelled::TooLate);
            }
            let cancellation = StoredCancellation::of(&booked, now, trace_of_request(tenant));
            if write(&items, &cancellation, now, &mut retries).await? {
                return Ok(Reservation { cancelled_at: Some(cancellation.cancelled_at), ..booked.reservation });
            }
        }
    }
}

/// Whether this is what cancelled the reservation. If not, nothing was written: another request cancelled it, or was in the way.
async fn write(
    items: &TenantItems,
    cancellation: &StoredCancellation,
    now: Timestamp,
    retries: &mut Retries,
) -> Result<bool, StoreError> {
    loop {
        let Err(error) = try_cancel(items, cancellation, now).await else { return Ok(true) };
        match TransactionFailure::of(&error, RESERVATION_WRITE) {
            TransactionFailure::ConditionUnmet => return Ok(false),
            TransactionFailure::Refused => return Err(error.into()),
            _ if !retries.pause().await => return Err(StoreError::Unavailable(describe(&error))),
            TransactionFailure::Cancelled => return Ok(false),
            // It may have been written and only the answer be lost: the very same write again.
            TransactionFailure::Unclear => {}
        }
    }
}

async fn try_cancel(
    items: &TenantItems,
    cancellation: &StoredCancellation,
    now: Timestamp,
) -> Result<(), SdkError<TransactWriteItemsError>> {
    let number = &cancellation.booking_number;
    let mark = items
        .update(Reservation::sk(number))
        .update_expression("SET cancelled_at = :at")
        .condition_expression("attribute_exists(pk) AND attribute_not_exists(cancelled_at)")
        .expression_attribute_values(":at", AttributeValue::S(cancellation.cancelled_at.clone()))
        .build()
        .map_err(SdkError::construction_failure)?;
    let put = items.put(StoredCancellation::sk(number), cancellation);
    let put = put.map_err(SdkError::construction_failure)?;
    // Names this write for ten minutes, as a reservation's does.
    let token = format!("C-{number}-{}", now.as_microsecond());
    let write = items.transact().client_request_token(token);
    let write = write.transact_items(TransactWriteItem::builder().update(mark).build()).transact_items(transact(put)?);
    write.send().await.map(|_| ())
}
