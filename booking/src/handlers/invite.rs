//! `POST /invitations`: an admin lets a colleague into their own tenant.

use http::{Response, StatusCode};
use lambda_http::{Body, Request};
use lambda_problem::Problem;
use tenancy::{Role, TenantContext};

use super::onboarding::{accepted, no_new_user, not_admitted};
use crate::{domain::Invitation, rate_limits::RateLimits, user_pool::UserPool};

/// 202, whoever has the address already, and in whatever tenant: they stay there. A colleague gets the admin's tenant and tier, as
/// the admin's token has them.
pub async fn invite(limits: &RateLimits, users: &UserPool, request: &Request) -> Result<Response<Body>, Problem> {
    let admin = request.extensions().get::<TenantContext>().ok_or_else(Problem::internal)?;
    if request.extensions().get() != Some(&Role::Admin) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "not_an_admin", "Only an admin may invite colleagues."));
    }
    let Invitation { email } = Invitation::parse(request.body())?;
    limits.admit_tenant(&admin.tenant_id).await.map_err(not_admitted)?;
    limits.admit_address(&email).await.map_err(not_admitted)?;
    users.add(&email, &admin.tenant_id, admin.tier, Role::Member).await.map_err(no_new_user)?;
    accepted(&email)
}
