//! The answer for whoever is not let in. Who that is, and who may what, is `control-plane-access`'s.

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Redirect, Response},
};
use control_plane_access::AccessError;

use crate::{problem::Problem, text::link};

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

/// The answer for whoever is not let in: the way to sign in for a browser, a problem document for a program.
pub(crate) fn refuse(error: &AccessError, headers: &HeaderMap, uri: &Uri) -> Response {
    let is_page = headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"text/html"));
    let refreshes = headers.contains_key("hx-request");
    let here = uri.path_and_query().map_or("/", |path| path.as_str());
    let sign_in = link("/sign-in", &[("return_to", here.to_owned())]);
    let unknown = matches!(error, AccessError::NotAuthenticated);
    if unknown && is_page && !refreshes && !headers.contains_key(header::AUTHORIZATION) {
        return Redirect::to(&sign_in).into_response();
    }
    let mut response = Problem::from(error.clone()).into_response();
    if unknown {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        // A page that refreshes itself goes to the sign-in as a whole.
        if refreshes && let Ok(sign_in) = HeaderValue::from_str(&sign_in) {
            response.headers_mut().insert("hx-redirect", sign_in);
        }
    }
    response
}
