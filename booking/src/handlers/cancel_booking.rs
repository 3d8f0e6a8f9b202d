//! `POST /bookings/{number}/cancellation`: cancel a booking.

use http::{Response, StatusCode};
use lambda_http::Body;
use lambda_problem::{Problem, json};
use tenancy::TenantContext;

use super::{Booking, not_cancelled, number_in};
use crate::reservations::Reservations;

/// The cancelled booking, whether this request cancelled it or an earlier one; another user's does not exist for them.
pub async fn cancel_booking(
    reservations: &Reservations,
    tenant: &TenantContext,
    number: Option<&str>,
) -> Result<Response<Body>, Problem> {
    let number = number_in(number)?;
    let cancelled = reservations.cancel(tenant, &number).await.map_err(not_cancelled)?;
    json(StatusCode::OK, &Booking::from(cancelled))
}
