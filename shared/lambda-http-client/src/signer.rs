//! SigV4 for HTTP calls that no SDK client makes: another account's API, X-Ray's OTLP endpoint.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>

use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, error::CredentialsError};
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use aws_smithy_runtime_api::client::identity::Identity;
use bytes::Bytes;
use http::Request;

/// Why a request was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The function's configuration names no credentials or no region.
    #[error("no {0} to sign with")]
    NotConfigured(&'static str),
    /// The provider has no credentials at the moment.
    #[error("no credentials: {0}")]
    Credentials(#[from] CredentialsError),
    /// The request cannot be signed as it is.
    #[error("not signed: {0}")]
    Unsignable(String),
}

/// Signs requests to one service with this function's own role. Credentials are asked for each time: the provider caches
/// and renews them.
#[derive(Debug, Clone)]
pub struct Signer {
    credentials: SharedCredentialsProvider,
    region: String,
    service: &'static str,
}

impl Signer {
    /// A signer for `service`, such as `execute-api` or `xray`.
    ///
    /// # Errors
    ///
    /// [`SignError::NotConfigured`] where the configuration has no credentials or no region.
    pub fn new(config: &SdkConfig, service: &'static str) -> Result<Self, SignError> {
        let credentials = config.credentials_provider().ok_or(SignError::NotConfigured("credentials"))?;
        let region = config.region().ok_or(SignError::NotConfigured("region"))?.to_string();
        Ok(Self { credentials, region, service })
    }

    /// Fetches credentials and returns a signer that signs without waiting.
    ///
    /// # Errors
    ///
    /// [`SignError::Credentials`] where the provider has none at the moment.
    pub async fn ready(&self) -> Result<ReadySigner<'_>, SignError> {
        Ok(ReadySigner { signer: self, identity: self.credentials.provide_credentials().await?.into() })
    }
}

/// A signer that already has its credentials.
#[derive(Debug)]
pub struct ReadySigner<'a> {
    signer: &'a Signer,
    identity: Identity,
}

impl ReadySigner<'_> {
    /// Adds the signature's headers. The headers that are there already are signed too, except `X-Amzn-Trace-Id`, which services on the way may
    /// rewrite.
    ///
    /// # Errors
    ///
    /// [`SignError::Unsignable`] where the request is not one that SigV4 can sign.
    pub fn sign(&self, request: &mut Request<Bytes>) -> Result<(), SignError> {
        let unsignable = |error: &dyn std::fmt::Display| SignError::Unsignable(error.to_string());
        let params = v4::SigningParams::builder()
            .identity(&self.identity)
            .region(&self.signer.region)
            .name(self.signer.service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| unsignable(&error))?
            .into();
        let url = request.uri().to_string();
        let headers = request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let body = SignableBody::Bytes(request.body());
        let signable =
            SignableRequest::new(request.method().as_str(), url, headers, body).map_err(|error| unsignable(&error))?;
        let (instructions, _signature) = sign(signable, &params).map_err(|error| unsignable(&error))?.into_parts();
        instructions.apply_to_request_http1x(request);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use aws_credential_types::Credentials;

    use super::*;

    #[tokio::test]
    async fn trace_context_is_signed_but_for_xrays_header_which_a_gateway_rewrites() {
        let signer = Signer {
            credentials: SharedCredentialsProvider::new(Credentials::new("AKID", "secret", None, None, "test")),
            region: "us-east-1".to_owned(),
            service: "execute-api",
        };
        let mut request = Request::get("https://api.example/miles")
            .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
            .header("x-amzn-trace-id", "Root=1-5759e988-bd862e3fe1be46a994272793")
            .body(Bytes::new())
            .unwrap();
        signer.ready().await.unwrap().sign(&mut request).unwrap();
        let authorization = request.headers()["authorization"].to_str().unwrap();
        assert!(authorization.contains("SignedHeaders=host;traceparent;x-amz-date,"), "{authorization}");
        assert!(request.headers().contains_key("x-amzn-trace-id"));
    }
}
