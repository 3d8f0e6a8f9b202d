//! X-Ray's rules, asked for by the function's own HTTP client.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, StatusCode, header};
use lambda_http_client::HttpClient;
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};
use xray_sampler::{Answer, Sampler, SystemClock, Transport, TransportError};

/// The longest a call for rules or targets may take. It is made after a response.
const XRAY_TIMEOUT: Duration = Duration::from_secs(1);

/// A sampler that asks where `OTEL_TRACES_SAMPLER_ARG` says.
pub(super) fn sampler(arg: &str) -> Sampler {
    let endpoint = arg.split(',').find_map(|part| part.trim().strip_prefix("endpoint="));
    let transport = XrayApi {
        endpoint: endpoint.unwrap_or("http://127.0.0.1:2000").trim_end_matches('/').to_owned(),
        http: HttpClient::new(XRAY_TIMEOUT),
    };
    let mut client_id = RandomIdGenerator::default().new_trace_id().to_string();
    client_id.truncate(24);
    Sampler::new(client_id, Arc::new(transport), Arc::new(SystemClock))
}

/// X-Ray's sampling calls, through the collector or daemon that signs them.
#[derive(Debug)]
struct XrayApi {
    endpoint: String,
    http: HttpClient,
}

impl Transport for XrayApi {
    fn post(&self, path: &'static str, body: Vec<u8>) -> Answer<'_> {
        Box::pin(async move {
            let failed = |error: &dyn std::fmt::Display| TransportError(error.to_string());
            let request = Request::post(format!("{}{path}", self.endpoint))
                .header(header::CONTENT_TYPE, "application/json")
                .body(Bytes::from(body))
                .map_err(|error| failed(&error))?;
            let response = self.http.send(request).await.map_err(|error| failed(&error))?;
            if response.status() != StatusCode::OK {
                return Err(failed(&response.status()));
            }
            Ok(response.into_body().to_vec())
        })
    }
}
