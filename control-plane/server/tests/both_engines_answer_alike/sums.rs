//! Sums of requests, costs and the map equal what was added up while the requests were made, whatever came late, again, or in another order.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use control_plane::intake::by_trace;
use control_plane_model::{
    map::MapQuery,
    store::{Detail, RequestQuery, Scope, SpanStore, SumsOf},
};
use futures_util::TryStreamExt;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use slo::DailyUse;
use testkit::{
    control_plane::{now_ns, request_by_service},
    traffic::{Plan, Recount, Sum, Traffic, WATCHED},
};

use crate::Both;

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// Requests have the spans of so many traces.
async fn equal(both: &Both, plan: Plan, in_one: u32) {
    let mut traffic = Traffic::new(plan);
    let (mut took, mut spans, mut batches) = ([Duration::ZERO; 2], 0, 0);
    let begun = Instant::now();
    loop {
        let batch = traffic.batch(in_one);
        if batch.is_empty() {
            break;
        }
        (spans, batches) = (spans + batch.len(), batches + 1);
        let request = ExportTraceServiceRequest::decode(&*request_by_service(&batch)).unwrap();
        for ((_, store), took) in both.stores().into_iter().zip(&mut took) {
            let (traces, rejected) = by_trace(request.clone(), None, plan.from + plan.seconds);
            assert_eq!(rejected.count, 0);
            let begun = Instant::now();
            store.write(traces).await.unwrap();
            *took += begun.elapsed();
        }
        if batches % 20 == 0 {
            let begun = Instant::now();
            both.clickhouse.make_sums().await.unwrap();
            took[1] += begun.elapsed();
        }
    }
    let begun_last = Instant::now();
    both.clickhouse.make_sums().await.unwrap();
    took[1] += begun_last.elapsed();
    for ((engine, store), took) in both.stores().into_iter().zip(took) {
        let begun = Instant::now();
        requests(engine, store, &traffic.recount, plan).await;
        costs(engine, store, &traffic.recount, plan).await;
        daily_costs(engine, store, &traffic.recount, plan).await;
        map(engine, store, &traffic.recount, plan).await;
        eprintln!("{engine}: {spans} spans and their sums in {took:.1?}, compared in {:.1?}", begun.elapsed());
    }
    eprintln!("{} tenants, all of it in {:.1?}", plan.tenants, begun.elapsed());
}

async fn requests(engine: &str, store: &dyn SpanStore, recount: &Recount, plan: Plan) {
    let now = now_ns() / 1_000_000_000;
    let query = RequestQuery { from: plan.from / HOUR * HOUR, to: now, of: SumsOf::Each, detail: Detail::Latencies };
    let mut rows = store.request_rows(&Scope::All, query).await.unwrap();
    let (mut hours, mut minutes) = (HashMap::new(), HashMap::new());
    while let Some(batch) = rows.try_next().await.unwrap() {
        for slo::Row { key, cell } in batch {
            let sum = Sum {
                requests: cell.requests,
                failed: cell.failed,
                duration_ns: cell.duration_ns,
                weight: cell.weight,
                weighted_failed: cell.weighted_failed,
                weighted_duration_ns: cell.weighted_duration_ns,
            };
            assert!((cell.histogram.total() - cell.weight).abs() < 1e-9 * cell.weight);
            let hour = cell.start / HOUR * HOUR;
            match &key.tenant {
                Some(_) => {
                    let subject = (key.tenant.clone(), key.tier.clone(), key.service.clone(), hour);
                    hours.entry(subject).or_insert_with(Sum::default).merge(&sum);
                }
                None => {
                    let start = coarse(cell.start, now);
                    let subject = (key.tier.clone(), key.service.clone(), start);
                    minutes.entry(subject).or_insert_with(Sum::default).merge(&sum);
                }
            }
        }
    }
    let text = |text: &Option<&str>| text.map(str::to_owned);
    let mut expected_minutes = HashMap::new();
    for ((tier, service, minute), sum) in &recount.minutes {
        let subject = (text(tier), (*service).to_owned(), coarse(*minute, now));
        expected_minutes.entry(subject).or_insert_with(Sum::default).merge(sum);
    }
    let of_tenants = recount.hours.iter().filter(|((tenant, ..), _)| tenant.is_some());
    let expected_hours: HashMap<_, _> = of_tenants
        .map(|((tenant, tier, service, hour), sum)| ((tenant.clone(), text(tier), (*service).to_owned(), *hour), *sum))
        .collect();
    alike(&format!("{engine}, by the hour"), &expected_hours, &hours);
    alike(&format!("{engine}, together"), &expected_minutes, &minutes);
}

/// A minute of the last two days; an hour of what is older, and of what is about to be.
fn coarse(time: i64, now: i64) -> i64 {
    if time > now - 2 * DAY + 2 * HOUR { time } else { time / HOUR * HOUR }
}

fn alike<K: std::hash::Hash + Eq + std::fmt::Debug>(what: &str, expected: &HashMap<K, Sum>, found: &HashMap<K, Sum>) {
    for (key, sum) in expected {
        assert!(found.get(key).is_some_and(|found| found.is(sum)), "{what}, {key:?}: {sum:?} is {:?}", found.get(key));
    }
    let beyond = found.iter().find(|(key, _)| !expected.contains_key(key));
    assert!(beyond.is_none(), "{what}: {beyond:?} of nothing that was sent");
}

async fn costs(engine: &str, store: &dyn SpanStore, recount: &Recount, plan: Plan) {
    let mut expected: BTreeMap<(Option<String>, &str), (f64, f64)> = BTreeMap::new();
    for ((tenant, _, service, _), sum) in &recount.hours {
        let (weight, took) = expected.entry((tenant.clone(), service)).or_default();
        (*weight, *took) = (*weight + sum.weight, *took + sum.weighted_duration_ns);
    }
    let mut found: BTreeMap<(Option<String>, String), (f64, f64)> = BTreeMap::new();
    for row in store.costs(&Scope::All, plan.from, now_ns() / 1_000_000_000).await.unwrap() {
        let (weight, took) = found.entry((row.key.tenant.clone(), row.key.service.clone())).or_default();
        (*weight, *took) = (*weight + row.cell.weight, *took + row.cell.weighted_duration_ns);
    }
    assert_eq!(expected.len(), found.len(), "{engine}, costs");
    for ((key, expected), (found_key, found)) in expected.iter().zip(&found) {
        assert!(key.0 == found_key.0 && key.1 == found_key.1, "{engine}: {key:?} is {found_key:?}");
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs();
        assert!(
            close(expected.0, found.0) && close(expected.1, found.1),
            "{engine}, {key:?}: {expected:?} is {found:?}"
        );
    }
}

async fn daily_costs(engine: &str, store: &dyn SpanStore, recount: &Recount, plan: Plan) {
    let named = [WATCHED.to_owned()];
    let mut expected: BTreeMap<(i64, Option<String>, String), (f64, f64)> = BTreeMap::new();
    for ((tenant, _, service, hour), sum) in &recount.hours {
        let tenant = tenant.clone().filter(|tenant| named.contains(tenant));
        let (weight, took) = expected.entry((hour / DAY * DAY, tenant, (*service).to_owned())).or_default();
        (*weight, *took) = (*weight + sum.weight, *took + sum.weighted_duration_ns);
    }
    let found = store.daily_costs(&Scope::All, plan.from, now_ns() / 1_000_000_000, &named).await.unwrap();
    assert_eq!(expected.len(), found.len(), "{engine}, daily costs");
    for DailyUse { start, tenant, service, requests, duration_ns } in found {
        let (weight, took) = expected[&(start, tenant.clone(), service.clone())];
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs();
        assert!(close(weight, requests) && close(took, duration_ns), "{engine}, {start}, {tenant:?}, {service}");
    }
}

async fn map(engine: &str, store: &dyn SpanStore, recount: &Recount, plan: Plan) {
    for (tenant, expected) in [(None, &recount.edges), (Some(WATCHED.to_owned()), &recount.watched)] {
        let now = now_ns() / 1_000_000_000;
        let query = MapQuery { from: plan.from - HOUR, to: now, tenant, ..MapQuery::default() };
        let map = store.map(&Scope::All, query).await.unwrap();
        let seconds = (map.to - map.from) as f64;
        let name = |id: u32| {
            let node = map.nodes.iter().find(|node| node.id == id).unwrap();
            let subject = if node.account.as_deref() == Some("111111111111") { "booking" } else { "mileage" };
            if node.kind == "API Gateway" { format!("{} of {subject}", node.name) } else { node.name.clone() }
        };
        let found: BTreeMap<_, _> = map
            .edges
            .iter()
            .map(|edge| {
                let weight = (edge.stats.rate * seconds).round();
                ((name(edge.source), name(edge.target)), (edge.stats.count, edge.stats.faults, weight))
            })
            .collect();
        let named = |(from, to): &(&str, &str)| ((*from).to_owned(), (*to).to_owned());
        let expected: BTreeMap<_, _> = expected.iter().map(|(edge, uses)| (named(edge), *uses)).collect();
        assert_eq!(found, expected, "{engine}");
    }
}

/// Ten days, so that spans come over borders of minutes, buckets and days.
#[tokio::test(flavor = "multi_thread")]
async fn sums_equal_a_recount() {
    let both = Both::start().await;
    let seconds = 10 * DAY;
    let from = now_ns() / 1_000_000_000 - seconds - 2 * HOUR;
    equal(&both, Plan { seed: 20, tenants: 1_000, traces: 5_700, from, seconds }, 60).await;
}

/// `SPANS` of them, or two million.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it takes minutes"]
async fn sums_of_two_million_spans_equal_a_recount() {
    let spans: f64 = std::env::var("SPANS").map_or(2e6, |text| text.parse().unwrap());
    let both = Both::start().await;
    let seconds = 6 * HOUR;
    let from = now_ns() / 1_000_000_000 - seconds - HOUR;
    equal(&both, Plan { seed: 2, tenants: 1_000, traces: (spans / 3.67) as u32, from, seconds }, 600).await;
}
