//! Counts spans by the values of an attribute.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use control_plane_model::{
    otlp::{self, Flags, SentResource, StoredSpan, StoredValue, Value},
    sample::StoredTrace,
};
use prost::Message;
use slo::{Cell, Summary, row::cut};

use super::{Group, Groups, GroupsQuery, OPERATION, Order, Rest, SHOWN, SpanSet, Stretch};

/// Values that are told apart; what comes with others then is counted with the rest.
const MAX_VALUES: usize = 10_000;
/// Elements of a list that count.
const MAX_ELEMENTS: usize = 32;
/// Traces whose attributes are named, and how many names there may be.
const NAMED_TRACES: usize = 200;
const MAX_NAMES: usize = 500;
/// With fewer spans than this a percentile says nothing of a value's place.
const LEAST_SPANS: u64 = 20;
const NANOSECONDS: i64 = 1_000_000_000;

/// Requests, or calls, while they are counted.
#[derive(Debug, Default)]
struct Values {
    known: HashMap<Box<str>, Cells>,
    /// What came when there were too many values.
    beyond: Cells,
}

/// The counts of one value.
#[derive(Debug, Clone, Default)]
struct Cells {
    all: Cell,
    /// The counts of each stretch, by its number.
    stretches: BTreeMap<i64, Cell>,
}

impl Cells {
    fn add(&mut self, stretch: i64, one: &SpanCounts) {
        for cell in [&mut self.all, self.stretches.entry(stretch).or_default()] {
            cell.add(one.duration_ns, one.failed, Some(one.weight));
            cell.estimated += u64::from(one.estimated);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.all.merge(&other.all);
        for (stretch, cell) in &other.stretches {
            self.stretches.entry(*stretch).or_default().merge(cell);
        }
    }
}

/// What counts of one span.
struct SpanCounts {
    duration_ns: u64,
    failed: bool,
    weight: f64,
    estimated: bool,
}

/// A sender, as far as it matters here.
#[derive(Debug, Clone)]
struct Sender {
    facts: otlp::Resource,
    /// The span's values of the attribute.
    values: Arc<[Box<str>]>,
}

/// Counts spans by the values of an attribute.
#[derive(Debug)]
pub struct Grouping {
    asked: GroupsQuery,
    requests: Values,
    calls: Values,
    without: f64,
    estimated: bool,
    names: BTreeSet<String>,
    traces: usize,
    /// By the address of a resource, which is kept for as long as it is known by that.
    senders: HashMap<usize, (Arc<SentResource>, Sender)>,
}

impl Grouping {
    /// Makes a grouping in which nothing is counted yet.
    pub fn new(asked: GroupsQuery) -> Self {
        Self {
            asked,
            requests: Values::default(),
            calls: Values::default(),
            without: 0.0,
            estimated: false,
            names: BTreeSet::new(),
            traces: 0,
            senders: HashMap::new(),
        }
    }

    /// Counts the spans of a trace.
    pub fn add(&mut self, trace: &StoredTrace) {
        self.traces += 1;
        for part in &trace.parts {
            let sender = self.sender(&part.resource);
            if self.asked.service.as_deref().is_some_and(|service| *service != *sender.facts.service) {
                continue;
            }
            // What was stored can be read.
            for span in part.spans.iter().filter_map(|body| StoredSpan::decode(body.clone()).ok()) {
                self.count(&sender, &span);
            }
        }
    }

    fn sender(&mut self, resource: &Arc<SentResource>) -> Sender {
        let address = Arc::as_ptr(resource) as usize;
        if let Some((_, sender)) = self.senders.get(&address) {
            return sender.clone();
        }
        for attribute in &resource.attributes {
            self.name(&attribute.key);
        }
        let by = self.asked.by.as_str();
        let value = resource.attributes.iter().find(|it| it.key == by).and_then(|it| it.value.as_ref()?.value.as_ref());
        let said = value.and_then(otlp::scalar).filter(|text| !text.is_empty());
        let values: Arc<[Box<str>]> = said.map(|text| cut(&text).into()).into_iter().collect();
        let sender = Sender { facts: otlp::Resource::of(resource), values };
        self.senders.insert(address, (resource.clone(), sender.clone()));
        sender
    }

    fn name(&mut self, name: &str) {
        if self.names.len() < MAX_NAMES && !self.names.contains(name) {
            self.names.insert(cut(name).to_owned());
        }
    }

    fn count(&mut self, sender: &Sender, span: &StoredSpan) {
        if self.traces <= NAMED_TRACES {
            for attribute in &span.attributes {
                self.name(otlp::text(&attribute.key));
            }
        }
        let GroupsQuery { by, tenant, from_ns, to_ns, width, .. } = &self.asked;
        let start = i64::try_from(span.start_time_unix_nano).unwrap_or(i64::MAX);
        if !(*from_ns..*to_ns).contains(&start)
            || tenant.as_deref().is_some_and(|tenant| span.tenant(&sender.facts).as_deref() != Some(tenant))
        {
            return;
        }
        let own =
            if by == OPERATION { vec![cut(otlp::text(&span.name)).to_owned()] } else { texts(span.attribute(by)) };
        let stretch = (start - from_ns) / (width.max(&1) * NANOSECONDS);
        let is_request = span.is_request();
        if own.is_empty() && sender.values.is_empty() && !is_request {
            return;
        }
        let (weight, estimated) = span.adjusted_count();
        self.estimated |= estimated;
        let failed = span.flags().contains(Flags::FAULT);
        let one = SpanCounts { duration_ns: span.duration_ns(), failed, weight, estimated };
        let counted = if is_request { &mut self.requests } else { &mut self.calls };
        match (own.as_slice(), &*sender.values) {
            ([], []) => self.without += weight,
            ([], values) => values.iter().for_each(|value| counted.add(value, stretch, &one)),
            (own, _) => own.iter().for_each(|value| counted.add(value, stretch, &one)),
        }
    }

    /// What was counted, of which only each `1 / scale` was looked at. Values stand beside what they were `before`.
    pub fn groups(self, order: Order, scale: f64, before: Option<(Self, f64)>) -> Groups {
        let is_estimate = |of: &Self, scale: f64| scale > 1.0 || of.estimated;
        let estimated = is_estimate(&self, scale);
        let before_estimated = before.as_ref().is_some_and(|(before, scale)| is_estimate(before, *scale));
        let counted = if self.requests.known.is_empty() && !self.calls.known.is_empty() {
            SpanSet::Calls
        } else {
            SpanSet::Requests
        };
        let (values, without) = match counted {
            SpanSet::Requests => (self.requests, self.without * scale),
            SpanSet::Calls => (self.calls, 0.0),
        };
        let mut before = before.map(|(before, scale)| match counted {
            SpanSet::Requests => (before.requests, scale),
            SpanSet::Calls => (before.calls, scale),
        });
        let mut sorted: Vec<(Box<str>, Cells)> = values.known.into_iter().collect();
        let rank = |cells: &Cells| match order {
            Order::Most => cells.all.weight,
            Order::Failing => cells.all.weighted_failed,
            Order::Slowest if cells.all.requests < LEAST_SPANS => 0.0,
            Order::Slowest => cells.all.histogram.quantile(0.99).unwrap_or_default(),
        };
        // Those that are alike by number, then by name: the same in every engine.
        sorted.sort_by(|(a, of_a), (b, of_b)| {
            let ranks = rank(of_b).total_cmp(&rank(of_a));
            ranks.then(of_b.all.weight.total_cmp(&of_a.all.weight)).then(a.cmp(b))
        });
        let others = sorted.split_off(sorted.len().min(SHOWN));
        let mut shown = Vec::with_capacity(sorted.len());
        for (value, cells) in sorted {
            let earlier = |(values, scale): &mut (Values, f64)| {
                scaled(&values.known.remove(&value).unwrap_or_default().all, *scale)
            };
            shown.push(Group {
                summary: scaled(&cells.all, scale),
                before: before.as_mut().map(earlier),
                points: points(&cells, &self.asked, scale),
                value: value.into(),
            });
        }
        let mut rest = values.beyond;
        others.iter().for_each(|(_, cells)| rest.merge(cells));
        let rest = (rest.all.requests > 0).then(|| Rest {
            values: others.len(),
            summary: scaled(&rest.all, scale),
            before: before.map(|(values, scale)| {
                let mut all = values.beyond;
                values.known.values().for_each(|cells| all.merge(cells));
                scaled(&all.all, scale)
            }),
            points: points(&rest, &self.asked, scale),
        });
        Groups {
            counted,
            values: shown,
            rest,
            without,
            estimated,
            before_estimated,
            attributes: self.names.into_iter().collect(),
        }
    }
}

impl Values {
    fn add(&mut self, value: &str, stretch: i64, one: &SpanCounts) {
        if let Some(cells) = self.known.get_mut(value) {
            cells.add(stretch, one);
        } else if self.known.len() < MAX_VALUES {
            self.known.entry(value.into()).or_default().add(stretch, one);
        } else {
            self.beyond.add(stretch, one);
        }
    }
}

/// What an attribute says, as texts: of a list each element once.
fn texts(value: Option<&StoredValue>) -> Vec<String> {
    let text = |value: &StoredValue| {
        let text = cut(&value.scalar()?).to_owned();
        Some(text).filter(|text| !text.is_empty())
    };
    match value {
        Some(StoredValue { value: Some(Value::List(list)) }) => {
            let mut seen = HashSet::new();
            let elements = list.values.iter().take(MAX_ELEMENTS).filter_map(text);
            elements.filter(|text| seen.insert(text.clone())).collect()
        }
        Some(value) => text(value).into_iter().collect(),
        None => Vec::new(),
    }
}

fn scaled(cell: &Cell, scale: f64) -> Summary {
    let summary = Summary::of(cell);
    Summary { weight: summary.weight * scale, ..summary }
}

fn points(cells: &Cells, asked: &GroupsQuery, scale: f64) -> Vec<Stretch> {
    let (from, to) = (asked.from_ns / NANOSECONDS, asked.to_ns.div_euclid(NANOSECONDS));
    let stretch = |(number, cell): (&i64, &Cell)| {
        let start = from + number * asked.width;
        Stretch { start, seconds: asked.width.min(to - start).max(1), summary: scaled(cell, scale) }
    };
    cells.stretches.iter().map(stretch).collect()
}
