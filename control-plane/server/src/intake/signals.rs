//! The signals, and what is done with a request of each.

use std::sync::Arc;

use control_plane_model::{
    incoming::Incoming,
    log_records::{IncomingLog, MAX_RECORDS_PER_TRACE},
    metrics::IncomingPoints,
    store::{MAX_SPANS_PER_TRACE, StoreError},
};
use opentelemetry_proto::tonic::collector::{
    logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse},
    metrics::v1::{ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse},
    trace::v1::{ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse},
};
use prost::Message;

use super::{Intake, Rejected, by_stream, by_trace, proto_json, records};

/// How many were not taken, and why.
type Partial = (i64, String);

/// What is sent to a path of its own.
pub(super) trait Signal: 'static {
    /// What is sent.
    type Request: Message + Default + proto_json::Request + Send;
    /// What is answered.
    type Response: Message;
    /// What of a request can be stored.
    type Taken: Send + 'static;

    /// The signal's number.
    const NUMBER: usize;
    /// The signal's name.
    const WHAT: &'static str;
    /// The message that it is sent in.
    const REQUEST: &'static str;
    /// What answers in JSON call the number that was not taken.
    const REJECTED: &'static str;

    /// An answer, which tells what was not taken.
    fn response(partial: Option<Partial>) -> Self::Response;

    /// What of a request can be stored, and what not. `account` is whose it may be, `now` are Unix seconds.
    fn take(intake: &Intake, request: Self::Request, account: Option<&str>, now: i64) -> (Self::Taken, Rejected);

    /// Stores what was taken; what the store has no place for is rejected too.
    fn store(
        intake: &Intake,
        taken: Self::Taken,
        rejected: &mut Rejected,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

pub(super) enum Traces {}
pub(super) enum Metrics {}
pub(super) enum Logs {}

impl Signal for Traces {
    type Request = ExportTraceServiceRequest;
    type Response = ExportTraceServiceResponse;
    /// The traces, and the request itself if it is forwarded.
    type Taken = (Vec<Incoming>, Option<Arc<ExportTraceServiceRequest>>);

    const NUMBER: usize = 0;
    const WHAT: &'static str = "spans";
    const REQUEST: &'static str = "ExportTraceServiceRequest";
    const REJECTED: &'static str = "rejectedSpans";

    fn response(partial: Option<Partial>) -> Self::Response {
        let told = |(rejected_spans, error_message)| ExportTracePartialSuccess { rejected_spans, error_message };
        ExportTraceServiceResponse { partial_success: partial.map(told) }
    }

    fn take(intake: &Intake, request: Self::Request, account: Option<&str>, now: i64) -> (Self::Taken, Rejected) {
        let forwarded = (!intake.forwarders.is_empty()).then(|| Arc::new(request.clone()));
        let (traces, rejected) = by_trace(request, account, now);
        ((traces, forwarded), rejected)
    }

    async fn store(
        intake: &Intake,
        (traces, forwarded): Self::Taken,
        rejected: &mut Rejected,
    ) -> Result<(), StoreError> {
        let stored = intake.spans.write(traces).await?;
        if stored.beyond > 0 {
            rejected.add(stored.beyond, &format!("a trace has at most {MAX_SPANS_PER_TRACE} spans"));
        }
        if let Some(request) = forwarded.filter(|_| stored.spans > 0) {
            intake.forwarders.iter().for_each(|forwarder| forwarder.offer(&request));
        }
        Ok(())
    }
}

impl Signal for Metrics {
    type Request = ExportMetricsServiceRequest;
    type Response = ExportMetricsServiceResponse;
    type Taken = Vec<IncomingPoints>;

    const NUMBER: usize = 1;
    const WHAT: &'static str = "metrics";
    const REQUEST: &'static str = "ExportMetricsServiceRequest";
    const REJECTED: &'static str = "rejectedDataPoints";

    fn response(partial: Option<Partial>) -> Self::Response {
        let told =
            |(rejected_data_points, error_message)| ExportMetricsPartialSuccess { rejected_data_points, error_message };
        ExportMetricsServiceResponse { partial_success: partial.map(told) }
    }

    fn take(intake: &Intake, request: Self::Request, account: Option<&str>, now: i64) -> (Self::Taken, Rejected) {
        let (mut points, mut rejected) = by_stream(request, account, now);
        intake.cardinality.lock().bound(&mut points, now, &mut rejected);
        (points, rejected)
    }

    async fn store(intake: &Intake, points: Self::Taken, rejected: &mut Rejected) -> Result<(), StoreError> {
        if points.is_empty() {
            return Ok(());
        }
        let stored = intake.metrics.write_points(points).await?;
        if stored.forgotten > 0 {
            rejected
                .add(stored.forgotten, "there is no room to remember points of that time, so that none counts twice");
        }
        Ok(())
    }
}

impl Signal for Logs {
    type Request = ExportLogsServiceRequest;
    type Response = ExportLogsServiceResponse;
    type Taken = Vec<IncomingLog>;

    const NUMBER: usize = 2;
    const WHAT: &'static str = "log records";
    const REQUEST: &'static str = "ExportLogsServiceRequest";
    const REJECTED: &'static str = "rejectedLogRecords";

    fn response(partial: Option<Partial>) -> Self::Response {
        let told =
            |(rejected_log_records, error_message)| ExportLogsPartialSuccess { rejected_log_records, error_message };
        ExportLogsServiceResponse { partial_success: partial.map(told) }
    }

    fn take(_: &Intake, request: Self::Request, account: Option<&str>, now: i64) -> (Self::Taken, Rejected) {
        records(request, account, now)
    }

    async fn store(intake: &Intake, logs: Self::Taken, rejected: &mut Rejected) -> Result<(), StoreError> {
        if logs.is_empty() {
            return Ok(());
        }
        let stored = intake.log_records.write_logs(logs).await?;
        if stored.beyond > 0 {
            rejected.add(stored.beyond, &format!("a trace has at most {MAX_RECORDS_PER_TRACE} log records"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use control_plane_model::metrics::IncomingPoints;

    use super::*;

    const NOW: i64 = 1_800_000_000;
    const ROUNDS: usize = 4_000;
    /// A request of each signal, with something of every kind in it.
    const REQUESTS: [&str; 3] = [
        r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"api"}}]},"scopeSpans":[{"scope":
        {"name":"s"},"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"n","kind":2,
        "startTimeUnixNano":"1799999990000000000","endTimeUnixNano":"1799999991000000000","status":{"code":2},"attributes":[{"key":"a",
        "value":{"arrayValue":{"values":[{"intValue":"1"},{"doubleValue":1.5}]}}}],"events":[{"name":"e"}],"links":[{}]}]}]}]}"#,
        r#"{"resourceMetrics":[{"resource":{"attributes":[{"key":"faas.max_memory","value":{"intValue":"268435456"}}]},"scopeMetrics":
        [{"metrics":[{"name":"g","gauge":{"dataPoints":[{"timeUnixNano":"1799999990000000000","asInt":"7"}]}},{"name":"s","unit":"1",
        "sum":{"aggregationTemporality":2,"isMonotonic":true,"dataPoints":[{"startTimeUnixNano":"1799999980000000000",
        "timeUnixNano":"1799999990000000000","asDouble":1.5,"attributes":[{"key":"a","value":{"boolValue":true}}],"exemplars":[{
        "traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","asDouble":3}]}]}},{"name":"h","histogram":{
        "aggregationTemporality":1,"dataPoints":[{"timeUnixNano":"1799999990000000000","count":"3","sum":4,"bucketCounts":[1,2],
        "explicitBounds":[0.5],"min":1,"max":2}]}},{"name":"e","exponentialHistogram":{"aggregationTemporality":1,"dataPoints":[{
        "timeUnixNano":"1799999990000000000","count":4,"sum":9,"scale":1,"zeroCount":1,"positive":{"offset":-1,"bucketCounts":[1,2]}}]}},
        {"name":"q","summary":{"dataPoints":[{}]}}]}]}]}"#,
        r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1799999990000000000","severityNumber":9,"severityText":"INFO",
        "traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","body":{"kvlistValue":{"values":[{"key":"k","value":{
        "bytesValue":"3q2+7w=="}}]}},"attributes":[{"key":"tenant.id","value":{"stringValue":"acme"}}]}]}]}]}"#,
    ];

    /// Something else at a place, or several.
    fn changed(body: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
        let mut body = body.to_vec();
        for _ in 0..random.usize(1..6) {
            let at = random.usize(..body.len().max(1)).min(body.len().saturating_sub(1));
            match random.u8(..5) {
                0 => body.truncate(at),
                1 => body.insert(at, random.u8(..)),
                2 if !body.is_empty() => body[at] = random.u8(..),
                3 if !body.is_empty() => body[at] ^= 1 << random.u8(..8),
                _ => {
                    let to = random.usize(at..=body.len());
                    let piece = body[at..to].to_vec();
                    body.extend(piece);
                }
            }
        }
        body
    }

    fn add_up(points: &[IncomingPoints]) {
        for point in points.iter().flat_map(|of_stream| &of_stream.points) {
            let summary = &point.summary;
            assert!(summary.sum.is_finite() && summary.bounds.is_sorted(), "{point:?}");
            let counted = summary.buckets.iter().sum::<u64>();
            assert!(summary.buckets.is_empty() || counted == summary.count, "{point:?}");
            assert_eq!(summary.buckets.len().saturating_sub(1), summary.bounds.len(), "{point:?}");
        }
    }

    fn read<R: Message + Default + proto_json::Request>(body: &[u8], is_json: bool) -> Option<R> {
        if is_json { proto_json::read(body).ok().map(|read| read.request) } else { R::decode(body).ok() }
    }

    /// Whether anything was taken.
    fn take(signal: usize, body: &[u8], is_json: bool) -> bool {
        match signal {
            0 => read(body, is_json).is_some_and(|request| !by_trace(request, None, NOW).0.is_empty()),
            1 => read(body, is_json).is_some_and(|request| {
                let points = by_stream(request, None, NOW).0;
                add_up(&points);
                !points.is_empty()
            }),
            _ => read(body, is_json).is_some_and(|request| !records(request, None, NOW).0.is_empty()),
        }
    }

    /// What `make fuzz` does for hours, in a second.
    #[test]
    fn whatever_is_in_a_request_it_is_taken_or_refused() {
        let mut random = fastrand::Rng::with_seed(20);
        for (signal, json) in REQUESTS.into_iter().enumerate() {
            let protobuf = match signal {
                0 => read::<ExportTraceServiceRequest>(json.as_bytes(), true).unwrap().encode_to_vec(),
                1 => read::<ExportMetricsServiceRequest>(json.as_bytes(), true).unwrap().encode_to_vec(),
                _ => read::<ExportLogsServiceRequest>(json.as_bytes(), true).unwrap().encode_to_vec(),
            };
            for (body, is_json) in [(json.as_bytes(), true), (&protobuf, false)] {
                assert!(take(signal, body, is_json), "{json}");
                let taken = (0..ROUNDS).filter(|_| take(signal, &changed(body, &mut random), is_json)).count();
                assert!((1..ROUNDS).contains(&taken), "{taken} of {ROUNDS}");
            }
        }
    }
}
