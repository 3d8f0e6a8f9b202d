//! Metrics: what is sent in any order, and again, and by halves, is answered alike.

use control_plane::intake::by_stream;
use control_plane_model::{
    metrics::{Line, MetricQuery, MetricStore},
    store::Scope,
};
use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::KeyValue,
    metrics::v1::{
        AggregationTemporality, Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, HistogramDataPoint,
        Metric, NumberDataPoint, exemplar::Value, exponential_histogram_data_point::Buckets, metric::Data,
    },
};
use serde_json::json;
use testkit::{
    clickhouse,
    control_plane::{now_ns, number, shuffled, text},
    signals::{gauge, histogram, metrics_of, sum, total, value},
};

use crate::{Both, log_lines, questions::different};

const MINUTE: u64 = 60_000_000_000;
/// Streams of each metric.
const STREAMS: u64 = 6;
const MINUTES: u64 = 25;

/// The start of a minute, so long ago.
fn ago(minutes: u64) -> u64 {
    (now_ns().unsigned_abs() / MINUTE - minutes) * MINUTE
}

/// Two sandboxes of one service, and one of another account.
pub(crate) fn sender(stream: u64) -> Vec<KeyValue> {
    let (service, account) = [("booking-api", "111111111111"), ("mileage-api", "222222222222")][(stream / 4) as usize];
    let mut sender = vec![text("service.name", service), text("cloud.account.id", account)];
    sender.push(text("faas.instance", &format!("sandbox-{stream}")));
    if stream == 1 {
        sender.push(number("faas.max_memory", 268_435_456));
    }
    sender
}

fn attributes(random: &mut fastrand::Rng) -> Vec<KeyValue> {
    let mut attributes = Vec::new();
    for (key, values) in [
        ("http.route", &["/bookings", "/miles", "/{x} \"quoted\", 'too'"][..]),
        ("http.response.status_code", &["200", "500"]),
        ("tenant.id", &["acme", "globex"]),
    ] {
        if random.u8(..3) > 0 {
            attributes.push(text(key, values[random.usize(..values.len())]));
        }
    }
    attributes
}

fn exemplars(random: &mut fastrand::Rng, time: u64) -> Vec<Exemplar> {
    let exemplar = |random: &mut fastrand::Rng| Exemplar {
        // Of few, so that some come more than once.
        trace_id: vec![random.u8(1..4); 16],
        span_id: if random.bool() { vec![3; 8] } else { vec![] },
        time_unix_nano: time / MINUTE * MINUTE,
        value: Some(Value::AsDouble(f64::from(random.u8(..6)))),
        ..Exemplar::default()
    };
    (0..random.usize(..7)).map(|_| exemplar(random)).collect()
}

fn measured(random: &mut fastrand::Rng, time: u64) -> HistogramDataPoint {
    let bounds = [&[1.0, 10.0, 100.0][..], &[5.0], &[]][random.usize(..3).min(random.usize(..3))];
    let buckets: Vec<u64> = (0..=bounds.len()).map(|_| random.u64(..5)).collect();
    let extreme = |random: &mut fastrand::Rng| random.bool().then(|| f64::from(random.u8(..200)));
    HistogramDataPoint {
        time_unix_nano: time,
        count: buckets.iter().sum(),
        sum: Some(f64::from(random.u16(..999)) / 7.0),
        bucket_counts: buckets,
        explicit_bounds: bounds.to_vec(),
        min: extreme(random),
        max: extreme(random),
        attributes: attributes(random),
        exemplars: exemplars(random, time),
        ..HistogramDataPoint::default()
    }
}

fn exponential(random: &mut fastrand::Rng, time: u64) -> Metric {
    let counts: Vec<u64> = (0..random.usize(..20)).map(|_| random.u64(..4)).collect();
    let point = ExponentialHistogramDataPoint {
        time_unix_nano: time,
        count: counts.iter().sum(),
        sum: Some(3.5),
        scale: random.i32(-2..9),
        positive: Some(Buckets { offset: random.i32(-40..40), bucket_counts: counts }),
        ..ExponentialHistogramDataPoint::default()
    };
    let histogram = ExponentialHistogram { data_points: vec![point], aggregation_temporality: 1 };
    Metric { name: "exponential".into(), data: Some(Data::ExponentialHistogram(histogram)), ..Metric::default() }
}

/// What a sender counts since it began, which it does once more in between; some points are lost, some come after more than an hour.
fn counts(random: &mut fastrand::Rng, stream: u64) -> Vec<(u64, Metric)> {
    let mut begun = ago(200 + stream * 9);
    let (mut requests, mut buckets) = (f64::from(random.u8(..9)), [0_u64; 3]);
    let mut points = Vec::new();
    for minute in 0..60 {
        let time = ago(190 - minute * 3) + random.u64(..MINUTE);
        if random.u8(..20) == 0 || (stream == 2 && minute == 30) {
            (begun, requests, buckets) = (time - 1_000, 0.0, [0; 3]);
        }
        requests += f64::from(random.u8(..5));
        buckets.iter_mut().for_each(|n| *n += random.u64(..4));
        if random.u8(..4) == 0 || (stream == 3 && (10..40).contains(&minute)) {
            continue;
        }
        let since = if stream == 4 { 0 } else { begun };
        let point = NumberDataPoint { start_time_unix_nano: since, ..value(time, requests) };
        let of_sizes = HistogramDataPoint {
            start_time_unix_nano: since,
            time_unix_nano: time,
            count: buckets.iter().sum(),
            sum: Some(2.0 * buckets.iter().sum::<u64>() as f64),
            bucket_counts: buckets.to_vec(),
            // Others from some time on.
            explicit_bounds: if stream == 5 && minute > 40 { vec![1.0, 3.0] } else { vec![1.0, 2.0] },
            exemplars: exemplars(random, time),
            ..HistogramDataPoint::default()
        };
        points.push((stream, total("counted", &[point])));
        points.push((stream, histogram("sizes", AggregationTemporality::Cumulative, &[of_sizes])));
    }
    points
}

/// Metrics of every kind, by stream.
fn metrics(random: &mut fastrand::Rng) -> Vec<(u64, Metric)> {
    let mut metrics = Vec::new();
    for stream in 0..STREAMS {
        for minute in 0..MINUTES {
            let time = ago(minute + 1) + random.u64(..MINUTE);
            let point = |random: &mut fastrand::Rng| NumberDataPoint {
                attributes: attributes(random),
                exemplars: exemplars(random, time),
                ..value(time, f64::from(random.u16(..1_000)) / 3.0 - 50.0)
            };
            let points = [point(random), point(random)];
            metrics.push((stream, sum("requests", &points)));
            metrics.push((stream, gauge("memory", &points[..1])));
            let sizes = [measured(random, time), measured(random, time)];
            metrics.push((stream, histogram("durations", AggregationTemporality::Delta, &sizes)));
            metrics.push((stream, exponential(random, time)));
        }
        metrics.extend(counts(random, stream));
    }
    metrics
}

impl Both {
    pub(crate) async fn write_metrics(&self, request: ExportMetricsServiceRequest) {
        let now = now_ns() / 1_000_000_000;
        let (embedded, clickhouse) = (by_stream(request.clone(), None, now), by_stream(request, None, now));
        assert_eq!(embedded.1, clickhouse.1);
        self.embedded.write_points(embedded.0).await.unwrap();
        self.clickhouse.write_points(clickhouse.0).await.unwrap();
    }

    async fn lines(&self, scope: &Scope, query: &MetricQuery) -> Vec<Line> {
        let embedded = self.embedded.lines(scope, query.clone()).await.unwrap();
        let clickhouse = self.clickhouse.lines(scope, query.clone()).await.unwrap();
        assert_eq!(different(&json!(embedded), &json!(clickhouse)), None, "{scope:?}, {query:?}");
        embedded
    }
}

pub(crate) fn scopes() -> [Scope; 5] {
    let tenant = |name: &str| Scope::Tenant(name.into());
    [Scope::All, tenant("acme"), tenant("globex"), tenant("nobody"), tenant("")]
}

fn everything(minutes: u64) -> MetricQuery {
    let now = now_ns() / 1_000_000_000;
    let from = now - 60 * i64::try_from(minutes).unwrap();
    MetricQuery { from, to: now + 60, step: 60, metrics: vec![], service: None, account: None, by: vec![] }
}

/// Questions of every kind about metrics, and by whom: one of so many that there are.
fn questions(one_of: usize) -> Vec<(Scope, MetricQuery)> {
    let mut questions = Vec::new();
    for (minutes, to, step) in [(240, 60, 60), (240, 60, 3_600), (17, -300, 300), (100, -5_000, 120), (0, 0, 60)] {
        for metrics in [vec![], vec!["durations", "counted"], vec!["none"]] {
            for by in [vec![], vec!["http.route", "none", "faas.max_memory", "tenant.id"]] {
                for (service, account) in [(None, None), (Some("booking-api"), None), (None, Some("222222222222"))] {
                    let whole = everything(minutes);
                    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
                    let (service, account) = (service.map(str::to_owned), account.map(str::to_owned));
                    let (metrics, by) = (owned(&metrics), owned(&by));
                    let query = MetricQuery { to: whole.to + to, step, metrics, service, account, by, ..whole };
                    questions.extend(scopes().map(|scope| (scope, query.clone())));
                }
            }
        }
    }
    questions.into_iter().step_by(one_of).collect()
}

/// Asks both of metrics; how many answers held something.
async fn compare(both: &Both, one_of: usize) -> usize {
    let mut something = 0;
    for scope in scopes() {
        let [embedded, clickhouse] =
            [both.embedded.services(&scope).await.unwrap(), both.clickhouse.services(&scope).await.unwrap()];
        assert_eq!(embedded, clickhouse, "services, {scope:?}");
    }
    for (scope, query) in questions(one_of) {
        something += usize::from(!both.lines(&scope, &query).await.is_empty());
    }
    something
}

/// All of it in any order, some of it again, and again saying something else.
async fn metrics_in_any_order(both: &Both, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut sent = metrics(&mut random);
    shuffled(&mut sent, seed);
    let mut rest = sent.as_slice();
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(random.usize(1..=rest.len().min(90)));
        let of = |stream: u64| piece.iter().filter(move |(own, _)| *own == stream).map(|(_, metric)| metric.clone());
        let groups = (0..STREAMS).flat_map(|stream| metrics_of(&sender(stream), of(stream).collect()).resource_metrics);
        let request = ExportMetricsServiceRequest { resource_metrics: groups.collect() };
        for _ in 0..=random.usize(..2) {
            both.write_metrics(request.clone()).await;
        }
        rest = after;
    }
    let something = compare(both, 7).await;
    assert!(something > 15, "only {something} answers hold anything");
    // Again, saying something else.
    for (stream, metric) in sent.iter().take(60) {
        let mut metric = metric.clone();
        if let Some(Data::Sum(sum)) = &mut metric.data {
            sum.data_points.iter_mut().for_each(|point| point.value = value(0, 1e6).value);
        }
        both.write_metrics(metrics_of(&sender(*stream), vec![metric])).await;
    }
    let whole = both.lines(&Scope::All, &MetricQuery { step: 3_600, ..everything(240) }).await;
    assert!(whole.iter().flat_map(|line| &line.steps).all(|step| step.summary.sum < 1e6), "what came first stays");
    for table in ["metric_points", "log_records"] {
        both.server.sql(&format!("SYSTEM START MERGES {}.{table}", both.server.database)).await;
    }
    both.merge().await;
    compare(both, 17).await;
}

/// A few of both.
pub(crate) async fn some(both: &Both) {
    both.write_metrics(metrics_of(&sender(0), vec![sum("requests", &[value(ago(1), 1.0)])])).await;
    log_lines::of_traces(both).await;
}

/// All there is to ask of both.
pub(crate) async fn on(server: clickhouse::ClickHouse) {
    let both = Both::on(server).await;
    // What is replaced is seen until it is merged, which is when it is asked for.
    for table in ["metric_points", "log_records"] {
        both.server.sql(&format!("SYSTEM STOP MERGES {}.{table}", both.server.database)).await;
    }
    compare(&both, 17).await;
    log_lines::of_traces(&both).await;
    log_lines::endless(&both).await;
    metrics_in_any_order(&both, 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_and_logs() {
    on(clickhouse::ClickHouse::start()).await;
}

/// What of a metric names this tenant.
fn only(tenant: &str, mut metric: Metric) -> Metric {
    let own = text("tenant.id", tenant);
    let of_values = |points: &mut Vec<NumberDataPoint>| points.retain(|point| point.attributes.contains(&own));
    match metric.data.as_mut().unwrap() {
        Data::Gauge(gauge) => of_values(&mut gauge.data_points),
        Data::Sum(sum) => of_values(&mut sum.data_points),
        Data::Histogram(histogram) => histogram.data_points.retain(|point| point.attributes.contains(&own)),
        _ => metric.data = None,
    }
    metric
}

/// Not one number of what a tenant is answered depends on others.
#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_metrics_are_as_if_it_were_alone() {
    let (shared, alone) = (Both::start().await, Both::start().await);
    let sent = metrics(&mut fastrand::Rng::with_seed(16));
    for stream in 0..STREAMS {
        let of = sent.iter().filter(|(own, _)| *own == stream).map(|(_, metric)| metric.clone());
        let own = of.clone().map(|metric| only("acme", metric)).collect();
        shared.write_metrics(metrics_of(&sender(stream), of.collect())).await;
        alone.write_metrics(metrics_of(&sender(stream), own)).await;
    }
    let own = Scope::Tenant("acme".into());
    let mut something = 0;
    for (scope, query) in questions(1).into_iter().filter(|(scope, _)| *scope == own).step_by(5) {
        let (found, expected) = (shared.lines(&scope, &query).await, alone.lines(&scope, &query).await);
        assert_eq!(different(&json!(expected), &json!(found)), None, "{query:?}");
        something += usize::from(!found.is_empty());
    }
    assert!(something > 4, "only {something} answers hold anything");
}

/// Sums that a person can check.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_counted_is_counted_once() {
    let both = Both::start().await;
    let begun = ago(9);
    let counted = |minute: u64, requests: f64| {
        let point = NumberDataPoint { start_time_unix_nano: begun, ..value(begun + minute * MINUTE, requests) };
        metrics_of(&sender(0), vec![total("counted", &[point])])
    };
    // Of each moment once, the third before the second.
    for (minute, requests) in [(1, 4.0), (3, 9.0), (2, 7.0), (3, 100.0), (5, 10.0)] {
        both.write_metrics(counted(minute, requests)).await;
    }
    for (stream, added) in [(0, 2.0), (1, 3.0), (0, 2.0)] {
        both.write_metrics(metrics_of(&sender(stream), vec![sum("requests", &[value(begun + MINUTE, added)])])).await;
    }
    let lines = both.lines(&Scope::All, &everything(30)).await;
    let steps = |metric: &str| -> Vec<(u64, f64)> {
        let line = lines.iter().find(|line| line.metric == metric).unwrap();
        let minute = |at: i64| (at.unsigned_abs() * 1_000_000_000 - begun) / MINUTE;
        line.steps.iter().map(|step| (minute(step.at), step.summary.sum)).collect()
    };
    assert_eq!(steps("counted"), [(1, 4.0), (2, 3.0), (3, 2.0), (5, 1.0)]);
    assert_eq!(steps("requests"), [(1, 5.0)], "two sandboxes, each once");
}

/// Those that a sender names, and all others together; a sender's own tenant names whom its points are for, and tells none apart.
#[tokio::test(flavor = "multi_thread")]
async fn tenants_that_points_name_are_told_apart() {
    let both = Both::start().await;
    let named = |tenant: &str, requests: f64| NumberDataPoint {
        attributes: vec![text("tenant.id", tenant), text("http.route", "/miles")],
        ..value(ago(5), requests)
    };
    let points = [named("acme", 7.0), named("globex", 5.0), named("(other)", 30.0), value(ago(5), 2.0)];
    both.write_metrics(metrics_of(&sender(0), vec![sum("requests", &points)])).await;
    let of_one = [sender(1), vec![text("tenant.id", "acme")]].concat();
    both.write_metrics(metrics_of(&of_one, vec![sum("requests", &[value(ago(5), 1.0)])])).await;
    let by = vec!["tenant.id".to_owned()];
    let told = async |scope: Scope| -> Vec<(Option<String>, f64)> {
        let lines = both.lines(&scope, &MetricQuery { by: by.clone(), ..everything(30) }).await;
        let sum = |line: &Line| line.steps.iter().map(|step| step.summary.sum).sum();
        lines.iter().map(|line| (line.attributes.get("tenant.id").cloned(), sum(line))).collect()
    };
    let some = |tenant: &str| Some(tenant.to_owned());
    let of_all = [(None, 3.0), (some("(other)"), 30.0), (some("acme"), 7.0), (some("globex"), 5.0)];
    assert_eq!(told(Scope::All).await, of_all);
    assert_eq!(told(Scope::Tenant("acme".into())).await, [(None, 1.0), (some("acme"), 7.0)]);
}
