//! The HTTP client of every call that is not an AWS SDK call: OTLP export, JWKS, signed calls to other accounts.
//!
//! It is the SDK's own connector (hyper, rustls on aws-lc), so a function carries one HTTP stack and one TLS library.

use std::{fmt, time::Duration};

use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::HttpRequest,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use bytes::Bytes;
use http::{Request, Response};

use super::tls::{Roots, context, provider};

/// Why a call got no response.
#[derive(Debug, thiserror::Error)]
pub enum HttpClientError {
    /// The request cannot be sent as it is.
    #[error("invalid request: {0}")]
    InvalidRequest(String),
    /// No connection, or it broke.
    #[error("no response: {0}")]
    NoResponse(String),
    /// No complete response within the time allowed.
    #[error("no response within {} ms", .0.as_millis())]
    Timeout(Duration),
}

/// A pooled HTTP/1.1 client with one timeout for the whole exchange, body included.
#[derive(Clone)]
pub struct HttpClient {
    connector: SharedHttpConnector,
    timeout: Duration,
}

impl HttpClient {
    /// A client for AWS itself, whose calls take at most `timeout`, connecting included.
    pub fn new(timeout: Duration) -> Self {
        Self::trusting(Roots::of_aws(), timeout)
    }

    /// A client that trusts these certificate authorities.
    pub fn trusting(roots: Roots, timeout: Duration) -> Self {
        let settings = HttpConnectorSettings::builder().connect_timeout(timeout).read_timeout(timeout).build();
        let connector = Connector::builder()
            .connector_settings(settings)
            .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
            .tls_provider(provider())
            .tls_context(context(roots))
            .build();
        Self { connector: SharedHttpConnector::new(connector), timeout }
    }

    /// Sends a request and reads the whole response.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpClientError> {
        let request = HttpRequest::try_from(request.map(SdkBody::from))
            .map_err(|error| HttpClientError::InvalidRequest(error.to_string()))?;
        let exchange = async {
            let response = self
                .connector
                .call(request)
                .await
                .map_err(|error| HttpClientError::NoResponse(error_chain(&error)))?
                .try_into_http1x()
                .map_err(|error| HttpClientError::NoResponse(error.to_string()))?;
            let (parts, body) = response.into_parts();
            let body = ByteStream::new(body)
                .collect()
                .await
                .map_err(|error| HttpClientError::NoResponse(error_chain(&error)))?
                .into_bytes();
            Ok(Response::from_parts(parts, body))
        };
        tokio::time::timeout(self.timeout, exchange).await.unwrap_or(Err(HttpClientError::Timeout(self.timeout)))
    }
}

/// The message of an error and of all its causes: the outermost alone seldom says why.
pub(crate) fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl opentelemetry_http::HttpClient for HttpClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, opentelemetry_http::HttpError> {
        Ok(self.send(request).await?)
    }
}
