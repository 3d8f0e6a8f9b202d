//! One file per thing that can happen in this account.

mod create_booking;
mod get_booking;
mod invite;
mod list_bookings;
mod onboarding;
mod publish;
mod quote;
mod register;

pub use create_booking::create_booking;
pub use get_booking::get_booking;
pub use invite::invite;
pub use list_bookings::list_bookings;
pub use publish::{PublishError, Publisher};
pub use quote::quote;
pub use register::register;

use http::StatusCode;
use lambda_problem::Problem;
use tenant_store::StoreError;

use crate::reservations::NotMade;

/// What a caller learns of a store that does not answer; the rest is in the log.
fn problem(error: StoreError) -> Problem {
    match error {
        StoreError::NoUser(_) => Problem::new(StatusCode::FORBIDDEN, "no_user", "Only a user can have bookings."),
        StoreError::Unavailable(reason) => {
            tracing::error!(reason, "reservations unavailable");
            Problem::unavailable("reservations_unavailable", "Bookings cannot be reached at the moment.")
        }
        error => internal(&error),
    }
}

/// What a caller learns of a booking that was not made.
fn not_made(error: NotMade) -> Problem {
    match error {
        NotMade::KeyReused => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency_key_reused",
            "This Idempotency-Key was used for another booking.",
        )
        .with_field("Idempotency-Key", "was used for another booking"),
        NotMade::Store(error) | NotMade::Unclear(error) => problem(error),
        NotMade::Randomness(error) => internal(&error),
    }
}

fn internal(error: &dyn std::error::Error) -> Problem {
    tracing::error!(%error, "reservations");
    Problem::internal()
}

fn no_such_booking() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no_such_booking", "There is no booking with this number.")
}
