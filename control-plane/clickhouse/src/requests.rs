//! Sums of requests by name: in the order of time, and by the day.

use std::{collections::HashSet, future::ready, sync::Arc};

use clickhouse::{Row, query::RowCursor};
use control_plane_model::{
    rollup::{DAY, HOUR, day},
    store::{Detail, RequestQuery, RequestRows, Scope, StoreError, SumsOf},
};
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use slo::{Cell, DailyUse, Key, Kind};

use crate::database::{Database, all, failed, seconds, within};

/// Rows of all tenants are read in stretches of this many seconds, so that no answer takes long to sort.
const SLICE: i64 = 6 * HOUR;
/// Rows that are handed on at a time.
const BATCH: usize = 1_024;
/// The latencies of a bucket, which are most of its bytes, and what stands in their place where they are not wanted.
const LATENCIES: &str = "sumMap(bins)";
const NO_LATENCIES: &str = "CAST(map() AS Map(UInt16, Float64))";

/// A row of the answer, whose columns are these one after the other.
#[derive(Row, Deserialize)]
struct Sums {
    account: Option<String>,
    service: String,
    operation: String,
    is_message: bool,
    tenant: Option<String>,
    tier: Option<String>,
    cell: Cell,
}

impl Sums {
    /// Rows of one series share its key.
    fn row(self, keys: &mut HashSet<Arc<Key>>) -> slo::Row {
        let Self { account, service, operation, is_message, tenant, tier, cell } = self;
        let kind = if is_message { Kind::Consumer } else { Kind::Server };
        let key = Key { account, service, operation, kind, tenant, tier };
        let key = keys.get(&key).cloned().unwrap_or_else(|| Arc::new(key));
        keys.insert(key.clone());
        slo::Row { key, cell }
    }
}

pub(crate) fn request_rows(
    database: &Database,
    scope: &Scope,
    query: &RequestQuery,
) -> Result<RequestRows, StoreError> {
    let (together, tenant): (&[u8], _) = match (&query.of, scope.tenant()) {
        (SumsOf::Each, None) => (&[0, 1], None),
        (SumsOf::Each, Some(own)) => (&[0], Some(own)),
        (SumsOf::Together, None) => (&[1], None),
        (SumsOf::Tenant(tenant), _) if scope.sees(Some(tenant)) => (&[0], Some(tenant.as_str())),
        _ => return Ok(stream::empty().boxed()),
    };
    let is_hourly = query.detail == Detail::HourlyCounts;
    let whole_hours = |time: i64| (time + HOUR - 1).div_euclid(HOUR) * HOUR;
    let [from, to] = [query.from, query.to].map(|time| if is_hourly { whole_hours(time) } else { time });
    let whole = query.of != SumsOf::Each;
    let cuts = (from.div_euclid(SLICE) + 1..).map(|slice| slice * SLICE);
    let cuts: Vec<_> = cuts.take_while(|cut| !whole && *cut < to).collect();
    let starts = [from].into_iter().chain(cuts.clone());
    let slices: Vec<_> = starts.zip(cuts.into_iter().chain([to])).collect();
    let latencies = if query.detail == Detail::Latencies { LATENCIES } else { NO_LATENCIES };
    let sql = include_str!("../sql/request_rows.sql").replace(LATENCIES, latencies);
    let ask = database.clone();
    let (together, tenant) = (together.to_vec(), tenant.map(str::to_owned));
    let found = move |(from, to)| {
        let query = ask
            .query(&sql)
            .param("hourly", is_hourly)
            .param("together", &together)
            .param("tenant", tenant.as_deref())
            .param("from", seconds(from))
            .param("to", seconds(to))
            .param("now", seconds(jiff::Timestamp::now().as_second()));
        match query.fetch::<Sums>() {
            Ok(rows) => batches(rows),
            Err(error) => stream::once(ready(Err(failed(error)))).boxed(),
        }
    };
    Ok(stream::iter(slices).flat_map(found).boxed())
}

fn batches(rows: RowCursor<Sums>) -> RequestRows {
    let batches = stream::try_unfold((rows, HashSet::<Arc<Key>>::new()), async |(mut rows, mut keys)| {
        let mut batch = Vec::new();
        while batch.len() < BATCH
            && let Some(sums) = within(rows.next()).await?
        {
            batch.push(sums.row(&mut keys));
        }
        Ok((!batch.is_empty()).then_some((batch, (rows, keys))))
    });
    batches.boxed()
}

pub(crate) async fn costs(database: &Database, scope: &Scope, from: i64, to: i64) -> Result<Vec<slo::Row>, StoreError> {
    let found = database
        .query(include_str!("../sql/costs.sql"))
        .param("tenant", scope.tenant())
        .param("from", seconds(day(from)))
        .param("to", seconds(day(to) + DAY));
    let mut keys = HashSet::new();
    let rows = all::<Sums>(found).await?.into_iter().map(|sums| sums.row(&mut keys));
    Ok(rows.filter(|row| scope.sees(row.key.tenant.as_deref())).collect())
}

/// A row of the answer, whose columns are these one after the other.
#[derive(Row, Deserialize)]
struct Day {
    start: i64,
    tenant: Option<String>,
    service: String,
    requests: f64,
    duration_ns: f64,
}

pub(crate) async fn daily_costs(
    database: &Database,
    scope: &Scope,
    (from, to): (i64, i64),
    tenants: &[String],
) -> Result<Vec<DailyUse>, StoreError> {
    // What is of nobody is called ''.
    let named: Vec<&String> = tenants.iter().filter(|tenant| !tenant.is_empty() && scope.sees(Some(tenant))).collect();
    let found = database
        .query(include_str!("../sql/daily_costs.sql"))
        .param("named", &named)
        .param("others", scope.tenant().is_none())
        .param("from", seconds(day(from)))
        .param("to", seconds(day(to) + DAY));
    let of_day = |Day { start, tenant, service, requests, duration_ns }| DailyUse {
        start,
        tenant,
        service,
        requests,
        duration_ns,
    };
    Ok(all::<Day>(found).await?.into_iter().map(of_day).collect())
}
