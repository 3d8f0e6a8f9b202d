//! One file per thing that can happen in this account.

mod accrue;
mod balance;
mod distance;
mod posting;

pub use accrue::{Accrued, accrue};
pub use balance::balance;
pub use distance::distance;
pub use posting::posting;

use http::StatusCode;
use lambda_problem::Problem;

use crate::ledger::LedgerError;

/// What a caller learns of a ledger that does not answer; the rest is in the log.
fn problem(error: LedgerError) -> Problem {
    tracing::error!(%error, "ledger");
    match error {
        LedgerError::Unavailable(_) => {
            Problem::unavailable("ledger_unavailable", "The ledger is not available at the moment.")
        }
        LedgerError::NoUser(_) => Problem::new(StatusCode::FORBIDDEN, "no_user", "Only a user can have miles."),
        LedgerError::Refused(_) | LedgerError::Item(_) => Problem::internal(),
    }
}
