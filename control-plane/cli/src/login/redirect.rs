//! Where the browser comes back to: a port of loopback, for as long as a sign-in takes. RFC 8252 §7.3.
//!
//! It is called localhost, not 127.0.0.1: Cognito takes plain HTTP for that name alone.

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};
use axum::{
    Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
};

/// What a provider sends a browser back with: RFC 6749 §4.1.2, RFC 9207.
#[derive(Debug, Deserialize)]
pub(super) struct AuthorizationResponse {
    pub(super) code: Option<String>,
    #[serde(default)]
    state: String,
    pub(super) error: Option<String>,
    pub(super) error_description: Option<String>,
    pub(super) iss: Option<String>,
}

/// A browser that has come back, and waits for a page.
pub(super) struct ReturnedBrowser {
    answered: AuthorizationResponse,
    page: oneshot::Sender<bool>,
}

impl ReturnedBrowser {
    pub(super) fn answered(&self) -> &AuthorizationResponse {
        &self.answered
    }

    /// Shows it how the sign-in ended.
    pub(super) fn show_result(self, succeeded: bool) {
        // The window may be closed.
        let _gone = self.page.send(succeeded);
    }
}

/// What an answer is held to.
struct Expected {
    state: String,
    port: u16,
    came: mpsc::Sender<ReturnedBrowser>,
}

/// Listens until it is closed or dropped.
pub(super) struct Redirect {
    url: String,
    came: mpsc::Receiver<ReturnedBrowser>,
    end: watch::Sender<bool>,
    serving: JoinSet<()>,
}

impl Redirect {
    pub(super) async fn listen(port: u16, state: &str) -> Result<Self> {
        let taken =
            || format!("port {port} of this machine is not free; --port takes another, which the provider has to know");
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.with_context(taken)?;
        let port = first.local_addr()?.port();
        // A browser may try either; a machine may have no IPv6.
        let second = match TcpListener::bind(SocketAddr::from((Ipv6Addr::LOCALHOST, port))).await {
            Err(error) if error.kind() == ErrorKind::AddrInUse => return Err(error).with_context(taken),
            second => second.ok(),
        };
        let (sender, came) = mpsc::channel(1);
        let (end, ended) = watch::channel(false);
        let expected = Arc::new(Expected { state: state.to_owned(), port, came: sender });
        let router = Router::new().route("/callback", get(callback)).with_state(expected);
        let mut serving = JoinSet::new();
        for listener in std::iter::once(first).chain(second) {
            let (router, mut ended) = (router.clone(), ended.clone());
            serving.spawn(async move {
                let until = async move { drop(ended.changed().await) };
                // What went wrong is that nobody comes back.
                let _gone = axum::serve(listener, router).with_graceful_shutdown(until).await;
            });
        }
        Ok(Self { url: format!("http://localhost:{port}/callback"), came, end, serving })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The first browser that comes back with the right `state`. One that does not is shown the door, and does not end the sign-in: any page can
    /// send a browser here.
    pub(super) async fn came(&mut self) -> Option<ReturnedBrowser> {
        self.came.recv().await
    }

    /// Ends once the page is there.
    pub(super) async fn close(self) {
        let Self { came, end, mut serving, .. } = self;
        // Whoever comes back a second time is not waited for.
        drop(came);
        let _nobody_listens = end.send(true);
        let all = async { while serving.join_next().await.is_some() {} };
        let _kept_open = tokio::time::timeout(Duration::from_secs(1), all).await;
    }
}

async fn callback(
    State(expected): State<Arc<Expected>>,
    headers: HeaderMap,
    Query(answered): Query<AuthorizationResponse>,
) -> Response {
    // A page of somebody else may have a name that leads here.
    let own = [format!("localhost:{}", expected.port), format!("127.0.0.1:{}", expected.port)];
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    if answered.state != expected.state || !host.is_some_and(|host| own.iter().any(|own| own == host)) {
        return page(StatusCode::BAD_REQUEST, "This page does not belong to the sign-in for which the command waits.");
    }
    let (tell, told) = oneshot::channel();
    let waits = expected.came.send(ReturnedBrowser { answered, page: tell }).await;
    match (waits, told.await) {
        (Ok(()), Ok(true)) => page(StatusCode::OK, "You are signed in. You can close this window."),
        _ => page(StatusCode::BAD_REQUEST, "Nobody was signed in; the terminal says why. You can close this window."),
    }
}

/// A page that brings nothing along, and keeps its address to itself: it holds a code.
fn page(status: StatusCode, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONNECTION, "close"),
    ];
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>control-plane</title><p>{text}</p></html>"
    );
    (status, headers, Html(html)).into_response()
}

/// Opens a page in the user's browser, where there is one: the page was printed, too.
pub(super) fn open(page: &str) {
    let mac = cfg!(target_os = "macos");
    // Without a screen it would start a browser in the terminal, or none.
    if !mac && ["DISPLAY", "WAYLAND_DISPLAY"].iter().all(|name| std::env::var_os(name).is_none()) {
        return;
    }
    let mut command = Command::new(if mac { "open" } else { "xdg-open" });
    let _not_there = command.arg(page).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
}
