//! Catches the request that opentelemetry-otlp would send. That crate reads the standard variables, and this shows the address and headers that it
//! made of them.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, Uri};
use opentelemetry_http::{HttpClient, HttpError};
use parking_lot::Mutex;

/// Takes the place of opentelemetry-otlp's HTTP client.
#[derive(Debug, Clone, Default)]
pub(crate) struct Caught(Arc<Mutex<Option<(Uri, HeaderMap)>>>);

impl Caught {
    /// Where the last request would have gone, and with which headers.
    pub(super) fn take(&self) -> Option<(Uri, HeaderMap)> {
        self.0.lock().take()
    }
}

#[async_trait::async_trait]
impl HttpClient for Caught {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, _) = request.into_parts();
        *self.0.lock() = Some((parts.uri, parts.headers));
        Ok(Response::new(Bytes::new()))
    }
}
