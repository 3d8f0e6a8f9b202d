//! The HTTP server.

use std::{path::Path, sync::Arc};

use anyhow::{Context, Result};
use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderValue, header},
    middleware::map_response,
    response::Response,
    routing::{get, post},
};
use tokio::net::TcpListener;

use crate::{
    api, intake, pages,
    store::{Reader, Writer},
};

/// What requests share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) writer: Writer,
    pub(crate) reader: Reader,
}

/// Serves on `listener`, with the store in `dir`, until `stop`; requests under way are finished.
pub async fn serve(listener: TcpListener, dir: &Path, stop: impl Future<Output = ()> + Send + 'static) -> Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let database = dir.join("spans.sqlite");
    let writer = Writer::start(&database).with_context(|| format!("cannot open {}", database.display()))?;
    let app = Arc::new(App { writer, reader: Reader::new(&database) });
    let router = Router::new()
        .route("/v1/traces", post(intake::export))
        .route("/api/traces", get(api::traces))
        .route("/api/traces/{id}", get(api::trace))
        .route("/healthz", get(|| async { "ok" }))
        .route("/", get(pages::traces))
        .route("/traces/{id}", get(pages::trace))
        .route("/static/style.css", get(pages::style))
        .layer(DefaultBodyLimit::max(intake::MAX_BODY_BYTES))
        .layer(map_response(secure))
        .with_state(app);
    Ok(axum::serve(listener, router).with_graceful_shutdown(stop).await?)
}

/// Span names come from outside: whatever they hold, a page runs nothing and loads nothing from elsewhere.
async fn secure(mut response: Response) -> Response {
    let policy = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
