//! A request passed on, and its answer passed back.

use anyhow::Result;
use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};

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

/// A client that leaves redirects to the caller.
pub fn client() -> Result<reqwest::Client> {
    Ok(reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?)
}

/// Sends a request to `url`. The answer is what came from there, 502 if nothing came, 413 if the body is too large.
pub async fn relay(
    client: &reqwest::Client,
    method: Method,
    url: String,
    mut headers: HeaderMap,
    body: Body,
) -> Response {
    let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
        return problem(StatusCode::PAYLOAD_TOO_LARGE, "Payload Too Large", "The body is too large.");
    };
    headers.remove(header::HOST);
    HOP_BY_HOP.iter().for_each(|name| drop(headers.remove(name)));
    match client.request(method, url).headers(headers).body(body).send().await {
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

/// A problem document.
pub fn problem(status: StatusCode, title: &str, detail: &str) -> Response {
    let body =
        serde_json::json!({ "type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail });
    let json = HeaderValue::from_static("application/problem+json");
    (status, [(header::CONTENT_TYPE, json)], body.to_string()).into_response()
}
