//! What handlers behind API Gateway answer with, and read of a request.
//!
//! | module | idea |
//! |---|---|
//! | `problem` | RFC 9457 problem documents: every error that reaches a caller |
//! | `routing` | the route of a request, JSON answers, query parameters, CORS |
//! | `paging` | `?limit=` and `?cursor=` of a list |
//!
//! ```
//! use http::StatusCode;
//! use lambda_problem::Problem;
//!
//! let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown_airport", "There is no such airport.")
//!     .with_field("/from_airport", "XXX is no IATA code in use");
//! let response = problem.into_response();
//! assert_eq!(response.status(), 422);
//! assert_eq!(response.headers()["content-type"], "application/problem+json");
//! ```

mod paging;
mod problem;
mod routing;

pub use paging::page;
pub use problem::{FieldError, Problem};
pub use routing::{cors_layer, json, no_such_route, query, required_query, route};
