//! A receiver of telemetry and what it has not acknowledged yet.

use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use tenancy::TenantIds;

use super::{
    Wire,
    otlp::{Acknowledged, NotDelivered, Otlp},
    signal::Signal,
    waiting::{Contents, Waiting},
};
use crate::privacy::{DenyList, Policy, Pseudonyms};

/// How long to leave a failing receiver alone at first, and at most.
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

/// One receiver of one signal.
#[derive(Debug)]
pub(crate) struct ExportDestination<S: Signal> {
    /// Its name in `OTEL_<signal>_EXPORTER`.
    pub(crate) name: &'static str,
    /// How ids of tenants are sent to it.
    tenant_ids: TenantIds,
    signal: S,
    wire: Wire<S::Request>,
    waiting: Mutex<Waiting<S::Item>>,
    /// Held while delivering: one delivery at a time keeps the order and the connection.
    delivery: tokio::sync::Mutex<Delivery>,
}

#[derive(Debug, Default)]
struct Delivery {
    /// A request that was sent but not acknowledged. It is sent again unchanged, so that a receiver that did take it can recognise the repetition.
    unacknowledged: Option<UnacknowledgedRequest>,
    failures: u32,
    not_before: Option<Instant>,
}

#[derive(Debug)]
struct UnacknowledgedRequest {
    body: Bytes,
    contents: Contents,
}

/// The outcome of a flush.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Flushed {
    /// Why something is still waiting.
    pub(crate) failure: Option<String>,
    /// How many items were given up since the last flush.
    pub(crate) dropped: u64,
}

impl<S: Signal> ExportDestination<S> {
    pub(super) fn new(name: &'static str, signal: S, wire: Wire<S::Request>, tenant_ids: TenantIds) -> Self {
        let waiting = Mutex::new(Waiting::new(S::MAX_WAITING));
        Self { name, tenant_ids, signal, wire, waiting, delivery: tokio::sync::Mutex::default() }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting<S::Item>> {
        self.waiting.lock()
    }

    /// Adds items. The oldest are dropped if there are too many.
    pub(crate) fn push(&self, items: impl IntoIterator<Item = S::Item>) {
        let mut waiting = self.waiting();
        for item in items {
            let size = S::size(&item);
            waiting.push(item, size);
        }
    }

    /// Counts items that were dropped before they came here.
    pub(crate) fn count_dropped(&self, count: usize) {
        self.waiting().count_dropped(count);
    }

    /// How many spans, points or log records wait to be encoded.
    pub(crate) fn len(&self) -> usize {
        self.waiting().len()
    }

    /// Sends what waits until everything is acknowledged, the receiver fails, or time is up. What is not acknowledged stays.
    pub(crate) async fn flush(&self, within: Duration, pseudonyms: &Pseudonyms, denied: &DenyList) -> Flushed {
        let policy = Policy { ids: self.tenant_ids, pseudonyms, denied };
        let sent = tokio::time::timeout(within, self.send_all(policy)).await;
        let failure = sent.unwrap_or_else(|_| Err(format!("not within {} ms", within.as_millis()))).err();
        Flushed { failure, dropped: self.waiting().take_unlogged() as u64 }
    }

    async fn send_all(&self, policy: Policy<'_>) -> Result<(), String> {
        let mut delivery = self.delivery.lock().await;
        if delivery.not_before.is_some_and(|not_before| Instant::now() < not_before) {
            return Ok(());
        }
        loop {
            if delivery.unacknowledged.is_none() {
                let Some((request, contents)) = self.next_request(policy) else { return Ok(()) };
                match &self.wire {
                    Wire::Unacknowledged(wire) => {
                        let not_taken = wire.send(request);
                        self.waiting().settle(contents, not_taken);
                        continue;
                    }
                    Wire::Otlp(otlp) => match otlp.encode(&request) {
                        Ok(body) => delivery.unacknowledged = Some(UnacknowledgedRequest { body, contents }),
                        Err(reason) => {
                            self.waiting().settle(contents, contents.count);
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

    /// Makes a request of the oldest items. Each names its tenant as this destination's policy allows.
    fn next_request(&self, policy: Policy<'_>) -> Option<(S::Request, Contents)> {
        let most = self.wire.at_most(S::MAX_PER_REQUEST);
        let (items, contents) = self.waiting().take(most)?;
        Some((self.signal.request(items, policy, contents.dropped_before as u64), contents))
    }

    async fn deliver(&self, otlp: &Otlp, delivery: &mut Delivery) -> Result<(), String> {
        let Some(UnacknowledgedRequest { body, contents }) = &delivery.unacknowledged else { return Ok(()) };
        let mut outcome = otlp.deliver(body).await;
        if matches!(outcome, Err(NotDelivered::Broken(_))) {
            // A connection from before a freeze is dead; a new one costs little.
            outcome = otlp.deliver(body).await;
        }
        let contents = *contents;
        match outcome {
            Ok(Acknowledged { rejected }) => {
                *delivery = Delivery::default();
                self.waiting().settle(contents, usize::try_from(rejected).unwrap_or(usize::MAX));
                Ok(())
            }
            Err(NotDelivered::Refused(reason)) => {
                *delivery = Delivery::default();
                self.waiting().settle(contents, contents.count);
                Err(reason)
            }
            Err(NotDelivered::Broken(reason)) => Err(back_off(delivery, None, reason)),
            Err(NotDelivered::Later(reason, after)) => Err(back_off(delivery, after, reason)),
        }
    }
}

/// Doubles the pause after each failure. The first failure causes no pause, since a connection that broke while the sandbox was frozen looks the
/// same.
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

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::{
        collector::metrics::v1::ExportMetricsServiceRequest,
        metrics::v1::{Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric::Data},
    };

    use super::{super::signal::Metrics, *};
    use crate::exporter::Unacknowledged;

    /// Keeps how many points each request had.
    #[derive(Debug, Default)]
    struct Kept(std::sync::Arc<Mutex<Vec<usize>>>);

    impl Unacknowledged<ExportMetricsServiceRequest> for Kept {
        fn at_most(&self) -> usize {
            usize::MAX
        }

        fn send(&self, request: ExportMetricsServiceRequest) -> usize {
            self.0.lock().push(Metrics::size(&request).count);
            0
        }
    }

    fn points(count: usize) -> ExportMetricsServiceRequest {
        let sum = Sum { data_points: vec![NumberDataPoint::default(); count], ..Sum::default() };
        let metrics = vec![Metric { data: Some(Data::Sum(sum)), ..Metric::default() }];
        let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
        ExportMetricsServiceRequest {
            resource_metrics: vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }],
        }
    }

    #[tokio::test]
    async fn the_oldest_points_go_where_there_are_too_many_and_are_counted() {
        let kept = Kept::default();
        let sent = kept.0.clone();
        let metrics = Metrics { in_log: None };
        let destination =
            ExportDestination::new("test", metrics, Wire::Unacknowledged(Box::new(kept)), TenantIds::Plain);
        destination.push((0..30).map(|_| points(300)));
        assert_eq!(destination.len(), 27 * 300, "9,000 are more than 8,192");
        let flushed = destination.flush(Duration::from_secs(1), &Pseudonyms::default(), &DenyList::default()).await;
        assert_eq!(flushed, Flushed { failure: None, dropped: 3 * 300 });
        assert_eq!(*sent.lock(), [300; 27], "two would be more than a request contents");
        destination.push([points(100), points(200), points(700), points(1)]);
        destination.flush(Duration::from_secs(1), &Pseudonyms::default(), &DenyList::default()).await;
        assert_eq!(sent.lock()[27..], [300, 700, 1], "one that is larger than a request should be goes alone");
    }
}
