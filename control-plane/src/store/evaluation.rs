//! What the evaluator reads and writes: sums of requests in the order of time, alerts, and its own state.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use rusqlite::{Connection, OptionalExtension, Rows, params};
use serde::{Serialize, de::DeserializeOwned};
use slo::{Cell, Key, Kind, Row};

use super::{
    Reader, StoreError, Writer,
    catalog::Catalog,
    cells::{self, Table, day},
    dictionary::NONE,
};
use crate::{alerting::Alarm, otlp, search::Names};

/// Buckets are at most an hour wide; what the evaluator counts begins with whole five minutes.
const WIDTH: u32 = 60;

/// A sum of requests, and whose they are.
#[derive(Debug)]
pub(crate) struct RequestRow<'a> {
    /// Nobody's in particular, where there is none: the sum over all tenants of the tier.
    pub(crate) tenant: Option<String>,
    /// The tier; empty if spans did not say.
    pub(crate) tier: &'a str,
    /// Its service.
    pub(crate) service: &'a super::catalog::Node,
    /// The name of its spans.
    pub(crate) operation: &'a str,
    /// The sum.
    pub(crate) cell: Cell,
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
    pub(crate) fn request_rows(
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
    pub(crate) fn costs(&self, from: i64, to: i64) -> Result<Vec<Row>, StoreError> {
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
    pub(crate) fn has_requests(&self) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM request_cells)";
        self.read(|connection| Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?))
    }

    /// The number of a tenant that spans have named.
    pub(crate) fn tenant_number(&self, tenant: &str) -> Result<Option<u32>, StoreError> {
        self.read(|connection| Ok(Catalog::number(connection, tenant)?))
    }

    /// The names of these tenants.
    pub(crate) fn tenant_names(&self, numbers: &HashSet<u32>) -> Result<HashSet<String>, StoreError> {
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
    pub(crate) fn state<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StoreError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached("SELECT body FROM states WHERE name = ?1")?;
            let body: Option<String> = select.query_row([name], |row| row.get(0)).optional()?;
            body.map(|body| serde_json::from_str(&body).map_err(|error| StoreError::Failed(error.to_string())))
                .transpose()
        })
    }

    /// Alerts, the latest first: of a tenant, if one is named.
    pub fn alerts(&self, tenant: Option<&str>, limit: usize) -> Result<Vec<Alarm>, StoreError> {
        let sql = "SELECT body FROM alerts WHERE ?1 IS NULL OR tenant = ?1 ORDER BY opened DESC, id LIMIT ?2";
        self.read(|connection| {
            let mut select = connection.prepare_cached(sql)?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut rows = select.query(params![tenant, limit])?;
            let mut alerts = Vec::new();
            while let Some(row) = rows.next()? {
                let alarm = serde_json::from_str(row.get_ref(0)?.as_str().unwrap_or_default());
                alerts.push(alarm.map_err(|error| StoreError::Failed(error.to_string()))?);
            }
            Ok(alerts)
        })
    }
}

fn kind_of(number: u8) -> Kind {
    if number == otlp::Kind::Server as u8 { Kind::Server } else { Kind::Consumer }
}

fn cell(bucket: i64, sum: &crate::rollup::Cell) -> Cell {
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

impl Writer {
    /// Stores the state of alerts under a name, and those that changed, together.
    pub(crate) fn store_alerts(&self, name: &str, state: &impl Serialize, changed: &[Alarm]) -> Result<(), StoreError> {
        let text = |value: serde_json::Result<String>| value.map_err(|error| StoreError::Failed(error.to_string()));
        let state = text(serde_json::to_string(state))?;
        let name = name.to_owned();
        let mut rows = Vec::new();
        for alarm in changed {
            let tenant = match &alarm.alert.scope {
                slo::Scope::Tenant { tenant, .. } => Some(tenant.clone()),
                slo::Scope::AllTenants { .. } => None,
            };
            rows.push((alarm.id.clone(), tenant, alarm.alert.opened, text(serde_json::to_string(alarm))?));
        }
        self.write(move |transaction| {
            transaction.execute("INSERT OR REPLACE INTO states (name, body) VALUES (?1, ?2)", [&name, &state])?;
            for (id, tenant, opened, body) in &rows {
                transaction.execute(
                    "INSERT OR REPLACE INTO alerts (id, tenant, opened, body) VALUES (?1, ?2, ?3, ?4)",
                    params![id, tenant, opened, body],
                )?;
            }
            Ok(())
        })
    }
}
