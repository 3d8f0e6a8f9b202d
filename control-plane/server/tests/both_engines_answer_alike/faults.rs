//! What is wrong in a SQL file is caught: each of these faults makes the engines differ, and none of them is an error that anybody would see.

use std::{
    panic::{set_hook, take_hook},
    time::Duration,
};

use control_plane_model::store::SpanStore as _;
use futures_util::{StreamExt, stream};
use testkit::{clickhouse::ClickHouse, control_plane::journey};
use tokio::time::timeout;

use crate::{Asked, Both, edges, in_pieces, retention, shuffled, spans};

/// Where the files are, of this package.
const SQL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../clickhouse/sql/");
const AT_ONCE: usize = 2;
/// What takes longer never ends.
const ENOUGH: Duration = Duration::from_secs(180);

/// File, what it says, and what it says instead.
const FAULTS: &[(&str, &str, &str)] = &[
    ("changed.sql", "groupArray(trace_id)", "groupArray(1)(trace_id)"),
    ("changed.sql", "INTERVAL 5 MINUTE", "INTERVAL -5 MINUTE"),
    ("costs.sql", "together = 0 AND (", "("),
    ("costs.sql", "sum(weight) AS w", "sum(requests) AS w"),
    ("costs.sql", "max(version)", "min(version)"),
    ("facets.sql", "DESC LIMIT 24", "LIMIT 24"),
    ("facets.sql", "AND target_kind = 'service'", ""),
    ("facets.sql", "AND tier != ''", ""),
    ("facets_of_tenant.sql", "INTERVAL 1 DAY", "INTERVAL 40 DAY"),
    ("facets_of_tenant.sql", "tier != ''", "tenant != ''"),
    ("has_requests.sql", "count() > 0", "count() = 0"),
    ("knows_tenant.sql", "what = 'tenant' AND ", ""),
    ("map.sql", "sum(faults) AS with_fault", "sum(errors) AS with_fault"),
    ("map.sql", "tenant = {tenant:String} AND", ""),
    ("map.sql", "OR tier = {tier:Nullable(String)}", "OR tier != {tier:Nullable(String)}"),
    ("map.sql", "INTERVAL 35 DAY", "INTERVAL 45 DAY"),
    ("map.sql", "max(version)", "min(version)"),
    ("migrations.sql", "ReplacingMergeTree\nORDER BY number", "Null"),
    ("request_rows.sql", "OR tenant != ''", "OR true"),
    ("request_rows.sql", "sum(weighted_failed) AS wf", "sum(failed) AS wf"),
    ("request_rows.sql", "ORDER BY bucket", "ORDER BY bucket DESC"),
    ("request_rows.sql", "INTERVAL 8 DAY", "INTERVAL 5 DAY"),
    ("request_rows.sql", "sumMap(bins)", "sumMap(map(0::UInt16, weight))"),
    ("search.sql", "length(tenants) = 1", "length(tenants) > 0"),
    ("search.sql", "FROM traces FINAL", "FROM traces"),
    ("search.sql", "spans > 0 AND ", ""),
    ("search.sql", "end_ns - start_ns >= {longer_ns:Int64}", "end_ns - start_ns >= 2 * {longer_ns:Int64}"),
    ("search.sql", "start_ns < {to_ns:Int64}", "end_ns < {to_ns:Int64}"),
    ("spans_of_traces.sql", "rank DESC, place", "rank, place"),
    ("sum_edges.sql", "FROM placed FINAL", "FROM placed"),
    ("sum_edges.sql", "if(own = '', [''], ['', toString(own)])", "['', toString(own)]"),
    ("sum_edges.sql", "sum(used.weight * used.duration)", "sum(used.duration)"),
    ("sum_edges.sql", "sumIf(used.weight, bitTest(used.flags, 1))", "countIf(bitTest(used.flags, 1))"),
    ("sum_minutes.sql", "{version:UInt64}", "{version:UInt64} + 1"),
    ("sum_requests.sql", "AND request = 1", ""),
    ("sum_requests.sql", "sumIf(weight, bitTest(flags, 0))", "sumIf(weight, flags > 0)"),
    ("sum_requests.sql", "FROM placed FINAL", "FROM placed"),
    ("trace.sql", "rank DESC, place", "rank, place"),
    ("migrations/0001_spans.sql", "ReplacingMergeTree(rank)", "ReplacingMergeTree"),
    ("migrations/0001_spans.sql", "('tenant', toStartOfHour(", "('tenant', toStartOfDay("),
    ("migrations/0001_spans.sql", "toString(service)),", "toString(name)),"),
    ("migrations/0001_spans.sql", "TTL received + INTERVAL 7 DAY", "TTL received + INTERVAL 8 DAY"),
    ("migrations/0002_sums.sql", "ORDER BY (bucket, trace_id)", "ORDER BY bucket"),
    ("migrations/0002_sums.sql", "ORDER BY (minute, trace_id, span_id)", "ORDER BY (minute, span_id)"),
    (
        "migrations/0002_sums.sql",
        "ORDER BY (tenant, minute, tier, source_kind",
        "ORDER BY (tenant, minute, source_kind",
    ),
    (
        "migrations/0002_sums.sql",
        "minute, account, service, operation, kind, tier)",
        "minute, account, service, kind, tier)",
    ),
    (
        "migrations/0002_sums.sql",
        "PARTITION BY toYYYYMM(minute)\nORDER BY (together, tenant, minute,",
        "PARTITION BY toYYYYMM(minute)\nORDER BY (together, minute,",
    ),
];

/// Enough of everything that no fault passes.
async fn a_bit_of_everything(server: ClickHouse) {
    let both = Both::on(server).await;
    let mut random = fastrand::Rng::with_seed(5);
    let mut spans: Vec<_> = (0..4).flat_map(|n| journey(n, n == 1)).collect();
    spans.extend(spans::odd(&mut random, 24));
    let asked = Asked::of(&spans).partly();
    shuffled(&mut spans, 5);
    for (index, request) in in_pieces(&spans, &mut random).into_iter().enumerate() {
        both.write(request).await;
        if index % 16 == 0 {
            both.clickhouse.make_sums().await.unwrap();
        }
    }
    // All of it again, saying something else.
    for piece in spans.chunks(40) {
        let mut copies = spans::request(piece);
        let groups = copies.resource_spans.iter_mut().flat_map(|group| &mut group.scope_spans);
        groups.flat_map(|scope| &mut scope.spans).for_each(|span| span.name.push_str(", changed"));
        both.write(copies).await;
    }
    retention::limits(&both).await;
    edges::equal_a_recount(&both, &spans).await;
    both.compare(&asked, "as it came").await;
    for table in both
        .server
        .sql("SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'")
        .await
        .lines()
    {
        both.server.sql(&format!("OPTIMIZE TABLE {table} FINAL")).await;
    }
    both.compare(&asked, "merged").await;
    assert!(both.clickhouse.migrations().await.unwrap().iter().all(|migration| migration.applied));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_fault_all_is_alike() {
    a_bit_of_everything(ClickHouse::start()).await;
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
        let sql = std::fs::read_to_string(format!("{SQL}{file}")).unwrap();
        assert!(sql.contains(text) && text != replacement, "{file} does not say {text:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it takes minutes"]
async fn every_fault_is_caught() {
    let printing = take_hook();
    set_hook(Box::new(|_| {}));
    let only = std::env::var("FAULTS_OF").unwrap_or_default();
    let faults = FAULTS.iter().filter(|(file, ..)| file.contains(&only));
    let outcomes: Vec<_> = stream::iter(faults).map(tried).buffer_unordered(AT_ONCE).collect().await;
    set_hook(printing);
    let passed: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert!(passed.is_empty(), "{} of {} were not caught:\n{passed:#?}", passed.len(), outcomes.len());
}

/// How it was caught, or that it was not.
async fn tried((file, text, replacement): &(&str, &str, &str)) -> Result<(), String> {
    let mut trying = tokio::spawn(a_bit_of_everything(ClickHouse::with_fault((text, replacement))));
    let outcome = match timeout(ENOUGH, &mut trying).await {
        Ok(Ok(())) => Err("was seen by nobody".to_owned()),
        Ok(Err(panic)) => {
            let how = panic.into_panic().downcast_ref::<String>().cloned().unwrap_or_default();
            // An error of the engine would be seen without any test.
            if how.contains("Code: ") { Err(how) } else { Ok(how) }
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
