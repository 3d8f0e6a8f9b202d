//! What is kept beside spans: metrics, log lines, and whose requests were refused.

use control_plane_model::{
    complain::complain,
    log_records::{Lines, LogQuery},
    metrics::{Line, MetricQuery},
    otlp::SpanId,
    trace::TraceId,
};

use super::View;
use crate::{
    api::{RefusalFilter, TurnedAwayAnswer, turned_away},
    problem::{Problem, in_time},
};

impl View {
    /// Refused requests, by tenant, service and reason.
    pub(crate) async fn turned_away(&self, filter: &RefusalFilter) -> Result<TurnedAwayAnswer, Problem> {
        self.in_turn(turned_away::over(&*self.sources.spans, &self.scope, filter)).await
    }

    /// Whether the scope may see what was done for all tenants.
    pub(crate) fn sees_all(&self) -> bool {
        self.scope.tenant().is_none()
    }

    /// Lines of metrics; for the eyes of a tenant, of points that name it.
    pub(crate) async fn metrics(&self, query: MetricQuery) -> Result<Vec<Line>, Problem> {
        in_time(self.sources.metrics.lines(&self.scope, query)).await
    }

    /// The services that measure themselves; none where they are not known soon: there is more to show.
    pub(crate) async fn measured_services(&self) -> Vec<String> {
        in_time(self.sources.metrics.services(&self.scope)).await.unwrap_or_else(|problem| {
            complain(format_args!("services that send metrics were not read: {}", problem.detail));
            Vec::new()
        })
    }

    /// The first log lines of a trace, or of one of its spans.
    pub(crate) async fn logs(
        &self,
        trace_id: TraceId,
        span_id: Option<SpanId>,
        limit: usize,
    ) -> Result<Lines, Problem> {
        in_time(self.sources.log_records.logs(&self.scope, LogQuery { trace_id, span_id, limit })).await
    }
}
