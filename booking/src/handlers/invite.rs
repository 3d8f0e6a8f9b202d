//! `POST /invitations`: an admin lets a colleague into their own tenant.

use http::{Response, StatusCode};
use lambda_http::{Body, Request};
use lambda_problem::Problem;
use tenancy::{Role, TenantContext, TenantLabel};

use super::onboarding::{accepted, no_new_user, not_admitted, not_enrolled};
use crate::{
    domain::Invitation,
    rate_limits::RateLimits,
    tenants::Tenants,
    user_pool::{Membership, UserPool},
};

/// 202, whoever has the address already, and in whatever tenant: they stay there. A colleague gets the admin's tenant and tier, as
/// the admin was verified to have them.
pub async fn invite(
    limits: &RateLimits,
    tenants: &Tenants,
    users: &UserPool,
    request: &Request,
) -> Result<Response<Body>, Problem> {
    let admin = request.extensions().get::<TenantContext>().ok_or_else(Problem::internal)?;
    if request.extensions().get() != Some(&Role::Admin) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "not_an_admin", "Only an admin may invite colleagues."));
    }
    let Invitation { email } = Invitation::parse(request.body())?;
    limits.admit_tenant(&admin.tenant_id).await.map_err(not_admitted)?;
    limits.admit_address(&email).await.map_err(not_admitted)?;
    let company_name = tenants.company_name(&admin.tenant_id).await.map_err(|error| not_enrolled(error.into()))?;
    let TenantLabel { tenant_id, tier, .. } = &**admin;
    let membership = Membership { tenant_id, tier: *tier, company_name: &company_name, role: Role::Member };
    users.add(&email, membership).await.map_err(no_new_user)?;
    accepted(&email)
}
