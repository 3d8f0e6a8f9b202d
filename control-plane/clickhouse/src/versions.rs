//! When versions of services were seen first.

use std::collections::BTreeSet;

use bytes::Bytes;
use clickhouse::Row;
use control_plane_model::{
    complain::complain,
    otlp::SentResource,
    store::{Scope, StoreError, Version},
};
use prost::Message;
use serde::{Deserialize, Serialize};

use crate::database::{Database, all, failed, seconds};

/// A row of `versions`.
#[derive(Row, Serialize)]
struct Sighting<'a> {
    service: &'a str,
    account: &'a str,
    attribute: &'a str,
    version: &'a str,
    seen: u32,
}

/// A row of the answer, whose columns are a version's one after the other.
#[derive(Row, Deserialize)]
struct Line {
    version: Version,
}

/// A sender of spans, and when its first span began.
#[derive(Row, Deserialize)]
struct Sender {
    resource: Bytes,
    first: i64,
}

/// Keeps that versions were seen.
pub(crate) async fn store(database: &Database, sightings: &[Version]) -> Result<(), StoreError> {
    let rows: Vec<_> = sightings
        .iter()
        .map(|Version { service, account, attribute, version, first_seen }| Sighting {
            service,
            account,
            attribute,
            version,
            seen: seconds(*first_seen),
        })
        .collect();
    database.insert::<Sighting<'_>>("versions", &rows).await
}

/// Of spans from before versions were kept: what sent them lately counts as seen when the first of all began, so that it is nothing new
/// from now on. Where that cannot be read, it will look new once, and that is told: a server has to start all the same.
pub(crate) async fn assume(database: &Database) {
    if let Err(error) = assumed(database).await {
        complain(format_args!("versions that have long been in use will look new: {error}"));
    }
}

async fn assumed(database: &Database) -> Result<(), StoreError> {
    let senders: Vec<Sender> = all(database.query(include_str!("../sql/senders.sql"))).await?;
    // Most senders are instances of the same few versions.
    let mut versions = BTreeSet::new();
    for Sender { resource, first } in senders {
        versions.extend(Version::named_by(&SentResource::decode(resource).map_err(failed)?, first));
    }
    store(database, &versions.into_iter().collect::<Vec<_>>()).await
}

/// The versions that were first seen in a window, Unix seconds, in the order of time.
pub(crate) async fn versions(
    database: &Database,
    scope: &Scope,
    from: i64,
    to: i64,
) -> Result<Vec<Version>, StoreError> {
    if scope.tenant().is_some() {
        return Ok(Vec::new());
    }
    let query = database.query(include_str!("../sql/versions.sql")).param("from", from).param("to", to);
    Ok(all::<Line>(query).await?.into_iter().map(|line| line.version).collect())
}
