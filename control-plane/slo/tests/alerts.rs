//! Alerts open once, after a while, and not for a handful of requests.

use slo::{
    Alert, Alerts, Availability, Budget, Burn, Condition, Distance, Evaluation, Latency, Objectives, Observation,
    Policy, Reader, RefusalCounts, Scope, Summary, distances,
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
        refused: RefusalCounts { latest: 0, before: 100, requests_before: Some(10_000) },
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

fn refusing(requests: u64, latest: u64) -> Evaluation {
    let mut evaluation = failing(requests, 0);
    evaluation.refused.latest = latest;
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
fn refusals_are_held_against_what_is_usual() {
    let mut passes = vec![refusing(200, 2); 3];
    passes.extend(vec![refusing(240, 42); 2]);
    passes.extend(vec![refusing(200, 2); 6]);
    assert_eq!(story(&passes), [(3, '+', Condition::Refusals), (10, '-', Condition::Refusals)]);
    assert_eq!(story(&vec![refusing(30, 15); 3]), [], "fifteen are few");
    assert_eq!(story(&vec![refusing(1_000, 25); 3]), [], "2.5 times as many as usual");
    assert_eq!(story(&vec![refusing(700, 22); 3]), [], "more than three times as many, by chance");
    let mut scraper = refusing(1_000, 550);
    scraper.refused = RefusalCounts { latest: 550, before: 50_000, requests_before: Some(100_000) };
    assert_eq!(story(&vec![scraper; 3]), [], "half of its requests are always refused");
    scraper.refused.latest = 900;
    assert_eq!(story(&[scraper]), [(0, '+', Condition::Refusals)]);
}

#[test]
fn what_was_stored_before_there_was_a_condition_is_read() {
    let mut alerts = Alerts::new();
    let failing = failing(1_000, 30);
    let observation = Observation { tenant: "acme", tier: "basic", evaluation: &failing };
    for at in 0..2 {
        alerts.pass(at, &[observation], &Policy::default());
    }
    let mut stored = serde_json::to_value(&alerts).unwrap();
    for tracks in ["/all", "/tenants/acme/of"] {
        assert_eq!(
            stored.pointer_mut(tracks).unwrap().as_array_mut().unwrap().pop().map(|track| track["held"].clone()),
            Some(0.into())
        );
    }
    assert_eq!(serde_json::from_value::<Alerts>(stored).unwrap(), alerts);
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

/// Why the alert of a condition is not open, of a tenant that fared like this once.
fn why_not(condition: Condition, evaluation: &Evaluation) -> String {
    let of = distances("acme", evaluation, &Alerts::new(), &Policy::default(), Reader::Staff);
    of.into_iter().find(|distance| distance.condition == condition).map(|distance| distance.text).unwrap_or_default()
}

#[test]
fn it_is_said_what_an_alert_lacks() {
    let mut unknown = slow(9.0, 0);
    unknown.baseline_p99_ns = None;
    let mut uncounted = refusing(200, 100);
    uncounted.refused = RefusalCounts::default();
    for (condition, evaluation, text) in [
        (
            Condition::ErrorRate,
            failing(1_000, 4),
            "0.4 % of requests failed in 5 minutes (4 of 1000); it opens above 1 %.",
        ),
        (
            Condition::ErrorRate,
            failing(12, 3),
            "25 % of requests failed in 5 minutes (3 of 12), which is enough, but an alert needs 20 requests.",
        ),
        (
            Condition::ErrorRate,
            failing(50, 2),
            "4 % of requests failed in 5 minutes (2 of 50), which is enough, but an alert needs 3 failed requests.",
        ),
        (
            Condition::ErrorRate,
            failing(1_000, 30),
            "3 % of requests failed in 5 minutes (30 of 1000), which is enough; it opens if that lasts for 10 more minutes.",
        ),
        (Condition::ErrorRate, failing(0, 0), "There were no requests in 5 minutes; it opens above 1 %."),
        (
            Condition::Latency,
            slow(1.9, 4),
            "The p99 of 5 minutes is 1.9 times its usual one (4 of 500 requests were slower than 2 times that); it opens above 2 times.",
        ),
        (Condition::Latency, unknown, "Its usual p99 is not known yet: it takes 3 days with 200 requests each."),
        (
            Condition::Refusals,
            refusing(200, 3),
            "3 of 200 requests were turned away in 5 minutes, 1.5 times as many for each served as usual; it opens above 3 times.",
        ),
        (
            Condition::Refusals,
            uncounted,
            "It is not known how many requests are usually turned away; it opens above 3 times.",
        ),
        (
            Condition::Refusals,
            refusing(30, 15),
            "15 of 30 requests were turned away in 5 minutes, 92.8 times as many for each served as usual, which is enough, but an alert needs 20 that were turned away.",
        ),
        (
            Condition::FastBurn,
            burning(Some(9.2), 3.1, 1_000, 3),
            "The budget burns at 9.2 over 5 minutes and 3.1 over 1 hour (3 of 1000 requests failed); it opens above 14.4 in both.",
        ),
        (
            Condition::FastBurn,
            burning(None, 1_000.0, 5, 5),
            "The budget burns at 1000.0 over 1 hour (5 of 5 requests failed), which is enough, but nobody came in the last 5 minutes to tell whether it still does.",
        ),
        (
            Condition::Budget,
            budget(85),
            "85 % of the 30-day budget is burnt (85 of 100000 requests failed), which is enough, but so many may be chance (30.25 % of the time).",
        ),
    ] {
        assert_eq!(why_not(condition, &evaluation), text);
    }
}

#[test]
fn a_tenant_is_told_the_same_whether_others_fail_or_not() {
    let policy = Policy::default();
    let (own, well) = (failing(1_000, 50), failing(1_000, 0));
    let told = |others: Evaluation, reader: Reader| {
        let names: Vec<String> = (0..30).map(|number| format!("tenant-{number}")).collect();
        let other = |name| Observation { tenant: name, tier: "basic", evaluation: &others };
        let mut observations: Vec<_> = names.iter().map(|name| other(name)).collect();
        observations.push(Observation { tenant: "acme", tier: "basic", evaluation: &own });
        let mut alerts = Alerts::new();
        alerts.pass(0, &observations, &policy);
        distances("acme", &own, &alerts, &policy, reader).swap_remove(Condition::ErrorRate as usize).text
    };
    let text = "5 % of requests failed in 5 minutes (50 of 1000), which is enough; its alert may open if that lasts.";
    assert_eq!(told(own, Reader::Tenant), text);
    assert_eq!(told(well, Reader::Tenant), text);
    assert!(told(own, Reader::Staff).ends_with("but many tenants are near it at once: that is one alert for all."));
    assert!(told(well, Reader::Staff).ends_with("it opens if that lasts for 5 more minutes."));
}

#[test]
fn what_is_said_of_an_alert_is_what_becomes_of_it() {
    let policy = Policy::default();
    let mut state = 7_u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut seen = [[0; 2]; Condition::ALL.len()];
    for _ in 0..5_000 {
        // From a handful of requests to many, from well to all of them failed or slow.
        let requests = [3, 25, 90, 1_000, 20_000][random(5) as usize];
        let part = [1, 10, 50][random(3) as usize];
        let hits = random(requests / part + 1);
        let mut evaluation = failing(requests, hits);
        evaluation.latest.p99_ns = (random(9) > 0).then(|| 3e8 * (1.0 + random(30) as f64 / 10.0));
        evaluation.slow = random(requests + 1);
        let rate = |share: f64| share * hits as f64 / requests as f64 / 0.001;
        let burn = |short: Option<f64>| Burn { short, long: Some(rate(1.0)), requests, failed: hits };
        evaluation.burn = [burn((random(9) > 0).then(|| rate(1.2))), burn(Some(rate(0.8)))];
        let allowed = requests as f64 * 0.001;
        evaluation.budget =
            Budget { requests, failed: hits, allowed, consumed: hits as f64, remaining: allowed - hits as f64 };

        evaluation.refused =
            RefusalCounts { latest: random(requests + 1), before: random(2_000), requests_before: Some(10_000) };

        let before = distances("acme", &evaluation, &Alerts::new(), &policy, Reader::Staff);
        let observation = Observation { tenant: "acme", tier: "basic", evaluation: &evaluation };
        let mut alerts = Alerts::new();
        alerts.pass(0, &[observation], &policy);
        let once = distances("acme", &evaluation, &alerts, &policy, Reader::Staff);
        alerts.pass(300, &[observation], &policy);
        let opened: Vec<Condition> = alerts.open().map(|alert| alert.condition).collect();
        let lasting = |of: &[Distance], minutes: &str| -> Vec<Condition> {
            let said =
                of.iter().filter(|distance| distance.text.ends_with(&format!("lasts for {minutes} more minutes.")));
            said.map(|distance| distance.condition).collect()
        };
        for (index, condition) in Condition::ALL.into_iter().enumerate() {
            let is_open = opened.contains(&condition);
            let distance = &before[index];
            assert_eq!(distance.holds, is_open, "{}", distance.text);
            assert_eq!(distance.obstacle.is_none(), is_open, "{}", distance.text);
            let after = if policy.rule(condition).open_after == 1 { "5" } else { "10" };
            assert_eq!(lasting(&before, after).contains(&condition), is_open, "{}", distance.text);
            // Five minutes later it is open, or that much nearer.
            let is_nearer = once[index].opened.is_some() || lasting(&once, "5").contains(&condition);
            assert_eq!(is_nearer, is_open, "{}", once[index].text);
            seen[index][usize::from(is_open)] += 1;
        }
    }
    assert!(seen.as_flattened().iter().all(|times| *times > 100), "{seen:?}");
}
