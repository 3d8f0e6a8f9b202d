//! `GET /new-service`: what new-service has for a tenant.

use http::{Response, StatusCode};
use lambda_http::{Body, Request};
use lambda_problem::{Problem, json, no_such_route, route};
use serde::Serialize;
use tenancy::TenantContext;

#[derive(Serialize)]
struct Answer<'a> {
    tenant_id: &'a str,
    tier: &'a str,
    items: Vec<String>,
}

/// Answers a request whose token was verified and whose tenant the registry has as active.
///
/// # Errors
///
/// A problem document with 404 if there is no such route.
pub(crate) async fn serve(request: Request) -> Result<Response<Body>, Problem> {
    // The layer before this put it there, and nobody else can.
    let tenant = request.extensions().get::<TenantContext>().ok_or_else(Problem::internal)?;
    match route(&request).as_str() {
        "/new-service" => list(tenant),
        _ => Err(no_such_route()),
    }
}

/// The items of one tenant, of which there are none yet: a `tenant_store::TenantTable` keeps each tenant's own.
fn list(tenant: &TenantContext) -> Result<Response<Body>, Problem> {
    let label = tenant.label();
    let answer = Answer { tenant_id: label.tenant_id.as_str(), tier: label.tier.as_str(), items: Vec::new() };
    json(StatusCode::OK, &answer)
}
