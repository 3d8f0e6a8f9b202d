//! Sums of requests by name: in the order of time, and by the day.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use control_plane_model::{
    catalog::{Catalog, NONE},
    otlp, rollup,
    rollup::{HOUR, day},
    store::{Detail, RequestQuery, Scope, StoreError, SumsOf},
};
use rusqlite::Connection;
use slo::{Cell, DailyUse, Key, Kind, Row};

use crate::{
    batch::Batch,
    catalog::number,
    cells::{self, REQUESTS},
    dictionary::SeriesKey,
    reader::Reader,
};

/// Buckets are at most an hour wide; what the evaluator counts begins with whole five minutes.
const WIDTH: u32 = 60;

/// Numbers to keys: one for all rows of a tenant and series.
struct Keys<'a> {
    catalog: &'a Catalog,
    series: HashMap<u32, SeriesKey>,
    known: HashMap<(u32, u32), Arc<Key>>,
}

impl<'a> Keys<'a> {
    fn new(connection: &Connection, catalog: &'a Catalog) -> rusqlite::Result<Self> {
        let mut select = connection.prepare_cached("SELECT id, service, operation, kind, tier FROM series")?;
        let series =
            select.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))))?;
        Ok(Self { catalog, series: series.collect::<Result<_, _>>()?, known: HashMap::new() })
    }

    /// `service.name` of a series, or `None` for one that came since.
    fn service(&self, series: u32) -> Option<String> {
        self.series.get(&series).map(|(service, ..)| self.catalog.node(*service).name)
    }

    /// The key of a series. There is none for a series that was added since the names were read.
    fn of(&mut self, tenant: u32, series: u32) -> Option<Arc<Key>> {
        if let Some(key) = self.known.get(&(tenant, series)) {
            return Some(key.clone());
        }
        let named = |number: u32| (number != NONE).then(|| self.catalog.name(number).to_owned());
        let (service, operation, kind, tier) = self.series.get(&series).copied()?;
        let node = self.catalog.node(service);
        let key = Arc::new(Key {
            account: Some(node.account).filter(|account| !account.is_empty()),
            service: node.name,
            operation: self.catalog.name(operation).to_owned(),
            kind: if kind == otlp::Kind::Server as u8 { Kind::Server } else { Kind::Consumer },
            tenant: named(tenant),
            tier: named(tier),
        });
        self.known.insert((tenant, series), key.clone());
        Some(key)
    }
}

impl Reader {
    /// The sums of requests of a window, in the order of time, some at a time, until `found` wants no more.
    pub(crate) fn request_rows(
        &self,
        scope: &Scope,
        query: &RequestQuery,
        mut found: impl FnMut(Vec<Row>) -> bool,
    ) -> Result<(), StoreError> {
        let of = match (&query.of, scope.tenant()) {
            (SumsOf::Each, Some(own)) => SumsOf::Tenant(own.to_owned()),
            (SumsOf::Together, Some(_)) => return Ok(()),
            (SumsOf::Tenant(tenant), _) if !scope.sees(Some(tenant)) => return Ok(()),
            (of, _) => of.clone(),
        };
        self.read(|connection| {
            let one = match &of {
                SumsOf::Each => None,
                SumsOf::Together => Some(NONE),
                SumsOf::Tenant(tenant) => match number(connection, tenant)? {
                    Some(number) => Some(number),
                    None => return Ok(()),
                },
            };
            let is_hourly = query.detail == Detail::HourlyCounts;
            let whole_hours = |time: i64| (time + HOUR - 1).div_euclid(HOUR) * HOUR;
            let [from, to] = [query.from, query.to].map(|time| if is_hourly { whole_hours(time) } else { time });
            let (which, steps) = match one {
                None => ("bucket >= ?1 AND bucket < ?2 ORDER BY bucket", vec![[from, to]]),
                Some(tenant) => {
                    let buckets = cells::buckets(connection, REQUESTS, from, to)?.into_iter();
                    ("bucket = ?1 AND tenant = ?2", buckets.map(|bucket| [bucket, i64::from(tenant)]).collect())
                }
            };
            let columns = match query.detail {
                Detail::Latencies => cells::COLUMNS.to_owned(),
                Detail::Counts | Detail::HourlyCounts => cells::COLUMNS.replace("histogram", "x''"),
            };
            let sql = format!("SELECT bucket, tenant, series, {columns} FROM {REQUESTS} WHERE {which}");
            let mut select = connection.prepare_cached(&sql)?;
            let catalog = self.catalog(connection)?;
            let mut keys = Keys::new(connection, &catalog)?;
            let mut batch = Batch::new(is_hourly);
            for step in steps {
                let mut rows = select.query(step)?;
                while let Some(row) = rows.next()? {
                    let (tenant, series) = (row.get(1)?, row.get(2)?);
                    let Some(key) = keys.of(tenant, series) else { continue };
                    let cell = cell(batch.start(row.get(0)?), cells::read(row, 3)?);
                    if batch.full(&cell).is_some_and(|rows| !found(rows)) {
                        return Ok(());
                    }
                    batch.add((tenant, series), key, cell);
                }
            }
            let rest = batch.rest();
            if !rest.is_empty() {
                found(rest);
            }
            Ok(())
        })
    }

    /// What was used on the days from the one of `from` to the one of `to`, UTC, by tenant and series, summed over days.
    pub(crate) fn costs(&self, scope: &Scope, from: i64, to: i64) -> Result<Vec<Row>, StoreError> {
        let sql = "SELECT tenant, series, count, weight, weighted_duration_ns, estimated FROM day_cells
                   WHERE bucket >= ?1 AND bucket <= ?2";
        self.read(|connection| {
            let catalog = self.catalog(connection)?;
            let mut keys = Keys::new(connection, &catalog)?;
            let mut select = connection.prepare_cached(sql)?;
            let mut rows = select.query([day(from), day(to)])?;
            let mut sums: HashMap<(u32, u32), Cell> = HashMap::new();
            while let Some(row) = rows.next()? {
                let cell = sums.entry((row.get(0)?, row.get(1)?)).or_default();
                cell.requests += u64::try_from(row.get::<_, i64>(2)?).unwrap_or_default();
                cell.weight += row.get::<_, f64>(3)?;
                cell.weighted_duration_ns += row.get::<_, f64>(4)?;
                cell.estimated += u64::try_from(row.get::<_, i64>(5)?).unwrap_or_default();
            }
            let named = sums
                .into_iter()
                .filter_map(|((tenant, series), cell)| Some(Row { key: keys.of(tenant, series)?, cell }))
                .filter(|row| scope.sees(row.key.tenant.as_deref()));
            Ok(named.collect())
        })
    }

    /// What was used on each day from the one of `from` to the one of `to`, UTC, by service: by each of these tenants, and by all others
    /// together.
    pub(crate) fn daily_costs(
        &self,
        scope: &Scope,
        (from, to): (i64, i64),
        tenants: &[String],
    ) -> Result<Vec<DailyUse>, StoreError> {
        let sql = "SELECT bucket, tenant, series, weight, weighted_duration_ns FROM day_cells
                   WHERE bucket >= ?1 AND bucket <= ?2";
        let tells_of_others = scope.tenant().is_none();
        self.read(|connection| {
            let catalog = self.catalog(connection)?;
            let keys = Keys::new(connection, &catalog)?;
            let mut named = HashMap::new();
            for tenant in tenants.iter().filter(|tenant| scope.sees(Some(tenant))) {
                named.extend(number(connection, tenant)?.map(|number| (number, tenant)));
            }
            let mut select = connection.prepare_cached(sql)?;
            let mut rows = select.query([day(from), day(to)])?;
            // Requests and nanoseconds by day, tenant and series.
            let mut sums: HashMap<(i64, Option<u32>, u32), (f64, f64)> = HashMap::new();
            while let Some(row) = rows.next()? {
                let tenant = Some(row.get(1)?).filter(|number| named.contains_key(number));
                if tenant.is_none() && !tells_of_others {
                    continue;
                }
                let (requests, duration_ns) = sums.entry((row.get(0)?, tenant, row.get(2)?)).or_default();
                *requests += row.get::<_, f64>(3)?;
                *duration_ns += row.get::<_, f64>(4)?;
            }
            let mut days: BTreeMap<(i64, Option<&str>, String), (f64, f64)> = BTreeMap::new();
            for ((start, tenant, series), sum) in sums {
                let Some(service) = keys.service(series) else { continue };
                let tenant = tenant.and_then(|number| named.get(&number)).map(|tenant| tenant.as_str());
                let (requests, duration_ns) = days.entry((start, tenant, service)).or_default();
                *requests += sum.0;
                *duration_ns += sum.1;
            }
            let used = |((start, tenant, service), (requests, duration_ns)): (_, _)| DailyUse {
                start,
                tenant: Option::<&str>::map(tenant, str::to_owned),
                service,
                requests,
                duration_ns,
            };
            Ok(days.into_iter().map(used).collect())
        })
    }

    /// Whether there is any sum of requests.
    pub(crate) fn has_requests(&self) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM request_cells)";
        self.read(|connection| Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?))
    }

    /// Whether a span has named this tenant: one of a trace that is still kept, or a request of a day whose costs are.
    pub(crate) fn knows_tenant(&self, tenant: &str) -> Result<bool, StoreError> {
        self.read(|connection| {
            let Some(number) = number(connection, tenant)? else { return Ok(false) };
            // From the latest hour or day back: most tenants that are asked for were served lately.
            for (table, time) in [("trace_tenants", "hour"), ("day_cells", "bucket")] {
                let mut before =
                    connection.prepare_cached(&format!("SELECT max({time}) FROM {table} WHERE {time} < ?1"))?;
                let served = format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE {time} = ?1 AND tenant = ?2)");
                let mut served = connection.prepare_cached(&served)?;
                let mut until = i64::MAX;
                while let Some(at) = before.query_row([until], |row| row.get(0))? {
                    if served.query_row([at, i64::from(number)], |row| row.get(0))? {
                        return Ok(true);
                    }
                    until = at;
                }
            }
            Ok(false)
        })
    }

    /// The names of these tenants; none, of nobody.
    pub(crate) fn tenant_names(
        &self,
        numbers: impl IntoIterator<Item = u32>,
    ) -> Result<BTreeSet<Option<String>>, StoreError> {
        self.read(|connection| {
            let catalog = self.catalog(connection)?;
            let name = |number: u32| (number != NONE).then(|| catalog.name(number).to_owned());
            Ok(numbers.into_iter().map(name).collect())
        })
    }
}

fn cell(bucket: i64, sum: rollup::Cell) -> Cell {
    let count = |number: i64| u64::try_from(number).unwrap_or_default();
    Cell {
        start: bucket,
        width: WIDTH,
        requests: count(sum.count),
        failed: count(sum.faults),
        duration_ns: u128::from(count(sum.duration_ns)),
        weight: sum.weight,
        weighted_failed: sum.weighted_faults,
        weighted_duration_ns: sum.weighted_duration_ns,
        estimated: count(sum.estimated),
        histogram: sum.histogram,
    }
}
