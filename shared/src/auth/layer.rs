//! The layer that lets only verified tenants through to a handler.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::header::AUTHORIZATION;
use lambda_http::Request;
use tower::{Layer, Service};

use super::{AuthError, Identity, TokenVerifier};
use crate::{http::Problem, telemetry::Work};

/// Verifies the bearer token, tells telemetry whose request this is, and hands the handler a
/// [`TenantContext`](crate::tenant::TenantContext) and the user's [`Role`](crate::tenant::Role) in the request's extensions.
#[derive(Clone)]
pub struct AuthLayer(Arc<TokenVerifier>);

impl AuthLayer {
    /// A layer that accepts what `verifier` accepts.
    pub fn new(verifier: TokenVerifier) -> Self {
        Self(Arc::new(verifier))
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = AuthService<S>;
    fn layer(&self, inner: S) -> AuthService<S> {
        AuthService { inner, verifier: self.0.clone() }
    }
}

/// The service [`AuthLayer`] makes.
#[derive(Clone)]
pub struct AuthService<S> {
    inner: S,
    verifier: Arc<TokenVerifier>,
}

impl<S> Service<Request> for AuthService<S>
where
    S: Service<Request, Error = Problem> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = S::Response;
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, Problem>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Problem>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let verifier = self.verifier.clone();
        Box::pin(async move {
            let authorization = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
            let Identity { tenant, role } = match verifier.verify(authorization).await {
                Ok(identity) => identity,
                Err(error) => {
                    if matches!(error, AuthError::KeysUnavailable(_)) {
                        tracing::error!(%error, "token not verified");
                    } else {
                        tracing::info!(%error, "token refused");
                    }
                    return Err(error.into());
                }
            };
            Work::current().serve(tenant.clone());
            request.extensions_mut().insert(tenant);
            request.extensions_mut().insert(role);
            inner.call(request).await
        })
    }
}
