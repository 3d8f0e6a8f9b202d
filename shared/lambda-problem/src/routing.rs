//! What handlers behind API Gateway share: the route, JSON answers, query parameters.

use http::{HeaderValue, Response, StatusCode, header};
use lambda_http::{RequestExt, request::RequestContext};
use serde::Serialize;

use super::Problem;

/// The route of a request as API Gateway matched it, such as `/bookings/{number}`; where nothing has matched it, its path.
///
/// A function whose routes are in its template needs no router of its own: it can `match` on this. A second router would look at the path, which may
/// contain the stage, and could choose another route than the one that the gateway matched and authorised.
pub fn route<B>(request: &http::Request<B>) -> String {
    matched_route(request).unwrap_or_else(|| request.uri().path().to_owned())
}

/// The route that API Gateway matched, or `None` behind a load balancer or a function URL, which match nothing, and without the feature
/// `http-api` behind an HTTP API.
pub fn matched_route<B>(request: &http::Request<B>) -> Option<String> {
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV1(context)) => context.resource_path.clone(),
        // `GET /bookings/{number}`, or `$default` for what no other route matches.
        #[cfg(feature = "http-api")]
        Some(RequestContext::ApiGatewayV2(context)) => {
            context.route_key.as_deref()?.split_once(' ').map(|(_method, route)| route.to_owned())
        }
        _ => None,
    }
}

/// A JSON answer, with a body of `lambda_http`, of axum or any other that a text becomes.
///
/// # Errors
///
/// [`Problem::internal`] where the body cannot be written as JSON. The reason is logged.
pub fn json<B: From<String>>(status: StatusCode, body: &impl Serialize) -> Result<Response<B>, Problem> {
    let text = serde_json::to_string(body).map_err(|error| {
        tracing::error!(%error, "answer not serialised");
        Problem::internal()
    })?;
    let mut response = Response::new(B::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // Answers are a tenant's own: no cache may keep them.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// A query parameter, if it is there. A parameter that is there more than once is refused with 400, since a function cannot know which one is meant.
///
/// # Errors
///
/// A [`Problem`] of 400, `repeated_parameter`.
pub fn query<'a>(request: &'a impl RequestExt, name: &str) -> Result<Option<&'a str>, Problem> {
    let Some(query) = request.query_string_parameters_ref() else { return Ok(None) };
    match query.all(name).unwrap_or_default().as_slice() {
        [] => Ok(None),
        [value] => Ok(Some(value)),
        _ => {
            let sentence = format!("The query parameter {name} appears more than once.");
            let problem = Problem::new(StatusCode::BAD_REQUEST, "repeated_parameter", sentence);
            Err(problem.with_field(name, "must appear once"))
        }
    }
}

/// A query parameter that must be there, once.
///
/// # Errors
///
/// A [`Problem`] of 400, `missing_parameter` or `repeated_parameter`.
pub fn required_query<'a>(request: &'a impl RequestExt, name: &str) -> Result<&'a str, Problem> {
    query(request, name)?.ok_or_else(|| {
        Problem::new(StatusCode::BAD_REQUEST, "missing_parameter", format!("The query parameter {name} is required."))
            .with_field(name, "is required")
    })
}

/// The 404 for a route that this function does not serve.
pub fn no_such_route() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no_such_route", "There is no route at this path.")
}

#[cfg(test)]
mod tests {
    use lambda_http::request::from_str;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_route_is_what_the_gateway_matched() {
        let of_rest_api = json!({
            "httpMethod": "GET", "path": "/bookings/7", "resource": "/bookings/{number}", "headers": {},
            "requestContext": { "resourcePath": "/bookings/{number}", "httpMethod": "GET", "stage": "dev", "identity": {} },
        });
        let of_http_api = |route_key: &str| {
            json!({
                "version": "2.0", "routeKey": route_key, "rawPath": "/bookings/7", "rawQueryString": "", "headers": {}, "isBase64Encoded": false,
                "requestContext": { "routeKey": route_key, "stage": "$default", "timeEpoch": 0, "http": { "method": "GET", "path": "/bookings/7" } },
            })
        };
        let routes = |event: serde_json::Value| {
            let request = from_str(&event.to_string()).unwrap();
            (matched_route(&request), route(&request))
        };
        let matched = (Some("/bookings/{number}".to_owned()), "/bookings/{number}".to_owned());
        assert_eq!(routes(of_rest_api), matched);
        if cfg!(feature = "http-api") {
            assert_eq!(routes(of_http_api("GET /bookings/{number}")), matched);
            assert_eq!(routes(of_http_api("$default")), (None, "/bookings/7".to_owned()), "as behind a function URL");
        }
    }
}
