//! The parameters that every query about the traces of a window has.

use clickhouse::query::Query;
use control_plane_model::{listing::TraceSelection, search::Expression, store::Scope};

use crate::{
    condition::Condition,
    database::{Database, five_minutes, seconds},
};

/// Makes a query about the traces of a window that match a condition and that the scope may see.
pub(crate) fn trace_query(
    database: &Database,
    sql: &str,
    condition: &Condition,
    scope: &Scope,
    selection: &TraceSelection<'_>,
) -> Query {
    condition
        .bind(database.query(&sql.replace("$matches", &condition.sql)))
        .param("from_ns", selection.from_ns)
        .param("to_ns", selection.to_ns)
        .param("from", five_minutes(selection.from_ns))
        .param("to", seconds(selection.to_ns.div_euclid(1_000_000_000) + 1))
        .param("tenant", scope.tenant().or(selection.expression.and_then(Expression::tenant)))
        .param("alone", scope.tenant().is_some())
}
