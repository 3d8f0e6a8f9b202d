//! The layer that lets only verified tenants through to a handler.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::{
    FutureExt as _,
    future::{Fuse, FusedFuture},
};
use http::StatusCode;
use lambda_http::{Request, RequestExt};
use lambda_problem::Problem;
use tenancy::{InvalidTenant, TenantContext};
use tenant_telemetry::Work;
use tower::{Layer, Service};

use super::{AuthError, Identify, Identity};
use crate::{
    TenantRegistry,
    registry::{RegistryAway, Standing},
};

/// Asks who sent a request, asks the registry whether its tenant is served, tells telemetry whose request this is, and hands the
/// handler a [`TenantContext`] and the user's [`Role`](tenancy::Role) in the request's extensions.
pub struct AuthLayer<I> {
    identify: Arc<I>,
    registry: Option<Arc<TenantRegistry>>,
    beginning: Option<Beginning>,
}

/// Work for a tenant that nobody waits for.
type Beginning = Arc<dyn Fn(TenantContext) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

impl<I> Clone for AuthLayer<I> {
    fn clone(&self) -> Self {
        Self { identify: self.identify.clone(), registry: self.registry.clone(), beginning: self.beginning.clone() }
    }
}

impl<I: Identify> AuthLayer<I> {
    /// A layer that lets those through whom `identify` knows.
    pub fn new(identify: I) -> Self {
        Self { identify: Arc::new(identify), registry: None, beginning: None }
    }

    /// Lets only tenants through that `registry` has as active, at the tier it has for them.
    pub fn asking(self, registry: TenantRegistry) -> Self {
        Self { registry: Some(Arc::new(registry)), ..self }
    }

    /// Begins this once a token is verified, while the registry is asked and the handler runs: what a tenant's first call will wait
    /// for, such as a session of the tenant's own. The handler does not wait for it.
    pub fn beginning<F: Future<Output = ()> + Send + 'static>(
        self,
        begin: impl Fn(TenantContext) -> F + Send + Sync + 'static,
    ) -> Self {
        Self { beginning: Some(Arc::new(move |tenant| Box::pin(begin(tenant)))), ..self }
    }
}

impl<S, I> Layer<S> for AuthLayer<I> {
    type Service = AuthService<S, I>;
    fn layer(&self, inner: S) -> AuthService<S, I> {
        AuthService { inner, auth: self.clone() }
    }
}

/// The service [`AuthLayer`] makes.
pub struct AuthService<S, I> {
    inner: S,
    auth: AuthLayer<I>,
}

impl<S: Clone, I> Clone for AuthService<S, I> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), auth: self.auth.clone() }
    }
}

impl<S, I> Service<Request> for AuthService<S, I>
where
    I: Identify,
    S: Service<Request> + Clone + Send + 'static,
    S::Error: Into<Problem>,
    S::Future: Send,
{
    type Response = S::Response;
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, Problem>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Problem>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let AuthLayer { identify, registry, beginning } = self.auth.clone();
        Box::pin(async move {
            let Identity { tenant, role } = match identify.identify(&request).await {
                Ok(identity) => identity,
                Err(error) => {
                    match error {
                        AuthError::KeysUnavailable(_) => tracing::error!(%error, "token not verified"),
                        // A plan that somebody sells and this service has not heard of.
                        AuthError::NoTenant(InvalidTenant::UnknownTier(_)) => tracing::error!(%error, "caller refused"),
                        _ => tracing::info!(%error, "caller refused"),
                    }
                    return Err(error.into());
                }
            };
            let sandbox = request.lambda_context_ref().and_then(|context| context.tenant_id.as_deref());
            if sandbox.is_some_and(|sandbox| sandbox != tenant.tenant_id.as_str()) {
                Work::current().serve(tenant.label().clone());
                tracing::error!("invoked for another tenant than the token's");
                return Err(wrong_sandbox());
            }
            let named = tenant.clone();
            let begun = async {
                if let Some(begin) = beginning {
                    begin(named).await;
                }
            };
            let mut begun = pin!(begun.fuse());
            let (tenant, refused) = match registry {
                None => (tenant, None),
                Some(registry) => beside(admit(&registry, tenant), begun.as_mut()).await,
            };
            Work::current().serve(tenant.label().clone());
            if let Some(problem) = refused {
                tracing::info!(%problem, "tenant refused");
                return Err(problem);
            }
            request.extensions_mut().insert(tenant);
            request.extensions_mut().insert(role);
            beside(inner.call(request), begun).await.map_err(Into::into)
        })
    }
}

/// What `main` comes to. `side` goes on meanwhile, and is not waited for.
async fn beside<T>(main: impl Future<Output = T>, mut side: Pin<&mut Fuse<impl Future<Output = ()>>>) -> T {
    let mut main = pin!(main);
    loop {
        tokio::select! {
            biased;
            output = &mut main => return output,
            () = &mut side, if !side.is_terminated() => {}
        }
    }
}

/// The tenant as the registry knows it, and why it is not served, if it is not.
async fn admit(registry: &TenantRegistry, tenant: TenantContext) -> (TenantContext, Option<Problem>) {
    let refuse = |code, detail: &str| Some(Problem::new(StatusCode::FORBIDDEN, code, detail));
    match registry.standing(&tenant.tenant_id).await {
        Ok(Standing::Active(tier)) => (tenant.with_tier(tier), None),
        Ok(Standing::Suspended(tier)) => {
            (tenant.with_tier(tier), refuse("tenant_suspended", "This tenant is suspended."))
        }
        Ok(Standing::Unknown) => (tenant, refuse("unknown_tenant", "The token's tenant is not registered.")),
        Err(RegistryAway) => (
            tenant,
            Some(Problem::unavailable("tenant_registry_unavailable", "Tenants cannot be checked at the moment.")),
        ),
    }
}

/// Lambda keeps a sandbox for each tenant where the function's `TenancyConfig` says so, and API Gateway names the tenant from the
/// verified claims: they can differ only if that mapping is wrong, or if somebody else invokes the function.
fn wrong_sandbox() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "wrong_tenant",
        "The token is another tenant's than the one this was invoked for.",
    )
}
