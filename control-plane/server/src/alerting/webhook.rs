//! A receiver of alerts over HTTP: JSON, signed so that it can tell who sent it and when, and sent until it is taken.

use std::time::Duration;

use aws_lc_rs::hmac;
use control_plane_model::complain::complain;
use reqwest::{Client, StatusCode, header};
use tokio::sync::mpsc;

use super::Alarm;
use crate::delivery::{self, Patience};

const TIMEOUT: Duration = Duration::from_secs(10);
const PATIENCE: Patience = Patience {
    first_pause: Duration::from_secs(1),
    longest_pause: Duration::from_secs(60),
    give_up_after: Duration::from_secs(3_600),
};

/// A receiver of alerts, by HTTP.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// The whole URL.
    pub url: String,
    /// What they are signed with; nothing is signed without it.
    pub secret: Option<String>,
    /// Where this control plane is, for links that lead back to it.
    pub control_plane_url: String,
}

impl Webhook {
    pub(super) async fn run(self, mut waiting: mpsc::Receiver<Alarm>) {
        let client = match delivery::client(&self.url, TIMEOUT) {
            Ok(client) => client,
            Err(error) => return complain(format_args!("alerts cannot be sent: {}", error.without_url())),
        };
        while let Some(alarm) = waiting.recv().await {
            if let Err(reason) = self.deliver(&client, &alarm).await {
                complain(format_args!("alert {} was not taken: {reason}", alarm.id));
            }
        }
    }

    /// Sends until it is taken, refused for good, or too old. The receiver may get it twice: `id` and whether it is closed tell.
    async fn deliver(&self, client: &Client, alarm: &Alarm) -> Result<(), String> {
        let mut linked = alarm.clone();
        linked.traces = format!("{}{}", self.control_plane_url, alarm.traces);
        linked.page = format!("{}{}", self.control_plane_url, alarm.page);
        let body = serde_json::to_vec(&linked).map_err(|error| error.to_string())?;
        let again = |status: StatusCode| !status.is_client_error() || status == StatusCode::TOO_MANY_REQUESTS;
        delivery::deliver(PATIENCE, again, || {
            let request = client.post(&self.url).header(header::CONTENT_TYPE, "application/json");
            let request =
                self.signatures(&body).into_iter().fold(request, |request, (name, value)| request.header(name, value));
            request.body(body.clone())
        })
        .await
    }

    /// `webhook-timestamp`, and `webhook-signature`: HMAC-SHA256 of `<timestamp>.<body>` in hexadecimal digits. The time is signed
    /// too, so that an old alarm cannot be played again.
    fn signatures(&self, body: &[u8]) -> Vec<(&'static str, String)> {
        let Some(secret) = &self.secret else { return Vec::new() };
        let timestamp = jiff::Timestamp::now().as_second().to_string();
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()));
        context.update(timestamp.as_bytes());
        context.update(b".");
        context.update(body);
        let signature = format!("sha256={}", hex::encode(context.sign()));
        vec![("webhook-timestamp", timestamp), ("webhook-signature", signature)]
    }
}
