//! Tables: migrations, numbered.

use control_plane_model::store::StoreError;

use crate::{
    database::{Database, all, fetch_one, within},
    versions,
};

const MIGRATIONS: [(&str, &str); 8] = [
    ("spans", include_str!("../sql/migrations/0001_spans.sql")),
    ("sums", include_str!("../sql/migrations/0002_sums.sql")),
    ("servers", include_str!("../sql/migrations/0003_servers.sql")),
    ("versions", include_str!("../sql/migrations/0004_versions.sql")),
    ("links", include_str!("../sql/migrations/0005_links.sql")),
    ("metrics", include_str!("../sql/migrations/0006_metrics.sql")),
    ("logs", include_str!("../sql/migrations/0007_logs.sql")),
    ("refusals", include_str!("../sql/migrations/0008_refusals.sql")),
];

/// A step from an empty database to the tables of today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// The migration's number, from 1.
    pub number: u32,
    /// What it is about.
    pub name: &'static str,
    /// Whether it has been applied.
    pub applied: bool,
}

/// All there are, in order.
pub(crate) async fn migrations(database: &Database) -> Result<Vec<Migration>, StoreError> {
    let exists = "SELECT count() FROM system.tables WHERE database = {database:String} AND name = 'migrations'";
    let there = all::<u64>(database.query_outside(exists).param("database", database.name())).await? == [1];
    let applied = if there { all::<u32>(database.query("SELECT number FROM migrations")).await? } else { Vec::new() };
    let numbered = MIGRATIONS.iter().zip(1..);
    Ok(numbered.map(|((name, _), number)| Migration { number, name, applied: applied.contains(&number) }).collect())
}

/// Applies those that have not been, in order.
pub(crate) async fn migrate(database: &Database) -> Result<(), StoreError> {
    let everywhere = |statement: &str| match &database.cluster {
        Some(cluster) => on_cluster(statement, cluster),
        None => statement.to_owned(),
    };
    let create = everywhere("CREATE DATABASE IF NOT EXISTS {name:Identifier}");
    within(database.query_outside(&create).param("name", database.name()).execute()).await?;
    within(database.query(&everywhere(include_str!("../sql/migrations.sql"))).execute()).await?;
    for (Migration { number, name, applied }, (_, sql)) in migrations(database).await?.into_iter().zip(MIGRATIONS) {
        // A server that has joined a cluster has none of them, though it hears that they have been taken.
        let take = !applied || database.cluster.is_some();
        for statement in sql.split(";\n").filter(|statement| take && !statement.trim().is_empty()) {
            within(database.query(&everywhere(statement)).execute()).await?;
        }
        if !applied && name == "versions" {
            versions::assume(database).await;
        }
        if !applied {
            let applied = "INSERT INTO migrations (number, name) SELECT {number:UInt32}, {name:String}";
            within(database.query(applied).param("number", number).param("name", name).execute()).await?;
        }
    }
    Ok(())
}

/// A statement for all servers of a cluster, where each table is a replica:
/// <https://clickhouse.com/docs/engines/table-engines/mergetree-family/replication>.
fn on_cluster(statement: &str, cluster: &str) -> String {
    const REPLICA: &str = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'";
    let (create, rest) = statement.split_once(" IF NOT EXISTS ").unwrap_or((statement, ""));
    let (name, rest) = rest.split_at(rest.find([' ', '\n']).unwrap_or(rest.len()));
    let rest = rest
        .replace("ENGINE = MergeTree", &format!("ENGINE = ReplicatedMergeTree({REPLICA})"))
        .replace("ENGINE = ReplacingMergeTree(", &format!("ENGINE = ReplicatedReplacingMergeTree({REPLICA}, "))
        .replace("ENGINE = ReplacingMergeTree\n", &format!("ENGINE = ReplicatedReplacingMergeTree({REPLICA})\n"));
    format!("{create} IF NOT EXISTS {name} ON CLUSTER `{cluster}`{rest}")
}

/// What sums are made of, and where they are noted.
const READ_BY_LEADERS: [&str; 10] =
    ["changed", "done", "spans", "trace_buckets", "placed", "sums", "edges", "cells", "late", "refusals"];

/// Waits, in a cluster, until what its servers wrote so far of what sums are made of is on the server that is asked: whoever leads reads what
/// others wrote.
pub(crate) async fn catch_up(database: &Database) -> Result<(), StoreError> {
    if database.cluster.is_none() {
        return Ok(());
    }
    for table in READ_BY_LEADERS {
        let sync = database.query("SYSTEM SYNC REPLICA {table:Identifier} LIGHTWEIGHT");
        within(sync.param("table", table).execute()).await?;
    }
    Ok(())
}

/// Sets after how many hours spans, outlines of traces, points of metrics and log records are removed.
pub(crate) async fn keep_for(database: &Database, hours: i64) -> Result<(), StoreError> {
    let lasts = "SELECT position(create_table_query, {ttl:String}) > 0 FROM system.tables WHERE database = currentDatabase() AND name = {table:String}";
    // What traces have in common is used once more a day before it would go.
    let places = ["spans", "trace_buckets", "traces", "links", "refusals", "metric_points", "log_records"];
    let places = places.map(|table| (table, "received", hours));
    for (table, column, hours) in places.into_iter().chain([("shapes", "used", hours + 48)]) {
        let query = database.query(lasts).param("ttl", format!("toIntervalHour({hours})")).param("table", table);
        // Parts are gone through once more where this changes.
        if !fetch_one::<bool>(query).await? {
            let change = format!("ALTER TABLE {table} MODIFY TTL {column} + INTERVAL {hours} HOUR");
            within(database.query(&change).execute()).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::*;

    #[test]
    fn a_leader_waits_for_all_that_its_questions_read() {
        let tables = MIGRATIONS.iter().flat_map(|(_, sql)| sql.split("CREATE TABLE IF NOT EXISTS ").skip(1));
        let tables: BTreeSet<_> = tables.filter_map(|rest| rest.split_whitespace().next()).collect();
        let mut read = BTreeSet::new();
        for source in ["sums.rs", "wholes.rs", "late.rs", "refusals.rs"] {
            let source = fs::read_to_string(format!("{}/src/{source}", env!("CARGO_MANIFEST_DIR"))).unwrap();
            for asked in source.split("../sql/").skip(1).filter_map(|rest| rest.split('"').next()) {
                let sql = fs::read_to_string(format!("{}/sql/{asked}", env!("CARGO_MANIFEST_DIR"))).unwrap();
                let words: Vec<_> = sql.split_whitespace().collect();
                let named = words.windows(2).filter(|pair| matches!(pair[0], "FROM" | "JOIN")).map(|pair| pair[1]);
                read.extend(named.filter_map(|name| tables.get(name.trim_matches(['(', ')', ','])).copied()));
            }
        }
        assert_eq!(read, READ_BY_LEADERS.into());
    }
}
