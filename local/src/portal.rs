//! The portal: its files as infra/portal/template.yaml has them served on AWS, its configuration, and where those of its calls go
//! that are not to the two APIs.

use std::{
    future::ready,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Result;
use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::map_response,
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use serde::Serialize;
use tower_http::services::{ServeDir, ServeFile};

use crate::{
    ministack::BOOKING_ACCOUNT,
    outputs::{Outputs, User},
    relay::{self, problem, relay},
};

/// How the page is to be treated. Strict-Transport-Security is for TLS alone.
const PAGE_HEADERS: [(&str, &str); 6] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-cache"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=()"),
    ("cross-origin-opener-policy", "same-origin"),
];
/// An asset is named by its content.
const ASSET_HEADERS: [(&str, &str); 2] =
    [("x-content-type-options", "nosniff"), ("cache-control", "public, max-age=31536000, immutable")];

/// What a browser asks of Cognito. Everything else is for administrators, who sign.
const SIGN_IN: [&str; 3] = ["InitiateAuth", "RespondToAuthChallenge", "RevokeToken"];

/// `/config.json`; portal/README.md says what each field is.
#[derive(Debug, Serialize)]
struct Configuration {
    booking_url: &'static str,
    mileage_url: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    control_plane_url: Option<String>,
    user_pool_id: String,
    user_pool_client_id: String,
    cognito_endpoint: &'static str,
    trace_link: String,
    trace_link_name: &'static str,
    traces_endpoint: &'static str,
    mailbox: &'static str,
    demo_users: Vec<User>,
}

#[derive(Debug)]
struct Portal {
    index: PathBuf,
    configuration: Configuration,
    cognito: String,
    traces: String,
    mail: String,
    client: reqwest::Client,
}

/// Serves the portal that was built into `dist`. Where it was not, the page says how to.
pub fn routes(dist: &Path, outputs: &Outputs) -> Result<Router> {
    // One that asks nobody who they are has no figures for one tenant alone.
    let control_plane_url = outputs.control_plane_key.as_ref().map(|_| outputs.control_plane_url.clone());
    let policy = HeaderValue::try_from(security_policy(control_plane_url.as_deref()))?;
    let portal = Arc::new(Portal {
        index: dist.join("index.html"),
        configuration: Configuration {
            booking_url: "/booking",
            mileage_url: "/mileage",
            control_plane_url,
            user_pool_id: outputs.user_pool_id.clone(),
            user_pool_client_id: outputs.user_pool_client_id.clone(),
            cognito_endpoint: "/_local/cognito",
            trace_link: format!("{}/traces/{{trace_id}}", outputs.control_plane_url),
            trace_link_name: "control plane",
            traces_endpoint: "/_local/v1/traces",
            mailbox: "/_local/mail",
            demo_users: outputs.users.clone(),
        },
        cognito: format!("{}/", outputs.aws_endpoint_url),
        traces: format!("{}/v1/traces", outputs.control_plane_url),
        mail: format!("{}/_ministack/ses/messages", outputs.aws_endpoint_url),
        client: relay::client()?,
    });
    let page = Router::new()
        .route("/", get(index))
        .route("/config.json", get(configuration))
        .route_service("/icon.svg", ServeFile::new(dist.join("icon.svg")))
        .route_service("/licenses.md", ServeFile::new(dist.join("licenses.md")))
        .layer(map_response(async |response: Response| with(&PAGE_HEADERS, response)))
        .layer(map_response(move |mut response: Response| {
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy.clone());
            ready(response)
        }));
    let assets = Router::new()
        .nest_service("/assets", ServeDir::new(dist.join("assets")))
        .layer(map_response(async |response: Response| with(&ASSET_HEADERS, response)));
    let calls = Router::new()
        .route("/_local/cognito", post(sign_in))
        .route("/_local/v1/traces", post(take_spans))
        .route("/_local/mail", get(mail));
    Ok(page.merge(assets).merge(calls).with_state(portal))
}

/// What the page may load and call: here one origin has it all, but for the control plane.
fn security_policy(control_plane_url: Option<&str>) -> String {
    let control_plane = control_plane_url.map(|url| format!(" {url}/")).unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'{control_plane}; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
}

/// A file that is missing may be there soon.
fn with(headers: &[(&'static str, &'static str)], mut response: Response) -> Response {
    if response.status() != StatusCode::NOT_FOUND {
        response.headers_mut().extend(
            headers
                .iter()
                .map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_static(value))),
        );
    }
    response
}

async fn index(State(portal): State<Arc<Portal>>) -> Response {
    page(&portal.index).await
}

async fn page(index: &Path) -> Response {
    match tokio::fs::read(index).await {
        Ok(page) => Html(page).into_response(),
        Err(_) => {
            (StatusCode::NOT_FOUND, "The portal is not built yet: run `make portal`, then reload.\n").into_response()
        }
    }
}

async fn configuration(State(portal): State<Arc<Portal>>) -> Response {
    Json(&portal.configuration).into_response()
}

async fn sign_in(State(portal): State<Arc<Portal>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let operation = target.and_then(|target| target.strip_prefix("AWSCognitoIdentityProviderService."));
    if !operation.is_some_and(|operation| SIGN_IN.contains(&operation)) {
        return problem(StatusCode::FORBIDDEN, "Forbidden", "Browsers sign in and out here, and nothing else.");
    }
    relay(&portal.client, parts.method, portal.cognito.clone(), parts.headers, body).await
}

async fn take_spans(State(portal): State<Arc<Portal>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    relay(&portal.client, parts.method, portal.traces.clone(), parts.headers, body).await
}

/// What the user pool has mailed, the newest first.
async fn mail(State(portal): State<Arc<Portal>>) -> Response {
    let read = async { portal.client.get(&portal.mail).send().await?.error_for_status()?.json().await };
    let Ok::<serde_json::Value, reqwest::Error>(sent) = read.await else {
        return problem(StatusCode::BAD_GATEWAY, "Bad Gateway", "The local cloud does not answer.");
    };
    let mails = sent["messages"][BOOKING_ACCOUNT].as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let letter = |mail: &serde_json::Value| {
        format!(
            "To: {}\nSubject: {}\n\n{}\n",
            text(&mail["To"][0]),
            text(&mail["Subject"]),
            shown(&text(&mail["BodyText"]))
        )
    };
    let letters: Vec<_> = mails.iter().rev().map(letter).collect();
    if letters.is_empty() { "No mail yet.\n".to_owned() } else { letters.join("\n\n") }.into_response()
}

/// As a mail program shows it: Cognito mails HTML, of which the project's mails use no more than escapes.
fn shown(html: &str) -> String {
    let escapes = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    escapes.iter().fold(html.to_owned(), |text, (escape, character)| text.replace(escape, character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_shown_as_a_mail_program_would() {
        assert_eq!(
            shown("&lt;b&gt; Wright &amp; Sons&#39; &quot;Air&quot; &amp;lt;"),
            "<b> Wright & Sons' \"Air\" &lt;"
        );
    }

    #[tokio::test]
    async fn a_portal_that_is_not_built_says_how_to() {
        let response = page(Path::new("/nowhere/index.html")).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        let body = axum::body::to_bytes(response.into_body(), 1_000).await.unwrap();
        assert!(String::from_utf8_lossy(&body).contains("`make portal`"));
    }

    #[test]
    fn what_is_missing_is_not_kept_for_a_year() {
        let missing = with(&ASSET_HEADERS, StatusCode::NOT_FOUND.into_response());
        assert!(!missing.headers().contains_key(header::CACHE_CONTROL));
        let found = with(&ASSET_HEADERS, StatusCode::OK.into_response());
        assert!(found.headers()[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    }
}
