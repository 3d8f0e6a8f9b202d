//! What goes amiss between two statements, or with a clock, is seen in no answer afterwards.

use std::collections::BTreeSet;

use control_plane::intake::by_trace;
use control_plane_clickhouse::ClickHouse;
use control_plane_model::{
    rollup::DAY,
    store::{Scope, SpanStore},
    trace::TraceId,
};
use opentelemetry_proto::tonic::trace::v1::{Span, span};
use testkit::{
    clickhouse,
    control_plane::{journey, now_ns, span as plain, text},
};

use crate::{
    Both, Questions,
    questions::{Answers, costs, different, map},
    retention::days_outlive_their_minutes,
    spans,
};

/// Nanoseconds.
const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3_600 * SECOND;
/// These tables are not lost with the power: what was acknowledged, and what was made of it before it counted as made. Whatever is made anew is not among them.
const DURABLE: [&str; 10] =
    ["cells", "changed", "edges", "links", "placed", "refusals", "shapes", "spans", "sums", "trace_buckets"];

/// All of these, on a bit of everything that is summed.
pub(crate) async fn on(server: clickhouse::ClickHouse) {
    let both = Both::on(server).await;
    let mut known: Vec<_> = (0..3).flat_map(|n| journey(n, n == 1)).collect();
    // Of hours and a day that are summed as a whole.
    known.extend(moved(&journey(3, false), now_ns() - 26 * HOUR));
    let asked = Questions::of(&known).briefly();
    both.write(spans::request(&known)).await;
    both.write(spans::request(&of_a_day_that_is_counted_in_part())).await;
    alike(&both, &asked, "before").await;

    what_was_acknowledged_is_not_lost_with_the_power(&both).await;
    late_spans_are_told_of_although_they_failed_at_first(&both).await;
    links_are_not_lost(&both).await;
    what_counts_stays(&both, &asked, &known).await;
    alike(&both, &asked, "after leaders that ended").await;
    days_count_once(&both, &asked).await;
    a_clock_was_set_back(&both).await;
    alike(&both, &asked, "by a clock that was set back").await;
    // Of the same minutes, hours and days.
    both.write(spans::request(&of_trace(&[0xcf; 16], &known))).await;
    new_leader(&both).make_sums().await.unwrap();
    both.merge().await;
    alike(&both, &asked, "after a clock was set back").await;
    what_is_repeated_takes_no_place(&both).await;
    steps_can_be_taken_again(&both).await;
    alike(&both, &asked, "after steps that were taken again").await;
    days_outlive_their_minutes(&both, &asked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_amiss_is_not_seen_afterwards() {
    on(clickhouse::ClickHouse::start()).await;
}

/// What `edges` and `cells` are summed to.
async fn sums(store: &dyn SpanStore, asked: &Questions) -> Answers {
    let mut found = Answers::new();
    map(store, &Scope::All, asked, &mut found).await;
    costs(store, &Scope::All, asked, &mut found).await;
    found
}

/// Both sum what they have to the same.
async fn alike(both: &Both, asked: &Questions, what: &str) {
    both.clickhouse.make_sums().await.unwrap();
    let found = sums(&both.clickhouse, asked).await;
    for (question, expected) in sums(&both.embedded, asked).await {
        assert_eq!(different(&expected, &found[&question]), None, "{what}, {question}");
    }
}

fn new_leader(both: &Both) -> ClickHouse {
    ClickHouse::new(&both.server.store().parse().unwrap())
}

/// Nobody can insert into a table, as when the database goes away between two statements.
async fn shut(both: &Both, table: &str) {
    both.server.sql(&format!("ALTER TABLE {table} ADD CONSTRAINT shut CHECK now() < toDateTime(0)")).await;
}

async fn open(both: &Both, table: &str) {
    both.server.sql(&format!("ALTER TABLE {table} DROP CONSTRAINT shut")).await;
}

/// A request of a tenant, so long ago.
fn request(id: u8, tenant: &str, seconds_ago: i64) -> Vec<(&'static str, Span)> {
    let start = u64::try_from(now_ns() - seconds_ago * SECOND).unwrap();
    let times = (start, start + 5_000_000);
    let attributes = vec![text("tenant.id", tenant), text("tenant.tier", "basic")];
    let of = Span { start_time_unix_nano: times.0, end_time_unix_nano: times.1, attributes, ..plain(id, 0) };
    vec![("booking-api", of)]
}

/// The same spans in a trace of their own.
pub(crate) fn of_trace(trace_id: &[u8], spans: &[(&'static str, Span)]) -> Vec<(&'static str, Span)> {
    spans.iter().map(|(service, span)| (*service, Span { trace_id: trace_id.to_vec(), ..span.clone() })).collect()
}

/// The same spans at another time, all of them at once.
pub(crate) fn moved(spans: &[(&'static str, Span)], to: i64) -> Vec<(&'static str, Span)> {
    let to = u64::try_from(to).unwrap();
    let moved = spans.iter().map(|(service, span)| {
        let took = span.end_time_unix_nano - span.start_time_unix_nano;
        (*service, Span { start_time_unix_nano: to, end_time_unix_nano: to + took, ..span.clone() })
    });
    moved.collect()
}

/// Requests of a day that began more than 35 days ago, at a time that did not.
fn of_a_day_that_is_counted_in_part() -> Vec<(&'static str, Span)> {
    let now = now_ns() / SECOND;
    // Not so near to either end of it that a slow test would see it.
    let after = ((DAY - now.rem_euclid(DAY)) / 2).max(1_800);
    request(240, "acme", 35 * DAY - after)
}

/// Spans that were stored while their sender was told otherwise are told of once they come again.
async fn late_spans_are_told_of_although_they_failed_at_first(both: &Both) {
    let until = now_ns() / SECOND;
    for (_, store) in both.stores() {
        store.take_late(until).await.unwrap();
    }
    let late = spans::request(&request(241, "late at last", 7_200));
    // Once the two are merged, nobody knows that the second came.
    both.server.sql(&format!("SYSTEM STOP MERGES {}.spans", both.server.database)).await;
    shut(both, "changed").await;
    let refused = both.clickhouse.write(by_trace(late.clone(), None, until).0).await;
    assert!(refused.is_err(), "a batch that nobody knows of is acknowledged");
    open(both, "changed").await;
    both.write(late).await;
    both.clickhouse.make_sums().await.unwrap();
    let told = both.take_late(until).await;
    assert_eq!(told, BTreeSet::from([Some("late at last".to_owned())]));
    assert_eq!(both.take_late(until).await, BTreeSet::new(), "late once");
    both.server.sql(&format!("SYSTEM START MERGES {}.spans", both.server.database)).await;
}

/// A sender that was told to come again brings its links along, wherever the database went away.
async fn links_are_not_lost(both: &Both) {
    let linked = TraceId::from_bytes(&[0x1f; 16]).unwrap();
    for (table, id) in [("links", 243), ("spans", 244)] {
        let mut linking = request(id, "acme", 60);
        let link = span::Link { trace_id: linked.as_bytes().to_vec(), span_id: vec![1; 8], ..span::Link::default() };
        linking[0].1.links.push(link);
        let linking = spans::request(&linking);
        shut(both, table).await;
        let refused = both.clickhouse.write(by_trace(linking.clone(), None, now_ns() / SECOND).0).await;
        assert!(refused.is_err(), "{table}: spans are acknowledged without their links");
        open(both, table).await;
        both.write(linking).await;
        for (engine, store) in both.stores() {
            let found = store.linked_from(&Scope::All, linked, 10).await.unwrap();
            assert_eq!(found.spans.len(), usize::from(id) - 242, "{engine}: {table} refused rows");
        }
    }
}

/// Sums count until their successors do, whatever is merged meanwhile: a leader may end between the two, and the next one as well.
async fn what_counts_stays(both: &Both, asked: &Questions, known: &[(&'static str, Span)]) {
    both.clickhouse.make_sums().await.unwrap();
    let before = sums(&both.clickhouse, asked).await;
    shut(both, "sums").await;
    for number in 0..2 {
        // Other spans of minutes that are there.
        both.write(spans::request(&of_trace(&[0xc0 + number; 16], known))).await;
        assert!(both.clickhouse.make_sums().await.is_err(), "sums count that could not be written");
        both.merge().await;
    }
    let after = sums(&both.clickhouse, asked).await;
    for (question, expected) in &before {
        assert_eq!(different(expected, &after[question]), None, "a leader that ended, {question}");
    }
    open(both, "sums").await;
}

/// New leaders make hours and days at once; the first ends before they count.
async fn days_count_once(both: &Both, asked: &Questions) {
    let stale =
        "INSERT INTO sums SELECT width, start, max(version) + 1, 0 FROM sums WHERE width > 60 GROUP BY width, start";
    both.server.sql(stale).await;
    shut(both, "sums").await;
    assert!(new_leader(both).make_sums().await.is_err(), "days count that could not be written");
    open(both, "sums").await;
    new_leader(both).make_sums().await.unwrap();
    alike(both, asked, "by new leaders").await;
    both.merge().await;
    alike(both, asked, "by new leaders, merged").await;
}

/// All there is was written while the database's clock was an hour ahead.
async fn a_clock_was_set_back(both: &Both) {
    for table in ["cells", "edges"] {
        let copies = format!("SELECT * REPLACE (version + {HOUR} AS version) FROM {table}");
        both.server.sql(&format!("INSERT INTO {table} {copies}")).await;
    }
    let counted =
        format!("SELECT * REPLACE (version + {HOUR} AS version, if(made > 0, made + {HOUR}, 0) AS made) FROM sums");
    both.server.sql(&format!("INSERT INTO sums {counted}")).await;
    for table in ["changed", "done"] {
        let moved = format!("SELECT * REPLACE (at + INTERVAL 1 HOUR AS at) FROM {table}");
        both.server.sql(&format!("INSERT INTO {table} {moved}")).await;
    }
}

/// A step that broke off is taken again, and what is there stays.
async fn steps_can_be_taken_again(both: &Both) {
    both.server.sql("TRUNCATE TABLE migrations").await;
    assert!(both.clickhouse.migrate().await.is_ok(), "a step cannot be taken again");
    assert!(both.clickhouse.migrations().await.unwrap().iter().all(|migration| migration.applied));
}

/// A span that a sender repeats for ever takes no other's place.
async fn what_is_repeated_takes_no_place(both: &Both) {
    let first = request(242, "acme", 600);
    let id = TraceId::from_bytes(&first[0].1.trace_id).unwrap();
    both.write(spans::request(&first)).await;
    let of_trace = format!("trace_id = unhex('{id}')");
    let again =
        format!("SELECT s.* REPLACE (rank - number AS rank) FROM spans AS s, numbers(1, 51000) AS n WHERE {of_trace}");
    let unmerged = "optimize_on_insert = 0";
    both.server.sql(&format!("SYSTEM STOP MERGES {}.spans", both.server.database)).await;
    both.server.sql(&format!("INSERT INTO spans SETTINGS {unmerged} {again}")).await;
    let last = vec![(
        first[0].0,
        Span { span_id: vec![2; 8], parent_span_id: first[0].1.span_id.clone(), ..first[0].1.clone() },
    )];
    both.write(spans::request(&last)).await;
    both.clickhouse.make_sums().await.unwrap();
    for (engine, store) in both.stores() {
        let trace = store.trace(&Scope::All, id).await.unwrap().unwrap();
        assert_eq!(trace.spans.len(), 2, "{engine}, of two spans, one of them repeated");
    }
    both.server.sql(&format!("SYSTEM START MERGES {}.spans", both.server.database)).await;
}

/// Which of two sums is newer is for the database to say: whichever server made them, and whatever its clock says.
#[tokio::test(flavor = "multi_thread")]
async fn versions_are_of_the_clock_that_all_servers_share() {
    let three_hours_ago = "(now64(9) - INTERVAL 3 HOUR)";
    let both = Both::on(clickhouse::ClickHouse::with_fault(("now64(9)", three_hours_ago))).await;
    both.write(spans::request(&request(1, "acme", 60))).await;
    both.clickhouse.make_sums().await.unwrap();
    let newest: i64 = both.server.sql("SELECT max(version) FROM sums WHERE width = 60").await.trim().parse().unwrap();
    let ago = now_ns() - newest;
    assert!((2 * 3_600 * SECOND..4 * 3_600 * SECOND).contains(&ago), "{ago} ns ago");
    // Another leader, whose clock is this one's.
    both.write(spans::request(&request(2, "acme", 60))).await;
    new_leader(&both).make_sums().await.unwrap();
    alike(&both, &Questions::of(&request(2, "acme", 60)).briefly(), "by the database's clock").await;
}

/// Not with the process alone, as other tests see, but also with the machine.
async fn what_was_acknowledged_is_not_lost_with_the_power(both: &Both) {
    let durable = "SELECT name FROM system.tables WHERE database = currentDatabase() \
                   AND engine_full LIKE '%fsync_after_insert = 1%' AND engine_full LIKE '%fsync_part_directory = 1%' ORDER BY name";
    let found = both.server.sql(durable).await;
    assert!(DURABLE.iter().all(|table| found.lines().any(|name| name == *table)), "{found}");
}
