//! The instruments of this crate: names and units of OpenTelemetry's semantic conventions (docs/telemetry.md lists them), and the bounds of
//! histograms, which are chosen for Lambda.

use std::sync::LazyLock;

use opentelemetry::metrics::{Counter, Histogram, Meter};
use opentelemetry_sdk::metrics::{Aggregation, Instrument, Stream};
use opentelemetry_semantic_conventions::metric as semconv;

use super::recorder::TenantNames;

/// How long after it was sent a message's processing begins.
const MESSAGING_PROCESS_AGE: &str = "messaging.process.age";
/// Messages that had been received before.
const MESSAGING_CLIENT_REDELIVERED_MESSAGES: &str = "messaging.client.redelivered.messages";

/// Seconds, from a millisecond to half a minute: a request that takes longer is not answered any more.
const DURATIONS: [f64; 14] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];
/// Seconds, from a delivery at once to the four days that a queue keeps messages by default.
const AGES: [f64; 14] =
    [0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 21_600.0, 86_400.0, 345_600.0];
/// Bytes, from 16 MiB to the 10 GiB that a function may have at most.
const MEMORY: [f64; 11] = {
    const MIB: f64 = 1_048_576.0;
    [
        16.0 * MIB,
        32.0 * MIB,
        64.0 * MIB,
        128.0 * MIB,
        256.0 * MIB,
        512.0 * MIB,
        1_024.0 * MIB,
        2_048.0 * MIB,
        4_096.0 * MIB,
        8_192.0 * MIB,
        10_240.0 * MIB,
    ]
};

/// The most points of one metric between two flushes; what is beyond is one point, `otel.metric.overflow`. The SDK makes room for all of
/// them when an instrument is made, and looks through it with each flush.
const MAX_POINTS: usize = 512;
/// The same, of a metric of this crate where metrics name no tenant.
const MAX_POINTS_WITHOUT_TENANTS: usize = 50;

/// The view of each instrument: how its points are kept. Instruments of others keep the bounds they were made with.
pub(super) fn view(instrument: &Instrument, tenants: TenantNames) -> Option<Stream> {
    let ours = instrument.scope().name() == super::SCOPE;
    let few = ours && tenants == TenantNames::None;
    let stream = Stream::builder().with_cardinality_limit(if few { MAX_POINTS_WITHOUT_TENANTS } else { MAX_POINTS });
    let stream = match bounds(instrument.name()).filter(|_| ours) {
        Some(bounds) => stream.with_aggregation(Aggregation::ExplicitBucketHistogram {
            boundaries: bounds.to_vec(),
            record_min_max: true,
        }),
        None => stream,
    };
    stream.build().ok()
}

fn bounds(name: &str) -> Option<&'static [f64]> {
    match name {
        semconv::FAAS_INIT_DURATION
        | semconv::FAAS_INVOKE_DURATION
        | semconv::FAAS_CPU_USAGE
        | semconv::HTTP_SERVER_REQUEST_DURATION
        | semconv::RPC_CLIENT_CALL_DURATION
        | semconv::MESSAGING_PROCESS_DURATION => Some(&DURATIONS),
        MESSAGING_PROCESS_AGE => Some(&AGES),
        semconv::FAAS_MEM_USAGE => Some(&MEMORY),
        _ => None,
    }
}

/// An instrument that is made when it is used first: a flush asks every one there is, and a function needs half of them.
type Lazy<T> = LazyLock<T, Box<dyn FnOnce() -> T + Send>>;

/// Everything this crate counts and measures.
#[derive(Debug)]
pub(super) struct Instruments {
    pub(super) invocations: Lazy<Counter<u64>>,
    pub(super) errors: Lazy<Counter<u64>>,
    pub(super) timeouts: Lazy<Counter<u64>>,
    pub(super) coldstarts: Lazy<Counter<u64>>,
    pub(super) init_duration: Lazy<Histogram<f64>>,
    pub(super) invoke_duration: Lazy<Histogram<f64>>,
    pub(super) mem_usage: Lazy<Histogram<u64>>,
    pub(super) cpu_usage: Lazy<Histogram<f64>>,
    pub(super) request_duration: Lazy<Histogram<f64>>,
    pub(super) call_duration: Lazy<Histogram<f64>>,
    pub(super) process_duration: Lazy<Histogram<f64>>,
    pub(super) process_age: Lazy<Histogram<f64>>,
    pub(super) consumed: Lazy<Counter<u64>>,
    pub(super) redelivered: Lazy<Counter<u64>>,
}

impl Instruments {
    pub(super) fn new(meter: &Meter) -> Self {
        let counter = |name, unit, description| -> Lazy<Counter<u64>> {
            let meter = meter.clone();
            let make = move || meter.u64_counter(name).with_unit(unit).with_description(description).build();
            LazyLock::new(Box::new(make))
        };
        let seconds = |name, description| -> Lazy<Histogram<f64>> {
            let meter = meter.clone();
            let make = move || meter.f64_histogram(name).with_unit("s").with_description(description).build();
            LazyLock::new(Box::new(make))
        };
        let bytes = |name, description| -> Lazy<Histogram<u64>> {
            let meter = meter.clone();
            let make = move || meter.u64_histogram(name).with_unit("By").with_description(description).build();
            LazyLock::new(Box::new(make))
        };
        Self {
            invocations: counter(semconv::FAAS_INVOCATIONS, "{invocation}", "Invocations that succeeded"),
            errors: counter(semconv::FAAS_ERRORS, "{error}", "Invocations that failed, but for those out of time"),
            timeouts: counter(semconv::FAAS_TIMEOUTS, "{timeout}", "Invocations that were not answered in time"),
            coldstarts: counter(semconv::FAAS_COLDSTARTS, "{coldstart}", "First invocations of a sandbox"),
            init_duration: seconds(semconv::FAAS_INIT_DURATION, "How long a sandbox took to be ready"),
            invoke_duration: seconds(semconv::FAAS_INVOKE_DURATION, "How long the handler took"),
            mem_usage: bytes(semconv::FAAS_MEM_USAGE, "Memory the process held when an invocation was over"),
            cpu_usage: seconds(semconv::FAAS_CPU_USAGE, "CPU time of the process since the invocation before was over"),
            request_duration: seconds(semconv::HTTP_SERVER_REQUEST_DURATION, "How long a request took"),
            call_duration: seconds(semconv::RPC_CLIENT_CALL_DURATION, "How long a call of AWS took, with its retries"),
            process_duration: seconds(semconv::MESSAGING_PROCESS_DURATION, "How long the processing of a message took"),
            process_age: seconds(MESSAGING_PROCESS_AGE, "How long after a message was sent its processing began"),
            consumed: counter(
                semconv::MESSAGING_CLIENT_CONSUMED_MESSAGES,
                "{message}",
                "Messages whose processing began",
            ),
            redelivered: counter(
                MESSAGING_CLIENT_REDELIVERED_MESSAGES,
                "{message}",
                "Messages that had been delivered before",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_in_order() {
        for bounds in [&DURATIONS[..], &AGES, &MEMORY] {
            assert!(bounds.is_sorted_by(|one, next| one < next), "{bounds:?}");
        }
    }
}
