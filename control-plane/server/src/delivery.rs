//! Requests to others, sent until they are taken.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, StatusCode, header};
use tokio::time::{Instant, sleep};

/// A client for this URL. The system's certificate authorities are read where TLS needs them: a machine that sends nothing by TLS may have none.
pub fn client(url: &str, timeout: Duration) -> reqwest::Result<Client> {
    let client = Client::builder().timeout(timeout);
    if url.starts_with("https:") { client.build() } else { client.tls_certs_only([]).build() }
}

/// How long a request is tried, and how long it waits between two attempts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    pub(crate) first_pause: Duration,
    pub(crate) longest_pause: Duration,
    pub(crate) give_up_after: Duration,
}

/// Sends until it is taken, refused for good, or too old; each time what `request` makes. `again` tells from a status whether it may be
/// taken later. The error is for a log, and names no URL: one may hold a key.
pub(crate) async fn deliver(
    patience: Patience,
    again: impl Fn(StatusCode) -> bool,
    request: impl Fn() -> RequestBuilder,
) -> Result<(), String> {
    let begun = Instant::now();
    let mut pause = patience.first_pause;
    loop {
        let (reason, wanted) = match request().send().await {
            Ok(response) if response.status().is_success() => return Ok(()),
            Ok(response) => {
                let reason = format!("it answered {}", response.status());
                if !again(response.status()) {
                    return Err(reason);
                }
                let after =
                    response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
                (reason, after.map(Duration::from_secs))
            }
            Err(error) => (if error.is_timeout() { "it did not answer in time" } else { "no connection" }.into(), None),
        };
        if begun.elapsed() >= patience.give_up_after {
            return Err(reason);
        }
        sleep(wanted.unwrap_or(pause).min(patience.longest_pause)).await;
        pause = (pause * 2).min(patience.longest_pause);
    }
}
