//! How fast spans are taken, and over which time they are spread.

use std::{sync::Arc, time::Instant};

use anyhow::{Result, bail};
use parking_lot::Mutex;

use super::{
    HOUR_NS,
    generator::{Random, SPANS_PER_REQUEST, SPANS_PER_TRACE, request},
    server::{Server, Shipment, now_ns},
};
use crate::report::Part;

const DAY_NS: u64 = 24 * HOUR_NS;
/// The share of a month's spans that is at most a day old; the rest lies in the 29 days before.
const RECENT_SHARE: f64 = 0.7;
/// The id of one in this many traces is remembered, so that traces can be asked for by id.
const TRACES_PER_REMEMBERED_ID: u64 = 2_000;

/// The time that the spans are spread over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Period {
    /// 30 days, with most of the spans in the last one.
    Month,
    /// One hour.
    Hour,
}

impl std::str::FromStr for Period {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "30d" => Ok(Self::Month),
            "1h" => Ok(Self::Hour),
            _ => bail!("{text}: 30d or 1h"),
        }
    }
}

impl Period {
    /// How old a trace is, in nanoseconds, by its position among all: 0 is the oldest and 1 the newest.
    fn age(self, position: f64) -> u64 {
        let old = 1.0 - RECENT_SHARE;
        match self {
            Self::Hour => ((1.0 - position) * HOUR_NS as f64) as u64,
            Self::Month if position < old => DAY_NS + ((1.0 - position / old) * 29.0 * DAY_NS as f64) as u64,
            Self::Month => ((1.0 - position) / RECENT_SHARE * DAY_NS as f64) as u64,
        }
    }

    /// What the report calls searches: their bounds differ, since over one hour each search looks at all traces.
    pub(super) fn search(self) -> &'static str {
        match self {
            Self::Hour => "search_of_the_hour",
            Self::Month => "search",
        }
    }

    /// What the report calls pages.
    pub(super) fn pages(self) -> &'static str {
        match self {
            Self::Hour => "pages_of_the_hour",
            Self::Month => "pages",
        }
    }

    /// The window that is searched: an hour of a month, or everything where all was sent within one hour, which has grown older since.
    pub(super) fn window(self) -> &'static str {
        match self {
            Self::Hour => "3h",
            Self::Month => "1h",
        }
    }
}

/// How many spans are sent, spread over which time.
#[derive(Clone, Copy)]
pub(super) struct Load {
    pub(super) spans: u64,
    pub(super) period: Period,
}

/// Sends the spans, the oldest first, and adds the rates at which they were stored and summed. Returns some of their trace ids.
pub(super) async fn send(report: &mut Part<'_>, server: &Server, load: Load) -> Result<Vec<[u8; 16]>> {
    let now = now_ns()?;
    let traces_per_request = (SPANS_PER_REQUEST / SPANS_PER_TRACE) as u64;
    let per_request = traces_per_request * SPANS_PER_TRACE as u64;
    let requests = load.spans / per_request;
    let trace_ids = Arc::new(Mutex::new(Vec::new()));
    let remembered = trace_ids.clone();
    let begun = Instant::now();
    let make = move |number: u64| {
        let start = |trace: u64| {
            let position = (number as f64 + trace as f64 / traces_per_request as f64) / requests as f64;
            now - load.period.age(position)
        };
        let (body, ids) = request(&mut Random::new(number + 1), (0..traces_per_request).map(start));
        if number.is_multiple_of(TRACES_PER_REMEMBERED_ID / traces_per_request) {
            remembered.lock().extend(ids.first());
        }
        body
    };
    server.send_all("/v1/traces", Shipment { requests, per_request, what: "spans" }, make).await?;
    let sent = (requests * per_request) as f64;
    report.add("spans", sent);
    report.add("intake_spans_per_s", sent / begun.elapsed().as_secs_f64());
    server.sums_are_made().await?;
    report.add("sums_spans_per_s", sent / begun.elapsed().as_secs_f64());
    Ok(std::mem::take(&mut trace_ids.lock()))
}
