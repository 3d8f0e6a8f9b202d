//! One tenant asks for ten times what it may, while nine others work as usual: what they notice of it, at the API and in the queue.
//!
//! | module | what it holds |
//! |---|---|
//! | `flood` | the API: real processes of booking-api with a concurrency limit, with quotas, with those that are shipped, and without |
//! | `arrivals` | when requests are sent, whatever became of those before |
//! | `queue` | a simulation of the queue between the accounts, with message groups and without |

mod arrivals;
mod flood;
mod queue;

use std::path::Path;

use anyhow::Result;

use crate::report::Report;

/// Measures and adds it.
pub(crate) async fn add(report: &mut Report, booking_api: &Path) -> Result<()> {
    queue::add(report);
    flood::add(report, booking_api).await
}
