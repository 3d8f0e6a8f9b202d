//! Pages of other origins that may read the API with their users' tokens: the portal's.

use std::time::Duration;

use axum::{
    Router,
    http::{HeaderValue, Method, header, request::Parts},
    middleware::map_response,
    response::Response,
};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser need not ask again.
const MAX_AGE: Duration = Duration::from_secs(600);

/// Lets pages of these origins read `api`: by GET alone, with a token alone, since no credentials means that no cookie is sent along. Preflight is
/// answered without a token.
pub(crate) fn readable_by(origins: Vec<HeaderValue>, api: Router) -> Router {
    if origins.is_empty() {
        return api;
    }
    let allowed = AllowOrigin::predicate(move |origin, request| is_get(request) && origins.contains(origin));
    let cors = CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET])
        .allow_headers([header::AUTHORIZATION, header::HeaderName::from_static("traceparent")])
        .expose_headers([header::RETRY_AFTER])
        .max_age(MAX_AGE);
    api.layer(cors).layer(map_response(nothing_for_others))
}

/// Whether this is a GET, or asks for leave to send one. Browsers ask before a POST too and then send it whichever methods are named
/// (<https://fetch.spec.whatwg.org/#cors-safelisted-method>), so that one must not be let in at all.
fn is_get(request: &Parts) -> bool {
    let wanted = request.headers.get(header::ACCESS_CONTROL_REQUEST_METHOD);
    wanted.map_or(request.method == Method::GET, |method| method == "GET")
}

/// The library tells any origin which methods and headers are allowed.
async fn nothing_for_others(mut response: Response) -> Response {
    let headers = response.headers_mut();
    if !headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
        for name in [
            header::ACCESS_CONTROL_ALLOW_METHODS,
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            header::ACCESS_CONTROL_MAX_AGE,
        ] {
            headers.remove(name);
        }
    }
    response
}
