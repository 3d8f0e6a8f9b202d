//! The end of a process. Lambda sends SIGTERM before it ends a sandbox, but only where an extension is registered, so telemetry registers itself as
//! an internal extension where there is an Extensions API.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use lambda_http_client::HttpClient;
use tokio::signal::unix::{SignalKind, signal};

use super::Telemetry;

/// Lambda gives 500 ms between SIGTERM and SIGKILL where only internal extensions are registered. The log says what was not sent by then.
const FLUSH_WITHIN: Duration = Duration::from_millis(400);
/// Where an external one is registered, such as a collector's layer, it gives two seconds: these are the rest of them.
const THEN_WITHIN: Duration = Duration::from_millis(1_500);
const EXTENSION_ID: &str = "lambda-extension-identifier";

/// Registers the extension, if there is an API for it, and flushes on SIGTERM.
pub(super) async fn watch(telemetry: Telemetry, runtime_api: Option<String>) {
    if let Some(api) = runtime_api
        && let Some(extension_id) = register(&api).await
    {
        tokio::spawn(wait_for_events(api, extension_id));
    }
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
    tokio::spawn(async move {
        terminate.recv().await;
        telemetry.flush_everything("shutdown", FLUSH_WITHIN).await;
        telemetry.send(THEN_WITHIN).await;
        // The runtime would go on waiting for an invocation.
        std::process::exit(0);
    });
}

/// The extension's id. There is none without an Extensions API.
async fn register(api: &str) -> Option<String> {
    let request = Request::post(format!("http://{api}/2020-01-01/extension/register"))
        .header("lambda-extension-name", env!("CARGO_PKG_NAME"))
        .header("content-type", "application/json")
        .body(Bytes::from_static(b"{\"events\":[]}"))
        .ok()?;
    let response = HttpClient::new(Duration::from_secs(1)).send(request).await.ok()?;
    let id = response.headers().get(EXTENSION_ID)?.to_str().ok()?.to_owned();
    response.status().is_success().then_some(id)
}

/// Even an internal extension that is registered for no event must ask for the next one, since that ends its initialization.
async fn wait_for_events(api: String, extension_id: String) {
    let request = Request::get(format!("http://{api}/2020-01-01/extension/event/next"))
        .header(EXTENSION_ID, extension_id)
        .body(Bytes::new());
    if let Ok(request) = request {
        // Never answered, but for the end of the process.
        let _answer = HttpClient::new(Duration::from_secs(60 * 60 * 24 * 365)).send(request).await;
    }
}
