//! OTLP over HTTP. opentelemetry-otlp encodes, by the standard `OTEL_EXPORTER_OTLP_*` variables; what it would send is caught
//! instead, so that it can be kept until it is acknowledged, and signed each time it is sent.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
#[cfg(feature = "aws-sdk")]
use lambda_http_client::Signer;
use lambda_http_client::{HttpClient, HttpClientError, Roots};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{SpanData, SpanExporter as _},
};

use super::Places;
use crate::TelemetryError;

/// An OTLP endpoint.
#[derive(Debug)]
pub(crate) struct Otlp {
    encoder: SpanExporter,
    caught: Caught,
    client: HttpClient,
    #[cfg(feature = "aws-sdk")]
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
    /// The endpoint of `OTEL_EXPORTER_OTLP_*`, which the encoder reads itself.
    pub(super) fn new(places: &Places, resource: &Resource) -> Result<Self, TelemetryError> {
        Self::at(Roots::of(places.otlp.as_deref().unwrap_or_default()), None, places.within, resource)
    }

    /// X-Ray's own endpoint, which takes OTLP where Transaction Search is on.
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-OTLPEndpoint.html>
    #[cfg(feature = "aws-sdk")]
    pub(super) fn to_xray(
        places: &Places,
        region: &str,
        signer: Signer,
        resource: &Resource,
    ) -> Result<Self, TelemetryError> {
        let given = places.xray_otlp.clone();
        let endpoint = given.unwrap_or_else(|| format!("https://xray.{region}.amazonaws.com/v1/traces"));
        let unsigned = Self::at(Roots::of(&endpoint), Some(endpoint), places.within, resource)?;
        Ok(Self { signer: Some(signer), ..unsigned })
    }

    fn at(
        roots: Roots,
        endpoint: Option<String>,
        within: Duration,
        resource: &Resource,
    ) -> Result<Self, TelemetryError> {
        let caught = Caught::default();
        let mut builder = SpanExporter::builder().with_http().with_http_client(caught.clone());
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        let mut encoder = builder.build().map_err(|error| TelemetryError::Exporter(error.to_string()))?;
        encoder.set_resource(resource);
        Ok(Self {
            encoder,
            caught,
            client: HttpClient::trusting(roots, within),
            #[cfg(feature = "aws-sdk")]
            signer: None,
        })
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
        #[cfg(feature = "aws-sdk")]
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
