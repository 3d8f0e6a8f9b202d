//! Searching: which traces of a window match, and how long they took.

use control_plane_model::{
    catalog::Catalog,
    listing::{Found, Listed, Search, Tally},
    otlp::Flags,
    search::{Expression, Matcher, Outline, Row},
    store::{Scope, StoreError},
    trace::{Summary, TraceId},
};
use rusqlite::{Connection, Rows};

use crate::{catalog::number, failure::Failure, ingest::hour, outline, reader::Reader};

impl Reader {
    /// Searches.
    pub(crate) fn search(&self, scope: &Scope, search: &Search) -> Result<Found, StoreError> {
        self.read(|connection| {
            let catalog = self.catalog(connection)?;
            let found = scan(connection, &catalog, scope, search)?;
            found.tally.found(|row| summary(connection, &catalog, row))
        })
    }
}

struct Scan<'a> {
    matcher: Option<Matcher<'a>>,
    /// Traces in which others were served too are passed over.
    alone: Option<u32>,
    tally: Tally<i64>,
}

fn scan<'a>(
    connection: &Connection,
    catalog: &'a Catalog,
    scope: &'a Scope,
    search: &'a Search,
) -> Result<Scan<'a>, Failure> {
    let matcher = search.expression.as_ref().map(|expression| Matcher::new(expression, catalog));
    let mut scan = Scan { matcher, alone: None, tally: Tally::new(search) };
    let asked = search.expression.as_ref().and_then(Expression::tenant);
    let tenant = match scope.tenant().or(asked).map(|tenant| number(connection, tenant)).transpose()? {
        // A tenant that no span has named has no traces.
        Some(None) => return Ok(scan),
        tenant => tenant.flatten(),
    };
    scan.alone = scope.tenant().and(tenant);
    let outline = if scan.needs_outline() { "t.outline" } else { "NULL" };
    let columns = format!("t.id, t.start_ns, t.end_ns, t.flags, {outline}");
    let Some(tenant) = tenant else {
        let sql =
            format!("SELECT {columns} FROM traces t WHERE start_ns >= ?1 AND start_ns < ?2 ORDER BY start_ns DESC");
        let mut statement = connection.prepare_cached(&sql)?;
        scan.all(statement.query([search.from_ns, search.to_ns])?)?;
        return Ok(scan);
    };
    // A tenant's traces are found hour by hour, from the last one in which anybody was served to the first.
    let sql = format!(
        "SELECT {columns} FROM trace_tenants o JOIN traces t ON t.id = o.trace
         WHERE o.hour = ?3 AND o.tenant = ?4 AND o.start_ns >= ?1 AND o.start_ns < ?2 ORDER BY o.start_ns DESC"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut before = connection.prepare_cached("SELECT max(hour) FROM trace_tenants WHERE hour >= ?1 AND hour < ?2")?;
    let mut until = hour(search.to_ns) + 1;
    while let Some(hour) = before.query_row([hour(search.from_ns), until], |row| row.get(0))? {
        scan.all(statement.query([search.from_ns, search.to_ns, hour, i64::from(tenant)])?)?;
        until = hour;
    }
    Ok(scan)
}

impl Scan<'_> {
    fn needs_outline(&self) -> bool {
        self.alone.is_some() || self.matcher.as_ref().is_some_and(|matcher| matcher.needs_outline)
    }

    /// Looks at all rows: id, start, end, flags, and the outline if that is needed.
    fn all(&mut self, mut rows: Rows<'_>) -> Result<(), Failure> {
        let nothing = Outline::default();
        while let Some(row) = rows.next()? {
            if !self.tally.looks() {
                return Ok(());
            }
            let (start_ns, end_ns): (i64, i64) = (row.get(1)?, row.get(2)?);
            let columns = Row { duration_ns: end_ns - start_ns, flags: Flags::from_bits_retain(row.get(3)?) };
            let decoded = self.needs_outline().then(|| row.get_ref(4)).transpose()?;
            let decoded = decoded.map(|value| outline::decode(value.as_blob().unwrap_or_default()));
            let outline = decoded.as_ref().unwrap_or(&nothing);
            if self.alone.is_some_and(|tenant| outline.tenants != [tenant])
                || self.matcher.as_ref().is_some_and(|matcher| !matcher.matches(columns, outline))
            {
                continue;
            }
            self.tally.add(start_ns, columns.duration_ns, row.get(0)?);
        }
        Ok(())
    }
}

fn summary(connection: &Connection, catalog: &Catalog, row: i64) -> Result<Summary, Failure> {
    let sql = "SELECT trace_id, start_ns, end_ns, spans, flags, outline FROM traces WHERE id = ?1";
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query([row])?;
    let Some(row) = rows.next()? else { return Err(Failure::of("a trace was removed meanwhile")) };
    let listed = Listed {
        trace_id: TraceId::from_bytes(row.get_ref(0)?.as_blob().unwrap_or_default()).map_err(Failure::of)?,
        start_ns: row.get(1)?,
        end_ns: row.get(2)?,
        spans: usize::try_from(row.get::<_, i64>(3)?).unwrap_or_default(),
        flags: Flags::from_bits_retain(row.get(4)?),
    };
    Ok(listed.summary(&outline::decode(row.get_ref(5)?.as_blob().unwrap_or_default()), catalog))
}
