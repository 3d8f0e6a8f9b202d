//! One file per thing that can happen in this account.

mod accrue;
mod balance;
mod distance;
mod in_turns;
mod posting;

pub use accrue::{Accrued, accrue};
pub use balance::balance;
pub use distance::distance;
pub use posting::posting;

use http::StatusCode;
use lambda_problem::Problem;
use tenant_store::StoreError;

/// What a caller learns of a ledger that does not answer; the rest is in the log.
fn problem(error: StoreError) -> Problem {
    tracing::error!(%error, "ledger");
    match error {
        StoreError::Unavailable(_) => {
            Problem::unavailable("ledger_unavailable", "The ledger is not available at the moment.")
        }
        StoreError::NoUser(_) => Problem::new(StatusCode::FORBIDDEN, "no_user", "Only a user can have miles."),
        StoreError::Refused(_) | StoreError::Item(_) => Problem::internal(),
    }
}
