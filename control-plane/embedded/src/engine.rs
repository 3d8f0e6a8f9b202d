//! The engine as the control plane knows it: what blocks does so on threads that may.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use control_plane_model::{
    incoming::Incoming,
    links::LinkedFrom,
    listing::{Search, SearchResult},
    log_records::{IncomingLog, Lines, LogQuery, LogStore, StoredLogs},
    map::{MapQuery, ServiceMap},
    metrics::{IncomingPoints, Line, MetricQuery, MetricStore, StoredPoints},
    part::{PartQuery, PartSums},
    refusals::{RefusalQuery, Refusals},
    sample::{Sample, SampleQuery, StoredTrace},
    store::{
        AlertRecord, AuditFrom, AuditRecord, Facets, IngestOutcome, InvestigationRecord, Lease, RequestQuery,
        RequestRows, Scope, SpanStore, StateEntry, StateStore, StoreError, Version,
    },
    trace::{Trace, TraceId},
};
use futures_util::{StreamExt, stream, stream::BoxStream};
use slo::{DailyUse, Row};
use tokio::{sync::mpsc, task::spawn_blocking};

use crate::{
    reader::{Asker, Reader},
    removal::Retention,
    scan::Counts,
    states::{self, State},
    writer::Writer,
};

/// Batches that are read ahead of whoever looks at them.
const READ_AHEAD: usize = 2;

/// Spans, metrics, logs, sums and state in one SQLite file.
///
/// What a tenant's [`Scope`] sees here: of a trace its own spans; in a search the traces in which it alone was served, whole, and not
/// those that several tenants share; of the map, the sums and the costs those kept for it; as facets what its requests named on the
/// latest day and the one before.
#[derive(Debug, Clone)]
pub struct Embedded {
    reader: Reader,
    writer: Writer,
}

impl Embedded {
    /// Opens the file, or makes it, and starts to write and to keep house. It ends with the last handle.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] where another process has it open.
    pub fn open(path: &Path, retention: Retention) -> Result<Self, StoreError> {
        Ok(Self { writer: Writer::start(path, retention)?, reader: Reader::new(path) })
    }

    /// Reads for a request.
    async fn see<T: Send + 'static>(
        &self,
        scope: &Scope,
        read: impl FnOnce(&Reader, &Scope) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let scope = scope.clone();
        self.read(move |reader| read(reader, &scope)).await
    }

    /// Reads what may take long, for a request. `read` can check whether the request still waits.
    async fn see_while_waiting<T: Send + 'static>(
        &self,
        scope: &Scope,
        read: impl FnOnce(&Reader, &Asker, &Scope) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        // Dropped with this future, whether it came to its end or was given up.
        let waiting = Arc::new(());
        let asker = Asker::of(&waiting);
        self.see(scope, move |reader, scope| read(reader, &asker, scope)).await
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let reader = self.reader.clone();
        finished(spawn_blocking(move || read(&reader)).await)
    }

    /// Reads some at a time for somebody's eyes: `read` hands on each batch, until nobody wants more.
    fn read_on<T: Send + 'static>(
        &self,
        scope: &Scope,
        read: impl FnOnce(&Reader, &Scope, &mut dyn FnMut(T) -> bool) -> Result<(), StoreError> + Send + 'static,
    ) -> BoxStream<'static, Result<T, StoreError>> {
        let (reader, scope) = (self.reader.clone(), scope.clone());
        let (sender, batches) = mpsc::channel(READ_AHEAD);
        spawn_blocking(move || {
            if let Err(error) = read(&reader, &scope, &mut |batch| sender.blocking_send(Ok(batch)).is_ok()) {
                // Whoever asked may have gone.
                let _gone = sender.blocking_send(Err(error));
            }
        });
        stream::unfold(batches, async |mut batches| Some((batches.recv().await?, batches))).boxed()
    }
}

fn finished<T>(outcome: Result<Result<T, StoreError>, tokio::task::JoinError>) -> Result<T, StoreError> {
    outcome.unwrap_or_else(|_| Err(StoreError::Failed("what was asked for did not finish".into())))
}

#[async_trait]
impl SpanStore for Embedded {
    async fn write(&self, traces: Vec<Incoming>) -> Result<IngestOutcome, StoreError> {
        self.writer.store(traces).await
    }

    async fn trace(&self, scope: &Scope, trace_id: TraceId) -> Result<Option<Trace>, StoreError> {
        self.see(scope, move |reader, scope| reader.trace(scope, trace_id)).await
    }

    async fn stored_traces(&self, scope: &Scope, trace_ids: &[TraceId]) -> Result<Vec<StoredTrace>, StoreError> {
        let trace_ids = trace_ids.to_vec();
        self.see(scope, move |reader, scope| reader.traces_as_stored(scope, &trace_ids)).await
    }

    async fn linked_from(&self, scope: &Scope, trace_id: TraceId, limit: usize) -> Result<LinkedFrom, StoreError> {
        self.see(scope, move |reader, scope| reader.linked_from(scope, trace_id, limit)).await
    }

    async fn search(&self, scope: &Scope, search: Search) -> Result<SearchResult, StoreError> {
        self.see_while_waiting(scope, move |reader, asker, scope| reader.search(asker, scope, &search)).await
    }

    async fn sample(&self, scope: &Scope, query: SampleQuery) -> Result<Sample, StoreError> {
        let sampled = move |reader: &Reader, asker: &Asker, scope: &Scope| reader.sampled(asker, scope, &query);
        let (counts, taken) = self.see_while_waiting(scope, sampled).await?;
        let traces = self.read_on(scope, move |reader, scope, found| reader.stored_traces(scope, &taken, found));
        let Counts { matched, truncated, lookup, .. } = counts;
        Ok(Sample { matched, truncated, lookup, traces })
    }

    async fn versions(&self, scope: &Scope, from: i64, to: i64) -> Result<Vec<Version>, StoreError> {
        self.see(scope, move |reader, scope| reader.versions(scope, from, to)).await
    }

    async fn map(&self, scope: &Scope, query: MapQuery) -> Result<ServiceMap, StoreError> {
        self.see(scope, move |reader, scope| reader.map(scope, &query)).await
    }

    async fn part(&self, scope: &Scope, query: PartQuery) -> Result<PartSums, StoreError> {
        self.see(scope, move |reader, scope| reader.part(scope, &query)).await
    }

    async fn refusals(&self, scope: &Scope, query: RefusalQuery) -> Result<Refusals, StoreError> {
        self.see_while_waiting(scope, move |reader, asker, scope| reader.refusals(asker, scope, &query)).await
    }

    async fn refused(
        &self,
        scope: &Scope,
        from: i64,
        to: i64,
        tenants: &[String],
    ) -> Result<BTreeMap<String, u64>, StoreError> {
        let tenants = tenants.to_vec();
        self.see_while_waiting(scope, move |reader, asker, scope| reader.refused(asker, scope, (from, to), &tenants))
            .await
    }

    async fn refusals_since(&self) -> Result<i64, StoreError> {
        self.read(Reader::refusals_since).await
    }

    async fn facets(&self, scope: &Scope) -> Result<Facets, StoreError> {
        self.see(scope, |reader, scope| scope.tenant().map_or_else(|| reader.facets(), |own| reader.facets_of(own)))
            .await
    }

    async fn knows_tenant(&self, scope: &Scope, tenant: &str) -> Result<bool, StoreError> {
        if !scope.sees(Some(tenant)) {
            return Ok(false);
        }
        let tenant = tenant.to_owned();
        self.read(move |reader| reader.knows_tenant(&tenant)).await
    }

    async fn has_requests(&self) -> Result<bool, StoreError> {
        self.read(Reader::has_requests).await
    }

    async fn request_rows(&self, scope: &Scope, query: RequestQuery) -> Result<RequestRows, StoreError> {
        Ok(self.read_on(scope, move |reader, scope, found| reader.request_rows(scope, &query, found)))
    }

    async fn costs(&self, scope: &Scope, from: i64, to: i64) -> Result<Vec<Row>, StoreError> {
        self.see(scope, move |reader, scope| reader.costs(scope, from, to)).await
    }

    async fn daily_costs(
        &self,
        scope: &Scope,
        from: i64,
        to: i64,
        tenants: &[String],
    ) -> Result<Vec<DailyUse>, StoreError> {
        let tenants = tenants.to_vec();
        self.see(scope, move |reader, scope| reader.daily_costs(scope, (from, to), &tenants)).await
    }

    async fn take_late(&self, until: i64) -> Result<BTreeSet<Option<String>>, StoreError> {
        let numbers = self.writer.late().take(until);
        if numbers.is_empty() {
            return Ok(BTreeSet::new());
        }
        let late = numbers.clone();
        let names = self.read(move |reader| reader.tenant_names(late)).await;
        if names.is_err() {
            // Their late requests were not read, so they are still to be judged.
            self.writer.late().put_back(numbers);
        }
        names
    }
}

#[async_trait]
impl MetricStore for Embedded {
    async fn write_points(&self, points: Vec<IncomingPoints>) -> Result<StoredPoints, StoreError> {
        self.writer.store_points(points).await
    }

    async fn lines(&self, scope: &Scope, query: MetricQuery) -> Result<Vec<Line>, StoreError> {
        self.see_while_waiting(scope, move |reader, asker, scope| reader.lines(asker, scope, &query)).await
    }

    async fn services(&self, scope: &Scope) -> Result<Vec<String>, StoreError> {
        self.see(scope, |reader, scope| reader.measured_services(scope)).await
    }
}

#[async_trait]
impl LogStore for Embedded {
    async fn write_logs(&self, logs: Vec<IncomingLog>) -> Result<StoredLogs, StoreError> {
        self.writer.store_logs(logs).await
    }

    async fn logs(&self, scope: &Scope, query: LogQuery) -> Result<Lines, StoreError> {
        self.see_while_waiting(scope, move |reader, asker, scope| reader.logs(asker, scope, &query)).await
    }
}

#[async_trait]
impl StateStore for Embedded {
    async fn identity(&self) -> Result<String, StoreError> {
        self.read(Reader::identity).await
    }

    /// Whoever has this holds the folder, and nobody leads after it while it does.
    async fn lease(&self, _holder: &str, _length: Duration) -> Result<Option<Lease>, StoreError> {
        Ok(Some(Lease { term: 0 }))
    }

    async fn state(&self, name: &str) -> Result<Option<String>, StoreError> {
        let name = name.to_owned();
        self.read(move |reader| reader.state(&name)).await
    }

    async fn store(&self, _by: Lease, name: &str, state: String, changed: Vec<AlertRecord>) -> Result<(), StoreError> {
        let state = State { name: name.to_owned(), state, changed };
        self.writer.write(move |connection| state.write(connection)).await
    }

    async fn alerts(&self, scope: &Scope, tenant: Option<&str>, limit: usize) -> Result<Vec<String>, StoreError> {
        let tenant = tenant.or(scope.tenant());
        if !scope.sees(tenant) {
            return Ok(Vec::new());
        }
        let tenant = tenant.map(str::to_owned);
        self.read(move |reader| reader.alerts(tenant.as_deref(), limit)).await
    }

    async fn add_entry(&self, entry: StateEntry) -> Result<(), StoreError> {
        self.writer.write(move |connection| states::add_entry(connection, &entry)).await
    }

    async fn replace_entry(&self, entry: StateEntry) -> Result<bool, StoreError> {
        self.writer.write(move |connection| states::replace_entry(connection, &entry)).await
    }

    async fn entry(&self, name: &str) -> Result<Option<String>, StoreError> {
        let name = name.to_owned();
        self.read(move |reader| reader.entry(&name)).await
    }

    async fn take_entry(&self, name: &str) -> Result<Option<String>, StoreError> {
        let name = name.to_owned();
        self.writer.write(move |connection| states::take_entry(connection, &name)).await
    }

    async fn append(&self, record: AuditRecord) -> Result<bool, StoreError> {
        self.writer.write(move |connection| states::append(connection, &record)).await
    }

    async fn audit(&self, from: AuditFrom, limit: usize) -> Result<Vec<AuditRecord>, StoreError> {
        self.read(move |reader| reader.audit(from, limit)).await
    }

    async fn keep_investigation(&self, record: InvestigationRecord) -> Result<bool, StoreError> {
        self.writer.write(move |connection| states::keep_investigation(connection, &record)).await
    }

    async fn investigation(&self, id: &str) -> Result<Option<InvestigationRecord>, StoreError> {
        let id = id.to_owned();
        self.read(move |reader| reader.investigation(&id)).await
    }

    async fn investigations(&self, limit: usize) -> Result<Vec<InvestigationRecord>, StoreError> {
        self.read(move |reader| reader.investigations(limit)).await
    }

    async fn erase_investigation(&self, id: &str) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.writer.write(move |connection| states::erase_investigation(connection, &id)).await
    }
}
