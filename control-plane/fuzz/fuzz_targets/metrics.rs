//! Requests with points of metrics, in both encodings: what is taken adds up.
#![no_main]

use control_plane::intake::{by_stream, metrics_of_json};
use control_plane_model::metrics::Summary;
use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use prost::Message;

/// When they come.
const NOW: i64 = 1_800_000_000;

fuzz_target!(|input: &[u8]| {
    for request in [ExportMetricsServiceRequest::decode(input).ok(), metrics_of_json(input).ok()].into_iter().flatten() {
        let (points, _) = by_stream(request, None, NOW);
        let mut all = Summary::default();
        for point in points.iter().flat_map(|of_stream| &of_stream.points) {
            let summary = &point.summary;
            assert!(summary.sum.is_finite() && summary.bounds.is_sorted(), "{point:?}");
            let counted: u64 = summary.buckets.iter().sum();
            assert!(summary.buckets.is_empty() || counted == summary.count, "{point:?}");
            all.add(summary);
        }
        assert!(all.sum.is_finite());
    }
});
