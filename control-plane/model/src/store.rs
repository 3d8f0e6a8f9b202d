//! What keeps spans, and what keeps the control plane's own state: the two traits that an engine has.
//!
//! Queries and answers of an engine have names, whatever numbers it keeps for them. Every read takes a [`Scope`].

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    time::Duration,
};

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use serde::{Deserialize, Serialize};
use slo::{DailyUse, Row};

pub use crate::{
    error::StoreError, investigations::InvestigationRecord, scope::Scope, trace::MAX_SPANS_PER_TRACE, versions::Version,
};
use crate::{
    incoming::Incoming,
    links::LinkedFrom,
    listing::{Search, SearchResult},
    map::{MapQuery, ServiceMap},
    part::{PartQuery, PartSums},
    refusals::{RefusalQuery, Refusals},
    sample::{Sample, SampleQuery, StoredTrace},
    trace::{Trace, TraceId},
};

/// The outcome of storing spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IngestOutcome {
    /// Spans that were new.
    pub spans: usize,
    /// Spans beyond [`MAX_SPANS_PER_TRACE`].
    pub beyond: usize,
}

/// What spans have named so far, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facets {
    /// `tenant.id`
    pub tenants: Vec<String>,
    /// `tenant.tier`
    pub tiers: Vec<String>,
    /// `cloud.account.id`
    pub accounts: Vec<String>,
    /// `service.name`
    pub services: Vec<String>,
}

/// Selects sums of requests.
#[derive(Debug, Clone)]
pub struct RequestQuery {
    /// Only buckets that begin at or after this, Unix seconds.
    pub from: i64,
    /// Only requests before this time.
    pub to: i64,
    /// Whose.
    pub of: SumsOf,
    /// What of them.
    pub detail: Detail,
}

/// What of sums of requests is wanted: the less, the sooner it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Counts and histograms of latencies.
    Latencies,
    /// Counts without histograms.
    Counts,
    /// Counts without histograms, by the hour, of hours that begin in the window.
    HourlyCounts,
}

/// The tenants whose requests are summed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SumsOf {
    /// Each tenant's by themselves, and all of a tier together.
    Each,
    /// One tenant's.
    Tenant(String),
    /// The sums of a tier, including requests that name no tenant.
    Together,
}

/// Sums of requests in the order of time, some at a time. What is summed of all tenants together has no tenant in its key. The window
/// may hold millions of rows: no more of them are in memory than are looked at.
pub type RequestRows = BoxStream<'static, Result<Vec<Row>, StoreError>>;

/// Keeps spans, and the sums over them.
///
/// A read for a tenant's [`Scope`] answers of what was done for that tenant, and nothing of others: what it asks for of another tenant
/// is answered as what is not there.
#[async_trait]
pub trait SpanStore: Debug + Send + Sync {
    /// Stores spans; `Ok` means that they are durable. A span that is there already stays as it is.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`] where more wait than may; whatever the error, the spans may be sent again.
    async fn write(&self, traces: Vec<Incoming>) -> Result<IngestOutcome, StoreError>;

    /// A trace, its spans by start time; `None` if no span of it is known. Of a trace that tenants share, each sees its own spans.
    async fn trace(&self, scope: &Scope, trace_id: TraceId) -> Result<Option<Trace>, StoreError>;

    /// Traces as their spans were received, in no order: those of which a span is known. Of each, spans are read within
    /// [`MAX_BYTES_PER_TRACE`](crate::sample::MAX_BYTES_PER_TRACE). Of a trace that tenants share, each sees its own spans, and others' take no room.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] where they hold more than [`MAX_BYTES_PER_BATCH`](crate::sample::MAX_BYTES_PER_BATCH) together.
    async fn stored_traces(&self, scope: &Scope, trace_ids: &[TraceId]) -> Result<Vec<StoredTrace>, StoreError>;

    /// One of them; `None` if no span of it is known.
    async fn stored_trace(&self, scope: &Scope, trace_id: TraceId) -> Result<Option<StoredTrace>, StoreError> {
        Ok(self.stored_traces(scope, &[trace_id]).await?.pop())
    }

    /// The spans of other traces that refer to a trace by a link, the newest first, `limit` of them at most. A tenant sees its own spans.
    async fn linked_from(&self, scope: &Scope, trace_id: TraceId, limit: usize) -> Result<LinkedFrom, StoreError>;

    /// Traces that match, the first of them in the order asked for.
    async fn search(&self, scope: &Scope, search: Search) -> Result<SearchResult, StoreError>;

    /// Traces that match, whole; see [`SampleQuery::limit`] for which, where there are many.
    async fn sample(&self, scope: &Scope, query: SampleQuery) -> Result<Sample, StoreError>;

    /// The versions of services that were first seen at `from` or later and before `to`, Unix seconds, in the order of time. What is
    /// deployed is for those who run the system: a tenant is told of none.
    async fn versions(&self, scope: &Scope, from: i64, to: i64) -> Result<Vec<Version>, StoreError>;

    /// The service map of a window.
    async fn map(&self, scope: &Scope, query: MapQuery) -> Result<ServiceMap, StoreError>;

    /// Sums of one node or one edge of the map.
    async fn part(&self, scope: &Scope, query: PartQuery) -> Result<PartSums, StoreError>;

    /// Requests that were refused once somebody had been verified, by whom, where and why.
    async fn refusals(&self, scope: &Scope, query: RefusalQuery) -> Result<Refusals, StoreError>;

    /// How many such requests there were of each of these tenants, or of all where none is named, at or after `from` and before `to`, Unix seconds: of
    /// tenants that had any. Left out are those beyond a quota, which are answered with 429, and those [`AS_DECIDED`](crate::refusals::AS_DECIDED).
    async fn refused(
        &self,
        scope: &Scope,
        from: i64,
        to: i64,
        tenants: &[String],
    ) -> Result<BTreeMap<String, u64>, StoreError>;

    /// From when on all refused requests that came are known, Unix seconds: of those that began before, some were removed as too old, or to make room.
    async fn refusals_since(&self) -> Result<i64, StoreError>;

    /// What spans have named lately that a search or a map can be narrowed to.
    async fn facets(&self, scope: &Scope) -> Result<Facets, StoreError>;

    /// Whether a span has named this tenant.
    async fn knows_tenant(&self, scope: &Scope, tenant: &str) -> Result<bool, StoreError>;

    /// Whether there is any sum of requests.
    async fn has_requests(&self) -> Result<bool, StoreError>;

    /// The sums of requests of a window.
    async fn request_rows(&self, scope: &Scope, query: RequestQuery) -> Result<RequestRows, StoreError>;

    /// What was used on the days from the one of `from` to the one of `to`, UTC; both Unix seconds. By tenant and series, summed over
    /// days.
    async fn costs(&self, scope: &Scope, from: i64, to: i64) -> Result<Vec<Row>, StoreError>;

    /// What was used on each day from the one of `from` to the one of `to`, UTC, by service: by each of these tenants, and by all others
    /// together, of whom a tenant is told nothing.
    async fn daily_costs(
        &self,
        scope: &Scope,
        from: i64,
        to: i64,
        tenants: &[String],
    ) -> Result<Vec<DailyUse>, StoreError>;

    /// The tenants that had spans of times which were evaluated, since this was asked last; `None` is nobody. From now on what is before
    /// `until`, Unix seconds, counts as evaluated.
    async fn take_late(&self, until: i64) -> Result<BTreeSet<Option<String>>, StoreError>;

    /// Makes the sums of what was written before, where writing did not. Only one server does this at a time: the leader.
    async fn make_sums(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// An alert as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRecord {
    /// The alert's id, which stays the same however often the alert is stored.
    pub id: String,
    /// The tenant that it is about. There is none if it is about all.
    pub tenant: Option<String>,
    /// When it opened, Unix seconds.
    pub opened: i64,
    /// The whole alert, JSON.
    pub body: String,
}

/// The right to lead: to make sums, to judge and to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Greater than that of everybody who led before.
    pub term: u64,
}

/// An entry with a name and a time at which it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateEntry {
    /// The name, which is unique.
    pub name: String,
    /// What is kept.
    pub body: String,
    /// The second at which it expires, Unix seconds.
    pub until: i64,
}

/// A record of the audit as it is kept. What it says, and how it hangs on the one before, `control-plane-audit` knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// The record's number, from 1 and without a gap.
    pub number: u64,
    /// The hash of the record before it.
    pub previous: String,
    /// The hash of this record.
    pub hash: String,
    /// What happened, to the letter as it was hashed.
    pub body: String,
}

/// Where reading the audit begins, and in which order it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditFrom {
    /// The records after this number, the oldest first.
    After(u64),
    /// The records before this number, the latest first.
    Before(u64),
}

/// Keeps what the control plane has to remember besides spans.
#[async_trait]
pub trait StateStore: Debug + Send + Sync {
    /// Where this is: the same for all who keep their states here, and for no others.
    async fn identity(&self) -> Result<String, StoreError>;

    /// Takes the lease for a holder, or renews it, for so long from the time at which this was called; `None` while another has it.
    async fn lease(&self, holder: &str, length: Duration) -> Result<Option<Lease>, StoreError>;

    /// What was stored under a name, JSON.
    async fn state(&self, name: &str) -> Result<Option<String>, StoreError>;

    /// Stores a state under a name, and the alerts that changed with it: all of it or nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Superseded`] where somebody took the lease after this one, whenever that was; nothing is stored.
    async fn store(&self, by: Lease, name: &str, state: String, changed: Vec<AlertRecord>) -> Result<(), StoreError>;

    /// The bodies of alerts, the latest first: of one tenant, if one is named.
    async fn alerts(&self, scope: &Scope, tenant: Option<&str>, limit: usize) -> Result<Vec<String>, StoreError>;

    /// Keeps an entry. One of this name that was there is replaced.
    async fn add_entry(&self, entry: StateEntry) -> Result<(), StoreError>;

    /// Replaces the entry of this name; `false` where there is none any more, and then there is none afterwards.
    async fn replace_entry(&self, entry: StateEntry) -> Result<bool, StoreError>;

    /// The body of an entry.
    async fn entry(&self, name: &str) -> Result<Option<String>, StoreError>;

    /// Takes an entry away: of several who do so at once, one gets it.
    async fn take_entry(&self, name: &str) -> Result<Option<String>, StoreError>;

    /// Adds a record to the audit, for good: nothing changes it or takes it away. `false` where its number is taken, and then nothing is stored.
    async fn append(&self, record: AuditRecord) -> Result<bool, StoreError>;

    /// Records of the audit, at most `limit`.
    async fn audit(&self, from: AuditFrom, limit: usize) -> Result<Vec<AuditRecord>, StoreError>;

    /// Keeps an investigation: its first version where there is none of this id, a later one in the place of the one before it. `false` where that is not
    /// what is there, and then nothing is stored.
    async fn keep_investigation(&self, record: InvestigationRecord) -> Result<bool, StoreError>;

    /// An investigation as it is now.
    async fn investigation(&self, id: &str) -> Result<Option<InvestigationRecord>, StoreError>;

    /// Investigations, at most `limit`, the one with the greatest id first.
    async fn investigations(&self, limit: usize) -> Result<Vec<InvestigationRecord>, StoreError>;

    /// Takes an investigation away for good; `false` where there is none.
    async fn erase_investigation(&self, id: &str) -> Result<bool, StoreError>;
}
