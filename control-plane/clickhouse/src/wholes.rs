//! Sums of hours and days, from those of their minutes.

use clickhouse::Row;
use control_plane_model::{
    rollup::{DAY, HOUR},
    store::StoreError,
};
use serde::{Deserialize, Serialize};

use crate::database::{Database, all, seconds, within};

/// So long after its end an hour or a day is taken to be complete; what comes later makes it stale.
const REST: i64 = 900;
/// Minutes of what is older may be gone.
const MEMORY: i64 = 36 * DAY;
/// Hours that are summed together; days are summed one by one.
const HOURS: usize = 8;

#[derive(Row, Deserialize)]
struct Stale {
    width: u32,
    start: u32,
    newest: u64,
    making: u64,
}

/// A row of `sums`.
#[derive(Row, Serialize)]
struct Whole {
    width: u32,
    start: u32,
    version: u64,
    made: u64,
}

/// Sums what is stale.
pub(crate) async fn make(database: &Database) -> Result<(), StoreError> {
    let now = jiff::Timestamp::now().as_second();
    let stale = database
        .query(include_str!("../sql/stale.sql"))
        .param("over", seconds(now - REST))
        .param("since", seconds(now - MEMORY));
    let stale: Vec<Stale> = all(stale).await?;
    let (hours, days): (Vec<_>, Vec<_>) = stale.iter().partition(|stale| i64::from(stale.width) == HOUR);
    for (width, stale) in hours.chunks(HOURS).map(|hours| (HOUR, hours)).chain(days.chunks(1).map(|day| (DAY, day))) {
        let version = stale.iter().map(|stale| stale.making).max().unwrap_or_default();
        let starts: Vec<u32> = stale.iter().map(|stale| stale.start).collect();
        let sum = |sql| {
            let sum = database.query(sql).param("width", width).param("starts", &starts).param("version", version);
            within(sum.execute())
        };
        sum(include_str!("../sql/sum_wholes_of_requests.sql")).await?;
        if width == HOUR {
            sum(include_str!("../sql/sum_hours_of_edges.sql")).await?;
        }
        // From now on these sums count, unless a minute of theirs has changed meanwhile.
        let row =
            |stale: &&Stale| Whole { width: stale.width, start: stale.start, version: stale.newest + 1, made: version };
        database.insert::<Whole>("sums", &stale.iter().map(row).collect::<Vec<_>>()).await?;
    }
    Ok(())
}
