//! The call to account B's API: signed with this function's own role (SigV4), in the caller's trace.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use lambda_http_client::{HttpClient, HttpClientError, Roots, SignError, Signer};
use lambda_problem::Problem;
use serde::Deserialize;
use tenant_telemetry::{SendError, send};

/// Less than the function's own deadline, so that a slow account B becomes an answer instead of a timeout.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Account B's API.
#[derive(Debug, Clone)]
pub struct MileageClient {
    http: HttpClient,
    base_url: String,
    signer: Signer,
}

/// What account B answers.
#[derive(Debug, Deserialize)]
struct Distance {
    miles: u32,
}

/// Why there is no distance.
#[derive(Debug, thiserror::Error)]
pub enum MileageError {
    /// This function has no credentials to sign with, or the request cannot be signed.
    #[error(transparent)]
    NotSigned(#[from] SignError),
    /// Account B did not answer in time.
    #[error("no answer in time")]
    Timeout,
    /// Account B cannot be reached.
    #[error("no answer: {0}")]
    NoAnswer(HttpClientError),
    /// Account B answered something that is no distance.
    #[error("unexpected answer: {0}")]
    Unexpected(StatusCode),
}

impl From<MileageError> for Problem {
    fn from(error: MileageError) -> Problem {
        tracing::error!(%error, "mileage API");
        let detail = "The miles of this route are not available at the moment.";
        match error {
            MileageError::Timeout => Problem::new(StatusCode::GATEWAY_TIMEOUT, "mileage_timeout", detail),
            MileageError::NoAnswer(_) => Problem::unavailable("mileage_unavailable", detail),
            MileageError::Unexpected(_) => Problem::new(StatusCode::BAD_GATEWAY, "mileage_unexpected", detail),
            MileageError::NotSigned(_) => Problem::internal(),
        }
    }
}

impl MileageClient {
    /// A client for the API at `base_url`, such as `https://<id>.execute-api.<region>.amazonaws.com/<stage>`, that trusts `roots`.
    pub fn new(base_url: &str, roots: Roots, signer: Signer) -> Self {
        let http = HttpClient::trusting(roots, TIMEOUT);
        Self { http, base_url: base_url.trim_end_matches('/').to_owned(), signer }
    }

    /// The miles a flight between two airports would earn.
    pub async fn miles(&self, from: &str, to: &str) -> Result<u32, MileageError> {
        let signer = self.signer.ready().await?;
        let url = format!("{}/miles?from={from}&to={to}", self.base_url);
        let request =
            Request::get(&url).body(Bytes::new()).map_err(|error| SignError::Unsignable(error.to_string()))?;
        let response =
            send(&self.http, request, |request| signer.sign(request)).await.map_err(|error| match error {
                SendError::Sign(error) => error.into(),
                SendError::Http(HttpClientError::Timeout(_)) => MileageError::Timeout,
                SendError::Http(error) => MileageError::NoAnswer(error),
            })?;
        if response.status() != StatusCode::OK {
            return Err(MileageError::Unexpected(response.status()));
        }
        let distance: Distance =
            serde_json::from_slice(response.body()).map_err(|_| MileageError::Unexpected(response.status()))?;
        Ok(distance.miles)
    }
}
