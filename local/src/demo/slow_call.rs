//! A quote whose call to account B is slow on purpose: what the waterfall is for.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::Value;

use super::expectations::Expectations;
use crate::{cloud::Cloud, injected_delay::SPAN_NAME, outputs::Outputs, users::sign_in};

/// What is injected: long enough to be seen, short enough for the caller's patience of two seconds.
pub(super) const DELAY: Duration = Duration::from_millis(900);
/// The call that is held up, as the front door knows it.
const PATH: &str = "mileage/miles";
/// Spans of a quote: two of booking-api, one of mileage-api, and the delay's own.
const SPANS: usize = 4;
const ARRIVES_WITHIN: Duration = Duration::from_secs(60);

/// The quote that had to wait.
#[derive(Debug)]
pub(super) struct SlowQuote {
    pub(super) trace_id: String,
}

/// Asks for a quote while account B's answer is held up.
pub(super) async fn quote(cloud: &Cloud, expectations: &mut Expectations) -> Result<SlowQuote> {
    let outputs = &cloud.outputs;
    let user = outputs.users.last().context("nobody to ask for a quote")?;
    let token = sign_in(outputs, &user.username, &user.password).await?;
    cloud.delay.arm(PATH, DELAY);
    let client = reqwest::Client::new();
    let url = format!("{}/quotes?from=LHR&to=SYD", outputs.booking_url);
    let answer = client.get(url).bearer_auth(&token).send().await?;
    let traceparent = answer.headers().get("traceparent").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let trace_id =
        traceparent.as_deref().and_then(|value| value.split('-').nth(1)).context("no traceparent")?.to_owned();
    let answered = answer.status() == 200;

    let spans = spans(&client, outputs, &trace_id).await?;
    let took = |span: &&Value| span["duration_ns"].as_u64().unwrap_or_default() >= DELAY.as_nanos() as u64;
    let delay = spans.iter().find(|span| span["name"] == SPAN_NAME);
    let caller = delay.and_then(|delay| spans.iter().find(|span| span["span_id"] == delay["parent_span_id"]));
    let exposed =
        delay.is_some_and(|span| took(&span)) && caller.is_some_and(|span| span["kind"] == "CLIENT" && took(&span));
    expectations.expect("a slow call between the accounts: the waterfall shows which span waited", answered && exposed);
    Ok(SlowQuote { trace_id })
}

async fn spans(client: &reqwest::Client, outputs: &Outputs, trace_id: &str) -> Result<Vec<Value>> {
    let path = format!("/api/traces/{trace_id}");
    let started = Instant::now();
    loop {
        let answer: Value = outputs.ask_control_plane(client, &path).send().await?.json().await?;
        let spans = answer["spans"].as_array().cloned().unwrap_or_default();
        if spans.len() >= SPANS || started.elapsed() > ARRIVES_WITHIN {
            return Ok(spans);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
