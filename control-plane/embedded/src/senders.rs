//! The senders of spans that are read.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use rusqlite::Connection;

use crate::failure::Failure;

/// The resources that were read, by their row.
#[derive(Debug, Default)]
pub(crate) struct Senders(HashMap<i64, Arc<Resource>>);

impl Senders {
    /// The one in a row of `resources`.
    pub(crate) fn resource(&mut self, connection: &Connection, row: i64) -> Result<Arc<Resource>, Failure> {
        Ok(match self.0.entry(row) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(new) => {
                let mut select = connection.prepare_cached("SELECT body FROM resources WHERE id = ?1")?;
                let body: Vec<u8> = select.query_row([row], |row| row.get(0))?;
                new.insert(Arc::new(Resource::decode(body.as_slice())?)).clone()
            }
        })
    }
}
