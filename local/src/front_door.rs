//! Stable URLs: `/booking/…` is account A's API and `/mileage/…` account B's, as two domain names would be on AWS.

use std::sync::Arc;

use anyhow::Result;
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::ministack::REGION;

/// API Gateway's own limit.
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;

/// Headers that belong to one connection, not to the message (RFC 9110 §7.6.1).
const HOP_BY_HOP: [HeaderName; 6] = [
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
    header::PROXY_AUTHENTICATE,
];

/// An API behind the door.
#[derive(Debug, Clone)]
pub struct Api {
    /// The first path segment that leads to it.
    pub prefix: &'static str,
    /// Its account.
    pub account: &'static str,
    /// API Gateway's id of it.
    pub id: String,
    /// Its stage.
    pub stage: &'static str,
}

#[derive(Debug)]
struct Door {
    endpoint: String,
    apis: Vec<Api>,
    client: reqwest::Client,
}

/// Serves on `listener` until aborted.
pub fn open(listener: TcpListener, endpoint: &str, apis: Vec<Api>) -> Result<JoinHandle<()>> {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let door = Arc::new(Door { endpoint: endpoint.to_owned(), apis, client });
    let router = Router::new().fallback(pass).with_state(door);
    Ok(tokio::spawn(async move {
        // `serve` ends only with the process.
        let _served = axum::serve(listener, router).await;
    }))
}

async fn pass(State(door): State<Arc<Door>>, request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    let (prefix, rest) = path.split_once('/').unwrap_or((path, ""));
    let Some(api) = door.apis.iter().find(|api| api.prefix == prefix) else {
        return problem(StatusCode::NOT_FOUND, "Not Found", "There is no API at this path.");
    };
    // The emulator takes the account of an unsigned call from this hint.
    let hint = format!("X-Amz-Credential={}/x/{REGION}/execute-api/aws4_request", api.account);
    let signed =
        request.headers().get(header::AUTHORIZATION).is_some_and(|value| value.as_bytes().starts_with(b"AWS4"));
    let query = match (request.uri().query(), signed) {
        (Some(query), true) => query.to_owned(),
        (None, true) => String::new(),
        (Some(query), false) => format!("{query}&{hint}"),
        (None, false) => hint,
    };
    let url = format!("{}/restapis/{}/{}/_user_request_/{rest}?{query}", door.endpoint, api.id, api.stage);
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
        return problem(StatusCode::PAYLOAD_TOO_LARGE, "Payload Too Large", "The body is too large.");
    };
    let mut headers = parts.headers;
    headers.remove(header::HOST);
    HOP_BY_HOP.iter().for_each(|name| drop(headers.remove(name)));
    match door.client.request(parts.method, url).headers(headers).body(body).send().await {
        Ok(answer) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = answer.status();
            *response.headers_mut() = answer.headers().clone();
            HOP_BY_HOP.iter().for_each(|name| drop(response.headers_mut().remove(name)));
            *response.body_mut() = Body::from_stream(answer.bytes_stream());
            response
        }
        Err(_) => problem(StatusCode::BAD_GATEWAY, "Bad Gateway", "The local cloud does not answer."),
    }
}

fn problem(status: StatusCode, title: &str, detail: &str) -> Response {
    let body =
        serde_json::json!({ "type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail });
    let json = HeaderValue::from_static("application/problem+json");
    (status, [(header::CONTENT_TYPE, json)], body.to_string()).into_response()
}
