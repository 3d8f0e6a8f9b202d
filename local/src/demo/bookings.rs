//! Booking through the front door as a client would, and following each booking to its miles.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use jiff::{ToSpan, tz::TimeZone};
use reqwest::{Client, Response};
use serde_json::{Value, json};

use super::expectations::Expectations;
use crate::{
    outputs::{Outputs, User},
    users::sign_in,
};

/// Real routes, taken by the tenants in turn.
const ROUTES: [(&str, &str); 12] = [
    ("LHR", "JFK"),
    ("FRA", "SIN"),
    ("CDG", "NRT"),
    ("SFO", "HNL"),
    ("GRU", "LIS"),
    ("SYD", "SCL"),
    ("DEL", "DXB"),
    ("JNB", "NBO"),
    ("YYZ", "ANC"),
    ("MEX", "BOG"),
    ("OSL", "TOS"),
    ("AKL", "DOH"),
];
/// What a booking's trace holds: two spans of booking-api, two of booking-publisher, two of mileage-accrual; and now and then one that leases
/// tokens of its tenant's quota.
const SPANS: usize = 6;
const ARRIVES_WITHIN: Duration = Duration::from_secs(60);

/// A flight that was booked.
#[derive(Debug)]
pub(super) struct Flight {
    user: User,
    token: String,
    booked_at: jiff::Timestamp,
    booking_number: String,
    route: (&'static str, &'static str),
    trace_id: String,
}

/// A flight that was cancelled.
#[derive(Debug)]
pub(super) struct Cancelled {
    pub(super) booking_number: String,
    pub(super) trace_id: String,
}

/// What became of it.
#[derive(Debug)]
pub(super) struct Journey {
    pub(super) tenant: String,
    pub(super) tier: String,
    pub(super) booking_number: String,
    pub(super) from: &'static str,
    pub(super) to: &'static str,
    pub(super) miles: Option<u64>,
    pub(super) trace_id: String,
    pub(super) spans: usize,
    pub(super) accounts: BTreeSet<String>,
    /// From the request to the end of its last span.
    pub(super) end_to_end: Duration,
    tenants: BTreeSet<(String, String)>,
}

impl Journey {
    pub(super) fn names_its_tenant_everywhere(&self) -> bool {
        self.spans >= SPANS && self.tenants == BTreeSet::from([(self.tenant.clone(), self.tier.clone())])
    }
}

/// Books the routes, and tries what must not work.
pub(super) async fn book(outputs: &Outputs, expectations: &mut Expectations) -> Result<Vec<Flight>> {
    let client = Client::new();
    let mut tokens = Vec::new();
    for user in &outputs.users {
        tokens.push((user, sign_in(outputs, &user.username, &user.password).await?));
    }
    let mut flights = Vec::new();
    for (index, (route, (user, token))) in ROUTES.into_iter().zip(tokens.iter().cycle()).enumerate() {
        flights.push(book_one(&client, outputs, user, token, route, &format!("demo-{index}")).await?);
    }
    let Some((first, (_, token))) = flights.first().zip(tokens.first()) else { bail!("nobody to book for") };

    let (status, again) = post(&client, outputs, token, &wish(first.route), "demo-0").await?;
    let same = status == 200 && again["booking_number"] == first.booking_number.as_str();
    expectations.expect("the same Idempotency-Key again: 200 and the same booking", same);

    let (status, problem) = post(&client, outputs, token, &wish(("LHR", "XXQ")), "demo-unknown").await?;
    let named = status == 422 && problem["errors"][0]["field"] == "/to_airport";
    expectations.expect("an unknown airport: 422 naming the field", named);

    let (status, _) = post(&client, outputs, &forge(token), &wish(first.route), "demo-forged").await?;
    expectations.expect("a forged token: 401", status == 401);
    Ok(flights)
}

async fn book_one(
    client: &Client,
    outputs: &Outputs,
    user: &User,
    token: &str,
    route: (&'static str, &'static str),
    key: &str,
) -> Result<Flight> {
    let booked_at = jiff::Timestamp::now();
    let request = client.post(format!("{}/bookings", outputs.booking_url)).bearer_auth(token);
    let answer = request.header("idempotency-key", key).json(&wish(route)).send().await?;
    let trace_id = trace_of(&answer);
    let status = answer.status();
    let body: Value = answer.json().await.unwrap_or_default();
    if status != 201 {
        bail!("booking {}–{} answered {status}: {body}", route.0, route.1);
    }
    Ok(Flight {
        user: user.clone(),
        token: token.to_owned(),
        booked_at,
        booking_number: body["booking_number"].as_str().context("no booking_number")?.to_owned(),
        route,
        trace_id: trace_id?,
    })
}

async fn post(client: &Client, outputs: &Outputs, token: &str, body: &Value, key: &str) -> Result<(u16, Value)> {
    let request = client.post(format!("{}/bookings", outputs.booking_url)).bearer_auth(token);
    let answer = request.header("idempotency-key", key).json(body).send().await?;
    Ok((answer.status().as_u16(), answer.json().await.unwrap_or_default()))
}

fn wish(route: (&str, &str)) -> Value {
    let today = jiff::Timestamp::now().to_zoned(TimeZone::UTC).date();
    let departure = today.checked_add(30.days()).unwrap_or(today);
    json!({
        "from_airport": route.0,
        "to_airport": route.1,
        "departure_date": departure.to_string(),
        "passenger_name": "Amelia Earhart",
    })
}

/// The token with its signature's first character changed.
fn forge(token: &str) -> String {
    match token.rsplit_once('.') {
        Some((signed, signature)) => {
            let first = if signature.starts_with('A') { 'B' } else { 'A' };
            let rest: String = signature.chars().skip(1).collect();
            format!("{signed}.{first}{rest}")
        }
        None => String::new(),
    }
}

/// Cancels one of the flights, and waits until its miles are taken back. Its number, and the trace of the cancellation.
pub(super) async fn cancel(
    outputs: &Outputs,
    flights: &[Flight],
    expectations: &mut Expectations,
) -> Result<Cancelled> {
    let client = Client::new();
    let flight = flights.last().context("no flight to cancel")?;
    let url = format!("{}/bookings/{}/cancellation", outputs.booking_url, flight.booking_number);
    let answer = client.post(&url).bearer_auth(&flight.token).send().await?;
    let trace_id = trace_of(&answer)?;
    let status = answer.status();
    let body: Value = answer.json().await.unwrap_or_default();
    if status != 200 {
        bail!("{url} answered {status}: {body}");
    }
    let left = miles(&client, outputs, flight, "cancelled").await?;
    expectations.expect("a cancelled booking: its miles are taken back", left == Some(0));
    Ok(Cancelled { booking_number: flight.booking_number.clone(), trace_id })
}

/// The trace that an answer names.
fn trace_of(answer: &Response) -> Result<String> {
    let traceparent = answer.headers().get("traceparent").and_then(|value| value.to_str().ok());
    traceparent.and_then(|value| value.split('-').nth(1)).map(str::to_owned).context("no traceparent")
}

/// Waits for the miles and the whole trace of each flight.
pub(super) async fn follow(outputs: &Outputs, flights: &[Flight]) -> Result<Vec<Journey>> {
    let client = Client::new();
    let mut journeys = Vec::new();
    for flight in flights {
        let miles = miles(&client, outputs, flight, "posted").await?;
        let spans = trace(&client, outputs, &flight.trace_id).await?;
        let text = |span: &Value, key: &str| span[key].as_str().unwrap_or_default().to_owned();
        let last_end = spans.iter().filter_map(|span| span["end_unix_ns"].as_i64()).max().unwrap_or_default();
        let booked = i64::try_from(flight.booked_at.as_nanosecond())?;
        journeys.push(Journey {
            tenant: flight.user.tenant.clone(),
            tier: flight.user.tier.clone(),
            booking_number: flight.booking_number.clone(),
            from: flight.route.0,
            to: flight.route.1,
            miles,
            trace_id: flight.trace_id.clone(),
            accounts: spans.iter().map(|span| text(span, "account")).collect(),
            tenants: spans.iter().map(|span| (text(span, "tenant"), text(span, "tier"))).collect(),
            spans: spans.len(),
            end_to_end: Duration::from_nanos(u64::try_from(last_end - booked).unwrap_or_default()),
        });
    }
    Ok(journeys)
}

/// A flight's miles once their posting has this status, or `None` where that takes too long.
async fn miles(client: &Client, outputs: &Outputs, flight: &Flight, status: &str) -> Result<Option<u64>> {
    let url = format!("{}/mileage/{}", outputs.mileage_url, flight.booking_number);
    let started = Instant::now();
    while started.elapsed() < ARRIVES_WITHIN {
        let answer = client.get(&url).bearer_auth(&flight.token).send().await?;
        let code = answer.status();
        let body: Value = answer.json().await.unwrap_or_default();
        if code != 200 {
            bail!("{url} answered {code}: {body}");
        }
        if body["status"] == status {
            return Ok(body["miles"].as_u64());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(None)
}

/// The trace's spans, once they are all there: the last are exported after the miles can be read.
async fn trace(client: &Client, outputs: &Outputs, trace_id: &str) -> Result<Vec<Value>> {
    let path = format!("/api/traces/{trace_id}");
    let started = Instant::now();
    loop {
        let answer: Value = outputs.ask_control_plane(client, &path).send().await?.json().await?;
        let spans = answer["spans"].as_array().cloned().unwrap_or_default();
        let steps = spans.iter().filter(|span| span["name"] != "DynamoDB.UpdateItem").count();
        if steps >= SPANS || started.elapsed() > ARRIVES_WITHIN {
            return Ok(spans);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
