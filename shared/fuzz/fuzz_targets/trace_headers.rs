//! X-Ray and W3C headers, four lines of input.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tenant_telemetry::bench::extract;

fuzz_target!(|input: &str| {
    let mut lines = input.splitn(4, '\n');
    let mut next = || lines.next().unwrap_or_default();
    let (xray, traceparent, tracestate, baggage) = (next(), next(), next(), next());
    extract(xray, traceparent, tracestate, baggage);
});
