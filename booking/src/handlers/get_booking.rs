//! `GET /bookings/{number}`: one booking.

use airline_events::BOOKING_NUMBER;
use http::{Response, StatusCode};
use lambda_http::Body;
use lambda_problem::{Problem, json};
use tenancy::TenantContext;
use tenant_telemetry::Work;

use super::{no_such_booking, problem};
use crate::{domain::BookingNumber, reservations::Reservations};

/// A booking of this user; another user's does not exist for them.
pub async fn get_booking(
    reservations: &Reservations,
    tenant: &TenantContext,
    number: Option<&str>,
) -> Result<Response<Body>, Problem> {
    let number: BookingNumber = number.and_then(|number| number.parse().ok()).ok_or_else(no_such_booking)?;
    Work::current().annotate(BOOKING_NUMBER, number.as_str());
    let found = reservations.get_reservation(tenant, &number).await.map_err(problem)?;
    json(StatusCode::OK, &found.ok_or_else(no_such_booking)?)
}
