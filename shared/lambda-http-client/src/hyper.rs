//! The client of hyper, for functions without the AWS SDK.

use std::{error::Error, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

use crate::{
    client::{HttpClientError, error_chain},
    tls::{Roots, plain::config},
};

/// Keeps connections open between calls.
#[derive(Clone)]
pub(crate) struct Connector(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl Connector {
    pub(crate) fn new(roots: Roots, connect_within: Duration) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(connect_within));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config(roots))
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Self(Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector))
    }

    pub(crate) async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpClientError> {
        let no_response = |error: &dyn Error| HttpClientError::NoResponse(error_chain(error));
        let response = self.0.request(request.map(Full::new)).await.map_err(|error| no_response(&error))?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| no_response(&error))?.to_bytes();
        Ok(Response::from_parts(parts, body))
    }
}
