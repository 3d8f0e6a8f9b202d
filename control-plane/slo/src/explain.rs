//! Why an alert is not open: for each condition what was measured, and what is missing until it opens.
//!
//! Nothing is judged here: the reasons are those by which [`judge`] has decided, so that the two cannot disagree.

use serde::{Deserialize, Serialize};

use crate::{
    alert::Alerts,
    evaluate::Evaluation,
    judge::{Condition, Judgement, Obstacle, Policy, Rule, judge},
    state::{BASELINE_DAYS_LEAST, BASELINE_REQUESTS, SLOT},
};

/// How far a tenant is from an alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Distance {
    /// The condition that this distance is from.
    pub condition: Condition,
    /// When its alert opened, in seconds since 1970, or `None` while none is open.
    pub opened: Option<i64>,
    /// Whether the condition holds.
    pub holds: bool,
    /// Why it does not.
    pub obstacle: Option<Obstacle>,
    /// What was measured, in the unit of the threshold; for burn rates the lower of both windows. 0 without requests.
    pub value: f64,
    /// What it is held against: it holds above.
    pub threshold: f64,
    /// Requests it was measured on.
    pub requests: u64,
    /// Requests of those that failed; for latency, that were slow; for refusals, that were refused.
    pub hits: u64,
    /// All of it in a sentence or two.
    pub text: String,
}

/// Who reads how far a tenant is from its alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// Those who run the system.
    Staff,
    /// The tenant itself, which is not told how others fare.
    Tenant,
}

/// How far a tenant is from each alert, in words for a reader.
pub fn distances(
    tenant: &str,
    evaluation: &Evaluation,
    alerts: &Alerts,
    policy: &Policy,
    reader: Reader,
) -> Vec<Distance> {
    let of = |condition: Condition| {
        let (rule, judgement) = (policy.rule(condition), judge(condition, evaluation, policy));
        let standing = alerts.standing(tenant, condition);
        let opened = standing.open.map(|alert| alert.opened);
        let measured = measured(condition, &judgement, rule, evaluation);
        let missing = match judgement.obstacle {
            _ if policy.excluded.contains(tenant) => "; nobody is told of this tenant.".to_owned(),
            _ if opened.is_some() => format!("; it closes at {}.", figure(condition, rule.closes_at)),
            Some(obstacle) => missing(condition, obstacle, &judgement, rule, evaluation),
            // The same words whether it is this tenant alone or many: one sentence for each would tell of the others.
            None if reader == Reader::Tenant => ", which is enough; its alert may open if that lasts.".to_owned(),
            None if standing.is_everybodys => {
                ", which is enough, but many tenants are near it at once: that is one alert for all.".to_owned()
            }
            None => {
                let more = rule.open_after.saturating_sub(standing.held).max(1);
                format!(", which is enough; it opens if that lasts for {} more minutes.", more * SLOT as u32 / 60)
            }
        };
        Distance {
            condition,
            opened,
            holds: judgement.obstacle.is_none(),
            obstacle: judgement.obstacle,
            value: judgement.value,
            threshold: rule.threshold,
            requests: judgement.requests,
            hits: judgement.hits,
            text: measured + &missing,
        }
    };
    Condition::ALL.map(of).into()
}

/// What was measured, without a full stop.
fn measured(condition: Condition, judgement: &Judgement, rule: &Rule, evaluation: &Evaluation) -> String {
    let Judgement { value, requests, hits, .. } = judgement;
    let nothing = judgement.obstacle == Some(Obstacle::Nothing);
    let value = figure(condition, *value);
    match condition {
        Condition::Latency if evaluation.baseline_p99_ns.is_none() => "Its usual p99 is not known yet".to_owned(),
        Condition::Refusals if evaluation.refused.requests_before.is_none() => {
            "It is not known how many requests are usually turned away".to_owned()
        }
        Condition::ErrorRate | Condition::Latency | Condition::Refusals if nothing => {
            "There were no requests in 5 minutes".to_owned()
        }
        Condition::Budget if nothing => "There were no requests in 30 days".to_owned(),
        Condition::FastBurn if nothing => "There were no requests in 1 hour".to_owned(),
        Condition::SlowBurn if nothing => "There were no requests in 6 hours".to_owned(),
        Condition::ErrorRate => format!("{value} of requests failed in 5 minutes ({hits} of {requests})"),
        Condition::Latency => format!(
            "The p99 of 5 minutes is {value} its usual one ({hits} of {requests} requests were slower than {} that)",
            times(rule.threshold)
        ),
        Condition::Budget => format!("{value} of the 30-day budget is burnt ({hits} of {requests} requests failed)"),
        Condition::FastBurn => burning(0, evaluation, "5 minutes", "1 hour", judgement),
        Condition::SlowBurn => burning(1, evaluation, "30 minutes", "6 hours", judgement),
        Condition::Refusals => format!(
            "{hits} of {requests} requests were turned away in 5 minutes, {value} as many for each served as usual"
        ),
    }
}

fn burning(pair: usize, evaluation: &Evaluation, short: &str, long: &str, judgement: &Judgement) -> String {
    let burn = &evaluation.burn[pair];
    let over = |rate: Option<f64>, window: &str| rate.map(|rate| format!("{rate:.1} over {window}"));
    let rates: Vec<String> = [over(burn.short, short), over(burn.long, long)].into_iter().flatten().collect();
    let (hits, requests) = (judgement.hits, judgement.requests);
    format!("The budget burns at {} ({hits} of {requests} requests failed)", rates.join(" and "))
}

/// What is missing until it holds.
fn missing(
    condition: Condition,
    obstacle: Obstacle,
    judgement: &Judgement,
    rule: &Rule,
    evaluation: &Evaluation,
) -> String {
    let opens = match condition {
        Condition::FastBurn | Condition::SlowBurn => format!("above {} in both", figure(condition, rule.threshold)),
        _ => format!("above {}", figure(condition, rule.threshold)),
    };
    // What is only too little is told as well where the value by itself would open it.
    let but = |needs: String| {
        if judgement.value > rule.threshold {
            format!(", which is enough, but an alert needs {needs}.")
        } else {
            format!("; it opens {opens}, and needs {needs}.")
        }
    };
    match (condition, obstacle) {
        (Condition::Latency, Obstacle::Nothing) if evaluation.baseline_p99_ns.is_none() => {
            format!(": it takes {BASELINE_DAYS_LEAST} days with {BASELINE_REQUESTS} requests each.")
        }
        (_, Obstacle::Nothing) => format!("; it opens {opens}."),
        (_, Obstacle::Within) => format!("; it opens {opens}."),
        (_, Obstacle::FewRequests) => but(format!("{} requests", rule.least_requests)),
        (Condition::Latency, Obstacle::FewHits) => but(format!("{} slow requests", rule.least_hits)),
        (Condition::Refusals, Obstacle::FewHits) => but(format!("{} that were turned away", rule.least_hits)),
        (_, Obstacle::FewHits) => but(format!("{} failed requests", rule.least_hits)),
        (_, Obstacle::Chance(probability)) => {
            format!(", which is enough, but so many may be chance ({} of the time).", percent(probability))
        }
        (_, Obstacle::QuietNow) => {
            let short = if condition == Condition::FastBurn { "5 minutes" } else { "30 minutes" };
            format!(", which is enough, but nobody came in the last {short} to tell whether it still does.")
        }
    }
}

/// A value or a threshold of a condition.
fn figure(condition: Condition, value: f64) -> String {
    match condition {
        Condition::ErrorRate | Condition::Budget => percent(value),
        Condition::Latency | Condition::Refusals => times(value),
        Condition::FastBurn | Condition::SlowBurn => format!("{}", (value * 10.0).round() / 10.0),
    }
}

fn times(factor: f64) -> String {
    format!("{} times", (factor * 10.0).round() / 10.0)
}

fn percent(share: f64) -> String {
    format!("{} %", (share * 1e4).round() / 1e2)
}
