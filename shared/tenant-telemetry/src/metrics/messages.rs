//! What is counted of one message.

use std::{
    borrow::Cow,
    time::{Instant, SystemTime},
};

use opentelemetry::{Context, KeyValue};

use super::recorder::{Recorder, recorder};
use crate::{Work, semconv};

/// A message that is being processed, in its span. Dropped before it is done, it counts as cancelled.
#[derive(Debug)]
pub(crate) struct Processing(Option<Begun>);

#[derive(Debug)]
struct Begun {
    recorder: &'static Recorder,
    cx: Context,
    attributes: Vec<KeyValue>,
    at: Instant,
}

impl Processing {
    /// Begins with a message of `destination` in the span of `cx`.
    pub(crate) fn begin(
        cx: &Context,
        system: &'static str,
        destination: &str,
        sent: Option<SystemTime>,
        deliveries: Option<u32>,
    ) -> Self {
        Self(recorder().map(|recorder| {
            let attributes = vec![
                KeyValue::new(semconv::MESSAGING_SYSTEM, system),
                KeyValue::new(semconv::MESSAGING_OPERATION_NAME, "process"),
                KeyValue::new(semconv::MESSAGING_DESTINATION_NAME, destination.to_owned()),
            ];
            let entered = cx.clone().attach();
            recorder.message_begins(&attributes, sent, deliveries);
            drop(entered);
            Begun { recorder, cx: cx.clone(), attributes, at: Instant::now() }
        }))
    }

    /// The message is done; `error` is its `error.type`, if it failed.
    pub(crate) fn end(&mut self, error: Option<Cow<'static, str>>) {
        let Some(Begun { recorder, cx, attributes, at }) = self.0.take() else { return };
        let work = cx.get::<Work>().cloned();
        let _entered = cx.attach();
        recorder.message_ends(attributes, work.as_ref().and_then(Work::tenant), error, at.elapsed());
    }
}

impl Drop for Processing {
    fn drop(&mut self) {
        self.end(Some("cancelled".into()));
    }
}
