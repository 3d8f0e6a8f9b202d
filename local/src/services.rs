//! Services that `make new-service` made: their stacks in account A, and the first request of each.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use aws_config::SdkConfig;
use serde_json::Value;

use crate::{
    deploy::deploy,
    ministack::BOOKING_ACCOUNT,
    outputs::{Outputs, User},
    patches, progress,
    project::{functions_of, services},
};

const ARRIVES_WITHIN: Duration = Duration::from_secs(60);

/// Deploys them all with these parameters; each name with the id of its API.
pub async fn deploy_services(
    account: &SdkConfig,
    project: &Path,
    stage: &str,
    parameters: &[(&str, &str)],
) -> Result<Vec<(String, String)>> {
    let mut apis = Vec::new();
    for name in services()? {
        let step = progress::step("service");
        let template = project.join("infra").join(&name).join("template.yaml");
        let outputs = deploy(account, &name, &template, &functions_of(&name)?, parameters).await?;
        let api = outputs.get("ApiId").cloned().with_context(|| format!("the stack {name} has no output ApiId"))?;
        patches::deploy_gateway_responses(account, &api, stage).await?;
        step.done(format_args!("{name} deployed to account {BOOKING_ACCOUNT}"));
        apis.push((name, api));
    }
    Ok(apis)
}

/// What came of a service's first request.
#[derive(Debug)]
pub struct FirstRequest {
    /// The trace that the answer names.
    pub trace_id: String,
    /// The tenant and tier of the function's own span, empty where it names none.
    pub tenant: (String, String),
}

/// Asks a service for this user's items, and waits for the function's span.
///
/// # Errors
///
/// If it answers otherwise than with 200, names no trace, or no span comes.
pub async fn first_request(outputs: &Outputs, name: &str, user: &User, token: &str) -> Result<FirstRequest> {
    let client = reqwest::Client::new();
    let url = outputs.services.get(name).with_context(|| format!("{name} is not deployed"))?;
    let answer = client.get(format!("{url}/{name}")).bearer_auth(token).send().await?;
    let traceparent = answer.headers().get("traceparent").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let status = answer.status();
    let body: Value = answer.json().await.unwrap_or_default();
    ensure!(status == 200 && body["tenant_id"] == user.tenant.as_str(), "{name} answered {status}: {body}");
    let trace_id = traceparent.as_deref().and_then(|value| value.split('-').nth(1)).context("no traceparent")?;

    let trace = format!("/api/traces/{trace_id}");
    let (service, started) = (format!("{name}-api"), Instant::now());
    while started.elapsed() < ARRIVES_WITHIN {
        let answer: Value = outputs.ask_control_plane(&client, &trace).send().await?.json().await.unwrap_or_default();
        let spans = answer["spans"].as_array().map(Vec::as_slice).unwrap_or_default();
        if let Some(span) = spans.iter().find(|span| span["service"] == service.as_str() && span["kind"] == "SERVER") {
            let text = |key: &str| span[key].as_str().unwrap_or_default().to_owned();
            return Ok(FirstRequest { trace_id: trace_id.to_owned(), tenant: (text("tenant"), text("tier")) });
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(anyhow::anyhow!("no span of {service} came for trace {trace_id}"))
}
