//! Requests with spans, in both encodings.
#![no_main]

use control_plane::intake::{by_trace, traces_of_json};
use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

/// When they come.
const NOW: i64 = 1_800_000_000;

fuzz_target!(|input: &[u8]| {
    for request in [ExportTraceServiceRequest::decode(input).ok(), traces_of_json(input).ok()].into_iter().flatten() {
        let (traces, _) = by_trace(request, None, NOW);
        for span in traces.iter().flat_map(|trace| &trace.parts).flat_map(|part| &part.spans) {
            assert!(span.facts.end_ns >= span.facts.start_ns && span.facts.weight > 0.0, "{span:?}");
        }
    }
});
