//! What the evaluator reads and writes: sums of requests in the order of time, alerts, and its own state.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use control_plane_model::{otlp, rollup, rollup::day, search::Names, store::StoreError};
use rusqlite::{Connection, OptionalExtension, Rows, params};
use slo::{Cell, Key, Kind, Row};

use super::{
    catalog::Catalog,
    cells::{self, Table},
    dictionary::NONE,
    reader::Reader,
    writer::Writer,
};

/// Buckets are at most an hour wide; what the evaluator counts begins with whole five minutes.
const WIDTH: u32 = 60;

/// A sum of requests, and whose they are.
#[derive(Debug)]
pub struct RequestRow<'a> {
    /// Nobody's in particular, where there is none: the sum over all tenants of the tier.
    pub tenant: Option<String>,
    /// The tier; empty if spans did not say.
    pub tier: &'a str,
    /// Its service.
    pub service: &'a super::catalog::Node,
    /// The name of its spans.
    pub operation: &'a str,
    /// The sum.
    pub cell: Cell,
}

/// service, operation, kind, tier.
type Series = HashMap<u32, (u32, u32, u8, u32)>;

fn series(connection: &Connection) -> rusqlite::Result<Series> {
    let mut select = connection.prepare_cached("SELECT id, service, operation, kind, tier FROM series")?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))))?;
    rows.collect()
}

impl Reader {
    /// The sums of requests of `from..to`, Unix seconds, in the order of time: of all tenants and of nobody in particular, or of
    /// one number only.
    pub fn request_rows(
        &self,
        from: i64,
        to: i64,
        tenant: Option<u32>,
        mut found: impl FnMut(RequestRow<'_>),
    ) -> Result<(), StoreError> {
        self.read(|connection| {
            let catalog = self.catalog(connection)?;
            let series = series(connection)?;
            let columns = cells::COLUMNS;
            let mut read_rows = |mut rows: Rows<'_>| -> rusqlite::Result<()> {
                while let Some(row) = rows.next()? {
                    let Some((service, operation, _, tier)) = series.get(&row.get(2)?).copied() else { continue };
                    let number: u32 = row.get(1)?;
                    let sum = cells::read(row, 3)?;
                    found(RequestRow {
                        tenant: (number != NONE).then(|| catalog.name(number).to_owned()),
                        tier: catalog.name(tier),
                        service: catalog.node_ref(service),
                        operation: catalog.name(operation),
                        cell: cell(row.get(0)?, &sum),
                    });
                }
                Ok(())
            };
            match tenant {
                None => {
                    let sql = format!(
                        "SELECT bucket, tenant, series, {columns} FROM request_cells
                         WHERE bucket >= ?1 AND bucket < ?2 ORDER BY bucket"
                    );
                    let mut select = connection.prepare_cached(&sql)?;
                    read_rows(select.query([from, to])?)?;
                }
                Some(tenant) => {
                    let sql = format!(
                        "SELECT bucket, tenant, series, {columns} FROM request_cells WHERE bucket = ?1 AND tenant = ?2"
                    );
                    let mut select = connection.prepare_cached(&sql)?;
                    for bucket in cells::buckets(connection, Table::Requests, from, to)? {
                        read_rows(select.query([bucket, i64::from(tenant)])?)?;
                    }
                }
            }
            Ok(())
        })
    }

    /// What was used on the days from the one of `from` to the one of `to`, UTC, by tenant and series, summed over days.
    pub fn costs(&self, from: i64, to: i64) -> Result<Vec<Row>, StoreError> {
        let sql = format!(
            "SELECT tenant, series, count, weight, weighted_duration_ns, estimated FROM {} WHERE bucket >= ?1 AND bucket <= ?2",
            Table::Days.name()
        );
        self.read(|connection| {
            let catalog = self.catalog(connection)?;
            let series = series(connection)?;
            let mut select = connection.prepare_cached(&sql)?;
            let mut rows = select.query([day(from), day(to)])?;
            let mut sums: HashMap<(u32, u32), Cell> = HashMap::new();
            while let Some(row) = rows.next()? {
                let cell = sums.entry((row.get(0)?, row.get(1)?)).or_default();
                cell.requests += u64::try_from(row.get::<_, i64>(2)?).unwrap_or_default();
                cell.weight += row.get::<_, f64>(3)?;
                cell.weighted_duration_ns += row.get::<_, f64>(4)?;
                cell.estimated += u64::try_from(row.get::<_, i64>(5)?).unwrap_or_default();
            }
            let named = |number: u32| (number != NONE).then(|| catalog.name(number).to_owned());
            let row = |((tenant, id), cell): ((u32, u32), Cell)| {
                let (service, operation, kind, tier) = series.get(&id).copied()?;
                let node = catalog.node_ref(service);
                let key = Key {
                    account: Some(node.account.clone()).filter(|account| !account.is_empty()),
                    service: node.name.clone(),
                    operation: catalog.name(operation).to_owned(),
                    kind: kind_of(kind),
                    tenant: named(tenant),
                    tier: named(tier),
                };
                Some(Row { key: Arc::new(key), cell })
            };
            Ok(sums.into_iter().filter_map(row).collect())
        })
    }

    /// Whether there is any sum of requests.
    pub fn has_requests(&self) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM request_cells)";
        self.read(|connection| Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?))
    }

    /// The number of a tenant that spans have named.
    pub fn tenant_number(&self, tenant: &str) -> Result<Option<u32>, StoreError> {
        self.read(|connection| Ok(Catalog::number(connection, tenant)?))
    }

    /// The names of these tenants.
    pub fn tenant_names(&self, numbers: &HashSet<u32>) -> Result<HashSet<String>, StoreError> {
        self.read(|connection| {
            let catalog = self.catalog(connection)?;
            Ok(numbers
                .iter()
                .filter(|number| **number != NONE)
                .map(|number| catalog.name(*number).to_owned())
                .collect())
        })
    }

    /// What was stored under a name.
    pub fn state(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached("SELECT body FROM states WHERE name = ?1")?;
            Ok(select.query_row([name], |row| row.get(0)).optional()?)
        })
    }

    /// Alerts, the latest first: of a tenant, if one is named.
    pub fn alerts(&self, tenant: Option<&str>, limit: usize) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT body FROM alerts WHERE ?1 IS NULL OR tenant = ?1 ORDER BY opened DESC, id LIMIT ?2";
        self.read(|connection| {
            let mut select = connection.prepare_cached(sql)?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = select.query_map(params![tenant, limit], |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

fn kind_of(number: u8) -> Kind {
    if number == otlp::Kind::Server as u8 { Kind::Server } else { Kind::Consumer }
}

fn cell(bucket: i64, sum: &rollup::Cell) -> Cell {
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
        histogram: sum.histogram.clone(),
    }
}

/// An alert as it is kept.
#[derive(Debug)]
pub struct AlertRow {
    /// The same for one alert however often it is stored.
    pub id: String,
    /// Whom it is about; none, if it is about all.
    pub tenant: Option<String>,
    /// When it opened, Unix seconds.
    pub opened: i64,
    /// All of it, JSON.
    pub body: String,
}

impl Writer {
    /// Stores a state under a name, and the alerts that changed, together.
    pub fn store_alerts(&self, name: &str, state: String, changed: Vec<AlertRow>) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.write(move |transaction| {
            transaction.execute("INSERT OR REPLACE INTO states (name, body) VALUES (?1, ?2)", [&name, &state])?;
            for AlertRow { id, tenant, opened, body } in &changed {
                transaction.execute(
                    "INSERT OR REPLACE INTO alerts (id, tenant, opened, body) VALUES (?1, ?2, ?3, ?4)",
                    params![id, tenant, opened, body],
                )?;
            }
            Ok(())
        })
    }
}
