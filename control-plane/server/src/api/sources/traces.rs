//! One trace, and what belongs to it.

use std::{ops::Deref, sync::Arc};

use control_plane_model::{
    links::LinkedFrom,
    sample::StoredTrace,
    trace::{Trace, TraceId},
};
use tokio::sync::OwnedSemaphorePermit;

use super::{View, closed};
use crate::{
    problem::{Problem, in_time, off_thread},
    trace_links::TraceLink,
};

/// The message about a trace that does not exist, or that the scope may not see.
pub(in crate::api) const NO_SPAN: &str = "No span of this trace has arrived.";

/// A trace of which a waterfall is made. Others wait for their turn until it is dropped.
#[derive(Debug)]
pub(crate) struct HeldTrace {
    trace: Arc<Trace>,
    _turn: OwnedSemaphorePermit,
}

impl Deref for HeldTrace {
    type Target = Trace;

    fn deref(&self) -> &Trace {
        &self.trace
    }
}

impl View {
    pub(crate) async fn trace(&self, id: &str) -> Result<Trace, Problem> {
        let found = self.known_trace(id.parse()?).await?;
        found.ok_or_else(|| Problem::not_found(NO_SPAN))
    }

    /// A trace, where a span of it has arrived.
    pub(crate) async fn known_trace(&self, id: TraceId) -> Result<Option<Trace>, Problem> {
        in_time(self.sources.spans.trace(&self.scope, id)).await
    }

    /// A trace to make a waterfall of, once few enough others do so, and if that is soon.
    pub(crate) async fn held_trace(&self, id: TraceId) -> Result<HeldTrace, Problem> {
        in_time(async {
            let turn = self.turn().await?;
            let trace = Arc::new(self.read_trace(id).await?);
            Ok::<_, Problem>(HeldTrace { trace, _turn: turn })
        })
        .await
    }

    /// The same, of which somebody is about to open one span after the other: until a minute later these come [quickly](Self::opened_trace).
    pub(crate) async fn open_trace(&self, id: TraceId) -> Result<HeldTrace, Problem> {
        let held = self.held_trace(id).await?;
        let (opened, scope, trace) = (self.sources.opened.clone(), self.scope.clone(), held.trace.clone());
        off_thread(move || opened.keep(&scope, &trace)).await?;
        Ok(held)
    }

    /// A trace that has this span, as it was opened a minute ago at most, or else as it is.
    pub(crate) async fn opened_trace(&self, id: TraceId, span_id: &str) -> Result<HeldTrace, Problem> {
        match self.sources.opened.with_span(&self.scope, id, span_id) {
            Some(trace) => Ok(HeldTrace { trace, _turn: in_time(self.turn()).await? }),
            None => self.open_trace(id).await,
        }
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, Problem> {
        self.sources.waterfalls.clone().acquire_owned().await.map_err(closed)
    }

    async fn read_trace(&self, id: TraceId) -> Result<Trace, Problem> {
        let found = self.sources.spans.trace(&self.scope, id).await?;
        found.ok_or_else(|| Problem::not_found(NO_SPAN))
    }

    /// A trace as its spans were received, where one has arrived. It is read [in turn](Self::in_turn).
    pub(crate) async fn stored_trace(&self, id: TraceId) -> Result<Option<StoredTrace>, Problem> {
        Ok(self.sources.spans.stored_trace(&self.scope, id).await?)
    }

    /// Several traces with their spans as stored: those of which a span has arrived, in no particular order.
    pub(crate) async fn stored_traces(&self, ids: &[TraceId]) -> Result<Vec<StoredTrace>, Problem> {
        Ok(self.sources.spans.stored_traces(&self.scope, ids).await?)
    }

    /// Links to other tools that show a trace, as far as the scope may use them.
    pub(crate) fn trace_links(&self, trace: &Trace) -> Vec<TraceLink> {
        self.sources.trace_links.of_trace(trace, self.scope.tenant().is_none())
    }

    /// Spans of other traces that refer to this one, the newest first.
    pub(crate) async fn linked_from(&self, id: TraceId, limit: usize) -> Result<LinkedFrom, Problem> {
        in_time(self.sources.spans.linked_from(&self.scope, id, limit)).await
    }
}
