//! Requests by the values of any attribute.

use axum::Json;
use control_plane_analysis::groups::{Grouping, Groups, GroupsQuery, Order};
use control_plane_model::{
    lookup::Lookup,
    sample::{Sample, SampleQuery},
    search::Expression,
    store::{Scope, SpanStore},
};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};

use super::{Answer, Conditions, Query, View, query::one_of};
use crate::{
    problem::{Problem, off_thread},
    window::{Window, WindowQuery},
};

/// Traces that are looked at: a window with more is sampled.
const TRACES: usize = 5_000;
/// How many traces are read for the names of attributes, if the query names no attribute.
const NAMED: usize = 200;
/// The most stretches of a window.
const MAX_STRETCHES: i64 = 60;
const NANOSECONDS: i64 = 1_000_000_000;
/// What `order` may be.
pub(crate) const ORDERS: [&str; 3] = ["most", "failing", "slowest"];
/// What `before` may be.
const BEFORE: [&str; 2] = ["window", "day"];

/// What is grouped by what.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct GroupFilter {
    /// The attribute.
    pub(crate) by: Option<String>,
    /// A filter expression: only spans of traces that match.
    pub(crate) filter: Option<String>,
    pub(crate) tenant: Option<String>,
    pub(crate) service: Option<String>,
    pub(crate) order: Option<String>,
    /// Whether it is compared with the window before, or with the same time on the day before.
    pub(crate) before: Option<String>,
    #[serde(flatten)]
    pub(crate) window: WindowQuery,
}

/// Requests, or calls, by the values of an attribute.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GroupsAnswer {
    /// The attribute.
    pub by: String,
    /// The window, Unix seconds.
    pub from: i64,
    /// The end of the window, in Unix seconds.
    pub to: i64,
    /// How long each stretch of it is, in seconds; the first begins with the window.
    pub width: i64,
    /// The window that it is compared with, which is as long, Unix seconds.
    pub before_from: i64,
    /// How many traces match.
    pub matched: usize,
    /// How many of them were looked at: where there are more, numbers are estimates.
    pub taken: usize,
    /// Whether there were more traces in the window than a search looks at.
    pub truncated: bool,
    /// Whether there were in the window that it is compared with.
    pub before_truncated: bool,
    /// What spans were read for to find the traces, where the filter names attributes that no index has.
    pub lookup: Option<Lookup>,
    /// What was counted.
    #[serde(flatten)]
    pub groups: Groups,
}

impl GroupFilter {
    /// What traces must match.
    pub(crate) fn conditions(&self) -> Conditions {
        let Self { filter, tenant, service, .. } = self.clone();
        Conditions { filter, tenant, service, ..Conditions::default() }
    }

    fn order(&self) -> Result<Order, Problem> {
        Ok(match one_of("order", &self.order, &ORDERS)? {
            Some("failing") => Order::Failing,
            Some("slowest") => Order::Slowest,
            _ => Order::Most,
        })
    }

    fn earlier(&self, window: Window) -> Result<Window, Problem> {
        Ok(match one_of("before", &self.before, &BEFORE)? {
            Some("day") => {
                let day = 86_400 * NANOSECONDS;
                Window { from_ns: window.from_ns.saturating_sub(day), to_ns: window.to_ns.saturating_sub(day) }
            }
            _ => window.moved(-1.0),
        })
    }
}

/// `GET /api/groups`
pub(super) async fn groups(view: View, Query(filter): Query<GroupFilter>) -> Answer<GroupsAnswer> {
    if filter.by.is_none() {
        return Err(Problem::bad_request("by: name the attribute to group by"));
    }
    view.groups(&filter).await.map(Json)
}

/// What spans say of an attribute in a window, beside the one before. Without an attribute only the names of those that there are.
pub(super) async fn over(
    spans: &dyn SpanStore,
    scope: &Scope,
    filter: &GroupFilter,
    window: Window,
) -> Result<GroupsAnswer, Problem> {
    let (order, earlier) = (filter.order()?, filter.earlier(window)?);
    let expression = filter.conditions().expression()?.map(|text| text.parse::<Expression>()).transpose()?;
    let width = width(window);
    let count = |window: Window, limit| {
        let Window { from_ns, to_ns } = window;
        let GroupFilter { by, tenant, service, .. } = filter.clone();
        let asked = GroupsQuery { by: by.unwrap_or_default(), tenant, service, from_ns, to_ns, width };
        count(spans, scope, asked, SampleQuery { from_ns, to_ns, expression: expression.clone(), limit })
    };
    let (now, before) = match filter.by {
        Some(_) => tokio::try_join!(count(window, TRACES), count(earlier, TRACES))?,
        None => (count(window, NAMED).await?, count(earlier, 0).await?),
    };
    let (from, to) = window.seconds();
    Ok(GroupsAnswer {
        by: filter.by.clone().unwrap_or_default(),
        from,
        to,
        width,
        before_from: earlier.seconds().0,
        matched: now.matched,
        taken: now.taken,
        truncated: now.truncated,
        before_truncated: before.truncated,
        lookup: now.lookup,
        groups: now.grouping.groups(order, scale(now.matched, now.taken), {
            let scale = scale(before.matched, before.taken);
            Some((before.grouping, scale))
        }),
    })
}

/// Spans of a window that were counted.
struct CountedSpans {
    grouping: Grouping,
    matched: usize,
    taken: usize,
    truncated: bool,
    lookup: Option<Lookup>,
}

async fn count(
    spans: &dyn SpanStore,
    scope: &Scope,
    asked: GroupsQuery,
    query: SampleQuery,
) -> Result<CountedSpans, Problem> {
    let mut grouping = Grouping::new(asked);
    if query.limit == 0 {
        return Ok(CountedSpans { grouping, matched: 0, taken: 0, truncated: false, lookup: None });
    }
    let Sample { matched, truncated, lookup, mut traces } = spans.sample(scope, query).await?;
    let mut taken = 0;
    while let Some(batch) = traces.next().await {
        let batch = batch?;
        taken += batch.len();
        // Reading spans is work: others' requests go on meanwhile.
        grouping = off_thread(move || {
            batch.iter().for_each(|trace| grouping.add(trace));
            grouping
        })
        .await?;
    }
    Ok(CountedSpans { grouping, matched, taken, truncated, lookup })
}

/// How many traces each that was taken stands for.
fn scale(matched: usize, taken: usize) -> f64 {
    if taken == 0 { 1.0 } else { matched.max(taken) as f64 / taken as f64 }
}

/// Round stretches, of which there are not too many.
fn width(window: Window) -> i64 {
    const ROUND: [i64; 13] = [1, 5, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200];
    let length = window.to_ns.saturating_sub(window.from_ns) / NANOSECONDS;
    let few = |width: &i64| length / width <= MAX_STRETCHES;
    ROUND.into_iter().find(few).unwrap_or_else(|| (length / MAX_STRETCHES / 86_400 + 1) * 86_400)
}
