//! The dictionary as readers know it.

use std::sync::Arc;

use control_plane_model::catalog::{Catalog, Node};
use rusqlite::{Connection, OptionalExtension};

/// Reads what was added since. Those who still look at what was known before keep that.
pub(crate) fn refresh(catalog: &mut Arc<Catalog>, connection: &Connection) -> rusqlite::Result<()> {
    let mut names = connection.prepare_cached("SELECT id, text FROM names WHERE id >= ?1 ORDER BY id")?;
    let mut rows = names.query([catalog.next_name()])?;
    while let Some(row) = rows.next()? {
        Arc::make_mut(catalog).place_name(row.get(0)?, row.get(1)?);
    }
    let mut nodes =
        connection.prepare_cached("SELECT id, kind, account, name FROM nodes WHERE id >= ?1 ORDER BY id")?;
    let mut rows = nodes.query([catalog.next_node()])?;
    while let Some(row) = rows.next()? {
        Arc::make_mut(catalog)
            .place_node(row.get(0)?, Node { kind: row.get(1)?, account: row.get(2)?, name: row.get(3)? });
    }
    Ok(())
}

/// The number of a name; `None` if nothing has it.
pub(crate) fn number(connection: &Connection, text: &str) -> rusqlite::Result<Option<u32>> {
    connection.prepare_cached("SELECT id FROM names WHERE text = ?1")?.query_row([text], |row| row.get(0)).optional()
}
