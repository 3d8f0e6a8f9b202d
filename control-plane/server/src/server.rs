//! The HTTP server.

use std::{path::Path, sync::Arc, time::Instant};

use anyhow::{Context, Result};
use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    http::{HeaderValue, StatusCode, header},
    middleware::{Next, from_fn, map_response},
    response::Response,
    routing::{any, get, post},
};
use control_plane_embedded::{Reader, Writer};
use tokio::net::TcpListener;

use slo::Prices;

use crate::{
    alerting::Notifier,
    api::{self, Logs},
    config::Config,
    evaluator::Evaluator,
    forward::Forwarder,
    intake::{self, Keys},
    pages,
    problem::Problem,
};

/// What requests share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) writer: Writer,
    pub(crate) reader: Reader,
    pub(crate) keys: Keys,
    pub(crate) forwarders: Vec<Forwarder>,
    pub(crate) logs: Option<Logs>,
    pub(crate) evaluator: Evaluator,
    pub(crate) prices: Option<Arc<Prices>>,
}

/// Serves on `listener`, with the store in `dir`, until `stop`; requests under way are finished. `ready` is called once everything
/// is there that an answer needs.
pub async fn serve(
    listener: TcpListener,
    dir: &Path,
    config: &Config,
    stop: impl Future<Output = ()> + Send + 'static,
    ready: impl FnOnce() -> Result<()>,
) -> Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let database = dir.join("control-plane.sqlite");
    let writer =
        Writer::start(&database, config.retention()).with_context(|| format!("cannot open {}", database.display()))?;
    let reader = Reader::new(&database);
    let notifier = Notifier::start(config.webhooks()?);
    let app = Arc::new(App {
        evaluator: Evaluator::start(reader.clone(), writer.clone(), config.slo()?, notifier)?,
        prices: config.prices().map(Arc::new),
        writer,
        reader,
        keys: config.keys()?,
        forwarders: config.destinations()?.into_iter().map(Forwarder::start).collect::<Result<_, _>>()?,
        logs: config.logs_url().map(Logs::new).transpose()?,
    });
    let router = Router::new()
        .route("/v1/traces", post(intake::export).fallback(intake::not_served))
        .route("/v1/{*signal}", any(intake::not_served))
        .route("/api/map", get(api::map))
        .route("/api/traces", get(api::traces))
        .route("/api/traces/{id}", get(api::trace))
        .route("/api/traces/{id}/logs", get(api::trace_logs))
        .route("/api/facets", get(api::facets))
        .route("/api/slo", get(api::slo))
        .route("/api/tenants/{id}", get(api::tenant))
        .route("/api/alerts", get(api::alerts))
        .route("/api/cost", get(api::cost))
        .route("/healthz", get(|| async { "ok" }))
        .merge(pages::routes())
        .fallback(async || Problem::new(StatusCode::NOT_FOUND, "There is nothing here."))
        .method_not_allowed_fallback(async || Problem::new(StatusCode::METHOD_NOT_ALLOWED, "Not with this method."))
        .layer(DefaultBodyLimit::max(intake::MAX_BODY_BYTES))
        .layer(map_response(secure))
        .layer(from_fn(timed))
        .with_state(app);
    ready()?;
    Ok(axum::serve(listener, router).with_graceful_shutdown(stop).await?)
}

/// Span names come from outside: whatever they hold, a page runs nothing but our own script and loads nothing from elsewhere.
async fn secure(mut response: Response) -> Response {
    let policy = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; \
                  base-uri 'none'; frame-ancestors 'none'";
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// Says what the request took here: <https://www.w3.org/TR/server-timing/>.
async fn timed(request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let mut response = next.run(request).await;
    let timing = format!("total;dur={:.3}", begun.elapsed().as_secs_f64() * 1e3);
    if let Ok(timing) = HeaderValue::from_str(&timing) {
        response.headers_mut().insert("server-timing", timing);
    }
    response
}
