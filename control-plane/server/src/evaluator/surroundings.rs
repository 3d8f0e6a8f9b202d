//! What is around the loop here: the store's sums, its states, and whoever is told of alerts.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use control_plane_model::store::{
    Detail, Lease, RequestQuery, Scope, SpanStore, StateStore, StoreError, SumsOf, Version,
};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use slo::{Alert, Alerts, Around, Definitions, Evaluation, Row, Rules, Watch, Whose};

use crate::alerting::{Alarm, Notifier};

const DAY: i64 = 86_400;
/// How far back a budget looks, and an hour for the bucket that it begins in.
const MEMORY: i64 = 30 * DAY + 3_600;
/// So many tenants with late spans are read one by one; more, and everything is read again.
const MAX_ONE_BY_ONE: usize = 50;
/// Whose objectives everybody together is held against.
const TIER_OF_ALL: &str = "standard";
/// Under this name the state of alerts is kept.
const ALERTS: &str = "alerts";

/// The state of alerts, and until when they are judged.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Judged {
    until: i64,
    alerts: Alerts,
}

pub(super) struct Surroundings {
    pub(super) spans: Arc<dyn SpanStore>,
    states: Arc<dyn StateStore>,
    notifier: Notifier,
    /// By which this server judges; none while another does.
    pub(super) lease: Option<Lease>,
    /// All that was before is known; Unix seconds, 0 before anything is.
    pub(super) read_until: i64,
    begun: Instant,
    /// What evaluating everybody took.
    pub(super) took: Duration,
}

impl Surroundings {
    pub(super) fn new(spans: Arc<dyn SpanStore>, states: Arc<dyn StateStore>, notifier: Notifier) -> Self {
        Self { spans, states, notifier, lease: None, read_until: 0, begun: Instant::now(), took: Duration::ZERO }
    }

    /// Reads the state of alerts.
    pub(super) async fn restore(&self, watch: &mut Watch) -> Result<(), StoreError> {
        let Some(body) = self.states.state(ALERTS).await? else { return Ok(()) };
        let Judged { until, alerts } = serde_json::from_str(&body).map_err(unreadable)?;
        (watch.judged, watch.alerts) = (Some(until), alerts);
        Ok(())
    }

    /// Reads what closed since.
    pub(super) async fn reach(&mut self, watch: &mut Watch, rules: &Rules, closed: i64) -> Result<(), StoreError> {
        if self.read_until >= closed {
            return Ok(());
        }
        let from = self.read_until.max(closed - MEMORY);
        self.read(watch, rules, RequestQuery { from, to: closed, of: SumsOf::Each, detail: Detail::Latencies }).await?;
        self.read_until = closed;
        Ok(())
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
        watch.known.retain(|whose, _| whose.tenant().is_some_and(|tenant| !late.contains(&Some(tenant.to_owned()))));
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
    let mut feed = |whose, tier| _ = watch.feed(whose, tier, &row.cell, definitions);
    match &row.key.tenant {
        Some(tenant) => feed(Whose::Tenant(tenant.clone()), tier),
        None => {
            feed(Whose::Tier(tier.to_owned()), tier);
            feed(Whose::All, TIER_OF_ALL);
        }
    }
}

impl Around for Surroundings {
    type Error = StoreError;

    async fn feed(&mut self, watch: &mut Watch, rules: &Rules, end: i64) -> Result<bool, StoreError> {
        self.reach(watch, rules, end).await?;
        self.begun = Instant::now();
        Ok(true)
    }

    async fn keep(&mut self, watch: &Watch, changed: Vec<(Alert, Option<Evaluation>)>) -> Result<(), StoreError> {
        self.took = self.begun.elapsed();
        let alarm = |(alert, of): (Alert, Option<Evaluation>)| Alarm::new(alert, of.and_then(|of| of.baseline_p99_ns));
        let changed: Vec<Alarm> = changed.into_iter().map(alarm).collect();
        // What is told was stored before: an alert is not told twice because of a restart.
        let records = changed.iter().map(Alarm::record).collect::<Result<_, _>>()?;
        let lease = self.lease.ok_or(StoreError::Superseded)?;
        let judged = Judged { until: watch.judged.unwrap_or_default(), alerts: watch.alerts.clone() };
        self.states.store(lease, ALERTS, serde_json::to_string(&judged).map_err(unreadable)?, records).await?;
        changed.into_iter().for_each(|alarm| self.notifier.tell(alarm));
        Ok(())
    }
}

fn unreadable(error: serde_json::Error) -> StoreError {
    StoreError::Failed(error.to_string())
}
