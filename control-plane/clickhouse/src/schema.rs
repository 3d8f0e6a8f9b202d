//! Tables: migrations, numbered.

use clickhouse::Row;
use control_plane_model::store::StoreError;
use serde::Serialize;

use crate::database::{Database, all, one, within};

const MIGRATIONS: [(&str, &str); 3] = [
    ("spans", include_str!("../sql/migrations/0001_spans.sql")),
    ("sums", include_str!("../sql/migrations/0002_sums.sql")),
    ("servers", include_str!("../sql/migrations/0003_servers.sql")),
];

/// A step from an empty database to the tables of today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// From 1.
    pub number: u32,
    /// What it is about.
    pub name: &'static str,
    /// Whether it has been applied.
    pub applied: bool,
}

#[derive(Row, Serialize)]
struct Applied<'a> {
    number: u32,
    name: &'a str,
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
    let create = "CREATE DATABASE IF NOT EXISTS {name:Identifier}";
    within(database.query_outside(create).param("name", database.name()).execute()).await?;
    within(database.query(include_str!("../sql/migrations.sql")).execute()).await?;
    for (Migration { number, name, applied }, (_, sql)) in migrations(database).await?.into_iter().zip(MIGRATIONS) {
        for statement in sql.split(";\n").filter(|statement| !applied && !statement.trim().is_empty()) {
            within(database.query(statement).execute()).await?;
        }
        if !applied {
            database.insert::<Applied<'_>>("migrations", &[Applied { number, name }]).await?;
        }
    }
    Ok(())
}

/// Spans and outlines of traces go so many hours after they came.
pub(crate) async fn keep_for(database: &Database, hours: i64) -> Result<(), StoreError> {
    let lasts = "SELECT position(create_table_query, {ttl:String}) > 0 FROM system.tables WHERE database = currentDatabase() AND name = {table:String}";
    // What traces have in common is used once more a day before it would go.
    let places = ["spans", "trace_buckets", "traces"].map(|table| (table, "received", hours));
    for (table, column, hours) in places.into_iter().chain([("shapes", "used", hours + 48)]) {
        let query = database.query(lasts).param("ttl", format!("toIntervalHour({hours})")).param("table", table);
        // Parts are gone through once more where this changes.
        if !one::<bool>(query).await? {
            let change = format!("ALTER TABLE {table} MODIFY TTL {column} + INTERVAL {hours} HOUR");
            within(database.query(&change).execute()).await?;
        }
    }
    Ok(())
}
