//! Every tenant's objectives, kept up to date beside the intake.
//!
//! The evaluator itself is the crate `slo`: pure functions over rows. This feeds it the store's sums as five minutes close, holds what
//! it makes of them for pages and API, and tells of alerts.
//!
//! | file | idea |
//! |---|---|
//! | `past` | what is remembered of each tenant, tier and of all |
//! | `snapshot` | how everybody fares now |

mod past;
mod snapshot;

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
use serde::{Deserialize, Serialize};
use slo::{Alert, Alerts, Definitions, Observation, Policy};
use tokio::runtime::Handle;

pub use past::Whose;
pub use snapshot::{Fare, Snapshot};

use self::past::Past;
use crate::alerting::{Alarm, Notifier};

/// How long after five minutes are over their spans may still come and be judged with them; those that come later count in
/// budgets, not in the alerts of their time.
const SETTLE: i64 = 60;
const SLOT: i64 = 300;
/// How far back a start looks for what should have been alerted on.
const CATCH_UP: i64 = 3_600;
/// Between two looks at whether five minutes have closed.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// No late span for so many seconds, and those that came are read.
const CALM: i64 = 5;
/// Under this name the state of alerts is kept.
const ALERTS: &str = "alerts";

/// What is evaluated, and by what.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What was promised.
    pub definitions: Definitions,
    /// When alerts open.
    pub policy: Policy,
    /// How long after five minutes are over they are evaluated, in seconds.
    pub settle: i64,
}

impl Settings {
    /// With the usual patience for late spans.
    pub fn new(definitions: Definitions, policy: Policy) -> Self {
        Self { definitions, policy, settle: SETTLE }
    }
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
                spans,
                states,
                settings,
                notifier,
                past: Past::default(),
                late: BTreeSet::new(),
                late_at: 0,
                judged: None,
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
    spans: Arc<dyn SpanStore>,
    states: Arc<dyn StateStore>,
    settings: Settings,
    notifier: Notifier,
    past: Past,
    /// Tenants with spans of times that were read before, and when the last came.
    late: BTreeSet<Option<String>>,
    late_at: i64,
    judged: Option<Judged>,
}

/// The state of alerts, and until when they are judged.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Judged {
    until: i64,
    alerts: Alerts,
}

impl Pass {
    /// Evaluates if five minutes have closed since, or spans came late.
    async fn run(&mut self, now: i64) -> Result<Option<Snapshot>, StoreError> {
        let definitions = &self.settings.definitions;
        let closed = (now - self.settings.settle).div_euclid(SLOT) * SLOT;
        if self.past.until() == 0 && !self.spans.has_requests().await? {
            return Ok(None);
        }
        let late = self.spans.take_late(closed).await?;
        if !late.is_empty() {
            self.late.extend(late);
            self.late_at = now;
        }
        let is_new = self.past.until() < closed;
        // Late spans seldom come alone: what they changed is read when no more do, or with the next five minutes.
        let read_again = !self.late.is_empty() && (is_new || now - self.late_at >= CALM);
        if read_again {
            self.past.read_again(&*self.spans, definitions, &self.late).await?;
            // Kept until then: what could not be read is read the next time.
            self.late.clear();
        } else if !is_new {
            return Ok(None);
        }
        let mut judged = match self.judged.take() {
            Some(judged) => judged,
            None => match self.states.state(ALERTS).await? {
                Some(body) => serde_json::from_str(&body).map_err(unreadable)?,
                None => Judged::default(),
            },
        };
        // What closed since, and after a start what closed while nobody looked: each five minutes by themselves.
        let next = if self.past.until() == 0 { closed - CATCH_UP } else { self.past.until() + SLOT };
        let mut took = Duration::ZERO;
        let mut fares = Vec::new();
        for at in (next..=closed).step_by(SLOT as usize) {
            self.past.reach(&*self.spans, definitions, at).await?;
            let begun = Instant::now();
            fares = self.past.fares(definitions, at);
            let changed =
                if at > judged.until { pass(&mut judged, at, &fares, &self.settings.policy) } else { Vec::new() };
            took = begun.elapsed();
            let changed: Vec<Alarm> = changed.into_iter().map(|alert| alarm(alert, &fares)).collect();
            // What is told was stored before: an alert is not told twice because of a restart.
            let records = changed.iter().map(Alarm::record).collect::<Result<_, _>>()?;
            self.states.store(ALERTS, serde_json::to_string(&judged).map_err(unreadable)?, records).await?;
            changed.into_iter().for_each(|alarm| self.notifier.tell(alarm));
        }
        if fares.is_empty() {
            let begun = Instant::now();
            fares = self.past.fares(definitions, closed);
            took = begun.elapsed();
        }
        let open = judged.alerts.open().cloned().map(|alert| alarm(alert, &fares)).collect();
        self.judged = Some(judged);
        Ok(Some(Snapshot { at: closed, took_ms: took.as_secs_f64() * 1e3, fares, open }))
    }
}

/// The alarm of an alert, by how those fare whom it may be about.
fn alarm(alert: Alert, fares: &[Fare]) -> Alarm {
    let is_of = |fare: &&Fare| matches!(&fare.whose, Whose::Tenant(name) if alert.scope.tenant() == Some(name));
    let baseline = fares.iter().find(is_of).and_then(|fare| fare.evaluation.baseline_p99_ns);
    Alarm::new(alert, baseline)
}

fn unreadable(error: serde_json::Error) -> StoreError {
    StoreError::Failed(error.to_string())
}

/// Judges every tenant; the alerts that opened or closed.
fn pass(judged: &mut Judged, at: i64, fares: &[Fare], policy: &Policy) -> Vec<Alert> {
    let observed = fares.iter().filter_map(|fare| match &fare.whose {
        Whose::Tenant(tenant) => Some(Observation { tenant, tier: &fare.tier, evaluation: &fare.evaluation }),
        _ => None,
    });
    let observations: Vec<Observation<'_>> = observed.collect();
    judged.until = at;
    judged.alerts.pass(at, &observations, policy)
}

/// Unix seconds.
fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}
