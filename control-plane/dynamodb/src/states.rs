//! The table as the control plane knows it: states, alerts, entries that end by themselves, the audit, and investigations.

use std::{
    io::{Read, Write},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use aws_config::{BehaviorVersion, timeout::TimeoutConfig};
use aws_sdk_dynamodb::{
    Client,
    operation::{query::builders::QueryFluentBuilder, transact_write_items::TransactWriteItemsError},
    primitives::Blob,
    types::{
        AttributeValue::{B, N, S},
        CancellationReason, Put, ReturnValue, TransactWriteItem,
    },
};
use control_plane_model::store::{
    AlertRecord, AuditFrom, AuditRecord, InvestigationRecord, Lease, Scope, StateEntry, StateStore, StoreError,
};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};

use crate::{
    lease::{Leases, still},
    table::{Item, Table, failed, key, put_if},
};

const STATE: &str = "CONTROL_PLANE#STATE#";
const ALERTS: &str = "CONTROL_PLANE#ALERTS";
const AUDIT: &str = "CONTROL_PLANE#AUDIT";
const INVESTIGATIONS: &str = "CONTROL_PLANE#INVESTIGATIONS";
/// The sort key of an entry.
const ENTRY: &str = "ENTRY";
/// The attribute by which DynamoDB lets items expire.
const EXPIRES_AT: &str = "expires_at";
/// Bytes of a state in one item, which has at most 400 kB.
const PART: usize = 350_000;
/// Parts of a state: a transaction has at most 4 MB.
const MAX_PARTS: usize = 10;
/// Items in a transaction besides the look at the lease; it has at most 100.
const AT_ONCE: usize = 99;
/// The latest second that an alert's key has room for.
const LATEST: i64 = 9_999_999_999;

/// States and alerts in a table.
#[derive(Debug, Clone)]
pub struct DynamoDbStates(Leases);

impl DynamoDbStates {
    /// A table by its name or ARN, with the region and the credentials that the AWS SDK finds. Nothing is asked of it yet.
    pub async fn new(table: String) -> Self {
        // Whoever leads knows before the lease is over that it could not be renewed.
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(1))
            .operation_attempt_timeout(Duration::from_secs(2))
            .operation_timeout(Duration::from_secs(4));
        let config = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts.build()).load().await;
        Self::with_client(Client::new(&config), table)
    }

    /// Makes a store that uses your own client.
    pub fn with_client(client: Client, table: String) -> Self {
        Self(Leases { table: Table { client, name: table }, seen: Arc::default() })
    }

    /// All items of a key, in order.
    async fn all(&self, pk: String, limit: usize) -> Result<Vec<Item>, StoreError> {
        all(self.query("pk = :pk", pk), limit).await
    }

    fn query(&self, condition: &str, pk: String) -> QueryFluentBuilder {
        let Table { client, name } = &self.0.table;
        let query = client.query().table_name(name).consistent_read(true);
        query.key_condition_expression(condition).expression_attribute_values(":pk", S(pk))
    }

    /// Writes items, all of them or none, if nobody took the lease after this one.
    async fn write(&self, by: Lease, items: Vec<Item>) -> Result<(), StoreError> {
        let table = &self.0.table;
        let check = TransactWriteItem::builder().condition_check(still(by, table)?).build();
        let mut call = table.client.transact_write_items().transact_items(check);
        for item in items {
            let put = Put::builder().table_name(&table.name).set_item(Some(item)).build().map_err(failed)?;
            call = call.transact_items(TransactWriteItem::builder().put(put).build());
        }
        let Err(error) = call.send().await else { return Ok(()) };
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
            return Err(failed(error));
        };
        let superseded = |reason: &CancellationReason| reason.code() == Some("ConditionalCheckFailed");
        let superseded = cancelled.cancellation_reasons().iter().any(superseded);
        Err(if superseded { StoreError::Superseded } else { failed(error) })
    }
}

/// What is asked for, so much at most.
async fn all(query: QueryFluentBuilder, limit: usize) -> Result<Vec<Item>, StoreError> {
    let mut items = query.limit(i32::try_from(limit).unwrap_or(i32::MAX)).into_paginator().items().send();
    let mut found = Vec::new();
    while found.len() < limit
        && let Some(item) = items.next().await
    {
        found.push(item.map_err(failed)?);
    }
    Ok(found)
}

#[async_trait]
impl StateStore for DynamoDbStates {
    async fn identity(&self) -> Result<String, StoreError> {
        let Table { client, name } = &self.0.table;
        let region = client.config().region().map(ToString::to_string).unwrap_or_default();
        Ok(format!("dynamodb:{name} in {region}"))
    }

    async fn lease(&self, holder: &str, length: Duration) -> Result<Option<Lease>, StoreError> {
        self.0.take(holder, length).await
    }

    async fn state(&self, name: &str) -> Result<Option<String>, StoreError> {
        let items = self.all(format!("{STATE}{name}"), MAX_PARTS).await?;
        let Some(first) = items.first() else { return Ok(None) };
        let parts = first.get("parts").and_then(|parts| parts.as_n().ok()?.parse().ok()).unwrap_or_default();
        let parts = items.iter().take(parts).filter_map(|item| item.get("part")?.as_b().ok());
        let bytes: Vec<u8> = parts.flat_map(|part| part.as_ref().iter().copied()).collect();
        let mut text = String::new();
        // Parts of two versions, if one was replaced meanwhile, have no right checksum.
        GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).map_err(failed)?;
        Ok(Some(text))
    }

    /// Where more alerts changed than a transaction has room for, those that have none are stored before the rest and the state: where that
    /// fails, the next leader judges the same again, and writes the same alerts.
    async fn store(&self, by: Lease, name: &str, state: String, changed: Vec<AlertRecord>) -> Result<(), StoreError> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(state.as_bytes()).map_err(failed)?;
        let bytes = encoder.finish().map_err(failed)?;
        let parts = bytes.chunks(PART);
        if parts.len() > MAX_PARTS {
            return Err(StoreError::Failed(format!("the state {name} is too large: {} bytes", bytes.len())));
        }
        let count = parts.len();
        let state = parts.enumerate().map(|(index, part)| {
            let mut item = key(&format!("{STATE}{name}"), &format!("{index:04}"));
            item.insert("part".into(), B(Blob::new(part)));
            item.insert("parts".into(), N(count.to_string()));
            item
        });
        let mut items: Vec<Item> = changed.iter().flat_map(alert).chain(state).collect();
        while items.len() > AT_ONCE {
            let later = items.split_off(AT_ONCE.min(items.len() - count));
            self.write(by, std::mem::replace(&mut items, later)).await?;
        }
        self.write(by, items).await
    }

    async fn alerts(&self, scope: &Scope, tenant: Option<&str>, limit: usize) -> Result<Vec<String>, StoreError> {
        let tenant = tenant.or(scope.tenant());
        if !scope.sees(tenant) {
            return Ok(Vec::new());
        }
        let items = self.all(alerts_of(tenant), limit).await?;
        let body = |item: &Item| item.get("body")?.as_s().ok().cloned();
        Ok(items.iter().filter_map(body).collect())
    }

    async fn add_entry(&self, entry: StateEntry) -> Result<(), StoreError> {
        let Table { client, name } = &self.0.table;
        client.put_item().table_name(name).set_item(Some(kept(entry))).send().await.map_err(failed)?;
        Ok(())
    }

    async fn replace_entry(&self, entry: StateEntry) -> Result<bool, StoreError> {
        let Table { client, name } = &self.0.table;
        let put = client.put_item().table_name(name).set_item(Some(kept(entry)));
        let put = put.condition_expression("attribute_exists(pk) AND expires_at > :now");
        put_if(put.expression_attribute_values(":now", N(now().to_string()))).await
    }

    async fn entry(&self, name: &str) -> Result<Option<String>, StoreError> {
        let Table { client, name: table } = &self.0.table;
        let get = client.get_item().table_name(table).consistent_read(true).set_key(Some(key(&entry_of(name), ENTRY)));
        Ok(get.send().await.map_err(failed)?.item.as_ref().and_then(body))
    }

    async fn take_entry(&self, name: &str) -> Result<Option<String>, StoreError> {
        let Table { client, name: table } = &self.0.table;
        let delete = client.delete_item().table_name(table).set_key(Some(key(&entry_of(name), ENTRY)));
        let taken = delete.return_values(ReturnValue::AllOld).send().await.map_err(failed)?;
        Ok(taken.attributes.as_ref().and_then(body))
    }

    async fn append(&self, record: AuditRecord) -> Result<bool, StoreError> {
        let Table { client, name } = &self.0.table;
        let AuditRecord { number, previous, hash, body } = record;
        let mut item = key(AUDIT, &digits(number));
        let more = [("number", N(number.to_string())), ("previous", S(previous)), ("hash", S(hash)), ("body", S(body))];
        item.extend(more.map(|(name, value)| (name.to_owned(), value)));
        let put = client.put_item().table_name(name).set_item(Some(item));
        put_if(put.condition_expression("attribute_not_exists(pk)")).await
    }

    async fn audit(&self, from: AuditFrom, limit: usize) -> Result<Vec<AuditRecord>, StoreError> {
        let (condition, number) = match from {
            AuditFrom::After(number) => ("pk = :pk AND sk > :number", number),
            AuditFrom::Before(number) => ("pk = :pk AND sk < :number", number),
        };
        let query = self.query(condition, AUDIT.to_owned()).scan_index_forward(matches!(from, AuditFrom::After(_)));
        let items = all(query.expression_attribute_values(":number", S(digits(number))), limit).await?;
        items.iter().map(record).collect()
    }

    async fn keep_investigation(&self, record: InvestigationRecord) -> Result<bool, StoreError> {
        let Table { client, name } = &self.0.table;
        let InvestigationRecord { id, version, body } = record;
        let mut item = key(INVESTIGATIONS, &id);
        item.insert("version".into(), N(version.to_string()));
        item.insert("body".into(), S(body));
        let put = client.put_item().table_name(name).set_item(Some(item));
        if version == 1 {
            return put_if(put.condition_expression("attribute_not_exists(pk)")).await;
        }
        // `version` is no reserved word: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html
        let put = put.condition_expression("version = :before");
        put_if(put.expression_attribute_values(":before", N(version.saturating_sub(1).to_string()))).await
    }

    async fn investigation(&self, id: &str) -> Result<Option<InvestigationRecord>, StoreError> {
        let Table { client, name } = &self.0.table;
        let get = client.get_item().table_name(name).consistent_read(true).set_key(Some(key(INVESTIGATIONS, id)));
        get.send().await.map_err(failed)?.item.as_ref().map(investigation).transpose()
    }

    async fn investigations(&self, limit: usize) -> Result<Vec<InvestigationRecord>, StoreError> {
        let query = self.query("pk = :pk", INVESTIGATIONS.to_owned()).scan_index_forward(false);
        all(query, limit).await?.iter().map(investigation).collect()
    }

    async fn erase_investigation(&self, id: &str) -> Result<bool, StoreError> {
        let Table { client, name } = &self.0.table;
        let delete = client.delete_item().table_name(name).set_key(Some(key(INVESTIGATIONS, id)));
        let erased = delete.return_values(ReturnValue::AllOld).send().await.map_err(failed)?;
        Ok(erased.attributes.is_some())
    }
}

fn investigation(item: &Item) -> Result<InvestigationRecord, StoreError> {
    let wrong = || StoreError::Failed("an investigation cannot be read".into());
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned().ok_or_else(wrong);
    let version = item.get("version").and_then(|value| value.as_n().ok()?.parse().ok()).ok_or_else(wrong)?;
    Ok(InvestigationRecord { id: text("sk")?, version, body: text("body")? })
}

/// The sort key of a record.
fn digits(number: u64) -> String {
    format!("{number:020}")
}

fn record(item: &Item) -> Result<AuditRecord, StoreError> {
    let wrong = || StoreError::Failed("a record of the audit cannot be read".into());
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned().ok_or_else(wrong);
    let number = item.get("number").and_then(|value| value.as_n().ok()?.parse().ok()).ok_or_else(wrong)?;
    Ok(AuditRecord { number, previous: text("previous")?, hash: text("hash")?, body: text("body")? })
}

fn entry_of(name: &str) -> String {
    format!("CONTROL_PLANE#ENTRY#{name}")
}

/// An entry as an item, which DynamoDB deletes some time after its end.
fn kept(StateEntry { name, body, until }: StateEntry) -> Item {
    let mut item = key(&entry_of(&name), ENTRY);
    item.insert("body".into(), S(body));
    item.insert(EXPIRES_AT.into(), N(until.to_string()));
    item
}

/// Unix seconds.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// The body of an entry that is not over.
fn body(item: &Item) -> Option<String> {
    let until: i64 = item.get(EXPIRES_AT)?.as_n().ok()?.parse().ok()?;
    if until <= now() {
        return None;
    }
    item.get("body")?.as_s().ok().cloned()
}

fn alerts_of(tenant: Option<&str>) -> String {
    tenant.map_or_else(|| ALERTS.to_owned(), |tenant| format!("{ALERTS}#{tenant}"))
}

/// An alert among all, and among its tenant's.
fn alert(record: &AlertRecord) -> Vec<Item> {
    let AlertRecord { id, tenant, opened, body } = record;
    let sk = format!("{:010}#{id}", (LATEST - opened).clamp(0, LATEST));
    let item = |tenant| {
        let mut item = key(&alerts_of(tenant), &sk);
        item.insert("body".into(), S(body.clone()));
        item
    };
    let of_tenant = tenant.as_deref().map(|tenant| item(Some(tenant)));
    [Some(item(None)), of_tenant].into_iter().flatten().collect()
}
