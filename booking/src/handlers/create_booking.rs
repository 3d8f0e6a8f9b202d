//! `POST /bookings`: book a flight.

use http::{HeaderValue, Response, StatusCode, header::LOCATION};
use lambda_http::{Body, Request};
use lambda_problem::{Problem, json};
use tenancy::TenantContext;

use super::{Booking, not_made};
use crate::{
    domain::{IdempotencyKey, NewBooking},
    reservations::{Made, Reservations},
};

/// 201 with the booking; 200 with the earlier one where the same `Idempotency-Key` has made it already, as it is now: one that was cancelled
/// since says so, and is not booked anew.
pub async fn create_booking(
    reservations: &Reservations,
    tenant: &TenantContext,
    request: &Request,
) -> Result<Response<Body>, Problem> {
    let key = idempotency_key(request)?;
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let booking = NewBooking::parse(request.body(), today)?;
    let (status, reservation) = match reservations.make(tenant, &booking, key.as_ref()).await.map_err(not_made)? {
        Made::Now(reservation) => (StatusCode::CREATED, reservation),
        Made::Before(reservation) => (StatusCode::OK, reservation),
    };
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
        return Err(invalid("must be there once"));
    }
    let key = value.to_str().ok().and_then(|text| text.parse().ok());
    key.map(Some).ok_or_else(|| invalid("must be 1 to 255 visible ASCII characters"))
}
