//! What a search or a map can be narrowed to.

use std::time::{Duration, Instant};

use control_plane_model::store::{Facets, StoreError};
use rusqlite::{Connection, Params};

use crate::reader::Reader;

/// Every page asks for these; they change seldom.
const FACETS_FOR: Duration = Duration::from_secs(2);

impl Reader {
    /// What spans have named, as it was a moment ago.
    pub(crate) fn facets(&self) -> Result<Facets, StoreError> {
        if let Some((at, facets)) = &*self.facets_read().lock()
            && at.elapsed() < FACETS_FOR
        {
            return Ok(facets.clone());
        }
        let facets = self.read(|connection| {
            let list = |sql| list(connection, sql, []);
            Ok(Facets {
                tenants: list(include_str!("../sql/tenants_lately.sql"))?,
                tiers: list("SELECT DISTINCT text FROM edges JOIN names ON names.id = tier ORDER BY text")?,
                accounts: list("SELECT DISTINCT account FROM nodes WHERE account <> '' ORDER BY account")?,
                services: list("SELECT DISTINCT name FROM nodes WHERE kind IN ('service', 'browser') ORDER BY name")?,
            })
        })?;
        *self.facets_read().lock() = Some((Instant::now(), facets.clone()));
        Ok(facets)
    }

    /// What a tenant's requests named lately.
    pub(crate) fn facets_of(&self, tenant: &str) -> Result<Facets, StoreError> {
        self.read(|connection| {
            let requested = include_str!("../sql/requested_lately.sql");
            let list = |sql| list(connection, &format!("{requested} {sql}"), [tenant]);
            Ok(Facets {
                tenants: vec![tenant.to_owned()],
                tiers: list("SELECT DISTINCT text FROM requested JOIN names ON names.id = tier ORDER BY text")?,
                accounts: list("SELECT DISTINCT account FROM requested WHERE account <> '' ORDER BY account")?,
                services: list("SELECT DISTINCT name FROM requested ORDER BY name")?,
            })
        })
    }
}

fn list(connection: &Connection, sql: &str, of: impl Params) -> rusqlite::Result<Vec<String>> {
    connection.prepare_cached(sql)?.query_map(of, |row| row.get(0))?.collect()
}
