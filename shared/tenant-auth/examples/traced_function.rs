//! A function of your own behind API Gateway: every span names its tenant, errors are problem documents.

use std::time::Duration;

use http::{Response, StatusCode};
use lambda_http::{Adapter, Body, Request};
use lambda_http_client::HttpClient;
use lambda_problem::{Problem, json};
use lambda_runtime::{Error, Runtime};
use tenancy::{TenantContext, Tier};
use tenant_auth::{AuthLayer, JwtSettings, JwtVerifier};
use tenant_telemetry::{HttpLayer, Telemetry};
use tower::{Layer, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let telemetry = Telemetry::from_env().await?;
    let issuer = JwtSettings::cognito_from_env([Tier::named("free"), Tier::named("pro")])?;
    let auth = AuthLayer::new(JwtVerifier::new(issuer, HttpClient::new(Duration::from_secs(2))));
    let handler = HttpLayer::new().layer(auth.layer(service_fn(hello)));
    Runtime::new(Adapter::from(handler)).layer(telemetry.export_layer()).run_concurrent().await
}

async fn hello(request: Request) -> Result<Response<Body>, Problem> {
    let tenant = request.extensions().get::<TenantContext>().ok_or_else(Problem::internal)?;
    json(StatusCode::OK, &serde_json::json!({ "hello": tenant.tenant_id }))
}
