//! The evaluation loop: it reads, judges and remembers each five minutes, and sends its alerts, before it goes on to the next.
//!
//! Where requests come from, where what is known of them is kept, and who is told of alerts is [`WatchEnvironment`] the loop: a store of spans, a file
//! and webhooks; or Logs Insights, DynamoDB and SNS.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    alert::{Alert, Alerts, Observation},
    evaluate::Evaluation,
    hurt::Hurt,
    judge::Policy,
    objective::Definitions,
    refusals::{RefusalCounts, usual_window},
    row::Cell,
    state::{LateCell, TenantState},
};

/// The end of the last five minutes that closed `settle` seconds before `now` or earlier, so that late spans are among them.
pub fn closed(now: i64, settle: i64) -> i64 {
    TenantState::slot_of(now - settle)
}

/// Whose requests are judged together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Those of one tenant.
    Tenant(String),
    /// Those of all tenants of a tier.
    Tier(String),
    /// Those of all tenants together.
    All,
}

impl Subject {
    /// The tenant, if they are one's.
    pub fn tenant(&self) -> Option<&str> {
        match self {
            Self::Tenant(tenant) => Some(tenant),
            Self::Tier(_) | Self::All => None,
        }
    }
}

/// What is promised, and when alerts open.
#[derive(Debug, Clone)]
pub struct Rules {
    /// What was promised to whom.
    pub definitions: Definitions,
    /// When alerts open and close.
    pub policy: Policy,
}

impl Rules {
    /// The usual rules. No alerts are sent about some tenants, such as the canary's.
    pub fn new(definitions: Definitions, excluded: impl IntoIterator<Item = String>) -> Self {
        let excluded = excluded.into_iter().collect();
        Self { definitions, policy: Policy { excluded, ..Policy::default() } }
    }
}

/// What is remembered of one subject between judgements.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SubjectState {
    /// The end of the last five minutes that are in the state, in seconds since 1970.
    pub fed: i64,
    /// The tier at that time.
    pub tier: String,
    /// The requests of its past.
    pub state: TenantState,
}

/// How a tenant, a tier, or everybody fares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SloStatus {
    /// The tenant, tier or all whose requests were judged.
    pub subject: Subject,
    /// The tier; of everybody, whose objectives they are held against.
    pub tier: String,
    /// Its figures against its objectives.
    pub evaluation: Evaluation,
}

impl SloStatus {
    /// Whether an objective is violated.
    pub fn violated(&self) -> bool {
        !self.evaluation.available() || !self.evaluation.quick_enough()
    }

    /// The share of the 30-day budget that is left; below zero once the objective is violated.
    pub fn budget_left(&self) -> f64 {
        1.0 - self.evaluation.budget.burnt().unwrap_or_default()
    }

    /// Requests of the last five minutes that were served worse than promised.
    pub fn hurt(&self) -> Hurt {
        Hurt::now(&self.evaluation)
    }
}

/// What the loop of a [`Watch`] needs from its surroundings: where requests come from, and where its results go.
pub trait WatchEnvironment {
    /// Why a call failed.
    type Error;

    /// Feeds what the five minutes that end at `end` brought, and what came since the last that were fed; `false` ends the loop before them.
    fn feed(
        &mut self,
        watch: &mut Watch,
        rules: &Rules,
        end: i64,
    ) -> impl Future<Output = Result<bool, Self::Error>> + Send;

    /// Keeps what is known now, and only then tells of the alerts that opened or closed, each with how its tenant fares.
    fn keep(
        &mut self,
        watch: &Watch,
        changed: Vec<(Alert, Option<Evaluation>)>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// What is known from one five minutes to the next.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Watch {
    /// The past of everybody who was heard of.
    pub known: BTreeMap<Subject, SubjectState>,
    /// The end of the last five minutes that were judged, in seconds since 1970, or `None` before the first.
    pub judged: Option<i64>,
    /// Alerts that are open or about to be.
    pub alerts: Alerts,
    /// Requests of tenants that were refused in the five minutes that are judged next, and in the [time before](usual_window), of those that had any;
    /// none where nobody counts them.
    pub refused: Option<BTreeMap<String, (u64, u64)>>,
    /// Since when they are counted and none of them was removed, in seconds since 1970.
    pub refusals_since: i64,
}

impl Watch {
    /// Counts requests of closed five minutes, or of a longer stretch of the past; whether anything is promised to whoever sent them.
    ///
    /// # Errors
    ///
    /// If they are of a time before the last that were fed: they were counted then, or came too late.
    pub fn feed(
        &mut self,
        subject: Subject,
        tier: &str,
        cell: &Cell,
        definitions: &Definitions,
    ) -> Result<bool, LateCell> {
        let Some(objectives) = definitions.of(subject.tenant(), tier) else { return Ok(false) };
        let known = self.known.entry(subject).or_default();
        if known.tier != tier {
            tier.clone_into(&mut known.tier);
        }
        known.state.feed(cell, &objectives)?;
        known.fed = TenantState::slot_end(cell);
        Ok(true)
    }

    /// How everybody fares at `at`, also those who had no requests.
    pub fn statuses(&self, definitions: &Definitions, at: i64) -> Vec<SloStatus> {
        let statuses = self.known.iter().filter_map(|(subject, known)| {
            let objectives = definitions.of(subject.tenant(), &known.tier)?;
            let mut evaluation = known.state.evaluate(&objectives, at);
            if let Some(tenant) = subject.tenant() {
                evaluation.refused = self.refusals(tenant, &known.state, at);
            }
            Some(SloStatus { subject: subject.clone(), tier: known.tier.clone(), evaluation })
        });
        statuses.collect()
    }

    /// A tenant's requests that were refused, and what is usual, as far as that is known.
    fn refusals(&self, tenant: &str, state: &TenantState, at: i64) -> RefusalCounts {
        let (Some(refused), Some((from, to))) = (&self.refused, usual_window(at, self.refusals_since)) else {
            return RefusalCounts::default();
        };
        let (latest, before) = refused.get(tenant).copied().unwrap_or_default();
        RefusalCounts { latest, before, requests_before: Some(state.requests_between(from, to)) }
    }

    /// Since when a tenant's requests are hurt as they are at `at`, see [`TenantState::hurt_since`].
    pub fn hurt_since(&self, subject: &Subject, definitions: &Definitions, at: i64) -> Option<i64> {
        let known = self.known.get(subject)?;
        known.state.hurt_since(&definitions.of(subject.tenant(), &known.tier)?, at)
    }

    /// Judges every tenant at the end of five minutes, if they were not judged before: how everybody fares, and the alerts that opened or
    /// closed, each with how its tenant fares.
    pub fn close(&mut self, end: i64, rules: &Rules) -> (Vec<SloStatus>, Vec<(Alert, Option<Evaluation>)>) {
        let statuses = self.statuses(&rules.definitions, end);
        if self.judged.is_some_and(|judged| judged >= end) {
            return (statuses, Vec::new());
        }
        self.judged = Some(end);
        let observations: Vec<Observation<'_>> = statuses
            .iter()
            .filter_map(|SloStatus { subject, tier, evaluation }| {
                Some(Observation { tenant: subject.tenant()?, tier, evaluation })
            })
            .collect();
        let changed = self.alerts.pass(end, &observations, &rules.policy);
        let of = |alert: &Alert| {
            let tenant = alert.scope.tenant()?;
            observations.iter().find(|observation| observation.tenant == tenant).map(|of| *of.evaluation)
        };
        let changed = changed.into_iter().map(|alert| (of(&alert), alert)).map(|(of, alert)| (alert, of)).collect();
        (statuses, changed)
    }

    /// Goes through five minutes after five minutes by their ends; how everybody fares at the last. What could not be kept is not judged,
    /// and judged again the next time.
    ///
    /// # Errors
    ///
    /// Whatever happens around the loop ends it.
    pub async fn run<A: WatchEnvironment>(
        &mut self,
        ends: impl IntoIterator<Item = i64>,
        rules: &Rules,
        around: &mut A,
    ) -> Result<Vec<SloStatus>, A::Error> {
        let mut latest = Vec::new();
        for end in ends {
            if !around.feed(self, rules, end).await? {
                break;
            }
            let before = (self.judged, self.alerts.clone());
            let (statuses, changed) = self.close(end, rules);
            if let Err(error) = around.keep(self, changed).await {
                (self.judged, self.alerts) = before;
                return Err(error);
            }
            latest = statuses;
        }
        Ok(latest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SLOT;

    /// Twenty of 400 requests fail in every five minutes; what is kept, and how often that fails.
    struct Failing {
        kept: Vec<(i64, Vec<String>)>,
        refuses_at: Option<i64>,
    }

    impl WatchEnvironment for Failing {
        type Error = String;

        async fn feed(&mut self, watch: &mut Watch, rules: &Rules, end: i64) -> Result<bool, String> {
            let mut cell = Cell::empty(end - SLOT, 300);
            (0..400).for_each(|request| cell.add(100_000_000, request < 20, Some(1.0)));
            let subject = Subject::Tenant("acme".to_owned());
            if watch.known.get(&subject).is_none_or(|known| known.fed < end) {
                watch.feed(subject, "basic", &cell, &rules.definitions).map_err(|late| late.to_string())?;
            }
            Ok(true)
        }

        async fn keep(&mut self, watch: &Watch, changed: Vec<(Alert, Option<Evaluation>)>) -> Result<(), String> {
            let end = watch.judged.unwrap();
            if self.refuses_at.take_if(|at| *at == end).is_some() {
                return Err("no room".to_owned());
            }
            self.kept.push((end, changed.iter().map(|(alert, _)| alert.id()).collect()));
            Ok(())
        }
    }

    fn rules() -> Rules {
        Rules::new(Definitions::compiled().unwrap(), None)
    }

    /// Runs over twenty minutes, from where it was judged.
    async fn run(watch: &mut Watch, around: &mut Failing) -> Result<Vec<SloStatus>, String> {
        let ends: Vec<i64> =
            (1..=4).map(|slot| slot * SLOT).filter(|end| watch.judged.is_none_or(|at| *end > at)).collect();
        watch.run(ends, &rules(), around).await
    }

    #[test]
    fn what_could_not_be_kept_is_judged_again_and_told_once() {
        let mut whole = Failing { kept: Vec::new(), refuses_at: None };
        let mut watch = Watch::default();
        let statuses = wait(run(&mut watch, &mut whole)).unwrap();
        assert_eq!((statuses.len(), whole.kept.len()), (1, 4));
        assert!(whole.kept.iter().any(|(_, told)| !told.is_empty()));
        for at in 1..=4 {
            let mut cut = Failing { kept: Vec::new(), refuses_at: Some(at * SLOT) };
            let mut again = Watch::default();
            assert_eq!(wait(run(&mut again, &mut cut)), Err("no room".to_owned()));
            wait(run(&mut again, &mut cut)).unwrap();
            assert_eq!((&cut.kept, &again), (&whole.kept, &watch), "cut off at {at}");
        }
    }

    #[test]
    fn what_was_judged_is_not_judged_again() {
        let mut around = Failing { kept: Vec::new(), refuses_at: None };
        let mut watch = Watch { judged: Some(10 * SLOT), ..Watch::default() };
        wait(watch.run([SLOT, 2 * SLOT, 3 * SLOT], &rules(), &mut around)).unwrap();
        assert_eq!(around.kept, vec![(10 * SLOT, Vec::new()); 3]);
    }

    #[test]
    fn five_minutes_close_once_late_spans_had_their_time() {
        assert_eq!([1_199, 1_319, 1_320, 1_619, 1_620].map(|now| closed(now, 120)), [900, 900, 1_200, 1_200, 1_500]);
    }

    /// Nothing here waits.
    fn wait<T>(future: impl Future<Output = T>) -> T {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match std::pin::pin!(future).poll(&mut context) {
            std::task::Poll::Ready(ready) => ready,
            std::task::Poll::Pending => panic!("it waits"),
        }
    }
}
