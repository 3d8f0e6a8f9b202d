//! When alerts open and close. One is open at a time for a tenant and a condition, and none for the canary's tenant. What
//! befalls many tenants in one pass is one alert for all of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    evaluate::{BURN_WINDOWS, Evaluation, SLOWDOWN},
    judge::{Condition, Judgement, Policy, Verdict, judge},
    state::SLOT,
};

/// Whom an alert is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "scope", rename_all = "snake_case")]
pub enum Scope {
    /// One tenant.
    Tenant {
        /// The id of the tenant.
        tenant: String,
        /// Its tier at the time.
        tier: String,
    },
    /// All tenants.
    AllTenants {
        /// Tenants near or over the threshold when it opened.
        tenants: usize,
        /// Tenants that could be judged.
        of: usize,
    },
}

impl Scope {
    /// The tenant, if it is about one.
    pub fn tenant(&self) -> Option<&str> {
        match self {
            Self::Tenant { tenant, .. } => Some(tenant),
            Self::AllTenants { .. } => None,
        }
    }
}

/// An alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Whom it is about.
    #[serde(flatten)]
    pub scope: Scope,
    /// The condition that opened the alert.
    pub condition: Condition,
    /// What was measured when it opened; for all tenants, the share of them.
    pub value: f64,
    /// What it was held against.
    pub threshold: f64,
    /// Requests it was measured on.
    pub requests: u64,
    /// Requests of those that failed; for latency, that were slower than the threshold; for refusals, that were refused.
    pub failed: u64,
    /// When it opened: the end of the five minutes that did it, in seconds since 1970.
    pub opened: i64,
    /// When it closed.
    pub closed: Option<i64>,
}

impl Alert {
    /// The alert's id, which stays the same however often the alert is sent and which no other alert has.
    pub fn id(&self) -> String {
        format!("{}@{}:{}", self.condition.name(), self.opened, self.scope.tenant().unwrap_or("*"))
    }

    /// When what caused it began, in seconds since 1970: what its condition looked back on when it opened. It ends with
    /// [`opened`](Self::opened).
    pub fn caused_from(&self) -> i64 {
        let back = match self.condition {
            // They open with the second five minutes that are over the threshold.
            Condition::ErrorRate | Condition::Latency => 2 * SLOT,
            Condition::Refusals => SLOT,
            Condition::FastBurn => BURN_WINDOWS[0].long,
            Condition::SlowBurn => BURN_WINDOWS[1].long,
            // A budget burns over 30 days; its last day shows what burns it.
            Condition::Budget => 86_400,
        };
        self.opened - back
    }

    /// An X-Ray filter expression for the traces that caused it, in the words of whoever is asked: `fault` of a trace in which something
    /// failed, `took` of what a trace took, in seconds. `baseline_p99_ns` is the usual p99 of the tenant that it is about.
    pub fn filter(&self, baseline_p99_ns: Option<f64>, fault: &str, took: &str) -> String {
        let what = match self.condition {
            Condition::Latency => format!("{took} > {:.3}", baseline_p99_ns.unwrap_or_default() * SLOWDOWN / 1e9),
            // An error is the caller's, in X-Ray's words.
            Condition::Refusals => "error".to_owned(),
            _ => fault.to_owned(),
        };
        match self.scope.tenant() {
            Some(tenant) => format!("annotation[tenant.id] = {} AND {what}", quoted(tenant)),
            None => what,
        }
    }

    /// One sentence for a person.
    pub fn summary(&self) -> String {
        let Self { value, requests, failed, .. } = self;
        let percent = value * 100.0;
        let whose = match &self.scope {
            Scope::Tenant { tenant, tier } => format!("{tenant} ({tier})"),
            Scope::AllTenants { tenants, of } => {
                let what = self.condition.name().replace('_', " ");
                return format!("{tenants} of {of} tenants at once: {what}, {percent:.0} % of them near or over it");
            }
        };
        match self.condition {
            Condition::ErrorRate => {
                format!("{whose}: {percent:.1} % of requests failed in 5 minutes ({failed} of {requests})")
            }
            Condition::Latency => format!("{whose}: p99 is {value:.1} times its own baseline ({requests} requests)"),
            Condition::Budget => format!("{whose}: {percent:.0} % of the 30-day error budget is burnt"),
            Condition::FastBurn => {
                format!("{whose}: the error budget burns at {value:.1} times the allowed rate (5 min, 1 h)")
            }
            Condition::SlowBurn => {
                format!("{whose}: the error budget burns at {value:.1} times the allowed rate (30 min, 6 h)")
            }
            Condition::Refusals => {
                format!(
                    "{whose}: {failed} of {requests} requests were turned away in 5 minutes, {value:.0} times as many for each served as usual"
                )
            }
        }
    }
}

/// A string of a filter expression.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A tenant in a pass.
#[derive(Debug, Clone, Copy)]
pub struct Observation<'a> {
    /// Which; each comes once in a pass.
    pub tenant: &'a str,
    /// Its tier.
    pub tier: &'a str,
    /// The tenant's figures against its objectives.
    pub evaluation: &'a Evaluation,
}

/// How far an alert is from opening or closing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Track {
    held: u32,
    over: u32,
    open: Option<Alert>,
}

impl Track {
    fn idle(&self) -> bool {
        self.held == 0 && self.open.is_none()
    }

    /// Counts a verdict, and answers with the alert if it opens or closes.
    fn step(
        &mut self,
        verdict: Verdict,
        (open_after, close_after): (u32, u32),
        at: i64,
        alert: impl FnOnce() -> Option<Alert>,
    ) -> Option<Alert> {
        match verdict {
            Verdict::Holds => (self.held, self.over) = (self.held.saturating_add(1), 0),
            Verdict::Over => (self.held, self.over) = (0, self.over + u32::from(self.open.is_some())),
            Verdict::Between => {}
        }
        if self.open.is_none() {
            if verdict == Verdict::Holds && self.held >= open_after {
                self.open = alert();
                return self.open.clone();
            }
        } else if self.over >= close_after {
            self.over = 0;
            return self.open.take().map(|alert| Alert { closed: Some(at), ..alert });
        }
        None
    }
}

/// Where a tenant stands with a condition.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Standing<'a> {
    /// Its alert, where one is open.
    pub open: Option<&'a Alert>,
    /// Passes in which the condition has held.
    pub held: u32,
    /// Whether it befalls, or may befall, all tenants: then no tenant's alert of its own opens.
    pub is_everybodys: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Tracks {
    /// When the tenant was last in a pass.
    seen: i64,
    #[serde(deserialize_with = "of_all_conditions")]
    of: [Track; Condition::ALL.len()],
}

/// Tracks as they were stored: what is kept from before there was a condition has none of it.
fn of_all_conditions<'de, D: Deserializer<'de>>(stored: D) -> Result<[Track; Condition::ALL.len()], D::Error> {
    let mut tracks = Vec::<Track>::deserialize(stored)?.into_iter();
    Ok(std::array::from_fn(|_| tracks.next().unwrap_or_default()))
}

/// Alerts that are open or about to be.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Alerts {
    /// Of tenants that are not well; all others need no memory.
    tenants: BTreeMap<String, Tracks>,
    #[serde(deserialize_with = "of_all_conditions")]
    all: [Track; Condition::ALL.len()],
}

impl Alerts {
    /// No alert is open.
    pub fn new() -> Self {
        Self::default()
    }

    /// Alerts that are open.
    pub fn open(&self) -> impl Iterator<Item = &Alert> {
        let of_tenants = self.tenants.values().flat_map(|tracks| &tracks.of);
        self.all.iter().chain(of_tenants).filter_map(|track| track.open.as_ref())
    }

    /// Where a tenant stands with a condition: its open alert, for how many passes the condition has held, and the alert of all tenants while that
    /// keeps its own from opening.
    pub fn standing(&self, tenant: &str, condition: Condition) -> Standing<'_> {
        let own = self.tenants.get(tenant).map(|tracks| &tracks.of[condition as usize]);
        let all = &self.all[condition as usize];
        Standing {
            open: own.and_then(|track| track.open.as_ref()),
            held: own.map_or(0, |track| track.held),
            is_everybodys: !all.idle(),
        }
    }

    /// Judges every tenant at the end of five minutes, and answers with the alerts that opened or closed.
    pub fn pass(&mut self, at: i64, observations: &[Observation<'_>], policy: &Policy) -> Vec<Alert> {
        let judged: Vec<(&Observation<'_>, [Judgement; Condition::ALL.len()])> = observations
            .iter()
            .filter(|observation| !policy.excluded.contains(observation.tenant))
            .map(|observation| {
                (observation, Condition::ALL.map(|condition| judge(condition, observation.evaluation, policy)))
            })
            .collect();

        let mut changed = Vec::new();
        for (index, condition) in Condition::ALL.into_iter().enumerate() {
            changed.extend(self.judge_all(at, condition, judged.iter().map(|(_, of)| &of[index]), policy));
        }
        for (observation, judgements) in &judged {
            self.judge_tenant(at, observation, judgements, policy, &mut changed);
        }
        // A tenant without rows has nothing left that could hurt.
        for tracks in self.tenants.values_mut().filter(|tracks| tracks.seen != at) {
            for (track, condition) in tracks.of.iter_mut().zip(Condition::ALL) {
                let rule = policy.rule(condition);
                changed.extend(track.step(Verdict::Over, (rule.open_after, rule.close_after), at, || None));
            }
        }
        self.tenants.retain(|_, tracks| !tracks.of.iter().all(Track::idle));
        changed
    }

    fn judge_all<'a>(
        &mut self,
        at: i64,
        condition: Condition,
        judgements: impl Iterator<Item = &'a Judgement>,
        policy: &Policy,
    ) -> Option<Alert> {
        let group = &policy.group;
        let (mut of, mut tenants, mut requests, mut hits) = (0, 0, 0, 0);
        for judgement in judgements.filter(|judgement| judgement.judged) {
            of += 1;
            if judgement.near {
                tenants += 1;
                requests += judgement.requests;
                hits += judgement.hits;
            }
        }
        let share = if of == 0 { 0.0 } else { tenants as f64 / of as f64 };
        let track = &mut self.all[condition as usize];
        let verdict = if of >= group.least_tenants && share > group.share {
            Verdict::Holds
        } else if track.open.is_none() || share <= group.share / 2.0 {
            Verdict::Over
        } else {
            Verdict::Between
        };
        track.step(verdict, (group.open_after, group.close_after), at, || {
            Some(Alert {
                scope: Scope::AllTenants { tenants, of },
                condition,
                value: share,
                threshold: group.share,
                requests,
                failed: hits,
                opened: at,
                closed: None,
            })
        })
    }

    fn judge_tenant(
        &mut self,
        at: i64,
        observation: &Observation<'_>,
        judgements: &[Judgement; Condition::ALL.len()],
        policy: &Policy,
        changed: &mut Vec<Alert>,
    ) {
        let tracks = match self.tenants.get_mut(observation.tenant) {
            Some(tracks) => tracks,
            None if judgements.iter().all(|judgement| judgement.verdict != Verdict::Holds) => return,
            None => self
                .tenants
                .entry(observation.tenant.to_owned())
                .or_insert_with(|| Tracks { seen: at, of: Default::default() }),
        };
        tracks.seen = at;
        for ((track, condition), judgement) in tracks.of.iter_mut().zip(Condition::ALL).zip(judgements) {
            let rule = policy.rule(condition);
            let everybody = &self.all[condition as usize];
            changed.extend(track.step(judgement.verdict, (rule.open_after, rule.close_after), at, || {
                // Also while it only may be everybody: a pass later it is known.
                everybody.idle().then(|| Alert {
                    scope: Scope::Tenant { tenant: observation.tenant.to_owned(), tier: observation.tier.to_owned() },
                    condition,
                    value: judgement.value,
                    threshold: rule.threshold,
                    requests: judgement.requests,
                    failed: judgement.hits,
                    opened: at,
                    closed: None,
                })
            }));
        }
    }
}
