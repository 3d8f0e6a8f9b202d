//! What is older than is kept is gone, from both engines; what is younger is there.

use std::time::Duration;

use control_plane_embedded::{Embedded, Retention};
use control_plane_model::{
    store::{Scope, SpanStore},
    trace::TraceId,
};
use testkit::control_plane::journey;

use crate::{Both, spans};

/// Days that are kept, by table: spans a week, like the embedded engine's; sums by the minute as long as they are shown, by the day for a year.
const KEPT: [(&str, u32); 8] = [
    ("cells", 400),
    ("changed", 8),
    ("done", 8),
    ("edges", 36),
    ("minutes", 400),
    ("placed", 36),
    ("spans", 7),
    ("traces", 7),
];

/// Table, column and days.
pub(crate) async fn limits(both: &Both) -> Vec<(String, String, u32)> {
    let sql = "SELECT name, extract(engine_full, 'TTL (?:toDateTime\\\\()?(\\\\w+)'), extract(engine_full, 'toIntervalDay\\\\((\\\\d+)\\\\)') \
               FROM system.tables WHERE database = currentDatabase() AND engine_full LIKE '%TTL%' ORDER BY name";
    let mut limits = Vec::new();
    for line in both.server.sql(sql).await.lines() {
        let [table, column, days] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        limits.push((table.to_owned(), column.to_owned(), days.parse().unwrap()));
    }
    let kept: Vec<(&str, u32)> = limits.iter().map(|(table, _, days)| (&**table, *days)).collect();
    assert_eq!(kept, KEPT, "days that are kept");
    limits
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_old_goes() {
    let both = Both::start().await;
    both.write(spans::request(&journey(0, false))).await;
    both.clickhouse.make_sums().await.unwrap();
    for (table, column, days) in limits(&both).await {
        let count =
            async || both.server.sql(&format!("SELECT count() FROM {table}")).await.trim().parse::<u64>().unwrap();
        both.server.sql(&format!("OPTIMIZE TABLE {table} FINAL")).await;
        let before = count().await;
        assert!(before > 0, "{table}");
        // Copies of another trace, so that none replaces another.
        let columns = both
            .server
            .sql(&format!("SELECT name FROM system.columns WHERE database = currentDatabase() AND table = '{table}'"))
            .await;
        let other = if columns.lines().any(|name| name == "trace_id") { ", reverse(trace_id) AS trace_id" } else { "" };
        for (age, stays) in [(days - 1, true), (days + 1, false)] {
            let copies = format!("SELECT * REPLACE ({column} - INTERVAL {age} DAY AS {column}{other}) FROM {table}");
            both.server.sql(&format!("INSERT INTO {table} {copies}")).await;
            both.server.sql(&format!("OPTIMIZE TABLE {table} FINAL")).await;
            let expected = if stays { 2 * before } else { before };
            assert_eq!(count().await, expected, "{table}, {age} days");
            both.server
                .sql(&format!(
                    "ALTER TABLE {table} DELETE WHERE {column} < now() - INTERVAL {} DAY SETTINGS mutations_sync = 1",
                    days - 2
                ))
                .await;
        }
        assert_eq!(count().await, before, "{table}");
    }
    let id = TraceId::from_bytes(&journey(0, false)[0].1.trace_id).unwrap();
    assert_eq!(both.clickhouse.trace(&Scope::All, id).await.unwrap().unwrap().spans.len(), 9);

    // From the next second on, all of it is older than no time.
    let Both { embedded, dir, .. } = both;
    assert!(embedded.trace(&Scope::All, id).await.unwrap().is_some());
    drop(embedded);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let path = dir.path().join("store.sqlite");
    for _ in 0..200 {
        // The one before lets go of the folder once its writer has ended.
        if let Ok(embedded) = Embedded::open(&path, Retention { max_age: 0, ..Retention::default() })
            && embedded.trace(&Scope::All, id).await.unwrap().is_none()
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it is still there");
}
