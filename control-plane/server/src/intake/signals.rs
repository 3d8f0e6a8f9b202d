//! The signals, and what is done with a request of each.

use std::sync::Arc;

use control_plane_model::store::{MAX_SPANS_PER_TRACE, StoreError};
use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest,
};
use prost::Message;

use super::{Intake, Rejected, by_stream, by_trace, proto_json, records};

/// What is sent to a path of its own.
pub(super) trait Signal: 'static {
    /// What is sent.
    type Request: Message + Default + proto_json::Request + Send;

    /// Where.
    const PATH: &'static str;
    /// What it is called.
    const WHAT: &'static str;
    /// The message that it is sent in.
    const REQUEST: &'static str;
    /// What answers in JSON call the number that was not taken.
    const REJECTED: &'static str;

    /// Stores a request; what of it was not taken. `account` is whose it may be, `now` are Unix seconds.
    fn store(
        intake: &Intake,
        request: Self::Request,
        account: Option<&str>,
        now: i64,
    ) -> impl Future<Output = Result<Rejected, StoreError>> + Send;
}

pub(super) enum Traces {}
pub(super) enum Metrics {}
pub(super) enum Logs {}

impl Signal for Traces {
    type Request = ExportTraceServiceRequest;

    const PATH: &'static str = "/v1/traces";
    const WHAT: &'static str = "spans";
    const REQUEST: &'static str = "ExportTraceServiceRequest";
    const REJECTED: &'static str = "rejectedSpans";

    async fn store(
        intake: &Intake,
        request: Self::Request,
        account: Option<&str>,
        now: i64,
    ) -> Result<Rejected, StoreError> {
        let forwarded = (!intake.forwarders.is_empty()).then(|| Arc::new(request.clone()));
        let (traces, mut rejected) = by_trace(request, account, now);
        let stored = intake.spans.write(traces).await?;
        if stored.beyond > 0 {
            rejected.add(stored.beyond, &format!("a trace has at most {MAX_SPANS_PER_TRACE} spans"));
        }
        if let Some(request) = forwarded.filter(|_| stored.spans > 0) {
            intake.forwarders.iter().for_each(|forwarder| forwarder.offer(&request));
        }
        Ok(rejected)
    }
}

impl Signal for Metrics {
    type Request = ExportMetricsServiceRequest;

    const PATH: &'static str = "/v1/metrics";
    const WHAT: &'static str = "metrics";
    const REQUEST: &'static str = "ExportMetricsServiceRequest";
    const REJECTED: &'static str = "rejectedDataPoints";

    async fn store(
        intake: &Intake,
        request: Self::Request,
        account: Option<&str>,
        now: i64,
    ) -> Result<Rejected, StoreError> {
        let (mut points, mut rejected) = by_stream(request, account, now);
        intake.cardinality.lock().bound(&mut points, now, &mut rejected);
        if !points.is_empty() {
            intake.metrics.write_points(points).await?;
        }
        Ok(rejected)
    }
}

impl Signal for Logs {
    type Request = ExportLogsServiceRequest;

    const PATH: &'static str = "/v1/logs";
    const WHAT: &'static str = "log records";
    const REQUEST: &'static str = "ExportLogsServiceRequest";
    const REJECTED: &'static str = "rejectedLogRecords";

    async fn store(
        intake: &Intake,
        request: Self::Request,
        account: Option<&str>,
        now: i64,
    ) -> Result<Rejected, StoreError> {
        let (logs, rejected) = records(request, account, now);
        if !logs.is_empty() {
            intake.log_records.write_logs(logs).await?;
        }
        Ok(rejected)
    }
}
