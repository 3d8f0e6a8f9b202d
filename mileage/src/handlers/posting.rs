//! `GET /mileage/{number}`: have a booking's miles arrived, and does it still earn them?

use airline_events::BOOKING_NUMBER;
use http::{Response, StatusCode};
use lambda_http::Body;
use lambda_problem::{Problem, json};
use serde::Serialize;
use serde_json::json as object;
use tenancy::TenantContext;
use tenant_telemetry::Work;

use super::problem;
use crate::ledger::{Ledger, LedgerEntry, Postings};

#[derive(Serialize)]
struct Answer {
    booking_number: String,
    from_airport: String,
    to_airport: String,
    departure_date: String,
    status: &'static str,
    miles: i64,
    created_at: String,
}

impl Answer {
    /// Of a booking's latest entry, with the miles that are left of it.
    fn of(entry: LedgerEntry, status: &'static str, miles: i64) -> Self {
        let LedgerEntry { booking_number, from_airport, to_airport, departure_date, created_at, .. } = entry;
        Self { booking_number, from_airport, to_airport, departure_date, status, miles, created_at }
    }
}

/// The miles of one booking; none once it is cancelled, whether or not they had arrived. A booking whose miles have not arrived, and one that
/// does not exist, look alike: this account does not know bookings, and another user's must not show.
pub async fn posting(ledger: &Ledger, tenant: &TenantContext, number: &str) -> Result<Response<Body>, Problem> {
    if !(1..=16).contains(&number.len()) || !number.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(Problem::new(StatusCode::NOT_FOUND, "no_such_booking", "There is no booking with this number."));
    }
    Work::current().annotate(BOOKING_NUMBER, number);
    match ledger.postings(tenant, number).await.map_err(problem)? {
        Postings { taken_back: Some(entry), .. } => json(StatusCode::OK, &Answer::of(entry, "cancelled", 0)),
        Postings { earned: Some(entry), .. } => {
            let miles = entry.miles;
            json(StatusCode::OK, &Answer::of(entry, "posted", miles))
        }
        _ => json(StatusCode::OK, &object!({ "booking_number": number, "status": "pending" })),
    }
}
