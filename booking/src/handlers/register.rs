//! `POST /registrations`: a company becomes a tenant, and whoever registers it becomes its admin.
//!
//! The tenant comes first, its admin second: what a crash in between leaves is a tenant without users, which does no harm. The
//! other way round it would be a user of a tenant that nobody knows.

use http::Response;
use lambda_http::{Body, Request, RequestExt, request::RequestContext};
use lambda_problem::Problem;
use tenancy::{RegistryEntry, Role};
use tenant_telemetry::Work;

use super::onboarding::{accepted, no_new_user, not_admitted, not_enrolled};
use crate::{
    domain::Registration,
    rate_limits::RateLimits,
    tenants::Tenants,
    user_pool::{Added, Membership, UserPool},
};

/// 202, whoever has the address already: nobody learns from it who is a user. Who asks again, with or without an `Idempotency-Key`,
/// is a user by then and changes nothing.
pub async fn register(
    limits: &RateLimits,
    tenants: &Tenants,
    users: &UserPool,
    request: &Request,
) -> Result<Response<Body>, Problem> {
    let Registration { company_name, email } = Registration::parse(request.body())?;
    limits.admit_source(source_ip(request).as_deref()).await.map_err(not_admitted)?;
    limits.admit_address(&email).await.map_err(not_admitted)?;
    let tenant = tenants.enrol(&company_name).await.map_err(not_enrolled)?;
    match users.add(&email, admin_of(&tenant)).await {
        Ok(Added::Now(admin)) => Work::current().serve(admin),
        Ok(Added::Before) => give_up(tenants, &tenant).await,
        Err(error) => {
            if error.is_certain() {
                give_up(tenants, &tenant).await;
            }
            return Err(no_new_user(error));
        }
    }
    accepted(&email)
}

fn admin_of(tenant: &RegistryEntry) -> Membership<'_> {
    let RegistryEntry { tenant_id, tier, company_name, .. } = tenant;
    Membership { tenant_id, tier: *tier, company_name, role: Role::Admin }
}

/// A tenant that stays for want of an answer is unused, and no reason to fail.
async fn give_up(tenants: &Tenants, tenant: &RegistryEntry) {
    if let Err(error) = tenants.forget(&tenant.tenant_id).await {
        tracing::warn!(%error, "a tenant without users stays");
    }
}

/// The caller's address as API Gateway saw it. A header cannot be trusted, since the caller chooses it.
fn source_ip(request: &Request) -> Option<String> {
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV1(context)) => context.identity.source_ip.clone(),
        _ => None,
    }
}
