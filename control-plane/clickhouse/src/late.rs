//! Tenants with late spans, whose past sums have changed. Whoever makes the sums records them in the database, so that every server knows of them,
//! and a new leader too.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use clickhouse::Row;
use control_plane_model::store::StoreError;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::database::{Database, fetch_one};

/// The earliest request of each tenant, Unix seconds; `None` is nobody.
pub(crate) type Touched = BTreeMap<Option<String>, i64>;

/// A row of `late`.
#[derive(Row, Serialize)]
struct LateTenantRow<'a> {
    version: u64,
    tenant: &'a str,
    earliest: i64,
}

#[derive(Row, Deserialize)]
struct LateTenantsRow {
    newest: u64,
    tenants: Vec<String>,
}

/// Notes whose sums can be read now.
pub(crate) async fn record(database: &Database, version: u64, touched: &Touched) -> Result<(), StoreError> {
    let notes = touched.iter().map(|(tenant, earliest)| {
        let tenant = tenant.as_deref().unwrap_or_default();
        LateTenantRow { version, tenant, earliest: *earliest }
    });
    let notes: Vec<_> = notes.collect();
    database.insert::<LateTenantRow<'_>>("late", &notes).await
}

/// The newest note that was read here, and what was evaluated then.
#[derive(Debug, Clone, Default)]
pub(crate) struct LateTenants(Arc<Mutex<(u64, i64)>>);

impl LateTenants {
    /// The tenants that had late spans since the last call. Sums before `until` are about to be read.
    pub(crate) async fn take(&self, database: &Database, until: i64) -> Result<BTreeSet<Option<String>>, StoreError> {
        let (since, evaluated) = *self.0.lock();
        let query = database.query(include_str!("../sql/late.sql")).param("since", since).param("until", evaluated);
        let LateTenantsRow { newest, tenants } = fetch_one(query).await?;
        *self.0.lock() = (newest.max(since), until);
        Ok(tenants.into_iter().map(|tenant| Some(tenant).filter(|tenant| !tenant.is_empty())).collect())
    }
}
