//! The engine as the control plane knows it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use clickhouse::Row;
use control_plane_model::{
    incoming::Incoming,
    links::LinkedFrom,
    listing::{Search, SearchResult},
    log_records::{IncomingLog, Lines, LogQuery, LogStore, StoredLogs},
    map::{MapQuery, ServiceMap},
    metrics::{IncomingPoints, Line, MetricQuery, MetricStore, StoredPoints},
    otlp,
    part::{PartQuery, PartSums},
    refusals::{RefusalQuery, Refusals},
    sample::{Sample, SampleQuery, StoredTrace},
    store::{
        Facets, IngestOutcome, MAX_SPANS_PER_TRACE, RequestQuery, RequestRows, Scope, SpanStore, StoreError, Version,
    },
    trace::{Trace, TraceId},
    unverified,
};
use opentelemetry_proto::tonic::{resource::v1::Resource, trace::v1::Span};
use prost::Message;
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::{
    database::{Address, Database, all, failed, fetch_one, within},
    late::LateTenants,
    lines, links, listing,
    log_records::{self, LogRecords},
    map, part,
    points::Points,
    queue::Queue,
    refusals, requests, sample,
    schema::{self, Migration},
    stored::stored_traces,
    sums::{self, StoredSpan},
    versions, wholes,
    writer::Spans,
};

/// Hours and days are no more than quicker to read than their minutes.
const WHOLES_EVERY: Duration = Duration::from_secs(60);
const HOUR: i64 = 3_600;
/// How long the tables keep spans that nobody told otherwise, see the migrations.
const KEEPS_HOURS: i64 = 7 * 24;

/// Spans, metrics, log records and sums in a ClickHouse database.
///
/// Spans can be read back as soon as they are written; searches, the map and all sums know of them once [`SpanStore::make_sums`] has
/// been called, and who was turned away is told from then on. [`IngestOutcome::spans`] counts spans that came before among the new ones: nothing is read while writing. What a tenant's [`Scope`] sees is what it sees of the embedded engine.
#[derive(Debug, Clone)]
pub struct ClickHouse {
    database: Database,
    spans: Queue<Spans>,
    points: Queue<Points>,
    log_records: Queue<LogRecords>,
    late: LateTenants,
    /// When hours and days were summed last.
    making: Arc<Mutex<Option<Instant>>>,
    /// How long spans are kept.
    keeps_hours: Arc<AtomicI64>,
}

#[derive(Row, Deserialize)]
struct FacetRow {
    tenants: Vec<String>,
    tiers: Vec<String>,
    accounts: Vec<String>,
    services: Vec<String>,
}

impl ClickHouse {
    /// Starts to write to a database, within a Tokio runtime. Nothing is asked of it yet.
    pub fn new(address: &Address) -> Self {
        let database = Database::new(address);
        Self {
            spans: Queue::start(Spans::new(database.clone())),
            points: Queue::start(Points(database.clone())),
            log_records: Queue::start(LogRecords(database.clone())),
            database,
            late: LateTenants::default(),
            making: Arc::default(),
            keeps_hours: Arc::new(AtomicI64::new(KEEPS_HOURS)),
        }
    }

    /// The steps from nothing to the tables that this engine needs, and which of them have been taken.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] where the database does not answer.
    pub async fn migrations(&self) -> Result<Vec<Migration>, StoreError> {
        schema::migrations(&self.database).await
    }

    /// Takes the steps that have not been taken; makes the database, if there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] where one fails; those before it have been taken.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        schema::migrate(&self.database).await
    }

    /// When the first of the batches was written whose sums are not made yet, milliseconds since 1970, or `None` if all are.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] where the database does not answer.
    pub async fn first_unsummed(&self) -> Result<Option<i64>, StoreError> {
        sums::first_to_make(&self.database).await
    }

    /// How many spans the sums were made of.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] where the database does not answer.
    pub async fn summed_spans(&self) -> Result<u64, StoreError> {
        fetch_one(self.database.query("SELECT sum(spans) FROM traces FINAL")).await
    }

    /// Names what keeps the states that go with these spans; what does, which is another where one was named before.
    pub async fn kept_with(&self, states: &str) -> Result<String, StoreError> {
        let name = "INSERT INTO keeper (states) SELECT {states:String} WHERE (SELECT count() FROM keeper) = 0";
        within(self.database.query(name).param("states", states).execute()).await?;
        fetch_one(self.database.query(include_str!("../sql/kept_with.sql"))).await
    }

    /// Sets how many hours spans are kept. Sums are kept as long as ever.
    pub async fn keep_for(&self, hours: i64) -> Result<(), StoreError> {
        schema::keep_for(&self.database, hours).await?;
        self.keeps_hours.store(hours, Ordering::Relaxed);
        Ok(())
    }
}

#[async_trait]
impl SpanStore for ClickHouse {
    async fn write(&self, traces: Vec<Incoming>) -> Result<IngestOutcome, StoreError> {
        self.spans.store(traces).await
    }

    async fn trace(&self, scope: &Scope, trace_id: TraceId) -> Result<Option<Trace>, StoreError> {
        let query = self.database.query(include_str!("../sql/trace.sql")).param("trace_id", trace_id.to_string());
        let query = query.param("limit", MAX_SPANS_PER_TRACE as u64);
        let mut known = BTreeSet::new();
        let mut spans = Vec::new();
        for row in all::<StoredSpan>(query).await? {
            let resource = Resource::decode(row.resource).map_err(failed)?;
            let span = otlp::span(&resource, Span::decode(row.body).map_err(failed)?);
            if known.len() < MAX_SPANS_PER_TRACE && known.insert(span.span_id.clone()) {
                spans.push(span);
            }
        }
        Ok(Trace::seen_by(scope, trace_id, spans))
    }

    async fn stored_traces(&self, scope: &Scope, trace_ids: &[TraceId]) -> Result<Vec<StoredTrace>, StoreError> {
        let ids: Vec<String> = trace_ids.iter().map(TraceId::to_string).collect();
        stored_traces(&self.database, scope, &ids).await
    }

    async fn linked_from(&self, scope: &Scope, trace_id: TraceId, limit: usize) -> Result<LinkedFrom, StoreError> {
        links::linked_from(&self.database, scope, trace_id, limit).await
    }

    async fn search(&self, scope: &Scope, search: Search) -> Result<SearchResult, StoreError> {
        listing::search(&self.database, scope, &search).await
    }

    async fn sample(&self, scope: &Scope, query: SampleQuery) -> Result<Sample, StoreError> {
        sample::sample(&self.database, scope, &query).await
    }

    async fn versions(&self, scope: &Scope, from: i64, to: i64) -> Result<Vec<Version>, StoreError> {
        versions::versions(&self.database, scope, from, to).await
    }

    async fn map(&self, scope: &Scope, query: MapQuery) -> Result<ServiceMap, StoreError> {
        map::map(&self.database, scope, &query).await
    }

    async fn part(&self, scope: &Scope, query: PartQuery) -> Result<PartSums, StoreError> {
        part::part(&self.database, scope, &query).await
    }

    async fn refusals(&self, scope: &Scope, query: RefusalQuery) -> Result<Refusals, StoreError> {
        refusals::refusals(&self.database, scope, &query).await
    }

    async fn refused(
        &self,
        scope: &Scope,
        from: i64,
        to: i64,
        tenants: &[String],
    ) -> Result<BTreeMap<String, u64>, StoreError> {
        refusals::refused(&self.database, scope, (from, to), tenants).await
    }

    async fn refusals_since(&self) -> Result<i64, StoreError> {
        // All requests that began since then are kept.
        Ok(jiff::Timestamp::now().as_second() - self.keeps_hours.load(Ordering::Relaxed) * HOUR)
    }

    async fn facets(&self, scope: &Scope) -> Result<Facets, StoreError> {
        let query = match scope.tenant() {
            None => self.database.query(include_str!("../sql/facets.sql")),
            Some(own) => self.database.query(include_str!("../sql/facets_of_tenant.sql")).param("tenant", own),
        };
        let FacetRow { tenants, tiers, accounts, services } = fetch_one(query).await?;
        Ok(Facets { tenants, tiers, accounts, services })
    }

    async fn knows_tenant(&self, scope: &Scope, tenant: &str) -> Result<bool, StoreError> {
        if !scope.sees(Some(tenant)) {
            return Ok(false);
        }
        fetch_one(self.database.query(include_str!("../sql/knows_tenant.sql")).param("tenant", tenant)).await
    }

    async fn has_requests(&self) -> Result<bool, StoreError> {
        fetch_one(self.database.query(include_str!("../sql/has_requests.sql"))).await
    }

    async fn request_rows(&self, scope: &Scope, query: RequestQuery) -> Result<RequestRows, StoreError> {
        requests::request_rows(&self.database, scope, &query)
    }

    async fn costs(&self, scope: &Scope, from: i64, to: i64) -> Result<Vec<slo::Row>, StoreError> {
        requests::costs(&self.database, scope, from, to).await
    }

    async fn daily_costs(
        &self,
        scope: &Scope,
        from: i64,
        to: i64,
        tenants: &[String],
    ) -> Result<Vec<slo::DailyUse>, StoreError> {
        requests::daily_costs(&self.database, scope, (from, to), tenants).await
    }

    async fn take_late(&self, until: i64) -> Result<BTreeSet<Option<String>>, StoreError> {
        self.late.take(&self.database, until).await
    }

    async fn make_sums(&self) -> Result<(), StoreError> {
        let mut summed = self.making.lock().await;
        // What came meanwhile can wait until there is more of it: minutes are summed as a whole.
        while sums::make(&self.database).await? {}
        if summed.is_none_or(|summed| summed.elapsed() >= WHOLES_EVERY) {
            wholes::make(&self.database).await?;
            *summed = Some(Instant::now());
        }
        Ok(())
    }
}

#[async_trait]
impl MetricStore for ClickHouse {
    async fn write_points(&self, points: Vec<IncomingPoints>) -> Result<StoredPoints, StoreError> {
        Ok(StoredPoints { new: self.points.store(points).await?, forgotten: 0 })
    }

    async fn lines(&self, scope: &Scope, query: MetricQuery) -> Result<Vec<Line>, StoreError> {
        lines::lines(&self.database, scope, &query).await
    }

    async fn services(&self, scope: &Scope) -> Result<Vec<String>, StoreError> {
        let query = self.database.query(include_str!("../sql/metric_services.sql"));
        all(query.param("only", scope.tenant()).param("counted_here", unverified::METRIC)).await
    }
}

#[async_trait]
impl LogStore for ClickHouse {
    async fn write_logs(&self, logs: Vec<IncomingLog>) -> Result<StoredLogs, StoreError> {
        self.log_records.store(logs).await
    }

    async fn logs(&self, scope: &Scope, query: LogQuery) -> Result<Lines, StoreError> {
        log_records::lines(&self.database, scope, &query).await
    }
}
