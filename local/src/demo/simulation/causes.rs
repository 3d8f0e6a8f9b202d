//! Why two tenants hurt, one is dear, and one is turned away. Each cause is a function of what a request is like, so that whoever looks for it finds it in the spans:
//!
//! | tenant | since | what happens | to which of its requests |
//! |---|---|---|---|
//! | `FAILING` | the deployment of `NEW_VERSION` | the table has no such index: 500 | those that meet `SECOND_TABLE` in that version |
//! | `SLOW` | `SLOW_FOR` before the end | a query takes most of a second | `GET /seatmaps` in `SLOW_REGION` |
//! | `GUESSED` | `GUESSES_FOR` before the end | one of its users guesses booking numbers: 404 | every other one |
//! | `DEAR` | two days before | six times as many exports, in a function with the most memory there is | `POST /exports` |
//!
//! `UNHURT_BY_THE_TABLE` meets the table too, but only where the old version still runs.

use super::{
    story::{Moment, SLOT},
    tenants::{GUESSED, LAST_REGION, SECOND_TABLE, SLOW, SLOW_REGION},
};

/// What runs everywhere before the deployment, and in [`LAST_REGION`] after it.
const OLD_VERSION: &str = "2.4.0";
/// What is deployed some minutes before the end.
pub(super) const NEW_VERSION: &str = "2.4.1";
/// How long before the end, in seconds.
pub(super) const DEPLOYED_FOR: u64 = 3 * SLOT;
/// How long before the end requests become slow, in seconds: not with the deployment, which has nothing to do with it.
pub(super) const SLOW_FOR: u64 = 4 * SLOT;

/// How long before the end somebody begins to guess booking numbers, in seconds.
pub(super) const GUESSES_FOR: u64 = 2 * SLOT;

/// Whether a request asks for a booking whose number somebody has guessed.
pub(super) fn is_guess(moment: &Moment) -> bool {
    moment.tenant.id == GUESSED && moment.is_even && moment.since_end >= -(GUESSES_FOR as i64)
}

/// Which version serves bookings in a region.
pub(super) fn version(region: &str, moment: &Moment) -> &'static str {
    let deployed = moment.since_end >= -(DEPLOYED_FOR as i64) && region != LAST_REGION;
    if deployed { NEW_VERSION } else { OLD_VERSION }
}

/// Whether this version asks the table for an index that it does not have.
pub(super) fn lacks_index(version: &str, table: &str) -> bool {
    version == NEW_VERSION && table == SECOND_TABLE
}

/// Whether a request for seats has to wait.
pub(super) fn is_slow(moment: &Moment, region: &str) -> bool {
    moment.tenant.id == SLOW && region == SLOW_REGION && moment.since_end >= -(SLOW_FOR as i64)
}
