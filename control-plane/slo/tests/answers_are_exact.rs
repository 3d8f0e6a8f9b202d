//! Error rates, budgets, burn rates and costs are those of a recomputation from single requests.
#![expect(clippy::print_stdout, reason = "measurements are for a person")]

use std::sync::Arc;

use slo::{
    Availability, Cell, CostReport, Evaluation, Key, Kind, Latency, Line, Objectives, Observation, Policy, Prices, Row,
    Summary, TenantState, cost::ServicePrices,
};

const BEGIN: i64 = 1_767_225_600;
const OBJECTIVES: Objectives =
    Objectives { availability: Availability { target: 0.999 }, latency: Latency { target: 0.99, within_ms: 262.144 } };

/// A request as a span has it.
struct Request {
    at: i64,
    service: usize,
    tenant: usize,
    duration_ns: u64,
    failed: bool,
    weight: Option<f64>,
}

const SERVICES: [&str; 3] = ["booking", "booking-publisher", "mileage"];
const TENANTS: [(Option<&str>, Option<&str>); 4] =
    [(Some("oceanic"), Some("premium")), (Some("acme"), Some("basic")), (Some("ajira"), Some("basic")), (None, None)];

fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

/// Requests of so many days, some minutes of each hour without any.
fn requests(days: i64, weights: &[Option<f64>]) -> Vec<Request> {
    let mut state = 11;
    let mut requests = Vec::new();
    for minute in 0..days * 1_440 {
        if minute % 60 > 50 {
            continue;
        }
        for _ in 0..next(&mut state) % 8 {
            requests.push(Request {
                at: BEGIN + minute * 60 + (next(&mut state) % 60) as i64,
                service: (next(&mut state) % 3) as usize,
                tenant: (next(&mut state) % 4) as usize,
                duration_ns: 1_000_000 + next(&mut state) % 400_000_000,
                failed: next(&mut state).is_multiple_of(100),
                weight: weights[next(&mut state) as usize % weights.len()],
            });
        }
    }
    requests
}

/// Rows of a width that depends on their time.
fn rows<'a>(requests: impl IntoIterator<Item = &'a Request>, width: impl Fn(i64) -> u32) -> Vec<Row> {
    let mut cells = std::collections::BTreeMap::new();
    for request in requests {
        let width = width(request.at);
        let start = request.at - request.at.rem_euclid(i64::from(width));
        cells.entry((start, request.service, request.tenant)).or_insert_with(|| Cell::empty(start, width)).add(
            request.duration_ns,
            request.failed,
            request.weight,
        );
    }
    let row = |((_, service, tenant), cell): ((i64, usize, usize), Cell)| {
        let (tenant, tier) = TENANTS[tenant];
        let key = Key {
            account: None,
            service: SERVICES[service].to_owned(),
            operation: "GET /".to_owned(),
            kind: Kind::Server,
            tenant: tenant.map(str::to_owned),
            tier: tier.map(str::to_owned),
        };
        Row { key: Arc::new(key), cell }
    };
    cells.into_iter().map(row).collect()
}

/// All, failed, and within the latency objective.
fn recount(requests: &[Request], from: i64, to: i64) -> (f64, f64, f64) {
    let mut counts = (0.0, 0.0, 0.0);
    for request in requests.iter().filter(|request| request.tenant == 0 && (from..to).contains(&request.at)) {
        let weight = request.weight.unwrap_or(1.0);
        counts.0 += weight;
        counts.1 += if request.failed { weight } else { 0.0 };
        counts.2 += if request.duration_ns < 262_144_000 { weight } else { 0.0 };
    }
    counts
}

#[test]
fn budgets_and_rates_are_those_of_single_requests() {
    let requests = requests(35, &[Some(1.0), Some(20.0), Some(4.0)]);
    let of_tenant = || requests.iter().filter(|request| request.tenant == 0);
    for at in [BEGIN + 33 * 86_400 + 43_200, BEGIN + 34 * 86_400 + 7_500, BEGIN + 86_400 * 2] {
        // As a store compacts: minutes for two days, five minutes for eight, hours before.
        let compacted = rows(of_tenant(), |time| match (at - time) / 86_400 {
            days if days < 2 => 60,
            days if days < 8 => 300,
            _ => 3_600,
        });
        let evaluation = Evaluation::of_rows(&compacted, &OBJECTIVES, at);

        let (_, failed, _) = recount(&requests, at - 300, at);
        let (all, ..) = recount(&requests, at - 300, at);
        assert_eq!(evaluation.latest.error_rate, (all > 0.0).then(|| failed / all));
        let (all, failed, _) = recount(&requests, (at - 30 * 86_400) / 3_600 * 3_600, at);
        assert_eq!(evaluation.budget.allowed, all * 0.001);
        assert_eq!(evaluation.budget.consumed, failed);
        assert_eq!(evaluation.budget.remaining, all * 0.001 - failed);
        for (burn, short, long) in [(&evaluation.burn[0], 300, 3_600), (&evaluation.burn[1], 1_800, 21_600)] {
            for (rate, window) in [(burn.short, short), (burn.long, long)] {
                let (all, failed, _) = recount(&requests, at - window, at);
                assert_eq!(rate, (all > 0.0).then(|| failed / all / 0.001));
            }
        }
    }
}

#[test]
fn compliance_is_within_the_bin_of_the_limit() {
    let requests = requests(10, &[Some(1.0)]);
    let at = BEGIN + 10 * 86_400;
    let rows = rows(requests.iter().filter(|request| request.tenant == 0), |_| 300);
    let (all, _, quick) = recount(&requests, BEGIN, at);
    let evaluation = Evaluation::of_rows(&rows, &OBJECTIVES, at);
    assert!((evaluation.quick.unwrap() - quick / all).abs() < 0.005);
    assert!(!evaluation.quick_enough() && !evaluation.available());
}

#[test]
fn step_by_step_is_the_same_as_at_once() {
    let requests = requests(12, &[Some(1.0), Some(3.0)]);
    let mut rows = rows(requests.iter().filter(|request| request.tenant == 0), |_| 300);
    rows.sort_by_key(|row| row.cell.start);
    let mut state = TenantState::new();
    let mut left = rows.as_slice();
    for at in (BEGIN + 300..=BEGIN + 12 * 86_400).step_by(300) {
        while let Some((row, rest)) = left.split_first().filter(|(row, _)| row.cell.end() <= at) {
            state.feed(&row.cell, &OBJECTIVES).unwrap();
            left = rest;
        }
        if (at / 300) % 97 == 0 {
            let stored: TenantState = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
            assert_eq!(stored.evaluate(&OBJECTIVES, at), Evaluation::of_rows(&rows, &OBJECTIVES, at));
        }
    }
    assert!(state.feed(&Cell::empty(BEGIN, 300), &OBJECTIVES).is_err(), "the past is closed");
}

#[test]
fn a_baseline_is_the_median_of_days() {
    let mut state = TenantState::new();
    for day in 0..9_i64 {
        let mut cell = Cell::empty(BEGIN + day * 86_400, 300);
        let duration = if day == 6 { 900_000_000 } else { 100_000_000 + day as u64 * 1_000_000 };
        (0..300).for_each(|_| cell.add(duration, false, Some(1.0)));
        state.feed(&cell, &OBJECTIVES).unwrap();
        let baseline = state.evaluate(&OBJECTIVES, cell.end()).baseline_p99_ns;
        assert_eq!(baseline.is_some(), day >= 3, "day {day}");
    }
    // Days 1 to 7 and the bad one among them.
    let baseline = state.evaluate(&OBJECTIVES, BEGIN + 8 * 86_400 + 300).baseline_p99_ns.unwrap();
    assert!((baseline / 104e6 - 1.0).abs() < 0.05, "{baseline}");
}

#[test]
fn a_summary_is_of_its_window() {
    let requests = requests(2, &[Some(1.0)]);
    let rows = rows(requests.iter().filter(|request| request.tenant == 0), |_| 60);
    let summary = Summary::over(&rows, BEGIN + 3_600, BEGIN + 7_200);
    let (all, failed, _) = recount(&requests, BEGIN + 3_600, BEGIN + 7_200);
    assert_eq!((summary.weight, summary.error_rate), (all, Some(failed / all)));

    let in_time = |request: &&Request| (BEGIN + 3_600..BEGIN + 7_200).contains(&request.at) && request.tenant == 0;
    let mut durations: Vec<u64> = requests.iter().filter(in_time).map(|request| request.duration_ns).collect();
    durations.sort_unstable();
    for (quantile, q) in [(summary.p50_ns, 0.5), (summary.p95_ns, 0.95), (summary.p99_ns, 0.99)] {
        let exact = durations[(q * durations.len() as f64).ceil() as usize - 1] as f64;
        assert!((quantile.unwrap() / exact - 1.0).abs() <= 0.044_3);
    }
}

#[test]
fn a_pass_over_a_thousand_tenants_takes_well_under_a_second() {
    let requests = requests(35, &[Some(1.0)]);
    let mut state = TenantState::new();
    for row in rows(requests.iter().filter(|request| request.tenant == 0), |_| 300) {
        state.feed(&row.cell, &OBJECTIVES).unwrap();
    }
    let states = vec![state; 1_000];
    let names: Vec<String> = (0..states.len()).map(|rank| format!("tenant-{rank}")).collect();
    let at = BEGIN + 35 * 86_400;
    println!("a state: {} bytes of JSON", serde_json::to_string(&states[0]).unwrap().len());
    let pass = || {
        let began = std::time::Instant::now();
        let evaluations: Vec<Evaluation> = states.iter().map(|state| state.evaluate(&OBJECTIVES, at)).collect();
        let observations: Vec<Observation<'_>> = names
            .iter()
            .zip(&evaluations)
            .map(|(tenant, evaluation)| Observation { tenant, tier: "basic", evaluation })
            .collect();
        slo::Alerts::new().pass(at, &observations, &Policy::default());
        began.elapsed()
    };
    // The quickest of some: what the machine does meanwhile is not what it takes.
    let quickest = (0..10).map(|_| pass()).min().unwrap();
    println!("a pass over 1,000 tenants: {quickest:?}");
    assert!(quickest.as_millis() < 500);
}

fn prices() -> Prices {
    let price = |per_million_requests, per_gb_second, memory_mb| ServicePrices {
        per_million_requests,
        per_gb_second,
        memory_mb,
    };
    Prices {
        currency: "USD".to_owned(),
        default: price(3.7, 0.000_013_333_4, 128),
        services: [("mileage".to_owned(), price(0.6, 0.000_013_333_4, 256))].into(),
    }
}

#[test]
fn costs_reconcile_to_the_cent() {
    for days in [1, 3, 40] {
        let requests = requests(days, &[Some(1.0), Some(1_000.0 / 3.0), Some(50_000.0)]);
        let prices = prices();
        let report = CostReport::of(&rows(&requests, |_| 3_600), Some(&prices));

        let mut unsplit = 0.0;
        for request in &requests {
            let of_service = prices.services.get(SERVICES[request.service]).unwrap_or(&prices.default);
            let gb = f64::from(of_service.memory_mb) / 1_024.0;
            let price = of_service.per_million_requests
                + request.duration_ns as f64 / 1e9 * gb * of_service.per_gb_second * 1e6;
            unsplit += price * request.weight.unwrap();
        }
        let micros = report.total.micros.unwrap();
        let cents = report.total.cents.unwrap();
        assert!((unsplit - micros as f64).abs() < 1.0, "{unsplit} {micros}");
        assert_eq!(cents, (unsplit / 10_000.0).round() as u64);
        for lines in [&report.tenants, &report.tiers, &report.services, &report.lines] {
            let sum = |of: fn(&Line) -> Option<u64>| lines.iter().map(|line| of(line).unwrap()).sum::<u64>();
            assert_eq!(sum(|line| line.share.micros), micros);
            assert_eq!(sum(|line| line.share.cents), cents);
            assert!((lines.iter().map(|line| line.share.requests_share).sum::<f64>() - 1.0).abs() < 1e-9);
            for line in lines {
                let exact = line.share.micros.unwrap() as f64 / 10_000.0;
                assert!((line.share.cents.unwrap() as f64 - exact).abs() < 1.5, "{line:?}");
            }
        }
        assert_eq!(
            (report.tenants.len(), report.tiers.len(), report.services.len(), report.lines.len()),
            (4, 3, 3, 12)
        );
    }
}

#[test]
fn a_price_file_is_checked() {
    let read = |text: &str| serde_json::from_str::<Prices>(text).map_err(|error| error.to_string());
    let text = serde_json::to_string(&prices()).unwrap();
    assert_eq!(read(&text), Ok(prices()));
    assert!(read(&text.replace("3.7", "-3.7")).unwrap_err().contains("not negative"));
    assert!(read(&text.replace("memory_mb", "memory")).unwrap_err().contains("unknown field"));
}

#[test]
fn what_is_not_known_is_marked_and_what_is_unpriced_has_no_price() {
    let mut requests = requests(1, &[Some(2.0)]);
    requests.iter_mut().filter(|request| request.tenant == 2).for_each(|request| request.weight = None);
    let rows = rows(&requests, |_| 60);
    let report = CostReport::of(&rows, None);
    let estimated: Vec<_> = report.tenants.iter().map(|line| (line.tenant.as_deref(), line.share.estimated)).collect();
    assert_eq!(estimated, [(Some(""), false), (Some("acme"), false), (Some("ajira"), true), (Some("oceanic"), false)]);
    assert!(report.total.estimated && report.total.micros.is_none() && report.currency.is_none());

    let report = CostReport::of(&rows, Some(&prices()));
    let csv = report.to_csv(&report.lines).unwrap();
    assert_eq!(csv.lines().count(), 13);
    let header = "tenant,tier,service,requests,requests_share,seconds,seconds_share,currency,micros,cents,estimated\n";
    assert!(csv.starts_with(header), "{csv}");
    let read: CostReport = serde_json::from_str(&report.to_json().unwrap()).unwrap();
    assert_eq!(read, report);
}
