//! What handlers behind API Gateway share: the route, JSON answers, CORS, query parameters.

use std::env;

use http::{HeaderValue, Method, Response, StatusCode, header};
use lambda_http::{Body, Request, RequestExt, request::RequestContext};
use serde::Serialize;
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::Problem;

/// The route of a request as API Gateway matched it, such as `/bookings/{number}`.
pub fn route(request: &Request) -> String {
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV1(context)) => context.resource_path.clone(),
        _ => None,
    }
    .unwrap_or_else(|| request.uri().path().to_owned())
}

/// A JSON answer.
///
/// # Errors
///
/// [`Problem::internal`] where the body cannot be written as JSON. The reason is logged.
pub fn json(status: StatusCode, body: &impl Serialize) -> Result<Response<Body>, Problem> {
    let text = serde_json::to_string(body).map_err(|error| {
        tracing::error!(%error, "answer not serialised");
        Problem::internal()
    })?;
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // Answers are a tenant's own: no cache may keep them.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// A query parameter, if it is there. 400 where it is there more than once: which of them is meant is not for a function to guess.
///
/// # Errors
///
/// A [`Problem`] of 400, `repeated_parameter`.
pub fn query<'a>(request: &'a Request, name: &str) -> Result<Option<&'a str>, Problem> {
    let Some(query) = request.query_string_parameters_ref() else { return Ok(None) };
    match query.all(name).unwrap_or_default().as_slice() {
        [] => Ok(None),
        [value] => Ok(Some(value)),
        _ => {
            let sentence = format!("The query parameter {name} is there more than once.");
            let problem = Problem::new(StatusCode::BAD_REQUEST, "repeated_parameter", sentence);
            Err(problem.with_field(name, "must be there once"))
        }
    }
}

/// A query parameter that must be there, once.
///
/// # Errors
///
/// A [`Problem`] of 400, `missing_parameter` or `repeated_parameter`.
pub fn required_query<'a>(request: &'a Request, name: &str) -> Result<&'a str, Problem> {
    query(request, name)?.ok_or_else(|| {
        Problem::new(StatusCode::BAD_REQUEST, "missing_parameter", format!("The query parameter {name} is required."))
            .with_field(name, "is required")
    })
}

/// 404 for a route this function does not serve.
pub fn no_such_route() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no_such_route", "There is nothing at this path.")
}

/// CORS for the origin in `CORS_ALLOWED_ORIGIN` (`*` where it is not set): preflight is answered without a token, and
/// browsers may read `traceparent`, `Retry-After` and `Location`.
pub fn cors_layer() -> CorsLayer {
    let origin = env::var("CORS_ALLOWED_ORIGIN").ok().and_then(|origin| HeaderValue::from_str(&origin).ok());
    let origin = match origin {
        Some(origin) if origin != "*" => AllowOrigin::exact(origin),
        _ => AllowOrigin::any(),
    };
    let name = header::HeaderName::from_static;
    CorsLayer::new()
        .allow_origin(origin)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            name("idempotency-key"),
            name("traceparent"),
            name("tracestate"),
            name("baggage"),
            name("x-amzn-trace-id"),
            name("x-debug"),
        ])
        .expose_headers([name("traceparent"), header::RETRY_AFTER, header::LOCATION])
        .max_age(std::time::Duration::from_secs(600))
}
