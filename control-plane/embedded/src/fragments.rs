//! Fragments of many traces, read in the order in which they lie.

use rusqlite::Connection;

use crate::failure::Failure;

/// Rows between two that are wanted, which are passed over rather than sought again: of an index, and of the table itself.
const NEAR_IN_INDEX: i64 = 64;
const NEAR: i64 = 8;

/// Calls `found` for each fragment of some traces, whose rows are in order, with the place of its trace among these. The fragments of a
/// trace come in the order in which they were written.
pub(crate) fn fragments_of(
    connection: &Connection,
    rows: &[i64],
    mut found: impl FnMut(usize, &[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let wanted = wanted(connection, rows)?;
    let mut select =
        connection.prepare_cached("SELECT id, body FROM fragments WHERE id BETWEEN ?1 AND ?2 ORDER BY id")?;
    for stretch in wanted.chunk_by(|(one, _), (next, _)| next - one <= NEAR) {
        let (Some((first, _)), Some((last, _))) = (stretch.first(), stretch.last()) else { continue };
        let mut lying = select.query([first, last])?;
        let mut wanted = stretch.iter().peekable();
        while let Some(row) = lying.next()? {
            let id: i64 = row.get(0)?;
            // One may have been removed meanwhile.
            while wanted.next_if(|(wanted, _)| *wanted < id).is_some() {}
            if let Some((_, place)) = wanted.next_if(|(wanted, _)| *wanted == id) {
                found(*place, row.get_ref(1)?.as_blob()?)?;
            }
        }
    }
    Ok(())
}

/// The fragments of some traces, in order, each with the place of its trace.
fn wanted(connection: &Connection, rows: &[i64]) -> Result<Vec<(i64, usize)>, Failure> {
    let sql = "SELECT trace, id FROM fragments WHERE trace BETWEEN ?1 AND ?2 ORDER BY trace";
    let mut select = connection.prepare_cached(sql)?;
    let mut wanted = Vec::with_capacity(rows.len());
    let mut place = 0;
    for stretch in rows.chunk_by(|one, next| next - one <= NEAR_IN_INDEX) {
        let (Some(first), Some(last)) = (stretch.first(), stretch.last()) else { continue };
        let mut lying = select.query([first, last])?;
        while let Some(row) = lying.next()? {
            let trace: i64 = row.get(0)?;
            while rows.get(place).is_some_and(|wanted| *wanted < trace) {
                place += 1;
            }
            if rows.get(place) == Some(&trace) {
                wanted.push((row.get(1)?, place));
            }
        }
    }
    wanted.sort_unstable();
    Ok(wanted)
}
