//! The layer that lets only verified tenants through to a handler.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Fuse, FusedFuture},
};
use http::StatusCode;
use lambda_http::{Request, RequestExt};
use lambda_problem::Problem;
use tenancy::{AccessLists, InvalidTenant, Quota, TenantContext};
use tenant_telemetry::Work;
use tower::{Layer, Service};

use super::{AuthError, Identify, Identity, caller};

/// Asks who sent a request, asks the registry (if it has one) whether its tenant is served and lets this caller in, tells telemetry whose request this is, and hands the
/// handler a [`TenantContext`] and the user's [`Role`](tenancy::Role) in the request's extensions, and the [`Quota`](tenancy::Quota) that the
/// registry has for this tenant, if it has one.
pub struct AuthLayer<I> {
    identify: Arc<I>,
    pub(crate) admission: Option<Admission>,
    beginning: Option<Beginning>,
}

/// Says of a verified tenant what holds of it now.
pub(crate) type Admission = Arc<dyn Fn(TenantContext) -> BoxFuture<'static, Admitted> + Send + Sync>;

/// What holds of a verified tenant.
pub(crate) struct Admitted {
    pub(crate) tenant: TenantContext,
    /// None where the tier's holds.
    pub(crate) quota: Option<Quota>,
    /// None where nobody is on them.
    pub(crate) access_lists: Option<Arc<AccessLists>>,
    /// Why it is not served, if it is not.
    pub(crate) refused: Option<Problem>,
}

/// Work for a tenant that nobody waits for.
type Beginning = Arc<dyn Fn(TenantContext) -> BoxFuture<'static, ()> + Send + Sync>;

impl<I> Clone for AuthLayer<I> {
    fn clone(&self) -> Self {
        Self { identify: self.identify.clone(), admission: self.admission.clone(), beginning: self.beginning.clone() }
    }
}

impl<I: Identify> AuthLayer<I> {
    /// A layer that lets those through whom `identify` knows.
    pub fn new(identify: I) -> Self {
        Self { identify: Arc::new(identify), admission: None, beginning: None }
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
        let AuthLayer { identify, admission, beginning } = self.auth.clone();
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
            let Admitted { tenant, quota, access_lists, refused } = match admission {
                None => Admitted { tenant, quota: None, access_lists: None, refused: None },
                Some(admit) => beside(admit(tenant), begun.as_mut()).await,
            };
            Work::current().serve(tenant.label().clone());
            caller::record_network(&request);
            if let Some(problem) = refused {
                tracing::info!(%problem, "tenant refused");
                return Err(problem);
            }
            if let Some(refused) = access_lists.and_then(|lists| caller::refuse(&lists, &request, &tenant)) {
                tracing::info!(by = refused.as_str(), "caller refused by its tenant's access lists");
                return Err(caller::refusal(refused));
            }
            request.extensions_mut().insert(tenant);
            request.extensions_mut().insert(role);
            if let Some(quota) = quota {
                request.extensions_mut().insert(quota);
            }
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

/// Lambda keeps a sandbox for each tenant where the function's `TenancyConfig` says so, and API Gateway names the tenant from the
/// verified claims: they can differ only if that mapping is wrong, or if somebody else invokes the function.
fn wrong_sandbox() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "wrong_tenant",
        "The token belongs to another tenant than the one for which the function was invoked.",
    )
}
