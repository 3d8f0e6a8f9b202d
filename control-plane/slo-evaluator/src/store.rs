//! What is remembered, in DynamoDB: an item for how far everybody was evaluated, and one per tenant. An item is only replaced
//! by the run that read its version, so that of two runs at once one fails before it has told anybody.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::{
    Client,
    primitives::Blob,
    types::AttributeValue::{self, B, N, S},
};
use futures_util::future::try_join_all;
use lambda_http_client::aws::describe;
use serde::{Serialize, de::DeserializeOwned};
use slo::{Subject, SubjectState};

use crate::{
    error::Error,
    record::{Head, Versioned, decode, encode},
};

const HEAD: (&str, &str) = ("EVALUATOR", "HEAD");
/// The number of partitions that tenants are spread over, since one partition takes 1,000 write units a second.
const PARTITIONS: u32 = 8;
/// How many calls of DynamoDB are under way at once.
const AT_ONCE: usize = 16;
/// A tenant that was quiet for longer has no request left that counts: 30 days, and some for an evaluator that stood still.
const FORGET_AFTER: i64 = 40 * 86_400;

type Item = HashMap<String, AttributeValue>;

/// The table that holds the evaluator's state.
#[derive(Debug, Clone)]
pub struct Store {
    client: Client,
    table: String,
    /// Of this run; makes a call that is repeated for want of an answer find its own traces.
    run: String,
    /// Of the tenants that were read or stored; 0 before one is.
    versions: BTreeMap<String, u64>,
}

impl Store {
    /// A table, and the id of the run that uses it.
    pub fn new(client: Client, table: String, run: String) -> Self {
        Self { client, table, run, versions: BTreeMap::new() }
    }

    /// How far everybody was evaluated.
    pub async fn head(&self) -> Result<Versioned<Head>, Error> {
        let (pk, sk) = HEAD;
        let call = self.client.get_item().table_name(&self.table).consistent_read(true);
        let call = call.key("pk", S(pk.to_owned())).key("sk", S(sk.to_owned()));
        let output =
            call.send().await.map_err(|error| Error::Service { call: "GetItem", problem: describe(&error) })?;
        output.item.map_or_else(|| Ok(Versioned::default()), |item| read(&item))
    }

    /// Every tenant that was heard of.
    pub async fn tenants(&mut self) -> Result<BTreeMap<Subject, SubjectState>, Error> {
        let partitions = try_join_all((0..PARTITIONS).map(|number| self.partition(number))).await?;
        let mut tenants = BTreeMap::new();
        for item in partitions.into_iter().flatten() {
            let (tenant, stored) = (text(&item, "sk")?.to_owned(), read::<SubjectState>(&item)?);
            self.versions.insert(tenant.clone(), stored.version);
            tenants.insert(Subject::Tenant(tenant), stored.value);
        }
        Ok(tenants)
    }

    async fn partition(&self, number: u32) -> Result<Vec<Item>, Error> {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let query = query.key_condition_expression("pk = :pk").expression_attribute_values(":pk", S(key_of(number)));
        let items = query.into_paginator().items().send().collect::<Result<Vec<Item>, _>>().await;
        items.map_err(|error| Error::Service { call: "Query", problem: describe(&error) })
    }

    /// Replaces how far everybody was evaluated.
    pub async fn put_head(&self, head: &mut Versioned<Head>) -> Result<(), Error> {
        let (pk, sk) = HEAD;
        head.version = self.put(pk.to_owned(), sk, head.version, &head.value, None).await?;
        Ok(())
    }

    /// Writes what is known of these tenants.
    pub async fn put_tenants(
        &mut self,
        tenants: &BTreeMap<Subject, SubjectState>,
        names: &[String],
    ) -> Result<(), Error> {
        for names in names.chunks(AT_ONCE) {
            let puts = names.iter().filter_map(|name| {
                let known = tenants.get(&Subject::Tenant(name.clone()))?;
                let (version, forgotten) =
                    (self.versions.get(name).copied().unwrap_or_default(), known.fed + FORGET_AFTER);
                Some(self.put(key_of(partition_of(name)), name, version, known, Some(forgotten)))
            });
            let versions = try_join_all(puts).await?;
            self.versions.extend(names.iter().cloned().zip(versions));
        }
        Ok(())
    }

    /// Stores the next version, if the one that was read is still there, or this run has stored the next one before.
    async fn put<T: Serialize>(
        &self,
        pk: String,
        sk: &str,
        stored: u64,
        value: &T,
        forgotten: Option<i64>,
    ) -> Result<u64, Error> {
        let key = format!("{pk}/{sk}");
        let wrong = |error: std::io::Error| Error::Stored { key: key.clone(), problem: error.to_string() };
        let bytes = encode(value).map_err(wrong)?;
        let version = stored + 1;
        let untouched = if stored == 0 { "attribute_not_exists(pk)" } else { "version = :version" };
        let mut call = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("pk", S(pk))
            .item("sk", S(sk.to_owned()))
            .item("version", N(version.to_string()))
            .item("run", S(self.run.clone()))
            .item("state", B(Blob::new(bytes)))
            .condition_expression(format!("{untouched} OR (version = :next AND run = :run)"))
            .expression_attribute_values(":next", N(version.to_string()))
            .expression_attribute_values(":run", S(self.run.clone()));
        if stored > 0 {
            call = call.expression_attribute_values(":version", N(stored.to_string()));
        }
        if let Some(forgotten) = forgotten {
            call = call.item("expires_at", N(forgotten.to_string()));
        }
        match call.send().await {
            Ok(_) => Ok(version),
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Err(Error::Conflict(key))
            }
            Err(error) => Err(Error::Service { call: "PutItem", problem: describe(&error) }),
        }
    }
}

fn key_of(partition: u32) -> String {
    format!("TENANTS#{partition}")
}

/// FNV-1a, which is the same wherever and whenever it is computed.
fn partition_of(tenant: &str) -> u32 {
    let hash = tenant.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash % PARTITIONS
}

fn text<'a>(item: &'a Item, name: &str) -> Result<&'a str, Error> {
    let found = item.get(name).and_then(|value| value.as_s().ok());
    found.map(String::as_str).ok_or_else(|| Error::Stored { key: "an item".to_owned(), problem: format!("no {name}") })
}

fn read<T: DeserializeOwned>(item: &Item) -> Result<Versioned<T>, Error> {
    let key = format!("{}/{}", text(item, "pk")?, text(item, "sk")?);
    let wrong = |problem: String| Error::Stored { key: key.clone(), problem };
    let version = item.get("version").and_then(|value| value.as_n().ok()).and_then(|number| number.parse().ok());
    let bytes = item.get("state").and_then(|value| value.as_b().ok()).ok_or_else(|| wrong("no state".to_owned()))?;
    Ok(Versioned {
        version: version.ok_or_else(|| wrong("no version".to_owned()))?,
        value: decode(bytes.as_ref()).map_err(|error| wrong(error.to_string()))?,
    })
}
