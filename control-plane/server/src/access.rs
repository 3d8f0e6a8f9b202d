//! The answer for whoever is not let in. Who that is, and who may what, is `control-plane-access`'s.

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Redirect, Response},
};
use control_plane_access::AccessError;

use crate::{layout, problem::Problem, text::link};

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        let status = match error {
            AccessError::NotAuthenticated => StatusCode::UNAUTHORIZED,
            AccessError::SignIn(_) => StatusCode::BAD_REQUEST,
            AccessError::NotAllowed(_) | AccessError::Foreign(_) => StatusCode::FORBIDDEN,
            AccessError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, error.to_string())
    }
}

/// Whether a person reads the answer as a page of its own, and not a program, or a page that refreshes a part of itself.
pub(crate) fn is_page(headers: &HeaderMap) -> bool {
    let accepts = headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"text/html"));
    accepts && !headers.contains_key("hx-request") && !headers.contains_key(header::AUTHORIZATION)
}

/// A problem as its reader wants it: a page for a person, a problem document for a program.
pub(crate) fn problem_response(problem: Problem, headers: &HeaderMap) -> Response {
    if is_page(headers) { layout::failed(&problem, "/", "Go to the service map") } else { problem.into_response() }
}

/// The page to come back to after a sign-in: what was asked for, or where the form stands that was sent. Only with a form does a browser name its
/// origin, which has been found to be this server's.
fn page_asked_from(headers: &HeaderMap, uri: &Uri) -> String {
    let stands_at = || headers.get(header::REFERER)?.to_str().ok()?.parse().ok();
    let page = if headers.contains_key(header::ORIGIN) { stands_at().unwrap_or_default() } else { uri.clone() };
    page.path_and_query().map_or("/", |path| path.as_str()).to_owned()
}

/// The answer for whoever is not let in: for a browser the way to sign in, or a page that says why not; for a program a problem document.
pub(crate) fn refuse(error: &AccessError, headers: &HeaderMap, uri: &Uri) -> Response {
    let sign_in = link("/sign-in", &[("return_to", page_asked_from(headers, uri))]);
    let unknown = matches!(error, AccessError::NotAuthenticated);
    let problem = Problem::from(error.clone());
    if unknown && is_page(headers) {
        return Redirect::to(&sign_in).into_response();
    }
    let mut response = problem_response(problem, headers);
    if unknown {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        // A page that refreshes itself goes to the sign-in as a whole.
        if headers.contains_key("hx-request")
            && let Ok(sign_in) = HeaderValue::from_str(&sign_in)
        {
            response.headers_mut().insert("hx-redirect", sign_in);
        }
    }
    response
}
