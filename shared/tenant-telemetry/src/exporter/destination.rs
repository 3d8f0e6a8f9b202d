//! A destination and the spans it has not acknowledged.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use opentelemetry::KeyValue;
use parking_lot::{Mutex, MutexGuard};
use tenancy::TenantIds;

use super::{
    Wire,
    otlp::{Encoded, NotDelivered, Otlp},
};
use crate::{
    privacy::{DenyList, Pseudonyms},
    semconv,
    work::Ended,
};

/// Spans kept while a receiver does not take them; beyond that the oldest go.
const MAX_WAITING_SPANS: usize = 2_048;
/// Spans in one request.
const MAX_SPANS_PER_REQUEST: usize = 512;
/// How long to leave a failing receiver alone at first, and at most.
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

/// One receiver of spans.
#[derive(Debug)]
pub(crate) struct Destination {
    /// Its name in `OTEL_TRACES_EXPORTER`.
    pub(crate) name: &'static str,
    /// How tenants are named to it.
    pub(crate) tenant_ids: TenantIds,
    wire: Wire,
    waiting: Mutex<Waiting>,
    /// Held while delivering: one delivery at a time keeps the order and the connection.
    delivery: tokio::sync::Mutex<Delivery>,
}

#[derive(Debug, Default)]
struct Waiting {
    spans: VecDeque<Ended>,
    dropped: u64,
}

#[derive(Debug, Default)]
struct Delivery {
    /// Encoded and sent, but not acknowledged.
    unacknowledged: Option<(Encoded, usize)>,
    failures: u32,
    not_before: Option<Instant>,
}

/// What a flush came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Flushed {
    /// Why spans are still waiting.
    pub(crate) failure: Option<String>,
    /// Spans given up since the last flush.
    pub(crate) dropped: u64,
}

impl Destination {
    pub(super) fn new(name: &'static str, wire: Wire, tenant_ids: TenantIds) -> Self {
        Self { name, tenant_ids, wire, waiting: Mutex::default(), delivery: tokio::sync::Mutex::default() }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock()
    }

    /// Takes spans over. The oldest are dropped if there are too many.
    pub(crate) fn push(&self, spans: Vec<Ended>) {
        let mut waiting = self.waiting();
        waiting.spans.extend(spans);
        let excess = waiting.spans.len().saturating_sub(MAX_WAITING_SPANS);
        waiting.spans.drain(..excess);
        waiting.dropped += excess as u64;
    }

    /// How many spans wait to be encoded.
    pub(crate) fn len(&self) -> usize {
        self.waiting().spans.len()
    }

    /// Sends what waits until all is acknowledged, the receiver fails, or time is up. Whatever is not acknowledged stays.
    pub(crate) async fn flush(&self, within: Duration, pseudonyms: &Pseudonyms, denied: &DenyList) -> Flushed {
        let sent = tokio::time::timeout(within, self.send_all(pseudonyms, denied)).await;
        let failure = sent.unwrap_or_else(|_| Err(format!("not within {} ms", within.as_millis()))).err();
        Flushed { failure, dropped: std::mem::take(&mut self.waiting().dropped) }
    }

    async fn send_all(&self, pseudonyms: &Pseudonyms, denied: &DenyList) -> Result<(), String> {
        let mut delivery = self.delivery.lock().await;
        if delivery.not_before.is_some_and(|not_before| Instant::now() < not_before) {
            return Ok(());
        }
        loop {
            if delivery.unacknowledged.is_none() {
                let spans = self.next_batch(pseudonyms, denied);
                if spans.is_empty() {
                    return Ok(());
                }
                let count = spans.len();
                match &self.wire {
                    Wire::XrayUdp(daemon) => {
                        self.drop_spans(daemon.send(spans));
                        continue;
                    }
                    Wire::Otlp(otlp) => match otlp.encode(spans).await {
                        Ok(encoded) => delivery.unacknowledged = Some((encoded, count)),
                        Err(reason) => {
                            self.drop_spans(count);
                            return Err(reason);
                        }
                    },
                }
            }
            if let Wire::Otlp(otlp) = &self.wire {
                self.deliver(otlp, &mut delivery).await?;
            }
        }
    }

    /// The oldest spans, each with its tenant on it as this destination may know them.
    fn next_batch(&self, pseudonyms: &Pseudonyms, denied: &DenyList) -> Vec<opentelemetry_sdk::trace::SpanData> {
        let (batch, dropped) = {
            let mut waiting = self.waiting();
            let count = waiting.spans.len().min(MAX_SPANS_PER_REQUEST);
            (waiting.spans.drain(..count).collect::<Vec<_>>(), waiting.dropped)
        };
        let mut batch: Vec<_> =
            batch.into_iter().map(|ended| pseudonyms.stamp(ended, self.tenant_ids, denied)).collect();
        if let Some(first) = batch.first_mut().filter(|_| dropped > 0) {
            let dropped = i64::try_from(dropped).unwrap_or(i64::MAX);
            first.attributes.push(KeyValue::new(semconv::TELEMETRY_DROPPED_SPANS, dropped));
        }
        batch
    }

    async fn deliver(&self, otlp: &Otlp, delivery: &mut Delivery) -> Result<(), String> {
        let Some((encoded, count)) = &delivery.unacknowledged else { return Ok(()) };
        let mut outcome = otlp.deliver(encoded).await;
        if matches!(outcome, Err(NotDelivered::Broken(_))) {
            // A connection from before a freeze is dead; a new one costs little.
            outcome = otlp.deliver(encoded).await;
        }
        let count = *count;
        match outcome {
            Ok(()) => {
                *delivery = Delivery::default();
                Ok(())
            }
            Err(NotDelivered::Refused(reason)) => {
                *delivery = Delivery::default();
                self.drop_spans(count);
                Err(reason)
            }
            Err(NotDelivered::Broken(reason)) => Err(back_off(delivery, None, reason)),
            Err(NotDelivered::Later(reason, after)) => Err(back_off(delivery, after, reason)),
        }
    }

    fn drop_spans(&self, count: usize) {
        self.waiting().dropped += count as u64;
    }
}

/// Twice as long after each failure; the first is forgiven, since a freeze looks like one.
fn back_off(delivery: &mut Delivery, after: Option<Duration>, reason: String) -> String {
    delivery.failures = delivery.failures.saturating_add(1);
    let doubled = FIRST_BACKOFF.saturating_mul(1 << delivery.failures.saturating_sub(2).min(8));
    let pause = match after {
        Some(after) => after.min(LONGEST_BACKOFF),
        None if delivery.failures == 1 => Duration::ZERO,
        None => doubled.min(LONGEST_BACKOFF),
    };
    delivery.not_before = Some(Instant::now() + pause);
    reason
}
