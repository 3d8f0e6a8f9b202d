//! The traces of a window that the scope may see.

use std::ops::ControlFlow;

use control_plane_model::{
    catalog::NONE,
    listing::TraceSelection,
    otlp::Flags,
    search::{Expression, Outline, Row},
    store::Scope,
    trace::TraceId,
};
use rusqlite::{Connection, Rows};

use crate::{catalog::number, failure::Failure, ingest::hour, outline};

/// Traces looked at in one search; a search that stops there says so.
const MAX_LOOKED_AT: usize = 1_000_000;

/// What to read of a trace besides what is always read.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TraceColumns {
    pub(crate) spans: bool,
    pub(crate) trace_id: bool,
    pub(crate) outline: bool,
}

/// A trace that was found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FoundTrace {
    /// Its row in `traces`.
    pub(crate) row: i64,
    pub(crate) start_ns: i64,
    pub(crate) duration_ns: i64,
    pub(crate) flags: Flags,
    /// How many spans it has, if that was wanted; else 0.
    pub(crate) spans: usize,
    /// The trace's id, if it was wanted.
    pub(crate) trace_id: Option<TraceId>,
}

impl FoundTrace {
    /// What a matcher looks at besides the outline.
    pub(crate) fn columns(&self) -> Row {
        Row { duration_ns: self.duration_ns, flags: self.flags }
    }
}

/// What was looked at.
#[derive(Debug, Default)]
pub(crate) struct ScanExtent {
    /// How many traces the scope may see.
    pub(crate) at: usize,
    /// When the last of them, which is the oldest, began.
    pub(crate) oldest_ns: Option<i64>,
    /// Whether there were more to look at than may be.
    pub(crate) truncated: bool,
    /// How many rows were looked at, of any tenant. Their number has a limit.
    rows: usize,
}

/// The traces of a window.
pub(crate) struct Window<'a> {
    connection: &'a Connection,
    from_ns: i64,
    to_ns: i64,
    /// The one tenant whose traces are asked for; [`NONE`], which has none, where no span has named it.
    tenant: Option<u32>,
    /// Whether traces in which others were served too are passed over.
    alone: bool,
}

impl<'a> Window<'a> {
    /// The traces that are asked for, by time and tenant.
    pub(crate) fn new(connection: &'a Connection, scope: &Scope, asked: &TraceSelection<'_>) -> Result<Self, Failure> {
        let tenant = scope.tenant().or(asked.expression.and_then(Expression::tenant));
        let known = tenant.map(|tenant| number(connection, tenant)).transpose()?;
        let TraceSelection { from_ns, to_ns, .. } = *asked;
        Ok(Self {
            connection,
            from_ns,
            to_ns,
            tenant: known.map(|known| known.unwrap_or(NONE)),
            alone: scope.tenant().is_some(),
        })
    }

    /// Calls `look` for each, the newest first, with its outline if that is wanted, until it wants no more.
    pub(crate) fn look(
        &self,
        wanted: TraceColumns,
        mut look: impl FnMut(&FoundTrace, &Outline) -> ControlFlow<()>,
    ) -> Result<ScanExtent, Failure> {
        let wanted = TraceColumns { outline: wanted.outline || self.alone, ..wanted };
        // What an index holds is quick to read; the row itself is not.
        let column = |is_wanted: bool, column: &'static str| if is_wanted { column } else { "NULL" };
        let columns = format!(
            "t.id, t.start_ns, t.end_ns, t.flags, {}, {}, {}",
            column(wanted.spans, "t.spans"),
            column(wanted.trace_id, "t.trace_id"),
            column(wanted.outline, "t.outline")
        );
        let mut looked = ScanExtent::default();
        let (connection, from_ns, to_ns) = (self.connection, self.from_ns, self.to_ns);
        let Some(tenant) = self.tenant else {
            let sql =
                format!("SELECT {columns} FROM traces t WHERE start_ns >= ?1 AND start_ns < ?2 ORDER BY start_ns DESC");
            let mut statement = connection.prepare_cached(&sql)?;
            let _ended = self.all(statement.query([from_ns, to_ns])?, wanted, &mut looked, &mut look)?;
            return Ok(looked);
        };
        // A tenant's traces are found hour by hour, from the last one in which anybody was served to the first.
        let sql = format!(
            "SELECT {columns} FROM trace_tenants o JOIN traces t ON t.id = o.trace
             WHERE o.hour = ?3 AND o.tenant = ?4 AND o.start_ns >= ?1 AND o.start_ns < ?2 ORDER BY o.start_ns DESC"
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let mut before =
            connection.prepare_cached("SELECT max(hour) FROM trace_tenants WHERE hour >= ?1 AND hour < ?2")?;
        let mut until = hour(to_ns) + 1;
        while let Some(hour) = before.query_row([hour(from_ns), until], |row| row.get(0))? {
            let rows = statement.query([from_ns, to_ns, hour, i64::from(tenant)])?;
            if self.all(rows, wanted, &mut looked, &mut look)?.is_break() {
                break;
            }
            until = hour;
        }
        Ok(looked)
    }

    fn all(
        &self,
        mut rows: Rows<'_>,
        wanted: TraceColumns,
        looked: &mut ScanExtent,
        look: &mut impl FnMut(&FoundTrace, &Outline) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Failure> {
        let nothing = Outline::default();
        while let Some(row) = rows.next()? {
            if looked.rows == MAX_LOOKED_AT {
                looked.truncated = true;
                return Ok(ControlFlow::Break(()));
            }
            looked.rows += 1;
            let outline = wanted.outline.then(|| outline::read(row, 6)).transpose()?;
            let outline = outline.as_ref().unwrap_or(&nothing);
            // A trace that is not all the tenant's own counts nowhere.
            if self.alone && self.tenant.is_some_and(|tenant| outline.tenants != [tenant]) {
                continue;
            }
            let (start_ns, end_ns): (i64, i64) = (row.get(1)?, row.get(2)?);
            let trace_id = row.get_ref(5)?.as_blob_or_null()?;
            let found = FoundTrace {
                row: row.get(0)?,
                start_ns,
                duration_ns: end_ns - start_ns,
                flags: Flags::from_bits_retain(row.get(3)?),
                spans: row.get::<_, Option<i64>>(4)?.and_then(|spans| usize::try_from(spans).ok()).unwrap_or_default(),
                trace_id: trace_id.map(TraceId::from_bytes).transpose()?,
            };
            if look(&found, outline).is_break() {
                return Ok(ControlFlow::Break(()));
            }
            looked.at += 1;
            looked.oldest_ns = Some(start_ns);
        }
        Ok(ControlFlow::Continue(()))
    }
}
