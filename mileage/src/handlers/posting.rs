//! `GET /mileage/{number}`: have a booking's miles arrived?

use airline_events::BOOKING_NUMBER;
use http::{Response, StatusCode};
use lambda_http::Body;
use lambda_problem::{Problem, json};
use serde_json::json as object;
use tenancy::TenantContext;
use tenant_telemetry::Work;

use super::problem;
use crate::ledger::Ledger;

/// The miles of one booking. A booking whose miles have not arrived, and one that does not exist, look alike: this account
/// does not know bookings, and another user's must not show.
pub async fn posting(ledger: &Ledger, tenant: &TenantContext, number: &str) -> Result<Response<Body>, Problem> {
    if !(1..=16).contains(&number.len()) || !number.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(Problem::new(StatusCode::NOT_FOUND, "no_such_booking", "There is no booking with this number."));
    }
    Work::current().annotate(BOOKING_NUMBER, number);
    match ledger.entry(tenant, number).await.map_err(problem)? {
        Some(entry) => {
            let mut answer = object!(entry);
            answer["status"] = "posted".into();
            json(StatusCode::OK, &answer)
        }
        None => json(StatusCode::OK, &object!({ "booking_number": number, "status": "pending" })),
    }
}
