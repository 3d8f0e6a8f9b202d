//! The functions' log lines, from CloudWatch Logs.

use anyhow::{Context, Result};

use crate::{
    ministack::{BOOKING_ACCOUNT, sdk_config},
    outputs::Outputs,
    project::{functions_of, services},
};

/// The log lines of all functions.
#[derive(Debug, Clone)]
pub struct Logs {
    /// Of all accounts.
    pub endpoint: String,
    /// Account B and those of tiers with their own.
    pub mileage_accounts: Vec<String>,
    /// The stage that is deployed.
    pub stage: &'static str,
}

impl Logs {
    /// The lines that name this trace, in the order in which they were written.
    pub async fn of_trace(&self, trace_id: &str) -> Result<Vec<serde_json::Value>> {
        let mut found = Vec::new();
        let mut functions: Vec<_> =
            functions_of("booking")?.into_iter().map(|function| (BOOKING_ACCOUNT, function)).collect();
        for service in services()? {
            functions.extend(functions_of(&service)?.into_iter().map(|function| (BOOKING_ACCOUNT, function)));
        }
        for account in &self.mileage_accounts {
            functions.extend(functions_of("mileage")?.into_iter().map(|function| (account.as_str(), function)));
        }
        for (account, function) in functions {
            // A function that was never called has no log group.
            let name = format!("{function}-{}", self.stage);
            for mut line in read(&self.endpoint, account, &name).await.unwrap_or_default() {
                if line["trace_id"] == trace_id {
                    line["function"] = function.as_str().into();
                    found.push(line);
                }
            }
        }
        found.sort_by(|a, b| a["timestamp"].as_str().cmp(&b["timestamp"].as_str()));
        Ok(found)
    }
}

/// All JSON log lines a function of this account has written so far.
pub async fn lines(outputs: &Outputs, account: &str, function: &str) -> Result<Vec<serde_json::Value>> {
    read(&outputs.aws_endpoint_url, account, function).await
}

async fn read(endpoint: &str, account: &str, function: &str) -> Result<Vec<serde_json::Value>> {
    let config = sdk_config(endpoint, account).await;
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
