//! Refuses tenants that are not active in the registry.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::StatusCode;
use lambda_problem::Problem;
use tenancy::TenantContext;

use super::{RegistryAway, Standing, TenantRegistry};
use crate::{AuthLayer, Identify, layer::Admitted};

impl<I: Identify> AuthLayer<I> {
    /// Admits only tenants that are active in `registry`, at the tier that the registry has for them.
    pub fn with_registry(mut self, registry: TenantRegistry) -> Self {
        let registry = Arc::new(registry);
        let admission = move |tenant| -> BoxFuture<'static, _> {
            let registry = registry.clone();
            Box::pin(async move { admit(&registry, tenant).await })
        };
        self.admission = Some(Arc::new(admission));
        self
    }
}

/// Returns the tenant as the registry knows it, or why it is not served.
async fn admit(registry: &TenantRegistry, tenant: TenantContext) -> Admitted {
    let refuse = |code, detail: &str| Some(Problem::new(StatusCode::FORBIDDEN, code, detail));
    let (tenant, quota, access_lists, refused) = match registry.standing(&tenant.tenant_id).await {
        Ok(Standing::Active(tier, quota, lists)) => (tenant.with_tier(tier), quota, lists, None),
        Ok(Standing::Suspended(tier)) => {
            (tenant.with_tier(tier), None, None, refuse("tenant_suspended", "This tenant is suspended."))
        }
        Ok(Standing::Unknown) => {
            (tenant, None, None, refuse("unknown_tenant", "The token's tenant is not registered."))
        }
        Err(RegistryAway) => {
            let problem =
                Problem::unavailable("tenant_registry_unavailable", "Tenants cannot be checked at the moment.");
            (tenant, None, None, Some(problem))
        }
    };
    Admitted { tenant, quota, access_lists, refused }
}
