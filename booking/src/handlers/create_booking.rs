//! `POST /bookings`: book a flight.

use http::{HeaderValue, Response, StatusCode, header::LOCATION};
use lambda_http::{Body, Request};
use lambda_problem::{Problem, json};
use opentelemetry::metrics::Counter;
use tenancy::{Quota, TenantContext};
use tenant_quota::BookingQuota;

use super::{Booking, not_made};
use crate::{
    domain::{IdempotencyKey, NewBooking, Reservation},
    reservations::{Made, NotMade, Reservations},
};

/// 201 with the booking; 200 with the earlier one where the same `Idempotency-Key` has made it already, as it is now: one that was cancelled
/// since says so, and is not booked anew. Of the tenant's bookings of today it takes one, unless none was made: a booking of before is found
/// on a day that is used up too. `bookings` counts those that are made.
pub async fn create_booking(
    reservations: &Reservations,
    daily: &BookingQuota,
    bookings: &Counter<u64>,
    tenant: &TenantContext,
    request: &Request,
) -> Result<Response<Body>, Problem> {
    let key = idempotency_key(request)?;
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let booking = NewBooking::parse(request.body(), today)?;
    let quota = request.extensions().get::<Quota>().copied().ok_or_else(Problem::internal)?;
    let taken = match daily.take(tenant, quota).await {
        Ok(taken) => taken,
        Err(refusal) => {
            let earlier = reservations.made_before(tenant, &booking, key.as_ref()).await.map_err(not_made)?;
            return answer(StatusCode::OK, earlier.ok_or(refusal)?);
        }
    };
    match reservations.make(tenant, &booking, key.as_ref()).await {
        Ok(Made::Now(reservation)) => {
            bookings.add(1, &[]);
            let mut response = answer(StatusCode::CREATED, reservation)?;
            taken.add_headers(&mut response);
            Ok(response)
        }
        Ok(Made::Before(reservation)) => {
            taken.give_back().await;
            answer(StatusCode::OK, reservation)
        }
        Err(error) => {
            if !matches!(error, NotMade::Unclear(_)) {
                taken.give_back().await;
            }
            Err(not_made(error))
        }
    }
}

fn answer(status: StatusCode, reservation: Reservation) -> Result<Response<Body>, Problem> {
    let location = HeaderValue::from_str(&format!("/bookings/{}", reservation.booking_number));
    let mut response = json(status, &Booking::from(reservation))?;
    if let Ok(location) = location {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

fn idempotency_key(request: &Request) -> Result<Option<IdempotencyKey>, Problem> {
    let mut values = request.headers().get_all("idempotency-key").iter();
    let Some(value) = values.next() else { return Ok(None) };
    let invalid = |detail| {
        Problem::new(StatusCode::BAD_REQUEST, "invalid_idempotency_key", "The Idempotency-Key is not valid.")
            .with_field("Idempotency-Key", detail)
    };
    if values.next().is_some() {
        return Err(invalid("must appear once"));
    }
    let key = value.to_str().ok().and_then(|text| text.parse().ok());
    key.map(Some).ok_or_else(|| invalid("must be 1 to 255 visible ASCII characters"))
}
