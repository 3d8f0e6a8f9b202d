//! One trace, and what belongs to it.

use std::ops::Deref;

use control_plane_model::{
    links::LinkedFrom,
    sample::StoredTrace,
    trace::{Trace, TraceId},
};
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;

use super::{View, closed};
use crate::{
    problem::{Problem, in_time},
    trace_links::TraceLink,
};

/// What is said of a trace that is not there, or not for these eyes.
pub(in crate::api) const NO_SPAN: &str = "No span of this trace has arrived.";

/// A trace of which a waterfall is made. Others wait for their turn until it is dropped.
#[derive(Debug)]
pub(crate) struct HeldTrace {
    trace: Trace,
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
            let turn = self.sources.waterfalls.clone().acquire_owned().await.map_err(closed)?;
            let found = self.sources.spans.trace(&self.scope, id).await?;
            let trace = found.ok_or_else(|| Problem::not_found(NO_SPAN))?;
            Ok::<_, Problem>(HeldTrace { trace, _turn: turn })
        })
        .await
    }

    /// A trace as its spans were received, where one has arrived. It is read [in turn](Self::in_turn).
    pub(crate) async fn stored_trace(&self, id: TraceId) -> Result<Option<StoredTrace>, Problem> {
        Ok(self.sources.spans.stored_trace(&self.scope, id).await?)
    }

    /// Other tools in which a trace is to be seen, as far as they are for these eyes.
    pub(crate) fn trace_links(&self, trace: &Trace) -> Vec<TraceLink> {
        self.sources.trace_links.of_trace(trace, self.scope.tenant().is_none())
    }

    /// Spans of other traces that refer to this one, the newest first.
    pub(crate) async fn linked_from(&self, id: TraceId, limit: usize) -> Result<LinkedFrom, Problem> {
        in_time(self.sources.spans.linked_from(&self.scope, id, limit)).await
    }

    /// The log lines of a trace, or why there are none; `None` where nobody keeps any, or they are not for these eyes: a line may be another
    /// tenant's.
    pub(crate) async fn logs(&self, id: TraceId) -> Option<Result<Vec<Value>, String>> {
        let logs = self.sources.logs.as_ref().filter(|_| self.scope.tenant().is_none())?;
        Some(logs.of(id).await)
    }
}
