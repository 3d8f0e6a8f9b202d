//! A simulation, in which no AWS takes part: how long messages wait in the queue between the accounts while one tenant sends twice as many as
//! the consumers can take. It follows what the developer guide says of fair queues
//! (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html>):
//!
//! - a tenant is noisy with more than a tenth of all messages in flight and at least 30 of its own, until its backlog is gone;
//! - messages of others go first, the oldest of them before the others; of noisy tenants, the one with the fewest in flight goes first;
//! - a message without a group is a tenant of its own, so that the oldest goes first.
//!
//! What the guide leaves open is left out, which makes the simulated queue less fair than it may be: a tenant is also noisy by its recent share
//! of processing time, whose length is not said. That all this is approximate on AWS, it says too.

use std::collections::VecDeque;

use crate::report::{Report, quantile};

/// The share of all messages in flight, in percent, from which on a tenant is noisy.
const NOISY_SHARE: usize = 10;
const NOISY_IN_FLIGHT: usize = 30;

/// The event source mapping of `infra/mileage/template.yaml`.
const BATCH: usize = 10;
const INVOCATIONS: usize = 10;
/// What an invocation takes, however many messages it has: so that a thousand messages a second can be taken.
const INVOCATION_MS: u64 = 100;

const QUIET: usize = 9;
const QUIET_EVERY_MS: u64 = 200;
/// What the noisy tenant sends in a millisecond, and for how long.
const NOISY_PER_MS: usize = 2;
const NOISY_MS: u64 = 30_000;
/// The end of the simulation, by which the backlog is gone.
const ENDS_MS: u64 = 90_000;

/// Simulates and adds it.
pub(super) fn add(report: &mut Report) {
    for (name, grouped) in [("queue_simulation", true), ("queue_simulation.without_groups", false)] {
        let waited = simulate(grouped);
        let quiet: Vec<f64> = waited.iter().skip(1).flatten().copied().collect();
        report.add(format!("{name}.quiet_wait_p99_ms"), quantile(&quiet, 0.99));
        let noisy = waited.first().map(Vec::as_slice).unwrap_or_default();
        report.add(format!("{name}.noisy_wait_p99_ms"), quantile(noisy, 0.99));
    }
}

/// How long the messages of each tenant waited, in milliseconds; the first tenant is the noisy one.
fn simulate(grouped: bool) -> Vec<Vec<f64>> {
    let mut queue = Queue::new(1 + QUIET, grouped);
    let mut waited = vec![Vec::new(); 1 + QUIET];
    let mut invocations: Vec<(u64, Vec<usize>)> = Vec::new();
    for now in 0..ENDS_MS {
        for tenant in (1..=QUIET).filter(|tenant| now % QUIET_EVERY_MS == 20 * *tenant as u64) {
            queue.send(tenant, now);
        }
        for _ in 0..if now < NOISY_MS { NOISY_PER_MS } else { 0 } {
            queue.send(0, now);
        }
        for (_, batch) in invocations.extract_if(.., |(ends, _)| *ends <= now) {
            batch.into_iter().for_each(|tenant| queue.delete(tenant));
        }
        while invocations.len() < INVOCATIONS {
            let batch: Vec<_> = std::iter::from_fn(|| queue.receive()).take(BATCH).collect();
            if batch.is_empty() {
                break;
            }
            for (tenant, sent) in &batch {
                if let Some(waited) = waited.get_mut(*tenant) {
                    waited.push((now - sent) as f64);
                }
            }
            invocations.push((now + INVOCATION_MS, batch.into_iter().map(|(tenant, _)| tenant).collect()));
        }
    }
    waited
}

#[derive(Debug, Clone, Default)]
struct Tenant {
    /// When each was sent.
    waiting: VecDeque<u64>,
    in_flight: usize,
    noisy: bool,
}

/// A standard queue.
#[derive(Debug)]
struct Queue {
    tenants: Vec<Tenant>,
    /// Whether messages name their tenants, as `MessageGroupId`.
    grouped: bool,
}

impl Queue {
    fn new(tenants: usize, grouped: bool) -> Self {
        Self { tenants: vec![Tenant::default(); tenants], grouped }
    }

    fn send(&mut self, tenant: usize, now: u64) {
        if let Some(tenant) = self.tenants.get_mut(tenant) {
            tenant.waiting.push_back(now);
        }
    }

    /// The tenant of the message that a consumer gets next, and when it was sent.
    fn receive(&mut self) -> Option<(usize, u64)> {
        self.judge();
        let waiting = self.tenants.iter_mut().enumerate().filter(|(_, tenant)| !tenant.waiting.is_empty());
        let (index, tenant) = waiting.min_by_key(|(_, tenant)| {
            let in_flight = if tenant.noisy { tenant.in_flight } else { 0 };
            (tenant.noisy, in_flight, tenant.waiting.front().copied())
        })?;
        tenant.in_flight += 1;
        Some((index, tenant.waiting.pop_front()?))
    }

    fn delete(&mut self, tenant: usize) {
        if let Some(tenant) = self.tenants.get_mut(tenant) {
            tenant.in_flight -= 1;
        }
    }

    /// Decides which tenants are noisy.
    fn judge(&mut self) {
        let all: usize = self.tenants.iter().map(|tenant| tenant.in_flight).sum();
        for tenant in self.tenants.iter_mut().filter(|_| self.grouped) {
            let many = tenant.in_flight >= NOISY_IN_FLIGHT && 100 * tenant.in_flight > NOISY_SHARE * all;
            tenant.noisy = many || tenant.noisy && !tenant.waiting.is_empty();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A queue with so many messages in flight of each tenant, and one more of each waiting, the first tenant's longest.
    fn queue(in_flight: &[usize], grouped: bool) -> Queue {
        let mut queue = Queue::new(in_flight.len(), grouped);
        for (tenant, count) in in_flight.iter().enumerate() {
            queue.tenants[tenant].in_flight = *count;
            queue.send(tenant, tenant as u64);
        }
        queue
    }

    fn order(mut queue: Queue) -> Vec<usize> {
        std::iter::from_fn(|| queue.receive()).map(|(tenant, _)| tenant).collect()
    }

    #[test]
    fn who_has_a_tenth_and_thirty_in_flight_waits_for_the_others() {
        assert_eq!(order(queue(&[30, 1], true)), [1, 0]);
        // Too few of its own, or too small a share.
        assert_eq!(order(queue(&[29, 1], true)), [0, 1]);
        assert_eq!(order(queue(&[30, 15, 15, 29, 29, 29, 29, 29, 29, 29, 29, 29], true))[0], 0);
        assert_eq!(order(queue(&[30, 1], false)), [0, 1]);
    }

    #[test]
    fn of_noisy_tenants_the_one_with_the_fewest_in_flight_is_next() {
        assert_eq!(order(queue(&[50, 40, 1], true)), [2, 1, 0]);
    }

    #[test]
    fn with_groups_the_quiet_wait_for_an_invocation_and_without_them_for_the_backlog() {
        let longest = |waited: &[Vec<f64>]| waited.iter().skip(1).flatten().copied().fold(0.0, f64::max);
        let (with, without) = (simulate(true), simulate(false));
        assert!(longest(&with) <= 2.0 * INVOCATION_MS as f64, "{}", longest(&with));
        assert!(longest(&without) > 10_000.0, "{}", longest(&without));
        let counted = |waited: &[Vec<f64>]| waited.iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(counted(&with), counted(&without));
        assert_eq!(with[0].len(), NOISY_PER_MS * NOISY_MS as usize);
    }
}
