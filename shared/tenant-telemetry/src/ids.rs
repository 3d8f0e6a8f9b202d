//! Trace ids in X-Ray's form: the first four bytes are the time in epoch seconds, so that X-Ray accepts them as its own.
//! <https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html#xray-api-traceids>

use std::{
    cell::Cell,
    time::{SystemTime, UNIX_EPOCH},
};

use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};

thread_local! {
    /// The SDK asks for an id without saying for which span, so the id that a root span should get is passed in a thread-local. Starting a span never
    /// awaits, so the id cannot reach another invocation.
    static NEXT: Cell<Option<TraceId>> = const { Cell::new(None) };
}

/// Runs `start`, in which the next root span gets this trace id.
pub(super) fn with_root<T>(trace_id: Option<TraceId>, start: impl FnOnce() -> T) -> T {
    NEXT.set(trace_id);
    let started = start();
    NEXT.set(None);
    started
}

/// A trace id in X-Ray's text form, `1-<8 hex>-<24 hex>`.
pub(crate) fn xray_trace_id(trace_id: TraceId) -> String {
    let hex = trace_id.to_string();
    format!("1-{}-{}", &hex[..8], &hex[8..])
}

#[derive(Debug, Default)]
pub(super) struct XrayIdGenerator(RandomIdGenerator);

impl IdGenerator for XrayIdGenerator {
    fn new_trace_id(&self) -> TraceId {
        NEXT.take().unwrap_or_else(|| {
            let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as u32);
            let random = u128::from_be_bytes(self.0.new_trace_id().to_bytes());
            TraceId::from_bytes((u128::from(seconds) << 96 | random & (u128::MAX >> 32)).to_be_bytes())
        })
    }

    fn new_span_id(&self) -> SpanId {
        self.0.new_span_id()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_id_starts_with_the_time() {
        let id = XrayIdGenerator::default().new_trace_id();
        let seconds = u32::from_be_bytes(id.to_bytes()[..4].try_into().unwrap());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as u32;
        assert!(now - seconds <= 60);
        assert_eq!(xray_trace_id(id).len(), 35);
    }

    #[test]
    fn a_prescribed_root_is_used_once() {
        let root = TraceId::from_hex("0123456789abcdef0123456789abcdef").unwrap();
        let ids = XrayIdGenerator::default();
        assert_eq!(with_root(Some(root), || ids.new_trace_id()), root);
        assert_ne!(ids.new_trace_id(), root);
    }
}
