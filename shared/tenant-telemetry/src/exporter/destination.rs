//! A destination and what it has not acknowledged.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use tenancy::TenantIds;

use super::{
    Wire,
    otlp::{Acknowledged, NotDelivered, Otlp},
    signal::Signal,
};
use crate::privacy::{DenyList, Policy, Pseudonyms};

/// How long to leave a failing receiver alone at first, and at most.
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

/// One receiver of a signal.
#[derive(Debug)]
pub(crate) struct Destination<S: Signal> {
    /// Its name in `OTEL_<signal>_EXPORTER`.
    pub(crate) name: &'static str,
    /// How tenants are named to it.
    tenant_ids: TenantIds,
    signal: S,
    wire: Wire<S::Request>,
    waiting: Mutex<Waiting<S::Item>>,
    /// Held while delivering: one delivery at a time keeps the order and the connection.
    delivery: tokio::sync::Mutex<Delivery>,
}

#[derive(Debug)]
struct Waiting<T> {
    items: VecDeque<T>,
    /// Spans, points or log records in all of them.
    count: usize,
    dropped: u64,
}

#[derive(Debug, Default)]
struct Delivery {
    /// Encoded and sent, but not acknowledged, and how much there is in it. It is sent again as it is: who took it without our hearing of
    /// it can know it again.
    unacknowledged: Option<(Bytes, usize)>,
    failures: u32,
    not_before: Option<Instant>,
}

/// What a flush came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Flushed {
    /// Why something is still waiting.
    pub(crate) failure: Option<String>,
    /// What was given up since the last flush.
    pub(crate) dropped: u64,
}

impl<S: Signal> Destination<S> {
    pub(super) fn new(name: &'static str, signal: S, wire: Wire<S::Request>, tenant_ids: TenantIds) -> Self {
        let waiting = Mutex::new(Waiting { items: VecDeque::new(), count: 0, dropped: 0 });
        Self { name, tenant_ids, signal, wire, waiting, delivery: tokio::sync::Mutex::default() }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting<S::Item>> {
        self.waiting.lock()
    }

    /// Takes items over. The oldest are dropped if there are too many.
    pub(crate) fn push(&self, items: impl IntoIterator<Item = S::Item>) {
        let mut waiting = self.waiting();
        for item in items {
            waiting.count += S::count(&item);
            waiting.items.push_back(item);
        }
        while waiting.count > S::MAX_WAITING
            && let Some(oldest) = waiting.items.pop_front()
        {
            waiting.count -= S::count(&oldest);
            waiting.dropped += S::count(&oldest) as u64;
        }
    }

    /// How many spans, points or log records wait to be encoded.
    pub(crate) fn len(&self) -> usize {
        self.waiting().count
    }

    /// Sends what waits until all is acknowledged, the receiver fails, or time is up. Whatever is not acknowledged stays.
    pub(crate) async fn flush(&self, within: Duration, pseudonyms: &Pseudonyms, denied: &DenyList) -> Flushed {
        let policy = Policy { ids: self.tenant_ids, pseudonyms, denied };
        let sent = tokio::time::timeout(within, self.send_all(policy)).await;
        let failure = sent.unwrap_or_else(|_| Err(format!("not within {} ms", within.as_millis()))).err();
        Flushed { failure, dropped: std::mem::take(&mut self.waiting().dropped) }
    }

    async fn send_all(&self, policy: Policy<'_>) -> Result<(), String> {
        let mut delivery = self.delivery.lock().await;
        if delivery.not_before.is_some_and(|not_before| Instant::now() < not_before) {
            return Ok(());
        }
        loop {
            if delivery.unacknowledged.is_none() {
                let Some((request, count)) = self.next_request(policy) else { return Ok(()) };
                match &self.wire {
                    Wire::Unacknowledged(wire) => {
                        self.drop_some(wire.send(request));
                        continue;
                    }
                    Wire::Otlp(otlp) => match otlp.encode(&request) {
                        Ok(body) => delivery.unacknowledged = Some((body, count)),
                        Err(reason) => {
                            self.drop_some(count);
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

    /// The oldest items in a request, each with its tenant on it as this destination may know them, and how much there is in it.
    fn next_request(&self, policy: Policy<'_>) -> Option<(S::Request, usize)> {
        let most = self.wire.at_most().min(S::MAX_PER_REQUEST);
        let (mut batch, mut count) = (Vec::new(), 0);
        let dropped = {
            let mut waiting = self.waiting();
            while let Some(next) = waiting.items.front().map(S::count).filter(|next| count == 0 || count + next <= most)
            {
                count += next;
                waiting.count -= next;
                batch.extend(waiting.items.pop_front());
            }
            waiting.dropped
        };
        (!batch.is_empty()).then(|| (self.signal.request(batch, policy, dropped), count))
    }

    async fn deliver(&self, otlp: &Otlp, delivery: &mut Delivery) -> Result<(), String> {
        let Some((body, count)) = &delivery.unacknowledged else { return Ok(()) };
        let mut outcome = otlp.deliver(body).await;
        if matches!(outcome, Err(NotDelivered::Broken(_))) {
            // A connection from before a freeze is dead; a new one costs little.
            outcome = otlp.deliver(body).await;
        }
        let count = *count;
        match outcome {
            Ok(Acknowledged { rejected }) => {
                *delivery = Delivery::default();
                self.drop_some(usize::try_from(rejected).unwrap_or(usize::MAX).min(count));
                Ok(())
            }
            Err(NotDelivered::Refused(reason)) => {
                *delivery = Delivery::default();
                self.drop_some(count);
                Err(reason)
            }
            Err(NotDelivered::Broken(reason)) => Err(back_off(delivery, None, reason)),
            Err(NotDelivered::Later(reason, after)) => Err(back_off(delivery, after, reason)),
        }
    }

    fn drop_some(&self, count: usize) {
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
            self.0.lock().push(Metrics::count(&request));
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
        let destination = Destination::new("test", metrics, Wire::Unacknowledged(Box::new(kept)), TenantIds::Plain);
        destination.push((0..30).map(|_| points(300)));
        assert_eq!(destination.len(), 27 * 300, "9,000 are more than 8,192");
        let flushed = destination.flush(Duration::from_secs(1), &Pseudonyms::default(), &DenyList::default()).await;
        assert_eq!(flushed, Flushed { failure: None, dropped: 3 * 300 });
        assert_eq!(*sent.lock(), [300; 27], "two would be more than a request holds");
        destination.push([points(100), points(200), points(700), points(1)]);
        destination.flush(Duration::from_secs(1), &Pseudonyms::default(), &DenyList::default()).await;
        assert_eq!(sent.lock()[27..], [300, 700, 1], "one that is larger than a request should be goes alone");
    }
}
