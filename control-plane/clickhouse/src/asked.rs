//! What every query about the traces of a window is told.

use clickhouse::query::Query;
use control_plane_model::{listing::Asked, search::Expression, store::Scope};

use crate::{
    condition::Condition,
    database::{Database, five_minutes, seconds},
};

/// A query about the traces of a window that match a condition, and that whoever asks may see.
pub(crate) fn asked(database: &Database, sql: &str, condition: &Condition, scope: &Scope, asked: &Asked<'_>) -> Query {
    condition
        .bind(database.query(&sql.replace("$matches", &condition.sql)))
        .param("from_ns", asked.from_ns)
        .param("to_ns", asked.to_ns)
        .param("from", five_minutes(asked.from_ns))
        .param("to", seconds(asked.to_ns.div_euclid(1_000_000_000) + 1))
        .param("tenant", scope.tenant().or(asked.expression.and_then(Expression::tenant)))
        .param("alone", scope.tenant().is_some())
}
