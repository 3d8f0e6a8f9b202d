//! A second way in: what the OpenTelemetry Collector's ClickHouse exporter writes to its own table, as OTLP.
//! <https://github.com/open-telemetry/opentelemetry-collector-contrib/tree/main/exporter/clickhouseexporter>
//!
//! A view copies each insert into a queue; whoever leads reads block after block of it as OTLP requests, and hands them on as if they had
//! been sent: so that there is one answer to what is odd about a span. A block that was read in part is read again, which is harmless, as a
//! span that is there already stays as it is.
//!
//! | file | idea |
//! |---|---|
//! | `span` | a row as a span |
//! | `json` | attributes in JSON, each of them, in their order |

mod json;
mod span;

use std::{collections::HashMap, time::Duration};

use clickhouse::{Client, Row, error::Error, query::RowCursor};
use control_plane_clickhouse::Address;
use control_plane_model::store::StoreError;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::InstrumentationScope,
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans},
};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use self::span::SpanRow;

/// What takes longer is not waited for.
const WITHIN: Duration = Duration::from_secs(30);
/// Spans of one request.
const AT_A_TIME: usize = 5_000;

/// The queue, in the control plane's database.
#[derive(Clone)]
pub struct OtelTraces(Client);

/// The rows of one insert.
#[derive(Debug, Row, Serialize, Deserialize)]
pub struct Block {
    at: i64,
    block: u64,
}

impl OtelTraces {
    /// Nothing is asked of the database yet.
    pub fn new(address: &Address) -> Self {
        let client = Client::default().with_url(&address.url).with_user(&address.user).with_password(&address.password);
        Self(client.with_database(&address.database).with_validation(false))
    }

    /// From now on, what is inserted into this table (`database.table`) is read too.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`], for one where there is no such table, or not such a one.
    pub async fn follow(&self, table: &str) -> Result<(), StoreError> {
        let (database, table) = table.split_once('.').unwrap_or(("default", table));
        for statement in include_str!("../sql/queue.sql").split_inclusive(";\n") {
            let statement = statement.trim().trim_end_matches(';');
            in_time(self.0.query_raw(statement).execute()).await?;
        }
        let view = format!("otel_spans_of_{database}_{table}");
        let there = "SELECT count() > 0 FROM system.tables WHERE database = currentDatabase() AND name = {view:String}";
        if in_time(self.0.query_raw(there).param("view", &view).fetch_one()).await? {
            return Ok(());
        }
        let create = self.0.query_raw(include_str!("../sql/view.sql")).param("view", view);
        in_time(create.param("database", database).param("table", table).execute()).await
    }

    /// What has been inserted since. Nothing, where no table is followed.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] where the database does not answer.
    pub async fn blocks(&self) -> Result<Vec<Block>, StoreError> {
        if !in_time(self.0.query_raw("EXISTS TABLE otel_spans").fetch_one::<bool>()).await? {
            return Ok(Vec::new());
        }
        in_time(self.0.query_raw(include_str!("../sql/blocks.sql")).fetch_all::<Block>()).await
    }

    /// Its spans, some at a time.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] where the database cannot be asked.
    pub fn requests(&self, block: &Block) -> Result<Requests, StoreError> {
        let rows = self.0.query_raw(include_str!("../sql/rows.sql"));
        let rows = rows.param("at", block.at).param("block", block.block).fetch().map_err(failed)?;
        Ok(Requests(rows))
    }

    /// Marks a trace as stored, so that it is not read again.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] where the database does not answer.
    pub async fn done(&self, block: &Block) -> Result<(), StoreError> {
        in_time(async {
            let mut done = self.0.insert::<Block>("otel_spans_done").await?;
            done.write(block).await?;
            done.end().await
        })
        .await
    }
}

/// The spans of a block as OTLP requests.
pub struct Requests(RowCursor<SpanRow>);

impl Requests {
    /// The next some thousand; `None` at the end.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] where the answer breaks off.
    pub async fn next(&mut self) -> Result<Option<ExportTraceServiceRequest>, StoreError> {
        let mut rows = Vec::new();
        while rows.len() < AT_A_TIME
            && let Some(row) = in_time(self.0.next()).await?
        {
            rows.push(row);
        }
        Ok((!rows.is_empty()).then(|| request(rows)))
    }
}

/// Spans by sender and scope.
fn request(rows: Vec<SpanRow>) -> ExportTraceServiceRequest {
    let mut known = HashMap::new();
    let mut resource_spans: Vec<ResourceSpans> = Vec::new();
    for row in rows {
        let sender = (row.resource.clone(), row.scope_name.clone(), row.scope_version.clone());
        let index = *known.entry(sender).or_insert_with_key(|(resource, name, version)| {
            let scope = InstrumentationScope {
                name: name.clone(),
                version: version.clone(),
                ..InstrumentationScope::default()
            };
            let resource = Resource { attributes: json::attributes(resource), ..Resource::default() };
            let scope_spans = vec![ScopeSpans { scope: Some(scope), ..ScopeSpans::default() }];
            resource_spans.push(ResourceSpans { resource: Some(resource), scope_spans, ..ResourceSpans::default() });
            resource_spans.len() - 1
        });
        if let Some(scope) = resource_spans.get_mut(index).and_then(|group| group.scope_spans.first_mut()) {
            scope.spans.push(row.span());
        }
    }
    ExportTraceServiceRequest { resource_spans }
}

async fn in_time<T>(doing: impl Future<Output = Result<T, Error>>) -> Result<T, StoreError> {
    match timeout(WITHIN, doing).await {
        Ok(outcome) => outcome.map_err(failed),
        Err(_) => Err(StoreError::Failed("no answer in time".into())),
    }
}

fn failed(error: Error) -> StoreError {
    StoreError::Failed(error.to_string())
}
