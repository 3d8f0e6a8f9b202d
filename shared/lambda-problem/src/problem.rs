//! RFC 9457 problem documents: every error that reaches a caller has this shape.

use std::{collections::BTreeMap, convert::Infallible};

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use serde_json::Value;

/// One invalid field of a request: a JSON Pointer (RFC 6901) into the body or the name of a query parameter or header, and what
/// is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Which field, such as `/from_airport`.
    pub field: String,
    /// What is wrong with the field, in words for a person.
    pub detail: String,
}

/// The code of the problem in a response, as one of its extensions. Layers that log or count errors read it there and need not parse the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProblemCode(pub &'static str);

/// A problem document (RFC 9457), served as `application/problem+json`.
///
/// Unless it is of a registered type, `type` is `about:blank` and `title` is the status phrase. Clients decide by `status` and `code`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    /// A stable, machine-readable reason such as `unknown_airport`.
    code: &'static str,
    detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    #[serde(flatten)]
    members: BTreeMap<&'static str, Value>,
    #[serde(skip)]
    headers: HeaderMap,
}

impl Problem {
    /// A problem with this status, machine-readable code and one sentence for a person.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code,
            detail: detail.into(),
            errors: Vec::new(),
            members: BTreeMap::new(),
            headers: HeaderMap::new(),
        }
    }

    /// 500 without any detail of what failed: that is in the log, under the trace id the response carries.
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "The request could not be served.")
    }

    /// 503 with `Retry-After`: something this function needs is away for now.
    pub fn unavailable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).with_retry_after(1)
    }

    /// Adds `Retry-After`, in seconds.
    pub fn with_retry_after(mut self, seconds: u32) -> Self {
        self.headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        self
    }

    /// Adds a header to the response, beside those of the same name.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Gives the problem a type that is defined elsewhere, by the type's URI and title.
    pub fn of_type(mut self, uri: &'static str, title: &'static str) -> Self {
        (self.kind, self.title) = (uri, title);
        self
    }

    /// Adds an extension member that the problem's type defines.
    pub fn with_member(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.members.insert(name, value.into());
        self
    }

    /// Adds an invalid field to the problem.
    pub fn with_field(mut self, field: impl Into<String>, detail: impl Into<String>) -> Self {
        self.errors.push(FieldError { field: field.into(), detail: detail.into() });
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The machine-readable reason.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The fields of the request that are invalid.
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// The response a caller gets, with a body of `lambda_http`, of axum or any other that a text becomes. It has the code as [`ProblemCode`].
    pub fn into_response<B: From<String>>(self) -> Response<B> {
        let body = serde_json::to_string(&self).unwrap_or_else(|_| String::from("{}"));
        let mut response = Response::new(B::from(body));
        *response.status_mut() = self.status();
        response.extensions_mut().insert(ProblemCode(self.code));
        let unauthorized = self.status() == StatusCode::UNAUTHORIZED;
        let headers = response.headers_mut();
        *headers = self.headers;
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.status, self.code, self.detail)
    }
}

impl std::error::Error for Problem {}

/// A handler may fail with any error. A [`Problem`] is answered as it is; any other error is logged, and the caller gets [`Problem::internal`].
impl From<lambda_http::Error> for Problem {
    fn from(error: lambda_http::Error) -> Self {
        match error.downcast::<Problem>() {
            Ok(problem) => *problem,
            Err(error) => {
                tracing::error!(%error, "the handler failed");
                Self::internal()
            }
        }
    }
}

/// A handler that answers its own errors, such as an axum `Router`, never fails.
impl From<Infallible> for Problem {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::Body;

    use super::*;

    #[test]
    fn of_any_other_error_a_caller_hears_nothing() {
        let not_found = Problem::new(StatusCode::NOT_FOUND, "no_parcel", "No such parcel.");
        assert_eq!(Problem::from(lambda_http::Error::from(not_found.clone())), not_found);
        assert_eq!(Problem::from(lambda_http::Error::from("the database said no")), Problem::internal());
    }

    #[test]
    fn a_caller_is_told_one_time_to_come_back() {
        let response: Response<String> =
            Problem::unavailable("away", "It is away.").with_retry_after(5).into_response();
        assert_eq!(response.headers().get_all("retry-after").iter().collect::<Vec<_>>(), ["5"]);
    }

    #[test]
    fn a_problem_is_served_as_rfc_9457_says() {
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown_airport", "No such airport.")
            .with_field("/from_airport", "XXX is no IATA code in use");
        let response = problem.into_response();
        assert_eq!(response.status(), 422);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let Body::Text(text) = response.body() else { panic!("a text body") };
        let json: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(json["type"], "about:blank");
        assert_eq!(json["title"], "Unprocessable Entity");
        assert_eq!(json["status"], 422);
        assert_eq!(json["errors"][0]["field"], "/from_airport");
    }

    #[test]
    fn a_problem_of_a_type_has_its_title_and_members() {
        let problem = Problem::new(StatusCode::FORBIDDEN, "out_of_credit", "Your balance is 30, but that costs 50.")
            .of_type("https://example.com/probs/out-of-credit", "You do not have enough credit.")
            .with_member("balance", 30);
        let json: serde_json::Value = serde_json::from_str(&problem.into_response::<String>().into_body()).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "type": "https://example.com/probs/out-of-credit",
                "title": "You do not have enough credit.",
                "status": 403,
                "code": "out_of_credit",
                "detail": "Your balance is 30, but that costs 50.",
                "balance": 30,
            })
        );
    }
}
