//! What callers learn of registrations and invitations; the rest is in the log.

use http::{Response, StatusCode};
use lambda_http::Body;
use lambda_problem::{Problem, json};
use serde_json::json as object;
use tenant_store::StoreError;

use crate::{domain::EmailAddress, rate_limits::NotAdmitted, tenants::NotEnrolled, user_pool::UserPoolError};

/// 202: mail is on its way, if the address was not known.
pub(super) fn accepted(email: &EmailAddress) -> Result<Response<Body>, Problem> {
    json(StatusCode::ACCEPTED, &object!({ "email": email.as_str() }))
}

pub(super) fn not_admitted(error: NotAdmitted) -> Problem {
    match error {
        NotAdmitted::TooMany { retry_after } => {
            let detail = "There were too many of these requests. Try again later.";
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail).with_retry_after(retry_after)
        }
        NotAdmitted::Store(error) => not_enrolled(error.into()),
    }
}

pub(super) fn not_enrolled(error: NotEnrolled) -> Problem {
    tracing::error!(%error, "registrations");
    match error {
        NotEnrolled::Store(StoreError::Unavailable(_)) => unavailable(),
        _ => Problem::internal(),
    }
}

pub(super) fn no_new_user(error: UserPoolError) -> Problem {
    tracing::error!(%error, "user pool");
    match error {
        UserPoolError::Refused(_) => Problem::internal(),
        UserPoolError::Busy(_) | UserPoolError::Unclear(_) => unavailable(),
    }
}

fn unavailable() -> Problem {
    Problem::unavailable("registrations_unavailable", "Nobody can be registered or invited at the moment.")
}
