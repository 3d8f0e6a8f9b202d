//! Every tenant's objectives, kept up to date beside the intake.
//!
//! The evaluator itself and its loop are the crate `slo`. This feeds it the store's sums as five minutes close, holds what it makes of them
//! for pages and API, and tells of alerts.
//!
//! | file | idea |
//! |---|---|
//! | `surroundings` | where sums come from, where the state of alerts is kept, and who is told |
//! | `snapshot` | how everybody fares now |

mod snapshot;
mod surroundings;

use std::{
    collections::BTreeSet,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use control_plane_model::{
    complain::complain,
    store::{SpanStore, StateStore, StoreError},
};
use parking_lot::RwLock;
use slo::{Alert, Rules, SLOT, Watch, closed};
use tokio::runtime::Handle;

pub use slo::Whose;
pub use snapshot::Snapshot;

use self::surroundings::{Surroundings, alarm};
use crate::alerting::Notifier;

/// How long after five minutes are over their spans may still come and be judged with them, unless it is said; those that come later count
/// in budgets, not in the alerts of their time.
pub const SETTLE: i64 = 60;
/// How far back a start looks for what should have been alerted on.
const CATCH_UP: i64 = 3_600;
/// Between two looks at whether five minutes have closed.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// No late span for so many seconds, and those that came are read.
const CALM: i64 = 5;

/// What is evaluated, and by what.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What was promised, and when alerts open.
    pub rules: Rules,
    /// How long after five minutes are over they are evaluated, in seconds.
    pub settle: i64,
}

/// A handle to the latest snapshot. The evaluator's thread ends with the last handle.
#[derive(Debug, Clone)]
pub struct Evaluator(Arc<RwLock<Arc<Snapshot>>>);

impl Evaluator {
    /// Reads the past and begins to evaluate, on a thread of its own: a pass over a thousand tenants holds up no request. To be called
    /// within a runtime.
    pub fn start(
        spans: Arc<dyn SpanStore>,
        states: Arc<dyn StateStore>,
        settings: Settings,
        notifier: Notifier,
    ) -> std::io::Result<Self> {
        let runtime = Handle::current();
        let latest = Arc::new(RwLock::new(Arc::new(Snapshot::default())));
        let evaluator = Self(latest.clone());
        let held = Arc::downgrade(&latest);
        drop(latest);
        thread::Builder::new().name("evaluator".into()).spawn(move || {
            let mut pass = Pass {
                settings,
                around: Surroundings::new(spans, states, notifier),
                watch: Watch::default(),
                late: BTreeSet::new(),
                late_at: 0,
            };
            while let Some(latest) = held.upgrade() {
                match runtime.block_on(pass.run(now())) {
                    Ok(Some(snapshot)) => {
                        *latest.write() = Arc::new(snapshot);
                    }
                    Ok(None) => {}
                    Err(error) => complain(format_args!("objectives were not evaluated: {error}")),
                }
                drop(latest);
                thread::sleep(LOOK_EVERY);
            }
        })?;
        Ok(evaluator)
    }

    /// How everybody fares.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.0.read().clone()
    }
}

struct Pass {
    settings: Settings,
    around: Surroundings,
    watch: Watch,
    /// Tenants with spans of times that were read before, and when the last came.
    late: BTreeSet<Option<String>>,
    late_at: i64,
}

impl Pass {
    /// Evaluates if five minutes have closed since, or spans came late.
    async fn run(&mut self, now: i64) -> Result<Option<Snapshot>, StoreError> {
        let Self { settings: Settings { rules, settle }, around, watch, late, late_at } = self;
        let closed = closed(now, *settle);
        if around.read_until == 0 && !around.spans.has_requests().await? {
            return Ok(None);
        }
        let came = around.spans.take_late(closed).await?;
        if !came.is_empty() {
            late.extend(came);
            *late_at = now;
        }
        // What is read and could not be kept is judged again.
        let done = around.read_until == 0 || watch.judged.is_some_and(|judged| judged >= around.read_until);
        let is_new = around.read_until < closed || !done;
        // Late spans seldom come alone: what they changed is read when no more do, or with the next five minutes.
        let read_again = !late.is_empty() && (is_new || now - *late_at >= CALM);
        if read_again {
            around.read_again(watch, &rules.definitions, late).await?;
            // Kept until then: what could not be read is read the next time.
            late.clear();
        } else if !is_new {
            return Ok(None);
        }
        // What closed since, and after a start what closed while nobody looked: each five minutes by themselves.
        let next = match around.read_until {
            0 => {
                around.restore(watch).await?;
                closed - CATCH_UP
            }
            read if done => read + SLOT,
            read => read,
        };
        let mut fares = watch.run((next..=closed).step_by(SLOT as usize), rules, around).await?;
        if fares.is_empty() {
            let begun = Instant::now();
            fares = watch.fares(&rules.definitions, closed);
            around.took = begun.elapsed();
        }
        let of = |alert: &Alert| {
            let tenant = alert.scope.tenant()?;
            fares.iter().find(|fare| fare.whose.tenant() == Some(tenant)).map(|fare| fare.evaluation)
        };
        let open = watch.alerts.open().map(|alert| alarm(alert.clone(), of(alert))).collect();
        Ok(Some(Snapshot { at: closed, took_ms: around.took.as_secs_f64() * 1e3, fares, open }))
    }
}

/// Unix seconds.
fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}
