//! Reads refused requests.

use std::collections::{BTreeMap, HashMap};

use control_plane_model::{
    refusals::{AS_DECIDED, MAX_LINES, RefusalLine, RefusalQuery, Refusals, TRACES, TRACES_AMONG},
    store::{Scope, StoreError},
    topology::NodeId,
    trace::TraceId,
};
use rusqlite::{OptionalExtension, params};

use crate::{
    catalog::number,
    reader::{Asker, Reader},
};

const NANOSECONDS: i64 = 1_000_000_000;

/// What lines are told apart by: tenant, service, operation, status, user, reason.
type Name = (u32, NodeId, u32, u16, Option<String>, String);

/// Requests of a line, read from the latest on.
#[derive(Debug, Default)]
struct Line {
    requests: u64,
    first_ns: i64,
    last_ns: i64,
    traces: Vec<TraceId>,
}

impl Reader {
    /// Requests that were refused, by whom, where and why.
    pub(crate) fn refusals(&self, asker: &Asker, scope: &Scope, query: &RefusalQuery) -> Result<Refusals, StoreError> {
        let Some(tenant) = query.tenant_filter(scope) else { return Ok(Refusals::default()) };
        let sql = "SELECT tenant, service, operation, status, user, reason, start_ns, trace_id FROM refusals
                   WHERE start_ns >= ?1 AND start_ns < ?2 AND (?3 IS NULL OR tenant = ?3) AND (?4 IS NULL OR user = ?4)
                   AND (?5 IS NULL OR reason = ?5) ORDER BY start_ns DESC, trace_id DESC";
        self.read(|connection| {
            let of = match tenant {
                None => None,
                Some(tenant) => match number(connection, tenant)? {
                    None => return Ok(Refusals::default()),
                    known => known,
                },
            };
            let catalog = self.catalog(connection)?;
            let mut select = connection.prepare_cached(sql)?;
            let [from, to] = [query.from, query.to].map(|time| time.saturating_mul(NANOSECONDS));
            let mut rows = select.query(params![from, to, of, query.user, query.reason])?;
            let mut lines: HashMap<Name, Line> = HashMap::new();
            let mut untold = 0;
            while let Some(row) = rows.next()? {
                asker.waits()?;
                let service = row.get(1)?;
                if query.service.as_ref().is_some_and(|service_asked| catalog.node(service).name != *service_asked) {
                    continue;
                }
                let name = (row.get(0)?, service, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?);
                if lines.len() >= MAX_LINES && !lines.contains_key(&name) {
                    untold += 1;
                    continue;
                }
                let line = lines.entry(name).or_default();
                line.requests += 1;
                line.first_ns = row.get(6)?;
                if line.requests == 1 {
                    line.last_ns = line.first_ns;
                }
                if line.traces.len() < TRACES && line.requests <= TRACES_AMONG as u64 {
                    let trace = TraceId::from_bytes(row.get_ref(7)?.as_blob().unwrap_or_default())?;
                    if !line.traces.contains(&trace) {
                        line.traces.push(trace);
                    }
                }
            }
            let named = |((tenant, service, operation, status, user, reason), line): (Name, Line)| {
                let node = catalog.node(service);
                RefusalLine {
                    tenant: catalog.name(tenant).to_owned(),
                    user,
                    account: Some(node.account).filter(|account| !account.is_empty()),
                    service: node.name,
                    operation: catalog.name(operation).to_owned(),
                    status,
                    reason,
                    requests: line.requests,
                    first_unix_ns: line.first_ns,
                    last_unix_ns: line.last_ns,
                    trace_ids: line.traces,
                }
            };
            let found = Refusals::first(query.limit, lines.into_iter().map(named).collect());
            Ok(Refusals { requests: found.requests + untold, more: found.more || untold > 0, ..found })
        })
    }

    /// The time from which on all refused requests are known, in Unix seconds.
    pub(crate) fn refusals_since(&self) -> Result<i64, StoreError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached("SELECT start_ns FROM refusals_removed")?;
            let removed: Option<i64> = select.query_row([], |row| row.get(0)).optional()?;
            Ok(removed.map_or(0, |start_ns| start_ns.div_euclid(NANOSECONDS) + 1))
        })
    }

    /// How many requests of these tenants, or of all, were refused in a window, Unix seconds, but for those beyond a quota and those as decided.
    pub(crate) fn refused(
        &self,
        asker: &Asker,
        scope: &Scope,
        (from, to): (i64, i64),
        tenants: &[String],
    ) -> Result<BTreeMap<String, u64>, StoreError> {
        let counted =
            "start_ns >= ?1 AND start_ns < ?2 AND status != 429 AND reason NOT IN (SELECT value FROM json_each(?3))";
        let [from, to] = [from, to].map(|time| time.saturating_mul(NANOSECONDS));
        self.read(|connection| {
            let (catalog, decided) = (self.catalog(connection)?, serde_json::to_string(&AS_DECIDED)?);
            let mut counts = BTreeMap::new();
            let mut add = |tenant: &str, count: i64| {
                if count > 0 && scope.sees(Some(tenant)) {
                    counts.insert(tenant.to_owned(), count.unsigned_abs());
                }
            };
            if tenants.is_empty() {
                let sql = format!("SELECT tenant, count(*) FROM refusals WHERE {counted} GROUP BY tenant");
                let mut select = connection.prepare_cached(&sql)?;
                let mut rows = select.query(params![from, to, decided])?;
                while let Some(row) = rows.next()? {
                    add(catalog.name(row.get(0)?), row.get(1)?);
                }
            }
            let sql =
                format!("SELECT count(*) FROM refusals INDEXED BY refusals_by_tenant WHERE tenant = ?4 AND {counted}");
            let mut select = connection.prepare_cached(&sql)?;
            for tenant in tenants {
                asker.waits()?;
                if let Some(number) = number(connection, tenant)? {
                    add(tenant, select.query_row(params![from, to, decided, number], |row| row.get(0))?);
                }
            }
            Ok(counts)
        })
    }
}
