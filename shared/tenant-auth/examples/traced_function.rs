//! A function behind API Gateway: only bearers of a valid token are greeted, and every span names their tenant.

use lambda_http::{Adapter, Body, Error, Request, Response, lambda_runtime::Runtime, service_fn, tower::Layer};
use tenant_auth::{AuthLayer, JwtVerifier, Problem, TenantContext, Tier};
use tenant_telemetry::{HttpLayer, Telemetry};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let telemetry = Telemetry::from_env().await?;
    let auth = AuthLayer::new(JwtVerifier::from_env([Tier::named("free"), Tier::named("pro")])?);
    let handler = HttpLayer::new().layer(auth.layer(service_fn(hello)));
    Runtime::new(Adapter::from(handler)).layer(telemetry.export_layer()).run_concurrent().await
}

async fn hello(request: Request) -> Result<Response<Body>, Error> {
    let tenant = request.extensions().get::<TenantContext>().ok_or_else(Problem::internal)?;
    let greeting = format!("hello {} from {}", tenant.tenant_id, request.uri().path());
    Ok(Response::new(greeting.into()))
}
