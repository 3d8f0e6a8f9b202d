//! The HTTP client of every call that is not an AWS SDK call: OTLP export, JWKS, signed calls to other accounts.
//!
//! With the feature `aws` it is the SDK's own connector, so that a function carries one HTTP stack; without, the client of hyper that the
//! SDK's is built on. TLS is rustls on aws-lc either way.

use std::{error::Error, fmt, time::Duration};

use bytes::Bytes;
use http::{Request, Response};

#[cfg(not(feature = "aws"))]
use super::hyper::Connector;
#[cfg(feature = "aws")]
use super::sdk_connector::Connector;
use super::tls::Roots;

/// Why a call got no response.
#[derive(Debug, thiserror::Error)]
pub enum HttpClientError {
    /// The request cannot be sent as it is.
    #[error("invalid request: {0}")]
    InvalidRequest(String),
    /// There was no connection, or it broke before the response was complete.
    #[error("no response: {0}")]
    NoResponse(String),
    /// No complete response within the time allowed.
    #[error("no response within {} ms", .0.as_millis())]
    Timeout(Duration),
}

/// A pooled HTTP/1.1 client with one timeout for the whole exchange, body included.
#[derive(Clone)]
pub struct HttpClient {
    connector: Connector,
    timeout: Duration,
}

impl HttpClient {
    /// A client for AWS itself, whose calls take at most `timeout`, connecting included: it trusts Amazon's roots.
    pub fn new(timeout: Duration) -> Self {
        Self::trusting(Roots::Amazon, timeout)
    }

    /// A client that trusts these certificate authorities.
    pub fn trusting(roots: Roots, timeout: Duration) -> Self {
        Self { connector: Connector::new(roots, timeout), timeout }
    }

    /// Sends a request and reads the whole response.
    ///
    /// # Errors
    ///
    /// If the URL has no host, if no response comes, or if it is not complete within the timeout. A status such as 500 is no error.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpClientError> {
        if request.uri().authority().is_none() {
            return Err(HttpClientError::InvalidRequest(format!("{} names no host", request.uri())));
        }
        let exchange = self.connector.exchange(request);
        tokio::time::timeout(self.timeout, exchange).await.unwrap_or(Err(HttpClientError::Timeout(self.timeout)))
    }
}

/// The messages of an error and of all its causes. The outermost message alone seldom says why a call failed.
pub(crate) fn error_chain(error: &dyn Error) -> String {
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
