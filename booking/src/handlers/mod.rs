//! One file per thing that can happen in this account.

mod cancel_booking;
mod create_booking;
mod get_booking;
mod invitation_mail;
mod invite;
mod list_bookings;
mod onboarding;
mod publish;
mod quote;
mod register;

pub use cancel_booking::cancel_booking;
pub use create_booking::create_booking;
pub use get_booking::get_booking;
pub use invitation_mail::{trace_of_caller, write_invitation};
pub use invite::invite;
pub use list_bookings::list_bookings;
pub use publish::{BookingChange, PublishError, Publisher, Unwritable};
pub use quote::quote;
pub use register::register;

use airline_events::BOOKING_NUMBER;
use http::StatusCode;
use lambda_problem::Problem;
use serde::Serialize;
use tenant_store::StoreError;
use tenant_telemetry::Work;

use crate::{
    domain::{BookingNumber, Reservation, Status},
    reservations::{NotCancelled, NotMade},
};

/// A booking as callers get it.
#[derive(Serialize)]
struct Booking {
    #[serde(flatten)]
    reservation: Reservation,
    status: Status,
}

impl From<Reservation> for Booking {
    fn from(reservation: Reservation) -> Self {
        Self { status: reservation.status(), reservation }
    }
}

/// The booking number in a path; every span of the request names it.
fn number_in(path: Option<&str>) -> Result<BookingNumber, Problem> {
    let number: BookingNumber = path.and_then(|number| number.parse().ok()).ok_or_else(no_such_booking)?;
    Work::current().annotate(BOOKING_NUMBER, number.as_str());
    Ok(number)
}

/// What a caller learns of a store that does not answer; the rest is in the log.
fn problem(error: StoreError) -> Problem {
    match error {
        StoreError::NoUser(_) => Problem::new(StatusCode::FORBIDDEN, "no_user", "Only a user can have bookings."),
        StoreError::Unavailable(reason) => {
            tracing::error!(reason, "reservations unavailable");
            Problem::unavailable("reservations_unavailable", "Bookings are not available at the moment.")
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

/// What a caller learns of a booking that was not cancelled.
fn not_cancelled(error: NotCancelled) -> Problem {
    match error {
        NotCancelled::NoSuchBooking => no_such_booking(),
        NotCancelled::TooLate => Problem::new(
            StatusCode::CONFLICT,
            "too_late_to_cancel",
            "A booking can be cancelled until the day before its departure, in UTC.",
        ),
        NotCancelled::Store(error) => problem(error),
    }
}

fn internal(error: &dyn std::error::Error) -> Problem {
    tracing::error!(%error, "reservations");
    Problem::internal()
}

fn no_such_booking() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no_such_booking", "There is no booking with this number.")
}
