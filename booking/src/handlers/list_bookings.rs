//! `GET /bookings`: the user's bookings, newest first.

use http::{Response, StatusCode};
use lambda_http::{Body, Request};
use lambda_problem::{Problem, json, page};
use serde::Serialize;
use tenancy::TenantContext;

use super::{Booking, problem};
use crate::reservations::Reservations;

#[derive(Serialize)]
struct Answer {
    bookings: Vec<Booking>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// One page: `?limit=1..100&cursor=…`.
pub async fn list_bookings(
    reservations: &Reservations,
    tenant: &TenantContext,
    request: &Request,
) -> Result<Response<Body>, Problem> {
    let (limit, after) = page(request)?;
    let page = reservations.list(tenant, limit, after).await.map_err(problem)?;
    let next_cursor = page.next.map(|cursor| cursor.to_string());
    json(StatusCode::OK, &Answer { bookings: page.items.into_iter().map(Booking::from).collect(), next_cursor })
}
