//! Whether an alert's condition holds for a tenant, now, by numbers that are not chance.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    evaluate::{Burn, Evaluation, SLOWDOWN},
    significance::{SIGNIFICANCE, binomial_tail},
};

/// What tenants are alerted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Share of requests that failed in five minutes.
    ErrorRate,
    /// p99 of five minutes over the tenant's own baseline.
    Latency,
    /// Share of the 30-day budget that is consumed.
    Budget,
    /// Burn rate over 5 minutes and 1 hour.
    FastBurn,
    /// Burn rate over 30 minutes and 6 hours.
    SlowBurn,
    /// Requests of five minutes that were refused, for each that was served, over what is usual for the tenant.
    Refusals,
}

impl Condition {
    /// Every condition, in the order of their numbers.
    pub const ALL: [Self; 6] =
        [Self::ErrorRate, Self::Latency, Self::Budget, Self::FastBurn, Self::SlowBurn, Self::Refusals];

    /// Its name, as receivers of alerts filter by it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ErrorRate => "error_rate",
            Self::Latency => "latency",
            Self::Budget => "budget",
            Self::FastBurn => "fast_burn",
            Self::SlowBurn => "slow_burn",
            Self::Refusals => "refusals",
        }
    }
}

/// When a condition holds and no longer does.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Holds above. For latency, [`SLOWDOWN`] is what requests are counted as slow by.
    pub threshold: f64,
    /// Is over at this or less; what is between leaves an alert as it is.
    pub closes_at: f64,
    /// The fewest requests with which the condition can hold.
    pub least_requests: u64,
    /// The fewest failed or slow requests with which the condition can hold.
    pub least_hits: u64,
    /// An alert opens after this many passes in which the condition holds, without one between in which it is over.
    pub open_after: u32,
    /// An alert closes after this many passes in which the condition is over, without one between in which it holds.
    pub close_after: u32,
}

/// When something is wrong with everybody, and not with each. While an alert of all tenants is open, no tenant's opens for the same
/// condition; those that were open stay.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// One alert for all opens when more than this share of the tenants that can be judged is near or over the threshold.
    pub share: f64,
    /// Fewer tenants that can be judged are no group.
    pub least_tenants: usize,
    /// How much of the threshold is near. Less than 1, as that many tenants do not come near by chance: a deploy that doubles
    /// all latencies leaves half of the measured ones below twice the baseline.
    pub near: f64,
    /// Passes after which the alert opens.
    pub open_after: u32,
    /// Passes after which it closes, with less than half the share.
    pub close_after: u32,
}

/// What is alerted on. The default's thresholds are said with each rule; its least counts, passes and significance are those that
/// `tests/simulated_month.rs` holds to account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// More than 1 % of requests failed in five minutes.
    pub error_rate: Rule,
    /// p99 of five minutes over twice the baseline.
    pub latency: Rule,
    /// 80 % of the 30-day budget burnt.
    pub budget: Rule,
    /// 14.4 over 5 minutes and 1 hour.
    pub fast_burn: Rule,
    /// 6 over 30 minutes and 6 hours.
    pub slow_burn: Rule,
    /// Three times as many requests refused for each that is served as usual; twenty, which somebody who mistypes does not make.
    pub refusals: Rule,
    /// A condition holds if so many failed or slow requests would have come about by chance with less than this probability:
    /// for the error rate, of a tenant that just meets its objective; for latency, of one whose p99 is twice its baseline; for
    /// budgets, burn rates and refusals, of one just at the threshold.
    pub significance: f64,
    /// When all tenants are one alert.
    pub group: Group,
    /// Tenants that are not alerted on: the canary's.
    pub excluded: BTreeSet<String>,
}

impl Default for Policy {
    fn default() -> Self {
        let burn = Rule {
            threshold: 6.0,
            closes_at: 3.0,
            // Long windows are what quiet tenants are found by.
            least_requests: 5,
            least_hits: 3,
            open_after: 1,
            close_after: 6,
        };
        Self {
            error_rate: Rule {
                threshold: 0.01,
                closes_at: 0.005,
                least_requests: 20,
                least_hits: 3,
                open_after: 2,
                close_after: 6,
            },
            latency: Rule {
                threshold: SLOWDOWN,
                closes_at: 1.5,
                least_requests: 30,
                least_hits: 5,
                open_after: 2,
                close_after: 6,
            },
            budget: Rule {
                threshold: 0.8,
                closes_at: 0.7,
                least_requests: 100,
                least_hits: 10,
                open_after: 1,
                close_after: 12,
            },
            fast_burn: Rule { threshold: 14.4, closes_at: 7.2, ..burn },
            slow_burn: burn,
            refusals: Rule { threshold: 3.0, closes_at: 1.5, least_requests: 20, least_hits: 20, ..burn },
            significance: SIGNIFICANCE,
            group: Group { share: 0.2, least_tenants: 20, near: 0.75, open_after: 2, close_after: 6 },
            excluded: BTreeSet::new(),
        }
    }
}

impl Policy {
    /// The rule of a condition.
    pub fn rule(&self, condition: Condition) -> &Rule {
        match condition {
            Condition::ErrorRate => &self.error_rate,
            Condition::Latency => &self.latency,
            Condition::Budget => &self.budget,
            Condition::FastBurn => &self.fast_burn,
            Condition::SlowBurn => &self.slow_burn,
            Condition::Refusals => &self.refusals,
        }
    }
}

/// What a pass makes of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It holds, and not by chance.
    Holds,
    /// Too high to be over, too low or too little to hold.
    Between,
    /// It is over, or never was.
    Over,
}

/// Why a condition does not hold: the first thing that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// There is nothing to measure: no requests, or for latency no usual p99 to hold them against.
    Nothing,
    /// Fewer requests than [`Rule::least_requests`].
    FewRequests,
    /// Not above the threshold.
    Within,
    /// Fewer failed or slow ones than [`Rule::least_hits`].
    FewHits,
    /// As many come about by chance with this probability, which is [`Policy::significance`] or more.
    Chance(f64),
    /// The long window is over the threshold, and nobody came in the short one, so that nobody knows whether it still burns.
    QuietNow,
}

/// A verdict and its numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    /// Whether it holds: only where there is no obstacle.
    pub verdict: Verdict,
    /// Why it does not hold.
    pub obstacle: Option<Obstacle>,
    /// What was measured, in the unit of the threshold; for burn rates the lower of both windows. 0 without requests.
    pub value: f64,
    /// Requests it was measured on.
    pub requests: u64,
    /// Requests of those that failed; for latency, that were slow; for refusals, that were refused.
    pub hits: u64,
    /// Whether requests were enough to be judged.
    pub judged: bool,
    /// Whether it counts as one of many: near the threshold in the sense of [`Group::near`]; for budgets and burn rates, if
    /// it holds.
    pub near: bool,
}

impl Judgement {
    /// Where one failure of a quiet tenant would bring it near.
    fn only_if_holds(self) -> Self {
        Self { near: self.verdict == Verdict::Holds, ..self }
    }
}

/// Judges one condition of a tenant.
pub fn judge(condition: Condition, evaluation: &Evaluation, policy: &Policy) -> Judgement {
    let rule = policy.rule(condition);
    let latest = &evaluation.latest;
    let allowed = || evaluation.objectives.availability.allowed();
    match condition {
        Condition::ErrorRate => {
            // What is asked is whether so many fail of a tenant that is within its objective; against the threshold itself, a rate
            // of thrice as much would pass for chance with most tenants.
            let chance = || rule.threshold.min(allowed());
            measured(rule, policy, latest.error_rate, latest.requests, latest.failed, chance)
        }
        Condition::Latency => {
            let ratio = latest.p99_ns.zip(evaluation.baseline_p99_ns).map(|(p99, baseline)| p99 / baseline);
            // One in a hundred is slower than the p99.
            measured(rule, policy, ratio, latest.requests, evaluation.slow, || 0.01)
        }
        Condition::Budget => {
            let budget = &evaluation.budget;
            let chance = || rule.threshold * allowed();
            measured(rule, policy, budget.burnt(), budget.requests, budget.failed, chance).only_if_holds()
        }
        Condition::FastBurn => burning(rule, policy, &evaluation.burn[0], allowed),
        Condition::SlowBurn => burning(rule, policy, &evaluation.burn[1], allowed),
        Condition::Refusals => {
            let (refused, requests, chance) =
                (&evaluation.refused, latest.requests, || evaluation.refused.share_at(rule.threshold));
            measured(rule, policy, refused.times_usual(requests), requests, refused.of(requests), chance)
                .only_if_holds()
        }
    }
}

fn burning(rule: &Rule, policy: &Policy, burn: &Burn, allowed: impl Fn() -> f64) -> Judgement {
    let chance = || (rule.threshold * allowed()).min(0.5);
    let judgement = match (burn.short, burn.long) {
        (Some(short), Some(long)) => measured(rule, policy, Some(short.min(long)), burn.requests, burn.failed, chance),
        // Nobody came in the short window, so that nobody knows whether it still burns.
        (None, Some(long)) => {
            let judgement = measured(rule, policy, Some(long), burn.requests, burn.failed, chance);
            let verdict = if judgement.verdict == Verdict::Over { Verdict::Over } else { Verdict::Between };
            Judgement { verdict, obstacle: judgement.obstacle.or(Some(Obstacle::QuietNow)), ..judgement }
        }
        _ => measured(rule, policy, None, 0, 0, chance),
    };
    judgement.only_if_holds()
}

fn measured(
    rule: &Rule,
    policy: &Policy,
    value: Option<f64>,
    requests: u64,
    hits: u64,
    chance: impl Fn() -> f64,
) -> Judgement {
    let judged = value.is_some() && requests >= rule.least_requests;
    let obstacle = match value {
        None => Some(Obstacle::Nothing),
        Some(_) if !judged => Some(Obstacle::FewRequests),
        Some(value) if value <= rule.threshold => Some(Obstacle::Within),
        Some(_) if hits < rule.least_hits => Some(Obstacle::FewHits),
        Some(_) => {
            let probability = binomial_tail(requests, hits, chance());
            (probability >= policy.significance).then_some(Obstacle::Chance(probability))
        }
    };
    let value = value.unwrap_or(0.0);
    let verdict = match obstacle {
        None => Verdict::Holds,
        Some(_) if value <= rule.closes_at || hits == 0 => Verdict::Over,
        Some(_) => Verdict::Between,
    };
    let near = judged && value > rule.threshold * policy.group.near;
    Judgement { verdict, obstacle, value, requests, hits, judged, near }
}
