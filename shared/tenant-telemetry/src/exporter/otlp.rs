//! OTLP over HTTP. opentelemetry-otlp encodes, by the standard `OTEL_EXPORTER_OTLP_*` variables; what it would send is caught
//! instead, so that it can be kept until it is acknowledged, and signed each time it is sent.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use lambda_http_client::{HttpClient, HttpClientError, Roots, Signer};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{SpanData, SpanExporter as _},
};

use crate::TelemetryError;

/// The longest one attempt may take, unless `OTEL_EXPORTER_OTLP_TIMEOUT` says otherwise: it keeps the function busy after
/// its response, never the caller.
const TIMEOUT: Duration = Duration::from_secs(2);

/// An OTLP endpoint.
#[derive(Debug)]
pub(crate) struct Otlp {
    encoder: SpanExporter,
    caught: Caught,
    client: HttpClient,
    signer: Option<Signer>,
}

/// Why spans are still here.
#[derive(Debug)]
pub(crate) enum NotDelivered {
    /// The connection broke, as one does that a freeze outlived: worth another try at once.
    Broken(String),
    /// Try again later; after this long, if the receiver said so.
    Later(String, Option<Duration>),
    /// Refused for good.
    Refused(String),
}

/// A request as encoded. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Encoded {
    uri: http::Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl Otlp {
    pub(super) fn from_env(resource: &Resource) -> Result<Self, TelemetryError> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let endpoint =
            variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").or_else(|| variable("OTEL_EXPORTER_OTLP_ENDPOINT"));
        let roots = Roots::of(endpoint.as_deref().unwrap_or_default());
        Self::new(roots, None, resource, None)
    }

    /// X-Ray's own endpoint, which takes OTLP where Transaction Search is on.
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-OTLPEndpoint.html>
    pub(super) fn to_xray(region: &str, signer: Signer, resource: &Resource) -> Result<Self, TelemetryError> {
        let given = std::env::var("XRAY_OTLP_ENDPOINT").ok();
        let endpoint = given.unwrap_or_else(|| format!("https://xray.{region}.amazonaws.com/v1/traces"));
        Self::new(Roots::of(&endpoint), Some(endpoint), resource, Some(signer))
    }

    fn new(
        roots: Roots,
        endpoint: Option<String>,
        resource: &Resource,
        signer: Option<Signer>,
    ) -> Result<Self, TelemetryError> {
        let milliseconds = ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"]
            .into_iter()
            .find_map(|name| std::env::var(name).ok()?.parse().ok());
        let timeout = milliseconds.map_or(TIMEOUT, Duration::from_millis);
        let caught = Caught::default();
        let mut builder = SpanExporter::builder().with_http().with_http_client(caught.clone());
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        let mut encoder = builder.build().map_err(|error| TelemetryError::Exporter(error.to_string()))?;
        encoder.set_resource(resource);
        Ok(Self { encoder, caught, client: HttpClient::trusting(roots, timeout), signer })
    }

    /// Encodes spans. Nothing is sent.
    pub(super) async fn encode(&self, spans: Vec<SpanData>) -> Result<Encoded, String> {
        self.encoder.export(spans).await.map_err(|error| error.to_string())?;
        self.caught.take().ok_or_else(|| "nothing was encoded".to_owned())
    }

    /// Sends what was encoded; `Ok` is the receiver's acknowledgement.
    pub(super) async fn deliver(&self, encoded: &Encoded) -> Result<(), NotDelivered> {
        let mut request = Request::new(encoded.body.clone());
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = encoded.uri.clone();
        *request.headers_mut() = encoded.headers.clone();
        if let Some(signer) = &self.signer {
            let unsigned = |error: lambda_http_client::SignError| NotDelivered::Later(error.to_string(), None);
            signer.ready().await.map_err(unsigned)?.sign(&mut request).map_err(unsigned)?;
        }
        let response = self.client.send(request).await.map_err(|error| match error {
            HttpClientError::NoResponse(_) => NotDelivered::Broken(error.to_string()),
            HttpClientError::Timeout(_) => NotDelivered::Later(error.to_string(), None),
            HttpClientError::InvalidRequest(_) => NotDelivered::Refused(error.to_string()),
        })?;
        // The statuses that OTLP says may be tried again: <https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes>
        match response.status() {
            status if status.is_success() => Ok(()),
            status @ (StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT) => {
                let after = response.headers().get(header::RETRY_AFTER);
                let seconds = after.and_then(|value| value.to_str().ok()?.parse().ok());
                Err(NotDelivered::Later(status.to_string(), seconds.map(Duration::from_secs)))
            }
            status => Err(NotDelivered::Refused(status.to_string())),
        }
    }
}

/// Stands where opentelemetry-otlp's HTTP client would.
#[derive(Debug, Clone, Default)]
struct Caught(Arc<Mutex<Option<Encoded>>>);

impl Caught {
    fn take(&self) -> Option<Encoded> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take()
    }
}

#[async_trait::async_trait]
impl opentelemetry_http::HttpClient for Caught {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, opentelemetry_http::HttpError> {
        let (parts, body) = request.into_parts();
        let encoded = Encoded { uri: parts.uri, headers: parts.headers, body };
        *self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(encoded);
        Ok(Response::new(Bytes::new()))
    }
}
