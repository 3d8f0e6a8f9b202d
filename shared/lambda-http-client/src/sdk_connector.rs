//! The SDK's own connector, for functions that have the AWS SDK anyway.

use std::{error::Error, time::Duration};

use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::HttpRequest,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use bytes::Bytes;
use http::{Request, Response};

use crate::{
    client::{HttpClientError, error_chain},
    tls::{Roots, sdk},
};

/// Keeps connections open between calls.
#[derive(Clone)]
pub(crate) struct Connector(SharedHttpConnector);

impl Connector {
    pub(crate) fn new(roots: Roots, within: Duration) -> Self {
        let settings = HttpConnectorSettings::builder().connect_timeout(within).read_timeout(within).build();
        let connector = aws_smithy_http_client::Connector::builder()
            .connector_settings(settings)
            .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
            .tls_provider(sdk::provider())
            .tls_context(sdk::context(roots))
            .build();
        Self(SharedHttpConnector::new(connector))
    }

    pub(crate) async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpClientError> {
        let no_response = |error: &dyn Error| HttpClientError::NoResponse(error_chain(error));
        let request = HttpRequest::try_from(request.map(SdkBody::from))
            .map_err(|error| HttpClientError::InvalidRequest(error.to_string()))?;
        let response = self.0.call(request).await.map_err(|error| no_response(&error))?;
        let (parts, body) = response.try_into_http1x().map_err(|error| no_response(&error))?.into_parts();
        let body = ByteStream::new(body).collect().await.map_err(|error| no_response(&error))?.into_bytes();
        Ok(Response::from_parts(parts, body))
    }
}
