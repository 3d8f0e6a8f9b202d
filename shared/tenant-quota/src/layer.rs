//! The Tower layer that limits each tenant to its requests a second.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::Response;
use lambda_http::{Body, IntoResponse, Request};
use lambda_problem::Problem;
use tenancy::{Quota, TenantContext};
use tenant_store::TenantTable;
use tower::{Layer, Service};

use crate::{
    TierQuotas,
    answer::{Policy, record_decision},
    bucket::Bucket,
    leases::{Leases, now},
    pool::{Answer, Limits},
};

/// Admits a request if its tenant's quota has a token for it. Other requests are answered with 429, or with 503 while the store cannot be reached.
/// Put it inside the layer that identifies the tenant: it reads the [`TenantContext`] from the request's extensions, and the [`Quota`] too if there
/// is one. Otherwise the tier's quota holds, which it adds to the extensions.
///
/// Clones share their tokens, so make one layer for all routes of a function.
pub struct QuotaLayer {
    leases: Arc<Leases<Bucket>>,
    tiers: Arc<TierQuotas>,
}

impl QuotaLayer {
    /// Leases tokens from items of `table`.
    pub fn new(table: TenantTable, tiers: TierQuotas) -> Self {
        Self { leases: Arc::new(Leases::new(table)), tiers: Arc::new(tiers) }
    }
}

impl Clone for QuotaLayer {
    fn clone(&self) -> Self {
        Self { leases: self.leases.clone(), tiers: self.tiers.clone() }
    }
}

impl<S> Layer<S> for QuotaLayer {
    type Service = QuotaService<S>;
    fn layer(&self, inner: S) -> QuotaService<S> {
        QuotaService { inner, quotas: self.clone() }
    }
}

/// The service that [`QuotaLayer`] makes.
#[derive(Clone)]
pub struct QuotaService<S> {
    inner: S,
    quotas: QuotaLayer,
}

impl<S> Service<Request> for QuotaService<S>
where
    S: Service<Request> + Clone + Send + 'static,
    S::Response: IntoResponse + Send,
    S::Error: Into<Problem> + Send,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Problem>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Problem>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let QuotaLayer { leases, tiers } = self.quotas.clone();
        Box::pin(async move {
            let tenant = request.extensions().get::<TenantContext>().cloned().ok_or_else(Problem::internal)?;
            let of_registry = request.extensions().get::<Quota>().copied();
            let Some(quota) = of_registry.or_else(|| tiers.of(tenant.tier)) else {
                tracing::error!(tier = %tenant.tier, "a tier without a quota");
                return Err(Problem::internal());
            };
            request.extensions_mut().insert(quota);
            let (bucket, limits) = (Bucket::from(quota), Limits::of_requests(quota));
            let asked = leases.ask(&tenant, &bucket, &limits).await;
            let told = record_decision(Policy::Requests, quota, asked.answer, asked.left, now())?;
            let renew = async {
                if let Answer::Admitted { renew: Some(_) } = asked.answer {
                    leases.renew(&tenant, &bucket, &limits).await;
                }
            };
            // The request waits for the renewal beside it: a sandbox without requests is frozen, and the answer would be lost.
            let (response, ()) = tokio::join!(inner.call(request), renew);
            match response {
                Ok(response) => {
                    let mut response = response.into_response().await;
                    if let Some(told) = told {
                        told.add_to(response.headers_mut());
                    }
                    Ok(response)
                }
                Err(error) => {
                    let problem = error.into();
                    Err(match told {
                        Some(told) => told.add_to_problem(problem),
                        None => problem,
                    })
                }
            }
        })
    }
}
