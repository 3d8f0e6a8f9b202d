//! What is older than is kept is gone, from both engines; what is younger is there.

use std::time::Duration;

use control_plane_embedded::{Embedded, Retention};
use control_plane_model::{
    store::{Scope, SpanStore},
    trace::TraceId,
};
use opentelemetry_proto::tonic::trace::v1::{Span, span};
use testkit::control_plane::{journey, now_ns, number, text};

use crate::{
    Both, measurements,
    questions::{Answers, Questions, costs, different},
    spans,
};

/// What is kept for so many days after a time: table, column of that time, days, which rows. Spans go after a week, as in the embedded engine;
/// sums by the minute and the hour when they are no longer shown, by the day after a year.
const KEPT: [(&str, &str, i64, &str); 17] = [
    ("spans", "received", 7, "true"),
    ("trace_buckets", "received", 7, "true"),
    ("traces", "received", 7, "true"),
    ("links", "received", 7, "true"),
    ("refusals", "received", 7, "true"),
    ("shapes", "used", 9, "true"),
    ("changed", "at", 8, "true"),
    ("done", "at", 8, "true"),
    ("placed", "minute", 37, "true"),
    ("edges", "start", 37, "true"),
    ("cells", "start", 37, "width < 86400"),
    ("cells", "start", 400, "width = 86400"),
    ("sums", "start", 400, "true"),
    ("late", "at", 1, "true"),
    ("versions", "seen", 37, "true"),
    ("metric_points", "received", 7, "true"),
    ("log_records", "received", 7, "true"),
];
/// Kept for ever: names, and what servers agreed on.
const FOR_EVER: [&str; 3] = ["keeper", "migrations", "names"];

/// Copies what is there to just before and just after the time that it is kept for, and sees which copies a merge leaves.
pub(crate) async fn what_is_kept_is_kept_so_long(both: &Both) {
    let tables =
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' ORDER BY name";
    let tables = both.server.sql(tables).await;
    let mut known: Vec<&str> = KEPT.iter().map(|(table, ..)| *table).chain(FOR_EVER).collect();
    known.sort_unstable();
    known.dedup();
    assert_eq!(tables.lines().collect::<Vec<_>>(), known);
    for (number, kept) in (10..).zip(KEPT) {
        is_kept_so_long(both, number, kept).await;
    }
    // Whoever configures it keeps spans for longer, and what is asked together with them.
    both.clickhouse.keep_for(20 * 24).await.unwrap();
    let now = || now_ns() / 1_000_000_000 - 20 * 86_400;
    let (before, since, after) = (now(), both.clickhouse.refusals_since().await.unwrap(), now());
    assert!((before..=after).contains(&since), "{since}");
    for (number, (table, column, days)) in (30..).zip([
        ("spans", "received", 20),
        ("trace_buckets", "received", 20),
        ("traces", "received", 20),
        ("links", "received", 20),
        ("refusals", "received", 20),
        ("metric_points", "received", 20),
        ("log_records", "received", 20),
        ("shapes", "used", 22),
    ]) {
        is_kept_so_long(both, number, (table, column, days, "true")).await;
    }
}

async fn is_kept_so_long(both: &Both, number: u32, (table, column, days, rows): (&str, &str, i64, &str)) {
    let id = format!(
        "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = '{table}' \
         AND name IN ('trace_id', 'shape') ORDER BY name DESC LIMIT 1"
    );
    // Of another trace, so that none replaces another.
    let other = match both.server.sql(&id).await.trim() {
        "" => String::new(),
        id => format!(", toFixedString(unhex(concat('fe{number}', substring(hex({id}), 5))), 16) AS {id}"),
    };
    for (age, stays) in [(days - 1, true), (days + 1, false)] {
        let (from, to) = (age * 86_400 + 43_200, age * 86_400 - 43_200);
        let aged = format!("{rows} AND {column} >= now() - {from} AND {column} < now() - {to}");
        let count = async || both.server.sql(&format!("SELECT count() FROM {table} WHERE {aged}")).await;
        let optimize = format!("OPTIMIZE TABLE {table} FINAL");
        both.server.sql(&optimize).await;
        // The second under way is not over, and some columns have milliseconds.
        let recent = format!("{rows} AND {column} > now() - 43200 AND {column} <= now() + 1");
        let (copied, before) =
            (both.server.sql(&format!("SELECT count() FROM {table} WHERE {recent}")).await, count().await);
        let copies = format!(
            "SELECT * REPLACE ({column} - INTERVAL {age} DAY AS {column}{other}) FROM (SELECT * FROM {table} WHERE {recent})"
        );
        both.server.sql(&format!("INSERT INTO {table} {copies}")).await;
        both.server.sql(&optimize).await;
        let count_of = |text: &str| text.trim().parse::<u64>().unwrap();
        let expected = if stays { count_of(&before) + count_of(&copied) } else { 0 };
        assert_eq!(count_of(&count().await), expected, "{table} {rows}, {age} days: kept");
        // Days are summed once they are over.
        assert!(count_of(&copied) > 0 || rows == "width = 86400", "{table}");
    }
}

/// Costs are told from days when the minutes of these are gone.
pub(crate) async fn days_outlive_their_minutes(both: &Both, asked: &Questions) {
    let gone = "ALTER TABLE cells DELETE WHERE width < 86400 AND start < toStartOfDay(now() - 900) SETTINGS mutations_sync = 1";
    both.server.sql(gone).await;
    let (mut embedded, mut clickhouse) = (Answers::new(), Answers::new());
    costs(&both.embedded, &Scope::All, asked, &mut embedded).await;
    costs(&both.clickhouse, &Scope::All, asked, &mut clickhouse).await;
    for (question, expected) in &embedded {
        assert_eq!(different(expected, &clickhouse[question]), None, "without minutes, {question}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_old_goes() {
    let both = Both::start().await;
    let mut sent = journey(0, false);
    sent[0].1.links.push(span::Link { trace_id: vec![1; 16], span_id: vec![2; 8], ..span::Link::default() });
    let turned_away = sent[0].1.clone();
    let refused = vec![text("tenant.id", "acme"), number("http.response.status_code", 404)];
    sent.push(("booking-api", Span { kind: 2, span_id: vec![9; 8], attributes: refused, ..turned_away }));
    both.write(spans::request(&sent)).await;
    both.clickhouse.make_sums().await.unwrap();
    measurements::some(&both).await;
    what_is_kept_is_kept_so_long(&both).await;
    let id = TraceId::from_bytes(&journey(0, false)[0].1.trace_id).unwrap();
    assert_eq!(both.clickhouse.trace(&Scope::All, id).await.unwrap().unwrap().spans.len(), 10);

    // From the next second on, all of it is older than no time.
    let Both { embedded, dir, .. } = both;
    assert!(embedded.trace(&Scope::All, id).await.unwrap().is_some());
    assert_eq!(embedded.refusals_since().await.unwrap(), 0, "none was removed");
    drop(embedded);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let path = dir.path().join("store.sqlite");
    for _ in 0..1_200 {
        // The one before lets go of the folder once its writer has ended.
        if let Ok(embedded) = Embedded::open(&path, Retention { max_age: 0, ..Retention::default() })
            && embedded.trace(&Scope::All, id).await.unwrap().is_none()
        {
            let began = i64::try_from(sent[0].1.start_time_unix_nano).unwrap() / 1_000_000_000;
            assert_eq!(embedded.refusals_since().await.unwrap(), began + 1);
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it is still there");
}
