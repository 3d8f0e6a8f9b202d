//! The log lines of a trace, from wherever these are kept: locally, the local cloud.

use std::time::Duration;

use control_plane_model::trace::TraceId;
use serde_json::Value;

use crate::delivery::client;

/// The longest the keeper of logs may take.
const TIMEOUT: Duration = Duration::from_secs(3);
const MAX_LINES: usize = 500;

/// Where to ask: `{url}/{trace id}` answers a JSON array of log lines.
#[derive(Debug, Clone)]
pub struct Logs {
    client: reqwest::Client,
    url: String,
}

impl Logs {
    /// Asks there.
    pub fn new(url: &str) -> Result<Self, reqwest::Error> {
        let client = client(url, TIMEOUT)?;
        Ok(Self { client, url: url.trim_end_matches('/').to_owned() })
    }

    /// The lines of a trace; an error says why there are none.
    pub async fn of(&self, id: TraceId) -> Result<Vec<Value>, String> {
        let failed = |error: reqwest::Error| format!("the log lines cannot be had: {}", error.without_url());
        let answer = self.client.get(format!("{}/{id}", self.url)).send().await.map_err(failed)?;
        let answer = answer.error_for_status().map_err(failed)?;
        let mut lines: Vec<Value> = answer.json().await.map_err(failed)?;
        lines.truncate(MAX_LINES);
        Ok(lines)
    }
}
