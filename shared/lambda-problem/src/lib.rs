//! What handlers behind API Gateway answer with, and read of a request.
//!
//! | item | idea |
//! |---|---|
//! | [`Problem`], [`FieldError`], [`ProblemCode`] | RFC 9457 problem documents: every error that reaches a caller |
//! | [`json()`] | a JSON answer |
//! | [`route()`], [`matched_route`], [`no_such_route`] | the route of a request, and the answer where there is none; of HTTP APIs too with the feature `http-api` |
//! | [`query`], [`required_query`] | query parameters |
//! | [`page`] | `?limit=` and `?cursor=` of a list |
//! | `cors_layer`, `AllowedOrigin` | CORS, with the feature `cors` |
//!
//! ```
//! use http::{Response, StatusCode};
//! use lambda_http::{Body, Request, RequestExt};
//! use lambda_problem::{Problem, json, no_such_route, required_query, route};
//!
//! fn handle(request: &Request) -> Result<Response<Body>, Problem> {
//!     match route(request).as_str() {
//!         "/airports" => {
//!             let code = required_query(request, "code")?;
//!             if code != "LHR" {
//!                 return Err(Problem::new(StatusCode::NOT_FOUND, "unknown_airport", "There is no such airport.")
//!                     .with_field("code", "is no IATA code in use"));
//!             }
//!             json(StatusCode::OK, &serde_json::json!({ "code": code }))
//!         }
//!         _ => Err(no_such_route()),
//!     }
//! }
//!
//! let ask = |code: &str| {
//!     let parameters = std::collections::HashMap::from([("code".to_owned(), vec![code.to_owned()])]);
//!     let request = http::Request::get("https://api.example/airports").body(Body::Empty).unwrap();
//!     handle(&request.with_query_string_parameters(parameters)).unwrap_or_else(Problem::into_response)
//! };
//! assert_eq!(ask("LHR").status(), 200);
//! let refused = ask("XXX");
//! assert_eq!(refused.status(), 404);
//! assert_eq!(refused.headers()["content-type"], "application/problem+json");
//! ```
//!
//! # Errors
//!
//! The only error is [`Problem`], which is also an answer. Functions that read a request return a 400 that names the parameter, and a fault of the
//! service itself is a [`Problem::internal`].
//!
//! # Guarantees
//!
//! - A problem has a stable `code`, by which clients decide, beside the sentence for a person.
//! - What failed inside is in the log, never in the answer.
//! - Answers are a tenant's own, so no cache may keep them (`Cache-Control: no-store`).
//! - A parameter that is there twice is refused: which of them is meant is not for a function to guess.

#[cfg(feature = "cors")]
mod cors;
mod paging;
mod problem;
mod routing;

#[cfg(feature = "cors")]
pub use cors::{AllowedOrigin, cors_layer};
pub use paging::page;
pub use problem::{FieldError, Problem, ProblemCode};
pub use routing::{json, matched_route, no_such_route, query, required_query, route};
