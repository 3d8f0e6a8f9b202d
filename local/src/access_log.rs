//! Access logs of the APIs behind the front door, which stands for API Gateway: lines in the format of the template that the API is deployed from. Those of
//! refusals go to the control plane, in batches as Firehose delivers them.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use axum::{
    http::{HeaderMap, Method, StatusCode},
    response::Response,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Value, json};
use tenant_telemetry::propagation::field;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Lines that wait; more are lost, and the requests are served all the same.
const WAITING: usize = 10_000;
/// How long a batch gathers.
const GATHERED_FOR: Duration = Duration::from_millis(200);
const TRIES: u32 = 5;
const TRIED_EVERY: Duration = Duration::from_secs(1);
/// How API Gateway writes that there is nothing to say.
const NOTHING: &str = "-";
/// What comes before the name of a variable.
const CONTEXT: &str = "$context.";
/// The header by which API Gateway says that an answer is its own, and of which kind.
const ERROR_TYPE: &str = "x-amzn-errortype";

/// The format of the access log that a template sets, on one line.
pub fn format(template: &Path) -> Result<String> {
    let text = std::fs::read_to_string(template).with_context(|| format!("cannot read {}", template.display()))?;
    format_of(&text).with_context(|| format!("{} sets no access log", template.display()))
}

/// YAML folds the lines of `>-` that are indented further into one.
fn format_of(template: &str) -> Option<String> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut lines = template.lines().skip_while(|line| line.trim() != "Format: >-");
    let outer = indent(lines.next()?);
    let format: Vec<&str> = lines.take_while(|line| indent(line) > outer).map(str::trim).collect();
    (!format.is_empty()).then(|| format.join(" "))
}

/// What API Gateway knows of a request that is over.
#[derive(Debug)]
pub struct ForwardedRequest {
    at: Timestamp,
    begun: Instant,
    method: Method,
    /// The other end of the connection; never what a header says.
    address: IpAddr,
    trace: String,
}

impl ForwardedRequest {
    /// A request that begins now; `headers` are those that are passed on.
    pub fn begin(method: Method, address: IpAddr, headers: &HeaderMap) -> Self {
        let trace = headers.get(field::XRAY).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let root = trace.split(';').find_map(|part| part.strip_prefix("Root="));
        Self {
            at: Timestamp::now(),
            begun: Instant::now(),
            method,
            address: address.to_canonical(),
            trace: root.unwrap_or(NOTHING).to_owned(),
        }
    }

    /// Its line; `None` where the format has a variable that is not known here.
    fn line(&self, format: &str, status: StatusCode, headers: &HeaderMap) -> Option<String> {
        // Every answer of a function has it, and none of API Gateway's own.
        let by_function = headers.contains_key("traceparent");
        let of_function = |said: String| if by_function { said } else { NOTHING.to_owned() };
        let took = self.begun.elapsed().as_millis().to_string();
        let mut line = String::with_capacity(2 * format.len());
        let mut parts = format.split(CONTEXT);
        line.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let end = part.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '.').unwrap_or(part.len());
            let (name, rest) = part.split_at(end);
            line.push_str(&match name {
                "requestTimeEpoch" => self.at.as_millisecond().to_string(),
                "identity.sourceIp" => self.address.to_string(),
                "httpMethod" => self.method.to_string(),
                "status" => status.as_u16().to_string(),
                "xrayTraceId" => self.trace.clone(),
                "responseLatency" => took.clone(),
                "integrationLatency" => of_function(took.clone()),
                "integrationStatus" => of_function(StatusCode::OK.as_u16().to_string()),
                "error.responseType" if !by_function => response_type(status, headers).to_owned(),
                "requestId" | "integration.requestId" | "resourcePath" | "waf.status" | "error.responseType" => {
                    NOTHING.to_owned()
                }
                _ => return None,
            });
            line.push_str(rest);
        }
        Some(line)
    }
}

/// `$context.error.responseType` of an answer that is API Gateway's own.
fn response_type(status: StatusCode, headers: &HeaderMap) -> &'static str {
    let kind = headers.get(ERROR_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match (status, kind) {
        (StatusCode::UNAUTHORIZED, _) => "UNAUTHORIZED",
        (StatusCode::FORBIDDEN, "MissingAuthenticationTokenException") => "MISSING_AUTHENTICATION_TOKEN",
        (StatusCode::FORBIDDEN, _) => "ACCESS_DENIED",
        (StatusCode::BAD_REQUEST, _) => "BAD_REQUEST_PARAMETERS",
        (StatusCode::PAYLOAD_TOO_LARGE, _) => "REQUEST_TOO_LARGE",
        (StatusCode::TOO_MANY_REQUESTS, _) => "THROTTLED",
        _ => NOTHING,
    }
}

/// A line of an API's log.
type Line = (Log, i64, String);

/// Whose log: account and API.
type Log = (String, String);

/// The way of lines to the control plane.
#[derive(Debug)]
pub struct AccessLogs(Sender<Line>);

impl AccessLogs {
    /// Lines go to this control plane, for as long as this is there.
    pub fn to(control_plane_url: &str) -> Self {
        let (sender, receiver) = channel(WAITING);
        tokio::spawn(deliver_all(receiver, format!("{control_plane_url}/v1/access-logs")));
        Self(sender)
    }

    /// Writes the line of an answer, if it is a refusal: on AWS the filter lets no others through.
    pub fn write(&self, (account, api, format): (&str, &str, &str), request: &ForwardedRequest, answer: &Response) {
        if !answer.status().is_client_error() {
            return;
        }
        if let Some(line) = request.line(format, answer.status(), answer.headers()) {
            let log = (account.to_owned(), api.to_owned());
            let _lost = self.0.try_send((log, request.at.as_millisecond(), line));
        }
    }
}

async fn deliver_all(mut lines: Receiver<Line>, url: String) {
    let client = reqwest::Client::new();
    while let Some(first) = lines.recv().await {
        tokio::time::sleep(GATHERED_FOR).await;
        let mut batches: BTreeMap<Log, Vec<(i64, String)>> = BTreeMap::new();
        let further = std::iter::from_fn(|| lines.try_recv().ok());
        for (log, at, line) in std::iter::once(first).chain(further) {
            batches.entry(log).or_default().push((at, line));
        }
        for ((account, api), lines) in batches {
            if let Err(error) = deliver(&client, &url, &delivery(&account, &api, &lines)).await {
                eprintln!("an access log was not delivered: {error:#}");
            }
        }
    }
}

/// Sends a delivery until it is taken, a few times.
pub(crate) async fn deliver(client: &reqwest::Client, url: &str, delivery: &Value) -> Result<()> {
    for _ in 1..TRIES {
        match client.post(url).json(delivery).send().await {
            Ok(answer) if answer.status().is_success() => return Ok(()),
            _ => tokio::time::sleep(TRIED_EVERY).await,
        }
    }
    let answer = client.post(url).json(delivery).send().await.context("no answer from the control plane")?;
    ensure!(answer.status().is_success(), "the control plane answered {}", answer.status());
    Ok(())
}

/// A batch of lines, as Firehose delivers what CloudWatch Logs gave it.
pub(crate) fn delivery(account: &str, api: &str, lines: &[(i64, String)]) -> Value {
    let event = |(index, (at, line)): (usize, &(i64, String))| json!({ "id": format!("{at}-{index}"), "timestamp": at, "message": line });
    let batch = json!({
        "messageType": "DATA_MESSAGE",
        "owner": account,
        "logGroup": format!("/aws/apigateway/{api}"),
        "logStream": "0",
        "subscriptionFilters": ["refused"],
        "logEvents": lines.iter().enumerate().map(event).collect::<Vec<_>>(),
    });
    let record = json!({ "data": STANDARD.encode(batch.to_string()) });
    json!({ "requestId": api, "timestamp": Timestamp::now().as_millisecond(), "records": [record] })
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    const TEMPLATES: [&str; 2] =
        [include_str!("../../infra/booking/template.yaml"), include_str!("../../infra/mileage/template.yaml")];

    fn line(format: &str, status: u16, headers: &[(&'static str, &'static str)]) -> Value {
        let headers =
            headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let request = HeaderMap::from_iter([(
            HeaderName::from_static("x-forwarded-for"),
            HeaderValue::from_static("203.0.113.1"),
        )]);
        let request = ForwardedRequest::begin(Method::GET, "::ffff:127.0.3.4".parse().unwrap(), &request);
        let line = request.line(format, StatusCode::from_u16(status).unwrap(), &headers.collect()).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    #[test]
    fn lines_are_in_the_format_of_the_templates() {
        for template in TEMPLATES {
            let format = format_of(template).unwrap();
            let refused = line(&format, 401, &[(ERROR_TYPE, "UnauthorizedException")]);
            assert_eq!(
                (&refused["status"], &refused["error"], &refused["integration_status"]),
                (&"401".into(), &"UNAUTHORIZED".into(), &"-".into())
            );
            assert_eq!(refused["address"], "127.0.3.4", "the connection's, and not a header's");
            let answered = line(&format, 404, &[("traceparent", "00-1-1-01")]);
            assert_eq!((&answered["error"], &answered["integration_status"]), (&"-".into(), &"200".into()));
        }
    }

    #[test]
    fn a_refusal_has_the_type_that_api_gateway_gives_it() {
        let format = r#"{"error":"$context.error.responseType"}"#;
        let missing = [(ERROR_TYPE, "MissingAuthenticationTokenException")];
        for (status, headers, expected) in [
            (403, &missing[..], "MISSING_AUTHENTICATION_TOKEN"),
            (403, &[], "ACCESS_DENIED"),
            (413, &[], "REQUEST_TOO_LARGE"),
            (429, &[], "THROTTLED"),
            (404, &[], "-"),
        ] {
            assert_eq!(line(format, status, headers)["error"], expected, "{status}");
        }
    }

    #[test]
    fn a_template_without_an_access_log_is_told() {
        assert_eq!(format_of("Resources:\n  Api:\n    Format: x"), None);
        assert_eq!(
            format_of("a:\n  Format: >-\n    {\"a\":\"$context.status\",\n    \"b\":1}\n  c: d").as_deref(),
            Some("{\"a\":\"$context.status\", \"b\":1}")
        );
    }
}
