//! Which web pages of other origins may call the API.

use std::{str::FromStr, time::Duration};

use http::{
    HeaderValue, Method,
    header::{self, InvalidHeaderValue},
};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// The origin whose pages may call, as a browser writes it: `https://portal.example`. It is any origin where it is `*` or not set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AllowedOrigin(Option<HeaderValue>);

impl FromStr for AllowedOrigin {
    type Err = InvalidHeaderValue;
    fn from_str(text: &str) -> Result<Self, InvalidHeaderValue> {
        Ok(Self(if text == "*" { None } else { Some(text.parse()?) }))
    }
}

/// CORS for this origin: preflight is answered without a token, and browsers may read `traceparent`, `Location`, `Retry-After`, `RateLimit`
/// and `RateLimit-Policy`.
pub fn cors_layer(origin: AllowedOrigin) -> CorsLayer {
    let origin = origin.0.map_or_else(AllowOrigin::any, AllowOrigin::exact);
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
        .expose_headers([
            name("traceparent"),
            header::LOCATION,
            header::RETRY_AFTER,
            name("ratelimit"),
            name("ratelimit-policy"),
        ])
        .max_age(Duration::from_secs(600))
}
