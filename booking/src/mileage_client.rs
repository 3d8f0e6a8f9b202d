//! The call to account B's API: signed with this function's own role (SigV4), in the caller's trace.

use std::time::{Duration, SystemTime};

use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use bytes::Bytes;
use http::{Request, StatusCode};
use serde::Deserialize;
use shared::{
    http::{HttpClient, HttpClientError, Problem},
    telemetry::{SendError, send},
};

/// Less than the function's own deadline, so that a slow account B becomes an answer instead of a timeout.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Account B's API.
#[derive(Debug, Clone)]
pub struct MileageClient {
    http: HttpClient,
    base_url: String,
    region: String,
    credentials: SharedCredentialsProvider,
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
    #[error("not signed: {0}")]
    NotSigned(String),
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
        let detail = "The miles of this route cannot be had at the moment.";
        match error {
            MileageError::Timeout => Problem::new(StatusCode::GATEWAY_TIMEOUT, "mileage_timeout", detail),
            MileageError::NoAnswer(_) => Problem::unavailable("mileage_unavailable", detail),
            MileageError::Unexpected(_) => Problem::new(StatusCode::BAD_GATEWAY, "mileage_unexpected", detail),
            MileageError::NotSigned(_) => Problem::internal(),
        }
    }
}

impl MileageClient {
    /// A client for the API at `base_url`, such as `https://<id>.execute-api.<region>.amazonaws.com/<stage>`.
    pub fn new(base_url: &str, region: &str, credentials: SharedCredentialsProvider) -> Self {
        Self {
            http: HttpClient::new(TIMEOUT),
            base_url: base_url.trim_end_matches('/').to_owned(),
            region: region.to_owned(),
            credentials,
        }
    }

    /// The miles a flight between two airports would earn.
    pub async fn miles(&self, from: &str, to: &str) -> Result<u32, MileageError> {
        let not_signed = |error: &dyn std::fmt::Display| MileageError::NotSigned(error.to_string());
        let credentials = self.credentials.provide_credentials().await.map_err(|error| not_signed(&error))?;
        let url = format!("{}/miles?from={from}&to={to}", self.base_url);
        let request = Request::get(&url).body(Bytes::new()).map_err(|error| not_signed(&error))?;
        let identity = credentials.into();
        let sign_with = |request: &mut Request<Bytes>| -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
            let params = v4::SigningParams::builder()
                .identity(&identity)
                .region(&self.region)
                .name("execute-api")
                .time(SystemTime::now())
                .settings(SigningSettings::default())
                .build()?
                .into();
            let headers =
                request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
            let signable = SignableRequest::new("GET", &url, headers, SignableBody::Bytes(&[]))?;
            let (instructions, _signature) = sign(signable, &params)?.into_parts();
            instructions.apply_to_request_http1x(request);
            Ok(())
        };
        let response = send(&self.http, request, sign_with).await.map_err(|error| match error {
            SendError::Sign(error) => not_signed(&error),
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
