//! A rule's budget. With a quota from X-Ray, it keeps that many traces a second. Without one, it borrows a single trace a second, if the rule has a
//! reservoir at all. Beyond that, the rule's fixed rate decides.

use std::time::{Duration, Instant};

use opentelemetry::trace::TraceId;

use crate::{
    per_second::PerSecond,
    protocol::{Rule, Target},
    threshold::Threshold,
};

/// How a decision was made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum By {
    /// The trace is within the quota that X-Ray gave. It is not known for how many traces it stands.
    Reservoir,
    /// The trace was borrowed, since there is no quota. It is not known for how many traces it stands.
    Borrowed,
    /// The rule's fixed rate decides, with this probability.
    FixedRate(f64),
}

/// Budget and counts of one rule.
#[derive(Debug)]
pub(crate) struct Reservoir {
    size: u32,
    rate: f64,
    quota: Option<(u32, Instant)>,
    taken: PerSecond,
    pub(crate) requests: u64,
    pub(crate) sampled: u64,
    pub(crate) borrowed: u64,
    /// When X-Ray wants the next report.
    pub(crate) report_at: Instant,
}

impl Reservoir {
    pub(crate) fn new(rule: &Rule, report_at: Instant) -> Self {
        Self {
            size: rule.reservoir_size,
            rate: rule.fixed_rate,
            quota: None,
            taken: PerSecond::default(),
            requests: 0,
            sampled: 0,
            borrowed: 0,
            report_at,
        }
    }

    pub(crate) fn decide(&mut self, trace_id: TraceId, now: Instant) -> (bool, By) {
        self.requests += 1;
        let quota = self.quota.filter(|(_, until)| now < *until).map(|(quota, _)| quota);
        let (allowed, by) = match quota {
            Some(quota) => (quota, By::Reservoir),
            None => (self.size.min(1), By::Borrowed),
        };
        let (sampled, by) = if self.taken.take(allowed, now) {
            self.borrowed += u64::from(by == By::Borrowed);
            (true, by)
        } else {
            (Threshold::of(self.rate).admits(trace_id), By::FixedRate(self.rate))
        };
        self.sampled += u64::from(sampled);
        (sampled, by)
    }

    /// Takes over X-Ray's target. `wall` is the current epoch time.
    pub(crate) fn aim(&mut self, target: &Target, now: Instant, wall: Duration) {
        if let Some(rate) = target.fixed_rate {
            self.rate = rate;
        }
        if let (Some(quota), Some(until)) = (target.reservoir_quota, target.reservoir_quota_ttl) {
            let left = until - wall.as_secs_f64();
            let left = Duration::try_from_secs_f64(left.clamp(0.0, 86_400.0)).unwrap_or_default();
            self.quota = Some((quota, now + left));
        }
        self.report_at = now + Duration::from_secs(target.interval.unwrap_or(10).clamp(1, 3_600));
    }

    /// Keeps budget and counts of a rule that was changed.
    pub(crate) fn follow(&mut self, rule: &Rule) {
        self.size = rule.reservoir_size;
        self.rate = rule.fixed_rate;
    }
}
