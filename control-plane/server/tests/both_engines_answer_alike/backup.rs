//! What was backed up and restored answers as it did, sums that were under way are made, and what comes then is taken.

use control_plane_model::store::SpanStore;
use testkit::control_plane::{journey, shuffled};

use crate::{Both, Questions, spans};

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_database_goes_on() {
    let both = Both::start().await;
    if !both.server.is_own() {
        eprintln!("a server has to be told where back-ups may be written");
        return;
    }
    let mut known: Vec<_> = (0..6).flat_map(|n| journey(n, n == 1)).collect();
    let asked = Questions::of(&known).briefly();
    shuffled(&mut known, 4);
    let [first, second, third] = [&known[..20], &known[20..40], &known[40..]].map(spans::request);
    both.write(first).await;
    both.clickhouse.make_sums().await.unwrap();
    // Nothing is made of these yet.
    both.write(second).await;
    let database = &both.server.database;
    both.server.sql_outside(&format!("BACKUP DATABASE {database} TO File('before')")).await;
    both.server.sql_outside(&format!("DROP DATABASE {database}")).await;
    both.server.sql_outside(&format!("RESTORE DATABASE {database} FROM File('before')")).await;
    assert!(both.clickhouse.migrations().await.unwrap().iter().all(|migration| migration.applied));
    both.compare(&asked, "restored").await;
    // Some of it had been backed up before the rest, so all sums are made anew as control-plane/clickhouse/README.md says.
    both.server.sql("TRUNCATE TABLE changed").await;
    both.server.sql("TRUNCATE TABLE sums").await;
    both.server.sql("TRUNCATE TABLE done").await;
    both.server.sql("INSERT INTO changed (rank, trace_id) SELECT DISTINCT rank, trace_id FROM spans").await;
    both.compare(&asked, "made anew").await;
    both.write(third).await;
    both.compare(&asked, "after it was restored").await;
}
