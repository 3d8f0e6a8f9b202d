//! What is wrong in a SQL file is caught: each of these faults makes the engines differ, and none of them is an error that anybody would see.

use std::{
    panic::{set_hook, take_hook},
    time::Duration,
};

use control_plane_clickhouse::ClickHouse;
use control_plane_model::{
    map::MapQuery,
    store::{Scope, SpanStore},
};
use futures_util::{StreamExt, stream};
use opentelemetry_proto::tonic::trace::v1::Span;
use testkit::{
    clickhouse,
    control_plane::{journey, now_ns, number, span, text},
};
use tokio::time::timeout;

use crate::{Both, Questions, edges, in_pieces, measurements, mishaps, retention, shuffled, spans};

/// Where the files are, of this package.
const SQL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../clickhouse/sql/");
const AT_ONCE: usize = 2;
/// Nanoseconds.
const HOUR: i64 = 3_600_000_000_000;
/// What takes longer never ends.
const ENOUGH: Duration = Duration::from_secs(600);

/// File, what it alone says, and what it says instead.
const FAULTS: &[(&str, &str, &str)] = &[
    ("changed.sql", "INTERVAL 5 MINUTE", "INTERVAL -5 MINUTE"),
    ("changed.sql", "least(max(at), now64(3))", "max(at)"),
    ("costs.sql", "together = 0 AND ({tenant", "({tenant"),
    ("costs.sql", "sum(weight) AS w, toFloat64(0) AS wf", "toFloat64(sum(requests)) AS w, toFloat64(0) AS wf"),
    ("costs.sql", "IN\n        (SELECT width", "NOT IN\n        (SELECT width"),
    ("daily_costs.sql", "together = 0 AND (has(", "(has("),
    ("daily_costs.sql", "toUnixTimestamp(toStartOfDay(start))", "toUnixTimestamp(start)"),
    ("daily_costs.sql", ", tenant) OR {others:Bool})", ", tenant) OR true)"),
    (
        "daily_costs.sql",
        "sum(weight) AS w, sum(weighted_duration_ns) AS d",
        "toFloat64(sum(requests)) AS w, sum(weighted_duration_ns) AS d",
    ),
    (
        "daily_costs.sql",
        "if(has({named:Array(String)}, tenant), toString(tenant), NULL) AS whose",
        "nullIf(toString(tenant), '') AS whose",
    ),
    ("facets.sql", "hour DESC LIMIT 24", "hour DESC LIMIT 1"),
    ("facets.sql", "what = 'tier'", "what = 'service'"),
    ("facets_of_tenant.sql", "latest - INTERVAL 1 DAY", "latest + INTERVAL 1 DAY"),
    ("facets_of_tenant.sql", "toString(tier), tier != ''", "toString(tier), tenant != ''"),
    ("has_requests.sql", "count() > 0 FROM (SELECT", "count() = 0 FROM (SELECT"),
    ("kept_with.sql", "argMin", "argMax"),
    ("knows_tenant.sql", "what = 'tenant' AND name", "name"),
    ("linked_from.sql", "trace_id DESC, span_id\nLIMIT {limit", "trace_id, span_id\nLIMIT {limit"),
    ("linked_from.sql", "WHERE (trace_id, span_id, rank) IN (SELECT trace_id, span_id, rank FROM named)", "WHERE true"),
    ("linked_from.sql", "tenant = assumeNotNull({own:Nullable(String)})", "tenant != ''"),
    ("linked_from.sql", "= {looked_at:UInt64} AS cut", "> 0 AS cut"),
    ("part_of_tenants.sql", "WHERE tenant != ''", "WHERE true"),
    ("part_of_tenants.sql", "uses DESC, whose", "uses DESC, whose DESC"),
    ("part_of_tenants.sql", "(with_fault + with_throttle > 0 AND", "(false AND"),
    ("part_over_time.sql", "GROUP BY bucket\nORDER BY bucket\n", "GROUP BY bucket\nORDER BY bucket DESC\n"),
    ("search_counts.sql", "AND bitTest(flags, 0)", "AND flags > 0"),
    ("late.sql", "earliest < {until", "earliest > {until"),
    ("late.sql", "version > {since", "version >= {since"),
    (
        "map.sql",
        "target_name,\n    sum(count) AS uses, sum(errors)",
        "target_name,\n    sum(count) AS uses, sum(faults)",
    ),
    (
        "map.sql",
        "{tenant:String} AND ({tier:Nullable(String)} IS NULL OR tier =",
        "{tenant:String} AND ({tier:Nullable(String)} IS NULL OR tier !=",
    ),
    ("map.sql", "hours_to = greatest({to:UInt32}, {now:UInt32} - 8 * 86400)", "hours_to = {now:UInt32} + 86400"),
    (
        "map.sql",
        "from = {from:UInt32}, to = {to:UInt32} + 3600,\n",
        "from = intDiv({from:UInt32}, 3600) * 3600, to = {to:UInt32} + 3600,\n",
    ),
    ("migrations/0004_versions.sql", "TTL seen + INTERVAL 37 DAY", "TTL seen + INTERVAL 7 DAY"),
    ("migrations/0005_links.sql", "start, trace_id, span_id, rank)\nTTL", "start, trace_id)\nTTL"),
    ("migrations/0008_refusals.sql", "(start, trace_id, span_id)\nPARTITION", "(start, trace_id)\nPARTITION"),
    ("refusals.sql", "IS NULL OR reason = assumeNotNull", "IS NULL OR reason != assumeNotNull"),
    ("refusals.sql", "FROM refusals FINAL\n    WHERE", "FROM refusals\n    WHERE"),
    ("refusals.sql", "requests DESC, last_ns DESC", "last_ns DESC"),
    ("refusals.sql", "(-toUnixTimestamp64Nano(start)", "(toUnixTimestamp64Nano(start)"),
    ("refused.sql", "FROM refusals FINAL\nWHERE", "FROM refusals\nWHERE"),
    ("refused.sql", "AND status != 429", "AND true"),
    ("senders.sql", "SELECT min(bucket)", "SELECT max(bucket)"),
    ("versions.sql", "min(seen)", "max(seen)"),
    ("migrations.sql", "ReplacingMergeTree\nORDER BY number", "Null"),
    ("request_rows.sql", "OR tenant != ''", "OR true"),
    ("request_rows.sql", "sum(weighted_failed) AS wf", "toFloat64(sum(failed)) AS wf"),
    ("request_rows.sql", "tier\nORDER BY bucket", "tier\nORDER BY bucket DESC"),
    (
        "request_rows.sql",
        "{now:UInt32} - 8 * 86400))\n    )\nGROUP BY bucket, together",
        "{now:UInt32}))\n    )\nGROUP BY bucket, together",
    ),
    ("request_rows.sql", "sumMap(bins) AS b", "sumMap(map(0::UInt16, weight)) AS b"),
    ("request_rows.sql", "{hourly:Bool} OR toStartOfHour", "toStartOfHour"),
    (
        "sample_spans.sql",
        "ORDER BY trace_id, rank DESC, place\n    LIMIT 1 BY trace_id, span_id",
        "ORDER BY trace_id, rank DESC, place",
    ),
    ("sample_spans.sql", "resource, scope, body\nFROM\n", "resource, body, body\nFROM\n"),
    ("sample_matched.sql", "SELECT count()\nFROM traces FINAL", "SELECT count()\nFROM traces"),
    ("sample_traces.sql", "ORDER BY substring(trace_id, 9)", "ORDER BY reverse(substring(trace_id, 9))"),
    ("search_counts.sql", "countIf(matches)", "count()"),
    ("search_counts.sql", "toUnixTimestamp(bucket) AS began", "toUnixTimestamp(bucket + 300) AS began"),
    ("search_counts.sql", "matches\n    FROM traces FINAL", "matches\n    FROM traces"),
    ("search_lines.sql", "bitTest(flags, 3)", "bitTest(flags, 1)"),
    ("search_lines.sql", "AS xray_id, root, root_service,", "AS xray_id, root_service, root,"),
    ("migrations/0002_sums.sql", "HAVING newest > 0", ""),
    ("migrations/0002_sums.sql", "sipHash64('annotation', name, value)", "sipHash64('annotation', name, name)"),
    ("search_first.sql", "bin >= {bin:UInt16}", "bin > {bin:UInt16}"),
    ("search_lines.sql", ")\nORDER BY multiIf({order:String} = 'slowest', end_ns - start_ns,", ")\nORDER BY multiIf("),
    ("search_first.sql", "start_ns) DESC, start_ns DESC, trace_id DESC\nLIMIT", "start_ns), trace_id DESC\nLIMIT"),
    (
        "annotated.sql",
        "has({names:Array(String)}, name), annotation_names",
        "has({names:Array(String)}, name), tenants",
    ),
    (
        "lookup_first.sql",
        "arrayZip({buckets:Array(UInt32)}, {traces",
        "arrayZip(arrayReverse({buckets:Array(UInt32)}), {traces",
    ),
    ("lookup_rows.sql", "count() AS of_trace", "uniq(span_id) AS of_trace"),
    ("lookup_spans.sql", "{last:UInt32}, 'UTC')\n    AND (", "{last:UInt32}, 'UTC') - 300\n    AND ("),
    ("lookup_spans.sql", "BY trace_id, held", "BY trace_id"),
    ("lookup_spans.sql", "if(held >= 256, resource, '')", "''"),
    ("lookup_traces.sql", "start_ns, end_ns, spans, flags", "start_ns, start_ns, spans, flags"),
    ("spans_of_traces.sql", "rank DESC, place\nLIMIT {limit", "rank, place\nLIMIT {limit"),
    ("spans_of_traces.sql", "LIMIT {limit:UInt32} BY", "LIMIT 50000 BY"),
    ("stale.sql", "assumeNotNull((SELECT version FROM next)) AS making", "max(version) + 1 AS making"),
    ("stale.sql", "<= {over:UInt32}", "> {over:UInt32}"),
    (
        "stale.sql",
        "start >= toDateTime({since:UInt32}, 'UTC')",
        "start >= toDateTime({since:UInt32}, 'UTC') + INTERVAL 1 DAY",
    ),
    (
        "sum_edges.sql",
        "tier, arrayJoin(uses) AS used\n    FROM placed FINAL",
        "tier, arrayJoin(uses) AS used\n    FROM placed",
    ),
    ("sum_edges.sql", "if(own = '', [''], ['', toString(own)])", "['', toString(own)]"),
    ("sum_edges.sql", "sum(used.weight * used.duration)", "sum(used.duration)"),
    ("sum_hours_of_edges.sql", "sum(errors), sum(faults)", "sum(faults), sum(errors)"),
    ("sum_minutes.sql", "if(wide = 60, {version:UInt64}, 0)", "{version:UInt64}"),
    ("sum_requests.sql", "AND request = 1", ""),
    ("sum_requests.sql", "sumIf(weight, bitTest(flags, 0))", "sumIf(weight, flags > 0)"),
    ("sum_wholes_of_requests.sql", "sum(weight), sum(weighted_failed)", "sum(weighted_failed), sum(weight)"),
    ("sum_wholes_of_requests.sql", "'UTC') + wide", "'UTC') + 60"),
    (
        "sum_hours_of_edges.sql",
        "arrayMax({starts:Array(UInt32)}), 'UTC') + 3600",
        "arrayMax({starts:Array(UInt32)}), 'UTC') + 60",
    ),
    ("trace.sql", "ORDER BY rank DESC, place\nLIMIT 1", "ORDER BY rank, place\nLIMIT 1"),
    ("trace.sql", "LIMIT 1 BY span_id\n", ""),
    ("traces_of_batches.sql", "rank IN {ranks", "rank NOT IN {ranks"),
    ("parities.sql", "groupArray(minute)", "groupArray(1)(minute)"),
    ("parities.sql", "counts % 2", "(counts + 1) % 2"),
    ("migrations/0001_spans.sql", "ReplacingMergeTree(rank)\n-- When", "ReplacingMergeTree\n-- When"),
    ("migrations/0001_spans.sql", "ORDER BY (trace_id, bucket)", "ORDER BY trace_id"),
    ("migrations/0001_spans.sql", "VIEW IF NOT EXISTS trace_buckets_view", "VIEW trace_buckets_view"),
    (
        "migrations/0001_spans.sql",
        "(trace_id, bucket)\nTTL received + INTERVAL 7 DAY\nSETTINGS index_granularity = 256, ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1",
        "(trace_id, bucket)\nTTL received + INTERVAL 7 DAY\nSETTINGS index_granularity = 256, ttl_only_drop_parts = 1, fsync_after_insert = 1",
    ),
    ("migrations/0001_spans.sql", "'UTC'), toString(account))", "'UTC'), toString(tier))"),
    (
        "migrations/0001_spans.sql",
        "DAY\nSETTINGS index_granularity = 1024, ttl_only_drop_parts = 1",
        "DAY + INTERVAL 2 DAY\nSETTINGS index_granularity = 1024, ttl_only_drop_parts = 1",
    ),
    ("migrations/0002_sums.sql", "ORDER BY (bucket, trace_id)", "ORDER BY bucket"),
    ("migrations/0002_sums.sql", "VIEW IF NOT EXISTS counted", "VIEW counted"),
    ("migrations/0002_sums.sql", ", max(greatest(version, made)) + 1)", ", max(greatest(version, made)) * 0)"),
    ("migrations/0002_sums.sql", "target_name, version % 2)", "target_name)"),
    ("migrations/0002_sums.sql", "kind, tier, version % 2)", "kind, tier)"),
    ("migrations/0002_sums.sql", "ORDER BY (minute, trace_id, span_id)", "ORDER BY (minute, span_id)"),
    (
        "migrations/0002_sums.sql",
        "ORDER BY (tenant, width, start, tier, source_kind",
        "ORDER BY (tenant, width, start, source_kind",
    ),
    ("migrations/0002_sums.sql", "ORDER BY (together, tenant, width,", "ORDER BY (together, width,"),
    ("migrations/0002_sums.sql", "width = if(of_day = 86400, of_day, of_hour)", "width = of_hour"),
    ("migrations/0002_sums.sql", "if(target_kind = 'service', toString(target_name), '')", "toString(target_name)"),
    ("migrations/0003_servers.sql", "TTL at + INTERVAL 1 DAY", "TTL at + INTERVAL 3 DAY"),
    ("migrations/0003_servers.sql", "TABLE IF NOT EXISTS keeper", "TABLE keeper"),
    ("migrations/0006_metrics.sql", "ReplacingMergeTree(rank)\nPARTITION", "ReplacingMergeTree\nPARTITION"),
    ("migrations/0006_metrics.sql", "(service, metric, hour, stream, time)", "(service, metric, hour, stream)"),
    ("migrations/0007_logs.sql", "(trace_id, time, id)", "(trace_id, time)"),
    ("log_lines.sql", "(\n            tenant = assumeNotNull({only:", "(\n            tenant != assumeNotNull({only:"),
    ("log_lines.sql", "OR {only:Nullable(String)} != '' AND", "OR"),
    ("log_lines.sql", "OR span_id = assumeNotNull(", "OR span_id != assumeNotNull("),
    ("log_lines.sql", "argMax(tenant, (rank,", "argMin(tenant, (rank,"),
    ("log_lines.sql", "tenant = '' AND span_id IN", "tenant = '' AND span_id NOT IN"),
    ("log_lines.sql", "FROM log_records FINAL", "FROM log_records"),
    ("log_lines.sql", "ORDER BY time, id", "ORDER BY id"),
    ("metric_counts.sql", "ORDER BY stream, time", "ORDER BY stream, time DESC"),
    ("metric_exemplars.sql", "SELECT DISTINCT place", "SELECT place"),
    ("metric_exemplars.sql", "ORDER BY value DESC, time_ns", "ORDER BY value, time_ns"),
    ("metric_services.sql", " AND tenant != '')", ")"),
    ("metric_services.sql", "metric != ", "metric = "),
    ("metric_services.sql", "now() - INTERVAL 1 DAY\n", "now() + INTERVAL 1 DAY\n"),
    ("metric_steps.sql", "WHERE NOT is_cumulative", "WHERE true"),
    ("metric_steps.sql", "count(least) = count()", "count(least) > 0"),
    ("metric_steps.sql", "max(greatest)", "min(greatest)"),
    ("points_asked.sql", "FROM metric_points FINAL", "FROM metric_points"),
    ("points_asked.sql", "AND time < toDateTime64", "AND time <= 60 + toDateTime64"),
    ("points_asked.sql", "AND hour < toDateTime({to:UInt32}, 'UTC')", "AND hour < toDateTime({from:UInt32}, 'UTC')"),
    ("points_asked.sql", "{from:UInt32}, 3600) - 3600", "{from:UInt32}, 3600) + 14400"),
    ("points_asked.sql", "received <= toDateTime({to:UInt32} + 90000", "received <= toDateTime({to:UInt32} - 90000"),
    ("points_asked.sql", "has({by:Array(String)}, pair.1)", "true"),
    ("points_asked.sql", "IS NULL OR tenant = assumeNotNull({only:", "IS NULL OR tenant != assumeNotNull({only:"),
];

/// Enough of everything that no fault passes.
async fn a_bit_of_everything(server: clickhouse::ClickHouse) {
    let both = Both::on(server).await;
    // What is replaced is seen until it is merged, which is when it is asked for.
    for table in ["spans", "traces", "refusals"] {
        both.server.sql(&format!("SYSTEM STOP MERGES {}.{table}", both.server.database)).await;
    }
    let mut random = fastrand::Rng::with_seed(5);
    let mut spans: Vec<_> = (0..3).flat_map(|n| journey(n, n == 1)).collect();
    spans.extend(spans::odd(&mut random, 14));
    let asked = Questions::of(&spans).partly();
    // A day ago, at half past some hour, which has been summed as a whole.
    let half_past = now_ns() / HOUR * HOUR - 25 * HOUR - HOUR / 2;
    let mut of_an_hour = mishaps::moved(&journey(60, false), half_past);
    // At one moment, as the spans of the other trace with these.
    of_an_hour.iter_mut().for_each(|(_, span)| span.links.push(spans::link_to_the_first()));
    // Another trace has spans of the same ids.
    for trace_id in [of_an_hour[0].1.trace_id.clone(), vec![0xab; 16]] {
        spans.extend(mishaps::of_trace(&trace_id, &of_an_hour));
    }
    spans.extend(of_many_tenants());
    shuffled(&mut spans, 5);
    let requests = in_pieces(&spans, 20, &mut random);
    let until = now_ns() / 1_000_000_000;
    for (index, request) in requests.into_iter().enumerate() {
        both.write(request).await;
        if index % 4 == 0 {
            both.clickhouse.make_sums().await.unwrap();
        }
        if index == 4 {
            both.take_late(until).await;
        }
    }
    both.clickhouse.make_sums().await.unwrap();
    both.take_late(until).await;
    // All of it again, saying something else.
    for piece in spans.chunks(40) {
        let mut copies = spans::request(piece);
        let groups = copies.resource_spans.iter_mut().flat_map(|group| &mut group.scope_spans);
        for span in groups.flat_map(|scope| &mut scope.spans) {
            span.name.push_str(", changed");
            span.attributes.push(text("plan", "gold"));
            span.links.push(spans::link_to_the_first());
        }
        both.write(copies).await;
    }
    edges::some_equal_a_recount(&both, &spans, 3).await;
    both.compare(&asked, "as it came").await;
    // Another server makes hours and days at once.
    let other = ClickHouse::new(&both.server.store().parse().unwrap());
    other.make_sums().await.unwrap();
    for table in ["spans", "traces", "refusals"] {
        both.server.sql(&format!("SYSTEM START MERGES {}.{table}", both.server.database)).await;
    }
    both.merge().await;
    both.compare(&asked, "merged").await;
    assert!(both.clickhouse.migrations().await.unwrap().iter().all(|migration| migration.applied));
    assert_eq!(both.clickhouse.kept_with("these states").await.unwrap(), "these states");
    both.server.sql("INSERT INTO keeper (states) VALUES ('others')").await;
    assert_eq!(other.kept_with("others").await.unwrap(), "these states");
    measurements::some(&both).await;
    // Some of the lines were written in spans of their own.
    both.clickhouse.make_sums().await.unwrap();
    amid_an_hour(&both, half_past).await;
    retention::days_outlive_their_minutes(&both, &asked).await;
    retention::what_is_kept_is_kept_so_long(&both).await;
    what_was_in_use_before_is_no_new_version(&both).await;
}

/// Requests of more tenants than a part of the map lists; those of the last ones fail.
fn of_many_tenants() -> Vec<(&'static str, Span)> {
    let start = u64::try_from(now_ns() - HOUR / 30).unwrap();
    let times = (start, start + 1_000_000);
    let of = |n: u64| {
        let attributes = vec![
            text("tenant.id", &format!("tenant-{:02}", n / 2)),
            number("http.response.status_code", if n < 60 { 200 } else { 500 }),
        ];
        let of = Span { start_time_unix_nano: times.0, end_time_unix_nano: times.1, attributes, ..span(0xac, n) };
        (["booking-api", "mileage-api"][usize::from(n.is_multiple_of(2))], of)
    };
    (0..120).map(of).collect()
}

/// A database from before versions were kept.
async fn what_was_in_use_before_is_no_new_version(both: &Both) {
    let all = async || both.clickhouse.versions(&Scope::All, 0, now_ns() / 1_000_000_000).await.unwrap();
    let before = all().await;
    both.server.sql("DROP TABLE versions SYNC").await;
    both.server.sql("ALTER TABLE migrations DELETE WHERE number = 4 SETTINGS mutations_sync = 1").await;
    both.clickhouse.migrate().await.unwrap();
    let first: i64 = both
        .server
        .sql("SELECT toUnixTimestamp(toDateTime(min(start))) FROM spans WHERE start > now() - 35 * 86400")
        .await
        .trim()
        .parse()
        .unwrap();
    let assumed = all().await;
    assert_eq!(assumed.len(), before.len());
    assert!(assumed.iter().all(|version| version.first_seen == first), "{assumed:?}");
}

/// Maps that begin or end amid that hour, before and after it.
async fn amid_an_hour(both: &Both, half_past: i64) {
    let minutes = |minutes: i64| (half_past + minutes * HOUR / 60) / 1_000_000_000;
    for (from, to) in [(-20, 20), (-90, -10), (-90, 10), (-10, 90), (10, 90)] {
        for (engine, store) in both.stores() {
            let query = MapQuery { from: minutes(from), to: minutes(to), ..MapQuery::default() };
            let map = store.map(&Scope::All, query).await.unwrap();
            assert_eq!(map.edges.is_empty(), from > 0 || to < 0, "{engine}, from {from} to {to} minutes");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_fault_all_is_alike() {
    a_bit_of_everything(clickhouse::ClickHouse::start()).await;
}

#[test]
fn every_file_has_a_fault() {
    let mut files: Vec<String> = Vec::new();
    for folder in ["", "migrations/"] {
        for entry in std::fs::read_dir(format!("{SQL}{folder}")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            files.extend(name.ends_with(".sql").then(|| format!("{folder}{name}")));
        }
    }
    for file in &files {
        assert!(FAULTS.iter().any(|(of, ..)| of == file), "{file} has none");
    }
    for (file, text, replacement) in FAULTS {
        for other in &files {
            let sql = std::fs::read_to_string(format!("{SQL}{other}")).unwrap();
            let said = sql.matches(text).count();
            assert_eq!(said, usize::from(other == file), "{other}, of {file}: {text:?}");
        }
        assert_ne!(text, replacement);
    }
}

/// `FAULTS_OF=map.sql,0002` tries those alone whose file or text has one of these.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it takes minutes"]
async fn every_fault_is_caught() {
    let printing = take_hook();
    set_hook(Box::new(|_| {}));
    let only = std::env::var("FAULTS_OF").unwrap_or_default();
    let faults =
        FAULTS.iter().filter(|(file, text, _)| only.split(',').any(|part| file.contains(part) || text.contains(part)));
    let outcomes: Vec<_> = stream::iter(faults).map(tried).buffer_unordered(AT_ONCE).collect().await;
    set_hook(printing);
    let passed: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert!(passed.is_empty(), "{} of {} were not caught:\n{passed:#?}", passed.len(), outcomes.len());
}

/// How it was caught, or that it was not.
async fn tried((file, text, replacement): &(&str, &str, &str)) -> Result<(), String> {
    let with_fault = || clickhouse::ClickHouse::with_fault((text, replacement));
    let is_of_spans = !["metric", "points", "log"].iter().any(|part| file.contains(part));
    let (small, large) = (with_fault(), with_fault());
    let mut trying = tokio::spawn(async move {
        if is_of_spans {
            mishaps::on(small).await;
            a_bit_of_everything(large).await;
        } else {
            measurements::on(small).await;
        }
    });
    let outcome = match timeout(ENOUGH, &mut trying).await {
        Ok(Ok(())) => Err("was seen by nobody".to_owned()),
        Ok(Err(panic)) => {
            let panic = panic.into_panic();
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let how = text.or_else(|| panic.downcast_ref().cloned()).unwrap_or_default();
            // An error of the engine would be seen without any test, and the other engine has no fault.
            if how.contains("Code: ") || how.contains("embedded, ") { Err(how) } else { Ok(how) }
        }
        Err(_) => Err("was not seen in time".to_owned()),
    };
    trying.abort();
    let (Ok(how) | Err(how)) = &outcome;
    let how: String = how.lines().take(3).map(str::trim).collect::<Vec<_>>().join(" ").chars().take(240).collect();
    let caught = if outcome.is_ok() { "caught" } else { "NOT CAUGHT" };
    let line = format!("{file}: {text:?} => {replacement:?}\n    {caught}: {how}");
    eprintln!("{line}");
    outcome.map(|_| ()).map_err(|_| line)
}
