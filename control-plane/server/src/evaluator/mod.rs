//! Every tenant's objectives, kept up to date beside the intake.
//!
//! The evaluator itself and its loop are the crate `slo`. This feeds it the store's sums as five minutes close, holds what it makes of them
//! for pages and API, and tells of alerts.
//!
//! | file | idea |
//! |---|---|
//! | `surroundings` | where sums come from, where the state of alerts is kept, and who is told |
//! | `snapshot` | how everybody fares now |
//! | `hurting` | whether one tenant is hurting or everybody, and since which deployment |

mod hurting;
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
use slo::{Alert, Alerts, Distance, Policy, Reader, Rules, SLOT, Watch, closed};
use tokio::runtime::Handle;

pub use hurting::{Hurting, HurtingTenant};
pub use slo::Subject;
pub use snapshot::{SloAnswer, SloStatusLine};

use self::surroundings::Surroundings;
use crate::{alerting::Notifier, leader::Leader};

/// How long after five minutes are over their spans may still come and be judged with them, unless it is said; those that come later count
/// in budgets, not in the alerts of their time.
pub const SETTLE: i64 = 60;
/// How far back a start looks for what should have been alerted on.
const CATCH_UP: i64 = 3_600;
/// Between two looks at whether five minutes have closed.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Late spans are read once none has come for this many seconds.
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
pub struct Evaluator {
    latest: Arc<RwLock<Latest>>,
    policy: Arc<Policy>,
}

/// What came of the last pass.
#[derive(Debug, Default)]
struct Latest {
    answer: Arc<SloAnswer>,
    alerts: Alerts,
}

impl Evaluator {
    /// Reads the past and begins to evaluate, on a thread of its own: a pass over a thousand tenants holds up no request. To be called
    /// within a runtime.
    pub fn start(
        spans: Arc<dyn SpanStore>,
        states: Arc<dyn StateStore>,
        settings: Settings,
        notifier: Notifier,
        leader: Leader,
    ) -> std::io::Result<Self> {
        let runtime = Handle::current();
        let latest: Arc<RwLock<Latest>> = Arc::default();
        let evaluator = Self { latest: latest.clone(), policy: Arc::new(settings.rules.policy.clone()) };
        let held = Arc::downgrade(&latest);
        drop(latest);
        thread::Builder::new().name("evaluator".into()).spawn(move || {
            let mut pass = Pass {
                settings,
                leader,
                around: Surroundings::new(spans, states, notifier),
                watch: Watch::default(),
                late: BTreeSet::new(),
                late_at: 0,
            };
            while let Some(latest) = held.upgrade() {
                match runtime.block_on(pass.run(now())) {
                    Ok(Some(answer)) => {
                        *latest.write() = Latest { answer: Arc::new(answer), alerts: pass.watch.alerts.clone() };
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

    /// How all tenants fared when they were last judged.
    pub fn snapshot(&self) -> Arc<SloAnswer> {
        self.latest.read().answer.clone()
    }

    /// How far a tenant is from each alert; nothing of one that was not evaluated.
    pub fn distances(&self, tenant: &str, reader: Reader) -> Vec<Distance> {
        let latest = self.latest.read();
        let Some(line) = latest.answer.tenant(tenant) else { return Vec::new() };
        slo::distances(tenant, &line.status.evaluation, &latest.alerts, &self.policy, reader)
    }
}

struct Pass {
    settings: Settings,
    leader: Leader,
    around: Surroundings,
    watch: Watch,
    /// Tenants with spans of times that were read before, and when the last came.
    late: BTreeSet<Option<String>>,
    late_at: i64,
}

impl Pass {
    /// Evaluates if five minutes have closed since, or spans came late. Where another server leads, nobody is judged here.
    async fn run(&mut self, now: i64) -> Result<Option<SloAnswer>, StoreError> {
        let Self { settings: Settings { rules, settle }, leader, around, watch, late, late_at } = self;
        let closed = closed(now, *settle);
        if around.read_until == 0 && !around.spans.has_requests().await? {
            return Ok(None);
        }
        // What is read and could not be kept is judged again.
        let done = around.read_until == 0 || watch.judged.is_some_and(|judged| judged >= around.read_until);
        let is_new = around.read_until < closed || !done;
        let lease = match is_new {
            // What came before is among what is judged, also where nobody led for a while.
            true => leader.meanwhile(around.spans.make_sums()).await.transpose()?.and(leader.lease()),
            false => leader.lease(),
        };
        let came = around.spans.take_late(closed).await?;
        if !came.is_empty() {
            late.extend(came);
            *late_at = now;
        }
        // Late spans seldom come alone: what they changed is read when no more do, or with the next five minutes.
        let read_again = !late.is_empty() && (is_new || now - *late_at >= CALM);
        if read_again {
            around.read_again(watch, rules, late).await?;
            // Kept until then: what could not be read is read the next time.
            late.clear();
        } else if !is_new {
            return Ok(None);
        }
        if around.read_until == 0 || lease.is_none() || around.lease != lease {
            // Others may have judged since.
            around.lease = None;
            around.restore(watch).await?;
            if lease.is_some() && watch.judged.is_none_or(|judged| judged < around.read_until) {
                // Five minutes are judged by what was before their end.
                watch.known.clear();
                around.read_until = 0;
            }
            around.lease = lease;
        }
        let mut statuses = Vec::new();
        if lease.is_some() {
            // What closed since, and after a start or another leader's end what closed while nobody looked: each five minutes by themselves.
            let next = watch.judged.map_or(0, |judged| judged + SLOT).max(closed - CATCH_UP);
            statuses = watch.run((next..=closed).step_by(SLOT as usize), rules, around).await?;
        }
        if statuses.is_empty() {
            around.reach(watch, rules, closed).await?;
            let begun = Instant::now();
            statuses = watch.statuses(&rules.definitions, closed);
            around.took = begun.elapsed();
        }
        let open: Vec<&Alert> = watch.alerts.open().collect();
        let since = |subject: &Subject| watch.hurt_since(subject, &rules.definitions, closed);
        let mut answer = SloAnswer::of(closed, around.took, statuses, &open, since);
        let mut hurting = Hurting::of(&answer.tenants, &rules.policy);
        if let Some((from, to)) = hurting.deployments() {
            match around.versions(from, to).await {
                Ok(versions) => hurting.know(&versions),
                Err(error) => complain(format_args!("it is not known which versions were new: {error}")),
            }
        }
        answer.hurting = Some(hurting);
        Ok(Some(answer))
    }
}

/// Unix seconds.
fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeMap,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use async_trait::async_trait;
    use control_plane_embedded::{Embedded, Retention};
    use control_plane_model::store::{
        AlertRecord, AuditFrom, AuditRecord, InvestigationRecord, Lease, Scope, StateEntry,
    };
    use opentelemetry_proto::tonic::{
        collector::trace::v1::ExportTraceServiceRequest,
        common::v1::{AnyValue, KeyValue, any_value::Value},
        trace::v1::{ResourceSpans, ScopeSpans, Span, Status},
    };
    use slo::Definitions;

    use super::*;

    /// A state store that refuses a number of times.
    #[derive(Debug, Clone)]
    struct Refusing(Embedded, Arc<AtomicUsize>);

    #[async_trait]
    impl StateStore for Refusing {
        async fn state(&self, name: &str) -> Result<Option<String>, StoreError> {
            self.0.state(name).await
        }

        async fn identity(&self) -> Result<String, StoreError> {
            self.0.identity().await
        }

        async fn lease(&self, holder: &str, length: Duration) -> Result<Option<Lease>, StoreError> {
            self.0.lease(holder, length).await
        }

        async fn store(&self, by: Lease, name: &str, state: String, of: Vec<AlertRecord>) -> Result<(), StoreError> {
            let refuses = |left: usize| left.checked_sub(1);
            match self.1.fetch_update(Ordering::SeqCst, Ordering::SeqCst, refuses) {
                Ok(_) => Err(StoreError::Busy),
                Err(_) => self.0.store(by, name, state, of).await,
            }
        }

        async fn alerts(&self, scope: &Scope, tenant: Option<&str>, limit: usize) -> Result<Vec<String>, StoreError> {
            self.0.alerts(scope, tenant, limit).await
        }

        async fn add_entry(&self, entry: StateEntry) -> Result<(), StoreError> {
            self.0.add_entry(entry).await
        }

        async fn replace_entry(&self, entry: StateEntry) -> Result<bool, StoreError> {
            self.0.replace_entry(entry).await
        }

        async fn entry(&self, name: &str) -> Result<Option<String>, StoreError> {
            self.0.entry(name).await
        }

        async fn take_entry(&self, name: &str) -> Result<Option<String>, StoreError> {
            self.0.take_entry(name).await
        }

        async fn append(&self, record: AuditRecord) -> Result<bool, StoreError> {
            self.0.append(record).await
        }

        async fn audit(&self, from: AuditFrom, limit: usize) -> Result<Vec<AuditRecord>, StoreError> {
            self.0.audit(from, limit).await
        }

        async fn keep_investigation(&self, record: InvestigationRecord) -> Result<bool, StoreError> {
            self.0.keep_investigation(record).await
        }

        async fn investigation(&self, id: &str) -> Result<Option<InvestigationRecord>, StoreError> {
            self.0.investigation(id).await
        }

        async fn investigations(&self, limit: usize) -> Result<Vec<InvestigationRecord>, StoreError> {
            self.0.investigations(limit).await
        }

        async fn erase_investigation(&self, id: &str) -> Result<bool, StoreError> {
            self.0.erase_investigation(id).await
        }
    }

    /// Forty requests that fail in each five minutes of the last half hour before `end`.
    fn failing(end: i64) -> ExportTraceServiceRequest {
        let text = |key: &str, text: &str| KeyValue {
            key: key.to_owned(),
            value: Some(AnyValue { value: Some(Value::StringValue(text.to_owned())) }),
            ..KeyValue::default()
        };
        let spans = (0..6_u64 * 40).map(|number| {
            let start = (end as u64 - 1_800 + number * 300 / 40) * 1_000_000_000;
            Span {
                trace_id: (u128::from(number) + 1).to_be_bytes().to_vec(),
                span_id: (number + 1).to_be_bytes().to_vec(),
                kind: 2,
                start_time_unix_nano: start,
                end_time_unix_nano: start + 1_000_000,
                attributes: vec![text("tenant.id", "acme"), text("tenant.tier", "basic")],
                status: Some(Status { code: 2, ..Status::default() }),
                ..Span::default()
            }
        });
        let scope_spans = vec![ScopeSpans { spans: spans.collect(), ..ScopeSpans::default() }];
        ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }] }
    }

    /// What is alerted on by a pass every five minutes until a time, each tried until it succeeds, if the store refuses the first so many times of each, and
    /// something was done to its file.
    async fn alerted(end: i64, refusals: usize, done: &str) -> (Vec<String>, Watch) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("test.sqlite");
        let store = Embedded::open(&path, Retention::default()).unwrap();
        store.write(crate::intake::by_trace(failing(end), None, now()).0).await.unwrap();
        rusqlite::Connection::open(&path).unwrap().execute_batch(done).unwrap();
        let states = Refusing(store.clone(), Arc::default());
        let left = states.1.clone();
        let rules = Rules::new(Definitions::compiled().unwrap(), None);
        let states = Arc::new(states);
        let mut pass = Pass {
            settings: Settings { rules, settle: 0 },
            leader: Leader::start(states.clone()).await,
            around: Surroundings::new(Arc::new(store.clone()), states, Notifier::default()),
            watch: Watch::default(),
            late: BTreeSet::new(),
            late_at: 0,
        };
        for at in (end - 1_800..=end).step_by(300) {
            left.store(refusals, Ordering::SeqCst);
            for _ in 0..refusals {
                assert!(pass.run(at).await.is_err());
            }
            assert!(pass.run(at + 1).await.unwrap().is_some());
            assert!(pass.run(at + 2).await.unwrap().is_none(), "nothing is left to be judged");
        }
        (store.alerts(&Scope::All, None, 100).await.unwrap(), pass.watch)
    }

    #[tokio::test]
    async fn five_minutes_that_could_not_be_kept_are_judged_again() {
        let end = closed(now(), 0);
        let (whole, watch) = alerted(end, 0, "").await;
        assert!(whole.len() >= 3 && watch.judged.is_some(), "{whole:?}");
        for refusals in [1, 2] {
            let (again, of) = alerted(end, refusals, "").await;
            assert_eq!((again, of.judged), (whole.clone(), watch.judged));
        }
    }

    #[tokio::test]
    async fn refused_requests_that_cannot_be_counted_hold_up_no_other_alert() {
        let end = closed(now(), 0);
        let (whole, watch) = alerted(end, 0, "").await;
        assert_eq!(watch.refused, Some(BTreeMap::new()));
        let (without, watch) = alerted(end, 0, "DROP TABLE refusals").await;
        assert_eq!((without, watch.refused), (whole, None));
        assert_eq!(watch.judged, Some(end));
    }

    #[tokio::test]
    async fn what_is_usual_is_sought_where_no_refused_request_was_removed() {
        let end = closed(now(), 0);
        for (hours, is_known) in [(5, true), (1, false)] {
            let since = end - hours * 3_600;
            let removed = format!("INSERT INTO refusals_removed (one, start_ns) VALUES (1, {})", since * 1_000_000_000);
            let (_, watch) = alerted(end, 0, &removed).await;
            assert_eq!((watch.refusals_since, watch.refused.is_some()), (since + 1, is_known), "{hours} h");
        }
    }
}
