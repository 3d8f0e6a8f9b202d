//! `GET /bookings/{number}`: one booking.

use http::{Response, StatusCode};
use lambda_http::Body;
use lambda_problem::{Problem, json};
use tenancy::TenantContext;

use super::{Booking, no_such_booking, number_in, problem};
use crate::reservations::Reservations;

/// A booking of this user; another user's does not exist for them.
pub async fn get_booking(
    reservations: &Reservations,
    tenant: &TenantContext,
    number: Option<&str>,
) -> Result<Response<Body>, Problem> {
    let number = number_in(number)?;
    let found = reservations.get_reservation(tenant, &number).await.map_err(problem)?;
    json(StatusCode::OK, &Booking::from(found.ok_or_else(no_such_booking)?))
}
