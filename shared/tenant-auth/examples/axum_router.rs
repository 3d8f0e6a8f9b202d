//! An axum router behind API Gateway: only bearers of a valid token come to a route, and every span names their tenant.

use axum::{Extension, Router, http::Uri, routing::get};
use lambda_http::{Adapter, Error, lambda_runtime::Runtime, tower::Layer};
use tenant_auth::{AuthLayer, JwtVerifier, TenantContext, Tier};
use tenant_telemetry::{HttpLayer, Telemetry};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let telemetry = Telemetry::from_env().await?;
    let auth = AuthLayer::new(JwtVerifier::from_env([Tier::named("free"), Tier::named("pro")])?);
    let router = Router::new().route("/greetings/{name}", get(hello));
    let handler = HttpLayer::new().layer(auth.layer(router));
    Runtime::new(Adapter::from(handler)).layer(telemetry.export_layer()).run_concurrent().await
}

async fn hello(Extension(tenant): Extension<TenantContext>, uri: Uri) -> String {
    format!("hello {} from {}", tenant.tenant_id, uri.path())
}
