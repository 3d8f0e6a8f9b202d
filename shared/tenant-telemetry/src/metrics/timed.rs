//! An operation that is timed: the processing of a message, or a call of AWS.

use std::{
    borrow::Cow,
    sync::Arc,
    time::{Instant, SystemTime},
};

use opentelemetry::{Context, KeyValue};
use parking_lot::Mutex;

use super::recorder::{Recorder, recorder};
use crate::{Work, semconv};

/// An operation that is timed, in its span. It is measured when it ends, or when its invocation is given up before that.
#[derive(Debug, Clone)]
pub(crate) struct TimedOperation(Arc<Mutex<Option<TimedStart>>>);

#[derive(Debug)]
struct TimedStart {
    recorder: &'static Recorder,
    cx: Context,
    kind: Kind,
    began: Instant,
}

#[derive(Debug)]
enum Kind {
    /// A message, and what metrics say of it.
    Message(Vec<KeyValue>),
    /// A call, and its `rpc.method`.
    #[cfg_attr(
        not(any(feature = "aws-sdk", feature = "bench")),
        allow(dead_code, reason = "AWS clients come with that feature")
    )]
    Call(String),
}

impl TimedOperation {
    /// Begins to time the processing of a message of `destination`, in the span of `cx`. There is nothing to time where metrics are not exported.
    pub(crate) fn message(
        cx: &Context,
        system: &'static str,
        destination: &str,
        sent: Option<SystemTime>,
        deliveries: Option<u32>,
    ) -> Option<Self> {
        let recorder = recorder()?;
        let attributes = vec![
            KeyValue::new(semconv::MESSAGING_DESTINATION_NAME, destination.to_owned()),
            KeyValue::new(semconv::MESSAGING_OPERATION_NAME, "process"),
            KeyValue::new(semconv::MESSAGING_SYSTEM, system),
        ];
        let entered = cx.clone().attach();
        recorder.message_begins(&attributes, sent, deliveries);
        drop(entered);
        Some(Self::begin(recorder, cx, Kind::Message(attributes)))
    }

    /// Begins to time a call of AWS, in the span of `cx`. There is nothing to time where metrics are not exported.
    #[cfg(feature = "aws-sdk")]
    pub(crate) fn call(cx: &Context, service: &str, operation: &str) -> Option<Self> {
        Some(Self::call_by(recorder()?, cx, service, operation))
    }

    /// Begins to time an operation with this recorder.
    #[cfg(any(feature = "aws-sdk", feature = "bench"))]
    pub(crate) fn call_by(recorder: &'static Recorder, cx: &Context, service: &str, operation: &str) -> Self {
        Self::begin(recorder, cx, Kind::Call(format!("{service}/{operation}")))
    }

    fn begin(recorder: &'static Recorder, cx: &Context, kind: Kind) -> Self {
        let began = Instant::now();
        let timed = Self(Arc::new(Mutex::new(Some(TimedStart { recorder, cx: cx.clone(), kind, began }))));
        if let Some(under_way) = cx.get::<UnderWay>() {
            under_way.keep(&timed);
        }
        timed
    }

    /// Ends the operation. `error` is its `error.type`, if it failed. Only the first call counts.
    pub(crate) fn end(&self, error: Option<Cow<'static, str>>) {
        let Some(TimedStart { recorder, cx, kind, began }) = self.0.lock().take() else { return };
        let took = began.elapsed();
        let work = cx.get::<Work>().cloned();
        let _entered = cx.attach();
        match kind {
            Kind::Message(attributes) => {
                recorder.message_ends(attributes, work.as_ref().and_then(Work::tenant), error, took);
            }
            Kind::Call(method) => recorder.call_ends(method, error, took),
        }
    }
}

/// The operations that an invocation has begun and not ended. It is a value of the invocation's context and of those of its messages. Each operation
/// holds that context and thereby this list; the cycle is broken when the operation ends or the list is closed.
#[derive(Debug, Clone, Default)]
pub(crate) struct UnderWay(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    timed: Vec<TimedOperation>,
    closed: bool,
}

impl UnderWay {
    fn keep(&self, timed: &TimedOperation) {
        let mut state = self.0.lock();
        if !state.closed {
            state.timed.push(timed.clone());
        }
    }

    /// Gives up what has not ended: it has failed with `error_type`.
    pub(super) fn give_up(&self, error_type: &'static str) {
        let timed = self.0.lock().timed.clone();
        // What began last is within what began before.
        timed.iter().rev().for_each(|timed| timed.end(Some(error_type.into())));
    }

    /// Closes the list, which then keeps no operation any more.
    pub(super) fn close(&self) {
        let timed = {
            let mut state = self.0.lock();
            state.closed = true;
            std::mem::take(&mut state.timed)
        };
        // Outside the lock: whoever is the last to hold a context drops what is in it.
        drop(timed);
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TraceContextExt;

    use super::{Arc, Kind, Recorder, TimedOperation};
    use crate::metrics::{
        InvocationStart, Outcome,
        tests::{gathered, in_span, metrics, points},
    };

    #[test]
    fn what_an_invocation_leaves_under_way_is_measured_once_when_it_is_given_up() {
        let metrics = metrics();
        let recorder: &'static Recorder = Box::leak(Box::new(metrics.recorder()));
        let outcome = Outcome::default();
        outcome.begin(&in_span(1, true), InvocationStart { trigger: "pubsub", cold: false, init: None, request: None });
        let cx = in_span(2, true).with_value(outcome.under_way.clone());
        let call = |method: &str| TimedOperation::begin(recorder, &cx, Kind::Call(method.to_owned()));
        let (message, hanging, done) =
            (TimedOperation::begin(recorder, &cx, Kind::Message(Vec::new())), call("hanging"), call("done"));
        done.end(None);
        outcome.give_up("timeout");
        // Operations that end later do nothing.
        message.end(None);
        hanging.end(Some("connection".into()));
        let mut told = Vec::new();
        for metric in gathered(&metrics) {
            for point in points(&metric) {
                let of =
                    |key: &str| point.attributes.iter().find(|it| it.key == key).map(|it| format!("{:?}", it.value));
                let is = |key: &str, text: &str| of(key).is_some_and(|value| value.contains(text));
                assert_eq!(point.exemplars[0].span_id.last(), Some(&2));
                told.push((metric.name.clone(), is("rpc.method", "hanging"), is("error.type", "timeout"), point.count));
            }
        }
        told.sort();
        let of = |metric: &str, hanging, timeout| (metric.to_owned(), hanging, timeout, 1);
        assert_eq!(
            told,
            [
                of("messaging.process.duration", false, true),
                of("rpc.client.call.duration", false, false),
                of("rpc.client.call.duration", true, true),
            ]
        );
        let weak = Arc::downgrade(&message.0);
        drop((message, hanging, done));
        assert!(outcome.take().is_some() && weak.upgrade().is_none(), "kept no longer than its invocation");
        assert!(cx.has_active_span());
    }
}
