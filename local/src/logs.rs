//! The functions' log lines, from CloudWatch Logs.

use anyhow::{Context, Result};

use crate::{ministack::sdk_config, outputs::Outputs};

/// All JSON log lines a function of this account has written so far.
pub async fn lines(outputs: &Outputs, account: &str, function: &str) -> Result<Vec<serde_json::Value>> {
    let config = sdk_config(&outputs.aws_endpoint_url, account).await;
    let client = aws_sdk_cloudwatchlogs::Client::new(&config);
    let group = format!("/aws/lambda/{function}");
    let mut lines = Vec::new();
    let mut token = None;
    loop {
        let page = client.filter_log_events().log_group_name(&group).set_next_token(token.take());
        let page = page.send().await.with_context(|| format!("no logs of {function}"))?;
        lines.extend(page.events().iter().filter_map(|event| serde_json::from_str(event.message()?.trim()).ok()));
        token = page.next_token().map(str::to_owned);
        if token.is_none() {
            return Ok(lines);
        }
    }
}
