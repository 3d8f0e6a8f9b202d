//! The one writer: group commit on a thread of its own.

use std::{path::Path, thread};

use rusqlite::{Connection, Transaction, params};
use tokio::sync::{mpsc, oneshot};

use super::{StoreError, schema};

/// Requests that may wait; one more is told to come back.
const MAX_WAITING: usize = 256;
/// Spans in one transaction, so that nobody waits for an endless one.
const MAX_SPANS_PER_COMMIT: usize = 20_000;

/// A span as it is stored.
#[derive(Debug, Clone)]
pub struct Row {
    /// 16 bytes.
    pub trace_id: Vec<u8>,
    /// 8 bytes.
    pub span_id: Vec<u8>,
    /// 8 bytes; none for a root.
    pub parent_span_id: Option<Vec<u8>>,
    /// Its name.
    pub name: String,
    /// OTLP's number of its kind.
    pub kind: i32,
    /// `service.name`.
    pub service: String,
    /// `cloud.account.id`.
    pub account: Option<String>,
    /// `tenant.id`.
    pub tenant: Option<String>,
    /// `tenant.tier`.
    pub tier: Option<String>,
    /// Nanoseconds since 1970.
    pub start_ns: i64,
    /// Nanoseconds since 1970.
    pub end_ns: i64,
    /// OTLP's number of its status.
    pub status: i32,
    /// The sender's resource, protobuf.
    pub resource: std::sync::Arc<[u8]>,
    /// The span, protobuf.
    pub body: Vec<u8>,
}

struct Job {
    rows: Vec<Row>,
    done: oneshot::Sender<Result<(), StoreError>>,
}

/// A handle to the writer; it ends with the last handle.
#[derive(Debug, Clone)]
pub struct Writer(mpsc::Sender<Job>);

impl Writer {
    /// Opens the database file and starts the writer.
    pub fn start(path: &Path) -> Result<Self, StoreError> {
        let connection = schema::open_writer(path)?;
        let (sender, receiver) = mpsc::channel(MAX_WAITING);
        thread::Builder::new()
            .name("span-writer".into())
            .spawn(move || run(connection, receiver))
            .map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(Self(sender))
    }

    /// Stores spans; `Ok` means they are durable. A span that is there already stays as it is.
    pub async fn store(&self, rows: Vec<Row>) -> Result<(), StoreError> {
        let (done, outcome) = oneshot::channel();
        self.0.try_send(Job { rows, done }).map_err(|_| StoreError::Busy)?;
        outcome.await.unwrap_or_else(|_| Err(StoreError::Failed("the writer ended".into())))
    }
}

fn run(mut connection: Connection, mut jobs: mpsc::Receiver<Job>) {
    while let Some(first) = jobs.blocking_recv() {
        let mut spans = first.rows.len();
        let mut batch = vec![first];
        while spans < MAX_SPANS_PER_COMMIT
            && let Ok(next) = jobs.try_recv()
        {
            spans += next.rows.len();
            batch.push(next);
        }
        let outcome = commit(&mut connection, &batch);
        for job in batch {
            // Whoever asked may have gone.
            let _gone = job.done.send(outcome.clone());
        }
    }
}

fn commit(connection: &mut Connection, batch: &[Job]) -> Result<(), StoreError> {
    let transaction = connection.transaction()?;
    for row in batch.iter().flat_map(|job| &job.rows) {
        insert(&transaction, row)?;
    }
    Ok(transaction.commit()?)
}

fn insert(transaction: &Transaction<'_>, row: &Row) -> rusqlite::Result<()> {
    let mut resource = transaction.prepare_cached("INSERT OR IGNORE INTO resources (body) VALUES (?1)")?;
    resource.execute(params![row.resource.as_ref()])?;
    let mut span = transaction.prepare_cached(
        "INSERT OR IGNORE INTO spans VALUES
         (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, (SELECT id FROM resources WHERE body = ?13), ?14)",
    )?;
    span.execute(params![
        row.trace_id,
        row.span_id,
        row.parent_span_id,
        row.name,
        row.kind,
        row.service,
        row.account,
        row.tenant,
        row.tier,
        row.start_ns,
        row.end_ns,
        row.status,
        row.resource.as_ref(),
        row.body,
    ])?;
    Ok(())
}
