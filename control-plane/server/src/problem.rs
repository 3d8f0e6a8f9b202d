//! RFC 9457 problem documents.

use std::time::Duration;

use axum::{
    extract::rejection::PathRejection,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use control_plane_model::{search::ExpressionError, store::StoreError, trace::InvalidTraceId};
use tokio::task::{JoinError, spawn_blocking};

/// What takes longer to answer is given up, whichever engine it waits for.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Waits for something, and answers with a problem before the client gives up waiting.
pub async fn in_time<T, E: Into<Problem>>(doing: impl Future<Output = Result<T, E>>) -> Result<T, Problem> {
    match tokio::time::timeout(ANSWER_WITHIN, doing).await {
        Ok(outcome) => outcome.map_err(E::into),
        Err(_) => Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "The store did not answer within 10 s.")),
    }
}

/// What comes of work that takes a while, done apart from what else is answered meanwhile.
pub async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    let failed = |error: JoinError| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
    spawn_blocking(work).await.map_err(failed)
}

/// An error as a client sees it.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    pub(crate) status: StatusCode,
    /// One sentence for a person.
    pub(crate) detail: String,
    /// The column of the filter expression that is wrong, if one is.
    pub(crate) column: Option<usize>,
}

impl Problem {
    /// A problem with this status.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), column: None }
    }

    /// What was asked for cannot be: 400.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// There is no such thing: 404.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let status = match error {
            StoreError::TooLarge(_) => StatusCode::BAD_REQUEST,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        // The control plane is an operator's tool: its reader wants the reason.
        Self::new(status, error.to_string())
    }
}

impl From<InvalidTraceId> for Problem {
    fn from(error: InvalidTraceId) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<PathRejection> for Problem {
    fn from(error: PathRejection) -> Self {
        Self::new(error.status(), error.body_text())
    }
}

impl From<ExpressionError> for Problem {
    fn from(error: ExpressionError) -> Self {
        let column = Some(error.column);
        Self { column, ..Self::bad_request(format!("filter expression, {error}")) }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = serde_json::json!({
            "type": "about:blank",
            "title": self.status.canonical_reason(),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let (Some(column), Some(object)) = (self.column, body.as_object_mut()) {
            object.insert("column".into(), column.into());
        }
        let json = HeaderValue::from_static("application/problem+json");
        (self.status, [(header::CONTENT_TYPE, json)], body.to_string()).into_response()
    }
}
