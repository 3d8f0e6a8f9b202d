//! `GET /mileage`: the user's balance and history.

use http::{Response, StatusCode};
use lambda_http::{Body, Request, RequestExt};
use serde::Serialize;
use shared::{
    http::{Problem, json},
    tenant::TenantContext,
};

use super::problem;
use crate::ledger::{Cursor, Entry, Ledger};

const DEFAULT_LIMIT: u8 = 20;
const MAX_LIMIT: u8 = 100;

#[derive(Serialize)]
struct Answer {
    miles: u64,
    bookings: u64,
    history: Vec<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Balance and one page of history, newest first: `?limit=1..100&cursor=…`.
pub async fn balance(ledger: &Ledger, tenant: &TenantContext, request: &Request) -> Result<Response<Body>, Problem> {
    let (limit, after) = page(request)?;
    let balance = ledger.balance(tenant).await.map_err(problem)?;
    let page = ledger.history(tenant, limit, after).await.map_err(problem)?;
    let answer = Answer {
        miles: balance.miles,
        bookings: balance.bookings,
        history: page.entries,
        next_cursor: page.next.map(|cursor| cursor.to_string()),
    };
    json(StatusCode::OK, &answer)
}

fn page(request: &Request) -> Result<(u8, Option<Cursor>), Problem> {
    let query = request.query_string_parameters_ref();
    let get = |name| query.and_then(|query| query.first(name));
    let invalid = |name: &str, detail: &str| {
        Problem::new(StatusCode::BAD_REQUEST, "invalid_parameter", format!("The query parameter {name} is not valid."))
            .with_field(name, detail)
    };
    let limit = match get("limit") {
        None => DEFAULT_LIMIT,
        Some(text) => match text.parse() {
            Ok(limit @ 1..=MAX_LIMIT) => limit,
            _ => return Err(invalid("limit", "must be a number from 1 to 100")),
        },
    };
    let after = get("cursor").map(|text| text.parse().map_err(|()| invalid("cursor", "is not a cursor of this list")));
    Ok((limit, after.transpose()?))
}
