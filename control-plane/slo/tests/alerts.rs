//! Alerts open once, after a while, and not for a handful of requests.

use slo::{
    Alert, Alerts, Availability, Budget, Burn, Condition, Evaluation, Latency, Objectives, Observation, Policy, Scope,
    Summary,
};

const QUIET: Burn = Burn { short: Some(0.0), long: Some(0.0), requests: 1_000, failed: 0 };

/// A tenant of which so many requests failed in five minutes.
fn failing(requests: u64, failed: u64) -> Evaluation {
    let rate = (requests > 0).then(|| failed as f64 / requests as f64);
    Evaluation {
        at: 0,
        objectives: Objectives {
            availability: Availability { target: 0.999 },
            latency: Latency { target: 0.99, within_ms: 1_000.0 },
        },
        latest: Summary {
            requests,
            failed,
            weight: requests as f64,
            error_rate: rate,
            p50_ns: Some(1e8),
            p95_ns: Some(2e8),
            p99_ns: Some(3e8),
        },
        baseline_p99_ns: Some(3e8),
        slow: 0,
        too_slow: 0,
        budget: Budget { requests: 100_000, failed: 0, allowed: 100.0, consumed: 0.0, remaining: 100.0 },
        quick: Some(1.0),
        burn: [QUIET; 2],
    }
}

fn slow(factor: f64, slow: u64) -> Evaluation {
    let mut evaluation = failing(500, 0);
    evaluation.latest.p99_ns = Some(3e8 * factor);
    evaluation.slow = slow;
    evaluation
}

fn burning(short: Option<f64>, long: f64, requests: u64, failed: u64) -> Evaluation {
    let mut evaluation = failing(3, 0);
    evaluation.burn[0] = Burn { short, long: Some(long), requests, failed };
    evaluation
}

fn budget(failed: u64) -> Evaluation {
    let mut evaluation = failing(10, 0);
    let consumed = failed as f64;
    evaluation.budget = Budget { failed, consumed, remaining: 100.0 - consumed, ..evaluation.budget };
    evaluation
}

#[expect(clippy::unwrap_used, reason = "a helper of tests")]
fn stored(alerts: &Alerts) -> Alerts {
    serde_json::from_str(&serde_json::to_string(alerts).unwrap()).unwrap()
}

/// Alerts that opened (+) and closed (-), with the number of the pass.
fn story(passes: &[Evaluation]) -> Vec<(usize, char, Condition)> {
    let (mut alerts, policy) = (Alerts::new(), Policy::default());
    let mut story = Vec::new();
    for (index, evaluation) in passes.iter().enumerate() {
        let observation = Observation { tenant: "acme", tier: "basic", evaluation };
        for alert in alerts.pass(index as i64, &[observation], &policy) {
            story.push((index, if alert.closed.is_some() { '-' } else { '+' }, alert.condition));
        }
        // An evaluator may stop after any pass.
        alerts = stored(&alerts);
    }
    story
}

#[test]
fn an_alert_opens_once_and_closes_when_it_is_over_for_a_while() {
    let mut passes = vec![failing(1_000, 30); 10];
    passes.extend(vec![failing(1_000, 7); 20]);
    passes.extend(vec![failing(1_000, 0); 5]);
    passes.push(failing(1_000, 30));
    passes.extend(vec![failing(1_000, 0); 10]);
    assert_eq!(story(&passes), [(1, '+', Condition::ErrorRate), (41, '-', Condition::ErrorRate)]);
}

#[test]
fn one_bad_pass_and_few_requests_are_nothing() {
    assert_eq!(story(&[failing(1_000, 100), failing(1_000, 0), failing(1_000, 100), failing(1_000, 0)]), []);
    assert_eq!(story(&vec![failing(3, 3); 10]), [], "three requests do not page");
    assert_eq!(story(&vec![failing(90, 1); 10]), [], "1.1 %, by chance");
    assert_eq!(story(&vec![failing(1_000, 10); 10]), [], "1 % is not more than 1 %");
}

#[test]
fn latency_is_held_against_the_tenants_own() {
    assert_eq!(story(&vec![slow(2.5, 20); 3]), [(1, '+', Condition::Latency)]);
    assert_eq!(story(&vec![slow(2.5, 4); 3]), [], "four slow requests are few");
    assert_eq!(story(&vec![slow(1.9, 4); 3]), []);
    let mut unknown = slow(9.0, 0);
    unknown.baseline_p99_ns = None;
    assert_eq!(story(&vec![unknown; 3]), []);
}

#[test]
fn burn_rates_need_both_windows() {
    assert_eq!(story(&[burning(Some(20.0), 20.0, 1_000, 50)]), [(0, '+', Condition::FastBurn)]);
    assert_eq!(story(&[burning(Some(20.0), 10.0, 1_000, 50)]), []);
    assert_eq!(story(&[burning(Some(0.0), 20.0, 1_000, 50)]), []);
    assert_eq!(story(&[burning(None, 1_000.0, 5, 5)]), [], "nobody knows whether it still burns");
    assert_eq!(story(&[burning(Some(1_000.0), 1_000.0, 5, 5)]), [(0, '+', Condition::FastBurn)], "a quiet tenant");
    assert_eq!(story(&[burning(Some(1_000.0), 1_000.0, 4, 4)]), []);
}

#[test]
fn a_budget_is_told_of_before_it_is_gone() {
    let mut passes = vec![budget(85)];
    assert_eq!(story(&passes), [], "80 % could be chance");
    passes = vec![budget(120); 5];
    passes.extend(vec![budget(60); 12]);
    assert_eq!(story(&passes), [(0, '+', Condition::Budget), (16, '-', Condition::Budget)]);
}

fn pass(alerts: &mut Alerts, at: i64, evaluations: &[Evaluation], policy: &Policy) -> Vec<Alert> {
    let names: Vec<String> = (0..evaluations.len()).map(|rank| format!("tenant-{rank}")).collect();
    let observations: Vec<Observation<'_>> = names
        .iter()
        .zip(evaluations)
        .map(|(tenant, evaluation)| Observation { tenant, tier: "basic", evaluation })
        .collect();
    alerts.pass(at, &observations, policy)
}

#[test]
fn what_befalls_many_is_one_alert() {
    let (mut alerts, policy) = (Alerts::new(), Policy::default());
    // Half of them just below twice the baseline.
    let mut all = vec![slow(1.9, 4); 50];
    all.extend(vec![slow(2.2, 20); 50]);
    assert_eq!(pass(&mut alerts, 1, &all, &policy), []);
    let opened = pass(&mut alerts, 2, &all, &policy);
    let [alert] = opened.as_slice() else { panic!("{opened:?}") };
    assert_eq!(alert.scope, Scope::AllTenants { tenants: 100, of: 100 });
    assert_eq!((alert.condition, alert.value, alert.requests), (Condition::Latency, 1.0, 50_000));
    assert_eq!(alert.id(), "latency@2:*");

    // It is over for all but one, who is told of once the others are.
    let mut one = vec![slow(1.0, 0); 100];
    one[7] = slow(3.0, 40);
    let told: Vec<Alert> = (3..12).flat_map(|at| pass(&mut alerts, at, &one, &policy)).collect();
    let [closed, own] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((closed.id(), closed.closed), ("latency@2:*".to_owned(), Some(8)));
    assert_eq!(own.scope, Scope::Tenant { tenant: "tenant-7".to_owned(), tier: "basic".to_owned() });
    assert_eq!(alerts.open().count(), 1);
}

#[test]
fn some_are_told_of_each() {
    let (mut alerts, policy) = (Alerts::new(), Policy::default());
    let mut all = vec![failing(1_000, 0); 100];
    all[..3].fill(failing(1_000, 50));
    pass(&mut alerts, 1, &all, &policy);
    assert_eq!(pass(&mut alerts, 2, &all, &policy).len(), 3);
}

#[test]
fn the_canary_is_not_told_of_and_the_vanished_are_closed() {
    let policy = Policy { excluded: ["tenant-0".to_owned()].into(), ..Policy::default() };
    let mut alerts = Alerts::new();
    let opened: Vec<Alert> = (0..3).flat_map(|at| pass(&mut alerts, at, &[failing(1_000, 50); 2], &policy)).collect();
    let [alert] = opened.as_slice() else { panic!("{opened:?}") };
    assert_eq!(alert.scope, Scope::Tenant { tenant: "tenant-1".to_owned(), tier: "basic".to_owned() });
    assert_eq!((alert.value, alert.threshold, alert.requests, alert.failed), (0.05, 0.01, 1_000, 50));
    let closed: Vec<Alert> = (3..10).flat_map(|at| pass(&mut alerts, at, &[], &policy)).collect();
    assert_eq!(closed.iter().map(|alert| alert.closed).collect::<Vec<_>>(), [Some(8)]);
    assert_eq!(alerts, Alerts::new(), "nothing is remembered of the well");
}
