//! Bad traces against good ones, over every attribute of every span.

use std::collections::HashMap;

use control_plane_model::sample::StoredTrace;
use serde::{Deserialize, Serialize};

use crate::{
    failures::{FailureCounts, Failures},
    items::Items,
    ranking::{Ranked, Sides, ranked},
    read::{SentSpan, failure, own_times, spans},
};

/// The most steps that are listed.
const MAX_STEPS: usize = 5;
/// The most spans of a side that are compared.
const MAX_SPANS: usize = 300_000;

/// One of the two sides of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The traces that are asked about.
    Bad,
    /// The traces that the bad ones are compared with.
    Good,
}

/// Which parts of traces a comparison leaves out.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Leave out what began after a trace failed, where failed ones are set against good ones: it follows from that.
    pub until_failure: bool,
    /// Leave out attributes that begin so: the question itself has them in it.
    pub passed_over: Vec<String>,
}

/// What an operation took in itself, without what it waited for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// `service.name`
    pub service: String,
    /// The name of its spans.
    pub operation: String,
    /// The average time in a bad trace, in milliseconds.
    pub bad_ms: f64,
    /// The average time in a good trace, in milliseconds.
    pub good_ms: f64,
}

/// What two sides differ in.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Findings {
    /// Bad traces that were compared.
    #[serde(skip)]
    pub bad: usize,
    /// How many traces of the good side were compared.
    #[serde(skip)]
    pub good: usize,
    /// What they differ in.
    #[serde(flatten)]
    pub ranked: Ranked,
    /// Where bad traces spent more time, the most first.
    pub slower: Vec<Step>,
    /// The bad traces that failed, by how.
    pub failures: Failures,
    /// Whether there was more in these traces than is looked at: 2,000 spans of a trace, 300,000 of a side, 32 elements of
    /// a list, 200,000 different values.
    pub left_out: bool,
}

/// Two sides while traces are added to them.
pub struct Comparison {
    settings: Settings,
    items: Items,
    /// Whether each trace, by its number, is a bad one.
    is_bad: Vec<bool>,
    failures: FailureCounts,
    /// By operation: what bad traces took in it, and good ones, nanoseconds.
    times: HashMap<u32, [f64; 2]>,
    cut: bool,
    /// Spans of bad traces, and of good ones.
    spans: [usize; 2],
}

impl Comparison {
    /// A comparison without traces yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            items: Items::new(settings.passed_over.clone()),
            settings,
            is_bad: Vec::new(),
            failures: FailureCounts::default(),
            times: HashMap::new(),
            cut: false,
            spans: [0; 2],
        }
    }

    /// Whether a side has as many spans as are looked at: no more traces are added to it.
    pub fn is_full(&self, side: Side) -> bool {
        self.spans[side as usize] >= MAX_SPANS
    }

    /// Adds a trace to a side.
    pub fn add(&mut self, side: Side, trace: &StoredTrace) {
        let Ok(number) = u32::try_from(self.is_bad.len()) else { return };
        if self.is_full(side) {
            self.cut = true;
            return;
        }
        let (spans, more) = spans(&mut self.items, trace);
        self.cut |= more;
        self.spans[side as usize] += spans.len();
        self.is_bad.push(side == Side::Bad);
        let failure = failure(&spans);
        if let Some(failure) = failure.as_ref().filter(|_| side == Side::Bad) {
            self.failures.add(&self.items, trace.trace_id, failure.first);
        }
        let until = failure.filter(|_| self.settings.until_failure).map_or(u64::MAX, |failure| failure.until);
        let own_times = own_times(&spans);
        for (SentSpan { sender, span, failed }, own_time) in spans.iter().zip(own_times) {
            if let Some(operation) = self.items.operation(sender.service, span) {
                self.times.entry(operation).or_default()[side as usize] += own_time as f64;
            }
            if span.start_time_unix_nano <= until {
                self.items.count_sender(number, sender);
                self.items.count_span(number, sender.service, span, *failed);
            }
        }
    }

    /// What they differ in.
    pub fn findings(self) -> Findings {
        let sides = Sides::new(self.is_bad);
        let (bad, good) = sides.traces();
        let slower = slower(&self.items, &self.times, bad, good);
        Findings {
            bad,
            good,
            ranked: ranked(&self.items, &sides),
            slower,
            failures: self.failures.ranked(),
            left_out: self.cut || self.items.full,
        }
    }
}

/// Operations in which a bad trace spends half as much again as a good one, and a tenth more of all its time.
fn slower(items: &Items, times: &HashMap<u32, [f64; 2]>, bad: usize, good: usize) -> Vec<Step> {
    if bad == 0 || good == 0 {
        return Vec::new();
    }
    let each = |[of_bad, of_good]: [f64; 2]| (of_bad / bad as f64 / 1e6, of_good / good as f64 / 1e6);
    let whole: f64 = times.values().map(|times| each(*times).0).sum();
    let step = |(operation, times): (&u32, &[f64; 2])| {
        let (bad_ms, good_ms) = each(*times);
        let item = items.items.get(*operation as usize)?;
        let service = items.service_name(item.service).to_owned();
        let step = Step { service, operation: items.value(item).to_owned(), bad_ms, good_ms };
        (bad_ms > 1.5 * good_ms && bad_ms - good_ms > 0.1 * whole).then_some(step)
    };
    let mut steps: Vec<Step> = times.iter().filter_map(step).collect();
    let more = |step: &Step| step.bad_ms - step.good_ms;
    steps.sort_by(|a, b| more(b).total_cmp(&more(a)));
    steps.truncate(MAX_STEPS);
    steps
}
