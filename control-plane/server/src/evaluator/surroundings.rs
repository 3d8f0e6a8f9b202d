//! The evaluator's environment: the store's sums, its states, and the receivers of alerts.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use control_plane_model::{
    complain::complain,
    refusals::{RefusalLine, RefusalQuery},
    store::{Detail, Lease, RequestQuery, Scope, SpanStore, StateStore, StoreError, SumsOf, Version},
};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use slo::{
    Alert, Alerts, Condition, Definitions, Evaluation, Row, Rules, SLOT, Subject, Watch, WatchEnvironment, usual_window,
};
use tokio::time::timeout;

use crate::alerting::{Alarm, Notifier};

const DAY: i64 = 86_400;
/// How far back a budget looks, and an hour for the bucket that it begins in.
const MEMORY: i64 = 30 * DAY + 3_600;
/// The most tenants with late spans that are read one by one. For more, everything is read again.
const MAX_ONE_BY_ONE: usize = 50;
/// The tier whose objectives hold for all tenants together.
const TIER_OF_ALL: &str = "standard";
/// How long counting refused requests may take.
const COUNTED_WITHIN: Duration = Duration::from_secs(5);
/// Under this name the state of alerts is kept.
const ALERTS: &str = "alerts";

/// The state of alerts, and until when they are judged.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Judged {
    until: i64,
    alerts: Alerts,
    /// Since when refusals are counted, or `None` where they were judged by a version that did not.
    #[serde(default)]
    refusals_since: Option<i64>,
}

pub(super) struct Surroundings {
    pub(super) spans: Arc<dyn SpanStore>,
    states: Arc<dyn StateStore>,
    notifier: Notifier,
    /// The lease under which this server judges. There is none while another server does.
    pub(super) lease: Option<Lease>,
    /// All that was before is known; Unix seconds, 0 before anything is.
    pub(super) read_until: i64,
    /// How many requests of tenants are usually refused, in a time of which each is asked for once.
    usual: ((i64, i64), BTreeMap<String, u64>),
    begun: Instant,
    /// What evaluating everybody took.
    pub(super) took: Duration,
}

impl Surroundings {
    pub(super) fn new(spans: Arc<dyn SpanStore>, states: Arc<dyn StateStore>, notifier: Notifier) -> Self {
        Self {
            spans,
            states,
            notifier,
            lease: None,
            read_until: 0,
            usual: Default::default(),
            begun: Instant::now(),
            took: Duration::ZERO,
        }
    }

    /// Reads the state of alerts.
    pub(super) async fn restore(&self, watch: &mut Watch) -> Result<(), StoreError> {
        let Some(body) = self.states.state(ALERTS).await? else { return Ok(()) };
        let Judged { until, alerts, refusals_since } = serde_json::from_str(&body).map_err(unreadable)?;
        (watch.judged, watch.alerts) = (Some(until), alerts);
        watch.refusals_since = refusals_since.unwrap_or_else(|| jiff::Timestamp::now().as_second());
        Ok(())
    }

    /// Reads what closed since.
    pub(super) async fn reach(&mut self, watch: &mut Watch, rules: &Rules, closed: i64) -> Result<(), StoreError> {
        if self.read_until >= closed {
            return Ok(());
        }
        let from = self.read_until.max(closed - MEMORY);
        self.read(watch, rules, RequestQuery { from, to: closed, of: SumsOf::Each, detail: Detail::Latencies }).await?;
        self.count_refusals(watch, closed).await;
        self.read_until = closed;
        Ok(())
    }

    /// Counts the requests of five minutes that were refused, and those that usually are. Where that cannot be done, or takes too long, nothing else waits
    /// for it: refusals are not judged then.
    async fn count_refusals(&mut self, watch: &mut Watch, closed: i64) {
        watch.refused = None;
        match timeout(COUNTED_WITHIN, self.refused(watch.refusals_since, closed)).await {
            Ok(Ok((since, refused))) => (watch.refusals_since, watch.refused) = (since, refused),
            Ok(Err(error)) => complain(format_args!("refused requests were not counted: {error}")),
            Err(_) => complain(format_args!("refused requests were not counted within {} s", COUNTED_WITHIN.as_secs())),
        }
    }

    /// Since when refused requests are counted and none of them was removed, and by tenant, of those that had any: those of five minutes, and of the time
    /// in which it is seen what is usual. None where that is not known yet.
    async fn refused(
        &mut self,
        since: i64,
        closed: i64,
    ) -> Result<(i64, Option<BTreeMap<String, (u64, u64)>>), StoreError> {
        let since = since.max(self.spans.refusals_since().await?);
        let Some(window) = usual_window(closed, since) else { return Ok((since, None)) };
        let latest = self.spans.refused(&Scope::All, closed - SLOT, closed, &[]).await?;
        if self.usual.0 != window {
            self.usual = (window, BTreeMap::new());
        }
        let usual = &mut self.usual.1;
        let asked: Vec<String> = latest.keys().filter(|tenant| !usual.contains_key(*tenant)).cloned().collect();
        if !asked.is_empty() {
            let found = self.spans.refused(&Scope::All, window.0, window.1, &asked).await?;
            for tenant in asked {
                let count = found.get(&tenant).copied().unwrap_or_default();
                usual.insert(tenant, count);
            }
        }
        let with_usual = |(tenant, latest): (String, u64)| {
            let before = usual.get(&tenant).copied().unwrap_or_default();
            (tenant, (latest, before))
        };
        Ok((since, Some(latest.into_iter().map(with_usual).collect())))
    }

    /// By whom, where and why most of the requests were refused that an alert is about. It opens without, where nobody can say.
    async fn most_refused(&self, alert: &Alert) -> Option<RefusalLine> {
        let is_asked = alert.condition == Condition::Refusals && alert.closed.is_none();
        let tenant = alert.scope.tenant().filter(|_| is_asked)?.to_owned();
        let (from, to) = (alert.caused_from(), alert.opened);
        let query = RefusalQuery { from, to, tenant: Some(tenant), user: None, service: None, reason: None, limit: 1 };
        match self.spans.refusals(&Scope::All, query).await {
            Ok(found) => found.lines.into_iter().next(),
            Err(error) => {
                complain(format_args!("an alert does not say why requests were refused: {error}"));
                None
            }
        }
    }

    /// The tenants of late spans anew, from their beginnings; everybody, if these are many.
    pub(super) async fn read_again(
        &mut self,
        watch: &mut Watch,
        rules: &Rules,
        late: &BTreeSet<Option<String>>,
    ) -> Result<(), StoreError> {
        let until = self.read_until;
        if until == 0 {
            return Ok(());
        }
        if late.len() > MAX_ONE_BY_ONE {
            watch.known.clear();
            self.read_until = 0;
            return self.reach(watch, rules, until).await;
        }
        watch
            .known
            .retain(|subject, _| subject.tenant().is_some_and(|tenant| !late.contains(&Some(tenant.to_owned()))));
        let tenants = late.iter().flatten().cloned().map(SumsOf::Tenant);
        for of in tenants.chain([SumsOf::Together]) {
            self.read(watch, rules, RequestQuery { from: until - MEMORY, to: until, of, detail: Detail::Latencies })
                .await?;
        }
        Ok(())
    }

    /// The versions that were first seen in a window, Unix seconds.
    pub(super) async fn versions(&self, from: i64, to: i64) -> Result<Vec<Version>, StoreError> {
        self.spans.versions(&Scope::All, from, to).await
    }

    async fn read(&self, watch: &mut Watch, rules: &Rules, query: RequestQuery) -> Result<(), StoreError> {
        let mut rows = self.spans.request_rows(&Scope::All, query).await?;
        while let Some(batch) = rows.next().await {
            batch?.iter().for_each(|row| feed(watch, row, &rules.definitions));
        }
        Ok(())
    }
}

fn feed(watch: &mut Watch, row: &Row, definitions: &Definitions) {
    let tier = row.key.tier.as_deref().unwrap_or_default();
    // Rows come in the order of time; one that does not was read before.
    let mut feed = |subject, tier| _ = watch.feed(subject, tier, &row.cell, definitions);
    match &row.key.tenant {
        Some(tenant) => feed(Subject::Tenant(tenant.clone()), tier),
        None => {
            feed(Subject::Tier(tier.to_owned()), tier);
            feed(Subject::All, TIER_OF_ALL);
        }
    }
}

impl WatchEnvironment for Surroundings {
    type Error = StoreError;

    async fn feed(&mut self, watch: &mut Watch, rules: &Rules, end: i64) -> Result<bool, StoreError> {
        self.reach(watch, rules, end).await?;
        self.begun = Instant::now();
        Ok(true)
    }

    async fn keep(&mut self, watch: &Watch, changed: Vec<(Alert, Option<Evaluation>)>) -> Result<(), StoreError> {
        self.took = self.begun.elapsed();
        let mut alarms = Vec::with_capacity(changed.len());
        for (alert, of) in changed {
            let most = self.most_refused(&alert).await;
            alarms.push(Alarm::new(alert, of.and_then(|of| of.baseline_p99_ns)).refused(most.as_ref()));
        }
        // Alerts are stored before they are sent, so that a restart does not send them twice.
        let records = alarms.iter().map(Alarm::record).collect::<Result<_, _>>()?;
        let lease = self.lease.ok_or(StoreError::Superseded)?;
        let (until, refusals_since) = (watch.judged.unwrap_or_default(), Some(watch.refusals_since));
        let judged = Judged { until, alerts: watch.alerts.clone(), refusals_since };
        self.states.store(lease, ALERTS, serde_json::to_string(&judged).map_err(unreadable)?, records).await?;
        alarms.into_iter().for_each(|alarm| self.notifier.send(alarm));
        Ok(())
    }
}

fn unreadable(error: serde_json::Error) -> StoreError {
    StoreError::Failed(error.to_string())
}
