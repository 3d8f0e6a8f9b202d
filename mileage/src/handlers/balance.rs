//! `GET /mileage`: the user's balance and history.

use http::{Response, StatusCode};
use lambda_http::{Body, Request};
use lambda_problem::{Problem, json, page};
use serde::Serialize;
use tenancy::TenantContext;

use super::problem;
use crate::ledger::{Ledger, LedgerEntry};

#[derive(Serialize)]
struct Answer {
    miles: i64,
    bookings: i64,
    history: Vec<LedgerEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Balance and one page of history, newest first: `?limit=1..100&cursor=…`.
pub async fn balance(ledger: &Ledger, tenant: &TenantContext, request: &Request) -> Result<Response<Body>, Problem> {
    let (limit, after) = page(request)?;
    let (balance, page) =
        tokio::try_join!(ledger.balance(tenant), ledger.history(tenant, limit, after)).map_err(problem)?;
    let answer = Answer {
        miles: balance.miles,
        bookings: balance.bookings,
        history: page.items,
        next_cursor: page.next.map(|cursor| cursor.to_string()),
    };
    json(StatusCode::OK, &answer)
}
