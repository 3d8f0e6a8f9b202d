//! Searching: what is asked for, and which traces of a window match.

use std::{cmp::Reverse, collections::BinaryHeap};

use serde::{Deserialize, Serialize};
use slo::{
    Histogram,
    histogram::{lower_bound, upper_bound},
};

use crate::{
    catalog::Catalog,
    otlp::Flags,
    search::{Expression, Names, Outline},
    trace::{Summary, TraceId},
};

/// Traces looked at in one search; a search that stops there says so.
pub const MAX_SCANNED: usize = 1_000_000;

/// What is searched for.
#[derive(Debug, Clone)]
pub struct Search {
    /// Traces that began at or after this, nanoseconds since 1970.
    pub from_ns: i64,
    /// And before this.
    pub to_ns: i64,
    /// What they must match; all do if there is none.
    pub expression: Option<Expression>,
    /// The slowest first, or the newest.
    pub slowest_first: bool,
    /// How many are listed.
    pub limit: usize,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// The first of them in the order asked for.
    pub traces: Vec<Summary>,
    /// How many match.
    pub matched: usize,
    /// How many were looked at.
    pub scanned: usize,
    /// Whether there were more to look at than a search may.
    pub truncated: bool,
    /// How long the matching ones took.
    pub latency: Vec<LatencyBin>,
}

/// How many traces took how long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatencyBin {
    /// From this many milliseconds.
    pub from_ms: f64,
    /// To this many.
    pub to_ms: f64,
    /// Traces.
    pub count: f64,
}

/// What a search has found so far. `I` is what an engine knows a trace by.
#[derive(Debug)]
pub struct Tally<I> {
    slowest_first: bool,
    limit: usize,
    /// The first in order, rank and trace; the last of them on top.
    best: BinaryHeap<Reverse<(i64, I)>>,
    matched: usize,
    scanned: usize,
    truncated: bool,
    histogram: Histogram,
}

impl<I: Ord> Tally<I> {
    /// Of nothing yet.
    pub fn new(search: &Search) -> Self {
        Self {
            slowest_first: search.slowest_first,
            limit: search.limit,
            best: BinaryHeap::new(),
            matched: 0,
            scanned: 0,
            truncated: false,
            histogram: Histogram::new(),
        }
    }

    /// Whether one more trace may be looked at.
    pub fn looks(&mut self) -> bool {
        self.truncated = self.scanned == MAX_SCANNED;
        self.scanned += usize::from(!self.truncated);
        !self.truncated
    }

    /// A trace that matches.
    pub fn add(&mut self, start_ns: i64, duration_ns: i64, trace: I) {
        self.matched += 1;
        self.histogram.add(u64::try_from(duration_ns).unwrap_or_default(), 1.0);
        self.best.push(Reverse((if self.slowest_first { duration_ns } else { start_ns }, trace)));
        if self.best.len() > self.limit {
            self.best.pop();
        }
    }

    /// The traces that will be listed, if no other comes.
    pub fn listed(&self) -> impl Iterator<Item = &I> {
        self.best.iter().map(|Reverse((_, trace))| trace)
    }

    /// The answer; `summary` makes a line of what is listed.
    pub fn found<E>(self, mut summary: impl FnMut(I) -> Result<Summary, E>) -> Result<Found, E> {
        let listed = self.best.into_sorted_vec().into_iter().map(|Reverse((_, trace))| summary(trace));
        let latency = self.histogram.bins().iter().map(|(bin, count)| LatencyBin {
            from_ms: lower_bound(*bin) / 1e6,
            to_ms: upper_bound(*bin) / 1e6,
            count: *count,
        });
        Ok(Found {
            latency: latency.collect(),
            traces: listed.collect::<Result<_, _>>()?,
            matched: self.matched,
            scanned: self.scanned,
            truncated: self.truncated,
        })
    }
}

/// The row of a trace.
#[derive(Debug, Clone, Copy)]
pub struct Listed {
    /// Its id.
    pub trace_id: TraceId,
    /// When its first span began, nanoseconds since 1970.
    pub start_ns: i64,
    /// When its last span ended, nanoseconds since 1970.
    pub end_ns: i64,
    /// How many spans it has.
    pub spans: usize,
    /// How they went.
    pub flags: Flags,
}

impl Listed {
    /// The line of a list.
    pub fn summary(&self, outline: &Outline, catalog: &Catalog) -> Summary {
        let sorted = |mut list: Vec<String>| {
            list.sort();
            list.dedup();
            list
        };
        let nodes: Vec<_> = outline.services.iter().map(|service| catalog.node(service.node)).collect();
        let accounts = nodes.iter().map(|node| node.account.clone()).filter(|account| !account.is_empty());
        Summary {
            trace_id: self.trace_id,
            xray_trace_id: self.trace_id.xray(),
            root: catalog.name(outline.root).to_owned(),
            root_service: catalog.node(outline.root_service).name,
            accounts: sorted(accounts.collect()),
            services: sorted(nodes.into_iter().map(|node| node.name).collect()),
            tenants: sorted(outline.tenants.iter().map(|tenant| catalog.name(*tenant).to_owned()).collect()),
            spans: self.spans,
            fault: self.flags.contains(Flags::FAULT),
            error: self.flags.contains(Flags::ERROR),
            throttle: self.flags.contains(Flags::THROTTLE),
            start_unix_ns: self.start_ns,
            duration_ns: self.end_ns.saturating_sub(self.start_ns),
        }
    }
}
