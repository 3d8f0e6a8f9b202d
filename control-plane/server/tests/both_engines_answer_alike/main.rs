//! Whatever is sent, in whatever order, and however often: both engines give the same answers to the same questions. ClickHouse is a real
//! server where `CLICKHOUSE_URL` names one, and its engine behind a small HTTP server otherwise.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod alone;
mod backup;
mod edges;
mod faults;
mod hostile;
mod log_lines;
mod lookups;
mod measurements;
mod mishaps;
mod odd;
mod questions;
mod refusals;
mod retention;
mod round_trip;
mod several;
mod spans;
mod sums;
mod unverified;

use std::collections::BTreeSet;

use control_plane::intake::by_trace;
use control_plane_clickhouse::ClickHouse;
use control_plane_embedded::{Embedded, Retention};
use control_plane_model::store::{IngestOutcome, SpanStore};
use opentelemetry_proto::tonic::{collector::trace::v1::ExportTraceServiceRequest, trace::v1::Span};
use questions::{Questions, answers, different};
use testkit::control_plane::{journey, now_ns, shuffled};

/// An engine of each kind, with the same spans in them.
struct Both {
    embedded: Embedded,
    clickhouse: ClickHouse,
    server: testkit::clickhouse::ClickHouse,
    dir: tempfile::TempDir,
}

impl Both {
    async fn start() -> Self {
        Self::on(testkit::clickhouse::ClickHouse::start()).await
    }

    async fn on(server: testkit::clickhouse::ClickHouse) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clickhouse = ClickHouse::new(&server.store().parse().unwrap());
        assert!(clickhouse.migrations().await.unwrap().iter().all(|migration| !migration.applied));
        clickhouse.migrate().await.unwrap();
        assert!(clickhouse.migrations().await.unwrap().iter().all(|migration| migration.applied));
        let embedded = Embedded::open(&dir.path().join("store.sqlite"), Retention::default()).unwrap();
        Self { embedded, clickhouse, server, dir }
    }

    /// Each engine, by name.
    fn stores(&self) -> [(&'static str, &dyn SpanStore); 2] {
        [("embedded", &self.embedded), ("ClickHouse", &self.clickhouse)]
    }

    async fn write(&self, request: ExportTraceServiceRequest) -> [IngestOutcome; 2] {
        let now = now_ns() / 1_000_000_000;
        let (embedded, clickhouse) = (by_trace(request.clone(), None, now), by_trace(request, None, now));
        assert_eq!(embedded.1, clickhouse.1);
        [self.embedded.write(embedded.0).await.unwrap(), self.clickhouse.write(clickhouse.0).await.unwrap()]
    }

    /// Whose past changed, which both know alike; from now on what is before `until` counts as judged.
    async fn take_late(&self, until: i64) -> BTreeSet<Option<String>> {
        let [embedded, clickhouse] =
            [self.embedded.take_late(until).await.unwrap(), self.clickhouse.take_late(until).await.unwrap()];
        assert_eq!(embedded, clickhouse, "late");
        embedded
    }

    /// Lets ClickHouse put together all it has, as it does in its own time.
    async fn merge(&self) {
        let tables = "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'";
        for table in self.server.sql(tables).await.lines() {
            self.server.sql(&format!("OPTIMIZE TABLE {table} FINAL")).await;
        }
    }

    /// Asks both everything; how many questions these were.
    async fn compare(&self, asked: &Questions, what: &str) -> usize {
        self.clickhouse.make_sums().await.unwrap();
        let (embedded, clickhouse) = tokio::join!(answers(&self.embedded, asked), answers(&self.clickhouse, asked));
        let differences: Vec<String> = embedded
            .iter()
            .zip(&clickhouse)
            .filter_map(|((question, expected), (_, found))| {
                Some(format!("{question}\n    {}", different(expected, found)?))
            })
            .collect();
        let shown = differences.iter().take(8).map(String::as_str).collect::<Vec<_>>().join("\n");
        assert!(differences.is_empty(), "{what}: {} of {} differ\n{shown}", differences.len(), embedded.len());
        embedded.len()
    }
}

/// Requests with these spans, a few in each, some of them twice.
fn in_pieces(
    spans: &[(&'static str, Span)],
    at_most: usize,
    random: &mut fastrand::Rng,
) -> Vec<ExportTraceServiceRequest> {
    let mut requests = Vec::new();
    let mut rest = spans;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(random.usize(1..=rest.len().min(at_most)));
        let request = spans::request(piece);
        if random.u8(..) < 50 {
            requests.push(request.clone());
        }
        requests.push(request);
        rest = after;
    }
    requests
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_at_all() {
    let both = Both::start().await;
    both.compare(&Questions::of(&[]), "nothing").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bookings_in_any_order() {
    let both = Both::start().await;
    let mut random = fastrand::Rng::with_seed(15);
    let mut spans: Vec<_> = (0..12).flat_map(|n| journey(n, n % 5 == 0)).collect();
    let asked = Questions::of(&spans).partly();
    shuffled(&mut spans, 15);
    for (index, request) in in_pieces(&spans, 9, &mut random).into_iter().enumerate() {
        both.write(request).await;
        if index % 7 == 0 {
            both.clickhouse.make_sums().await.unwrap();
        }
    }
    let cases = both.compare(&asked, "twelve bookings").await + edges::equal_a_recount(&both, &spans).await;
    eprintln!("twelve bookings: {cases} questions");
}

/// A parent after its child, an answer after its call, everything again, and a copy that says something else.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_late_and_what_comes_again() {
    let both = Both::start().await;
    let spans = journey(0, true);
    let asked = Questions::of(&spans).briefly();
    let mut cases = 0;
    for (index, (service, span)) in spans.iter().enumerate().rev() {
        assert_eq!(both.write(spans::request(&[(*service, span.clone())])).await.map(|stored| stored.spans), [1, 1]);
        cases += both.compare(&asked, &format!("span {index}")).await;
    }
    let copies: Vec<_> = spans
        .iter()
        .map(|(service, span)| {
            let start_time_unix_nano = span.start_time_unix_nano - 700_000_000_000;
            (*service, Span { name: "another".into(), kind: 3, start_time_unix_nano, ..span.clone() })
        })
        .collect();
    for request in [spans::request(&spans), spans::request(&copies)] {
        both.write(request).await;
        cases += both.compare(&asked, "again").await;
    }
    eprintln!("late and again: {cases} questions");
}

/// Spans of every kind, at every age, named as nobody would.
async fn odd_spans(seed: u64, ask: impl Fn(&[(&'static str, Span)]) -> Questions) {
    let both = Both::start().await;
    let mut random = fastrand::Rng::with_seed(seed);
    let mut spans = spans::odd(&mut random, 40);
    let asked = ask(&spans);
    shuffled(&mut spans, seed);
    let (before, after) = spans.split_at(spans.len() / 2);
    for request in in_pieces(before, 9, &mut random) {
        both.write(request).await;
    }
    let mut cases = both.compare(&asked.briefly(), &format!("seed {seed}, half of it")).await;
    let until = now_ns() / 1_000_000_000;
    assert_eq!(both.take_late(until).await, BTreeSet::new());
    for request in in_pieces(after, 9, &mut random) {
        both.write(request).await;
        if random.u8(..) < 30 {
            both.clickhouse.make_sums().await.unwrap();
        }
    }
    cases += both.compare(&asked, &format!("seed {seed}")).await + edges::equal_a_recount(&both, &spans).await;
    assert!(!both.take_late(until).await.is_empty(), "seed {seed}");
    eprintln!("odd spans, seed {seed}: {cases} questions");
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_as_nobody_would_send_them() {
    odd_spans(1, Questions::of).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_spans_as_nobody_would_send_them() {
    odd_spans(2, |spans| Questions::of(spans).partly()).await;
}
