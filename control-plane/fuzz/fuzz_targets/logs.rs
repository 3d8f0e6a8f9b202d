//! Requests with log records, in both encodings.
#![no_main]

use control_plane::intake::{logs_of_json, records};
use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use prost::Message;

/// When they come.
const NOW: i64 = 1_800_000_000;

fuzz_target!(|input: &[u8]| {
    for request in [ExportLogsServiceRequest::decode(input).ok(), logs_of_json(input).ok()].into_iter().flatten() {
        let (logs, _) = records(request, None, NOW);
        assert!(logs.iter().all(|log| log.time_ns > 0));
    }
});
