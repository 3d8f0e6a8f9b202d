//! Which traces of a window match: what searches and samples begin with.

use control_plane_model::{
    catalog::Catalog,
    listing::Search,
    otlp::Flags,
    sample::SampleQuery,
    search::{Expression, Matcher, Outline, Row},
    store::Scope,
};
use rusqlite::{Connection, Rows, types::ValueRef};

use crate::{catalog::number, failure::Failure, ingest::hour, outline};

/// Traces looked at in one search; a search that stops there says so.
const MAX_SCANNED: usize = 1_000_000;

/// Which traces are asked for.
pub(crate) struct Asked<'a> {
    from_ns: i64,
    to_ns: i64,
    expression: Option<&'a Expression>,
}

impl<'a> From<&'a Search> for Asked<'a> {
    fn from(search: &'a Search) -> Self {
        Self { from_ns: search.from_ns, to_ns: search.to_ns, expression: search.expression.as_ref() }
    }
}

impl<'a> From<&'a SampleQuery> for Asked<'a> {
    fn from(query: &'a SampleQuery) -> Self {
        Self { from_ns: query.from_ns, to_ns: query.to_ns, expression: query.expression.as_ref() }
    }
}

/// A trace that matches.
pub(crate) struct Match<'r> {
    /// Its row in `traces`.
    pub(crate) row: i64,
    pub(crate) start_ns: i64,
    pub(crate) duration_ns: i64,
    /// The column that was wanted besides.
    pub(crate) wanted: ValueRef<'r>,
}

/// How many there were.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// That match.
    pub(crate) matched: usize,
    /// Traces that whoever asks may see.
    pub(crate) scanned: usize,
    /// Whether there were more to look at than a search may.
    pub(crate) truncated: bool,
    /// Rows, whosever they are: these are bounded.
    looked_at: usize,
}

/// Calls `found` for each trace that matches, with the column of `traces` that is wanted besides.
pub(crate) fn scan(
    connection: &Connection,
    catalog: &Catalog,
    scope: &Scope,
    asked: &Asked<'_>,
    wanted: &str,
    found: impl FnMut(Match<'_>),
) -> Result<Counts, Failure> {
    let tenant = scope.tenant().or(asked.expression.and_then(Expression::tenant));
    let tenant = match tenant.map(|tenant| number(connection, tenant)).transpose()? {
        // A tenant that no span has named has no traces.
        Some(None) => return Ok(Counts::default()),
        tenant => tenant.flatten(),
    };
    let matcher = asked.expression.map(|expression| Matcher::new(expression, catalog));
    let mut scan = Scan { matcher, alone: scope.tenant().and(tenant), counts: Counts::default(), found };
    let outline = if scan.needs_outline() { "t.outline" } else { "NULL" };
    let columns = format!("t.id, t.start_ns, t.end_ns, t.flags, {outline}, t.{wanted}");
    let Some(tenant) = tenant else {
        let sql =
            format!("SELECT {columns} FROM traces t WHERE start_ns >= ?1 AND start_ns < ?2 ORDER BY start_ns DESC");
        let mut statement = connection.prepare_cached(&sql)?;
        scan.all(statement.query([asked.from_ns, asked.to_ns])?)?;
        return Ok(scan.counts);
    };
    // A tenant's traces are found hour by hour, from the last one in which anybody was served to the first.
    let sql = format!(
        "SELECT {columns} FROM trace_tenants o JOIN traces t ON t.id = o.trace
         WHERE o.hour = ?3 AND o.tenant = ?4 AND o.start_ns >= ?1 AND o.start_ns < ?2 ORDER BY o.start_ns DESC"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut before = connection.prepare_cached("SELECT max(hour) FROM trace_tenants WHERE hour >= ?1 AND hour < ?2")?;
    let mut until = hour(asked.to_ns) + 1;
    while let Some(hour) = before.query_row([hour(asked.from_ns), until], |row| row.get(0))? {
        scan.all(statement.query([asked.from_ns, asked.to_ns, hour, i64::from(tenant)])?)?;
        until = hour;
    }
    Ok(scan.counts)
}

/// A scan under way.
struct Scan<'a, F> {
    matcher: Option<Matcher<'a>>,
    /// Traces in which others were served too are passed over.
    alone: Option<u32>,
    counts: Counts,
    found: F,
}

impl<F: FnMut(Match<'_>)> Scan<'_, F> {
    fn needs_outline(&self) -> bool {
        self.alone.is_some() || self.matcher.as_ref().is_some_and(|matcher| matcher.needs_outline)
    }

    /// Looks at all rows: id, start, end, flags, the outline if that is needed, and what is wanted.
    fn all(&mut self, mut rows: Rows<'_>) -> Result<(), Failure> {
        let nothing = Outline::default();
        while let Some(row) = rows.next()? {
            if self.counts.looked_at == MAX_SCANNED {
                self.counts.truncated = true;
                return Ok(());
            }
            self.counts.looked_at += 1;
            let (start_ns, end_ns): (i64, i64) = (row.get(1)?, row.get(2)?);
            let columns = Row { duration_ns: end_ns - start_ns, flags: Flags::from_bits_retain(row.get(3)?) };
            let decoded = self.needs_outline().then(|| outline::read(row, 4)).transpose()?;
            let outline = decoded.as_ref().unwrap_or(&nothing);
            // A trace that is not all the tenant's own counts nowhere.
            if self.alone.is_some_and(|tenant| outline.tenants != [tenant]) {
                continue;
            }
            self.counts.scanned += 1;
            if self.matcher.as_ref().is_some_and(|matcher| !matcher.matches(columns, outline)) {
                continue;
            }
            self.counts.matched += 1;
            let duration_ns = columns.duration_ns;
            (self.found)(Match { row: row.get(0)?, start_ns, duration_ns, wanted: row.get_ref(5)? });
        }
        Ok(())
    }
}
