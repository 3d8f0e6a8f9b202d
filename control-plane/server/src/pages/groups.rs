//! `GET /groups`: requests by the values of any attribute, beside the window before.

use axum::response::Response;
use control_plane_analysis::groups::{Group, SpanSet, Stretch, is_much_slower};
use control_plane_model::{search::attribute, store::Facets};
use maud::{Markup, Render, html};
use slo::Summary;

use super::{
    chart::{self, Axis, Chart, Line, Unit},
    frame::{Table, answer, choice, empty, moment, window},
    investigations,
};
use crate::{
    api::{Conditions, GroupFilter, GroupsAnswer, ORDERS, Query, TraceFilter, View},
    layout::Tab,
    problem::Problem,
    text::{count, duration, known, link, looked_up, percent, rate},
};

const TITLE: &str = "Group by";
/// What one would begin with.
const SUGGESTED: [&str; 5] =
    ["span.name", "db.collection.name", "aws.dynamodb.table_names", "service.version", "error.type"];
const NANOSECONDS: i64 = 1_000_000_000;

pub(super) async fn page(view: View, query: Result<Query<GroupFilter>, Problem>) -> Response {
    let content = async {
        let Query(filter) = query?;
        let (found, facets) = tokio::try_join!(view.groups(&filter), view.facets())?;
        let below = if filter.by.is_some() { results(&filter, &found) } else { begin(&filter) };
        Ok(html! { (form(&view, &filter, &found, &facets)) (below) (investigations::save(&view)) })
    };
    answer(&view, TITLE, Tab::Groups, content).await
}

fn form(view: &View, filter: &GroupFilter, found: &GroupsAnswer, facets: &Facets) -> Markup {
    let orders = ORDERS.into_iter().zip(["the most frequent", "those that fail the most", "the slowest"]);
    html! {
        form.filters method="get" action="/groups" aria-label="Group requests" {
            label { "Attribute"
                input name="by" list="attributes" value=[&filter.by] size="28" required autocomplete="off" spellcheck="false" placeholder="db.collection.name";
            }
            datalist #attributes { @for name in &found.groups.attributes { option value=(name) {} } }
            (choice("tenant", "Tenant", &facets.tenants, &filter.tenant))
            (choice("service", "Service", &facets.services, &filter.service))
            label { "Order"
                select name="order" {
                    @for (order, text) in orders { option value=(order) selected[filter.order.as_deref() == Some(order)] { (text) } }
                }
            }
            label { "Compare with"
                select name="before" {
                    option value="window" { "the window before" }
                    option value="day" selected[filter.before.as_deref() == Some("day")] { "the day before" }
                }
            }
            label.wide { "Of traces that match"
                input name="filter" value=[&filter.filter] spellcheck="false" autocomplete="off" placeholder="service(\"booking-api\") { fault }";
            }
            (window(&view.place, &filter.window))
            button { "Show" }
        }
    }
}

fn begin(filter: &GroupFilter) -> Markup {
    let by = |name: &str| {
        let by = GroupFilter { by: Some(name.to_owned()), ..filter.clone() };
        link("/groups", &by)
    };
    html! {
        p { "Rate, errors and latency by the values of any attribute of spans or of their senders; by "
            @for (number, name) in SUGGESTED.iter().enumerate() {
                @if number > 0 { ", " }
                a href=(by(name)) { code { (name) } }
            }
            ", say. " code { "span.name" } " is the operation."
        }
    }
}

fn results(filter: &GroupFilter, found: &GroupsAnswer) -> Markup {
    let groups = &found.groups;
    html! {
        p role="status" { (summary_line(found)) }
        @if groups.values.is_empty() {
            (empty("Nothing in this window carries this attribute.", &html! { "Choose a longer window, another attribute than " code { (found.by) } ", or fewer conditions." }))
        } @else {
            (table(filter, found))
            (charts(found))
            p { a href=(link("/traces", &traces(filter, None))) { "The traces that were grouped" } }
        }
    }
}

/// What was counted, and how exactly.
fn summary_line(found: &GroupsAnswer) -> Markup {
    let groups = &found.groups;
    html! {
        @match groups.counted {
            SpanSet::Requests => { "Requests, and messages that were handled, by " code { (found.by) } },
            SpanSet::Calls => { "No request carries " code { (found.by) } ": these are the calls and other spans that do" },
        }
        ", of " strong { (count(found.matched)) } " traces that began in the window."
        @if groups.without >= 1.0 { " " (count(groups.without)) " requests do not carry it." }
        @if found.taken < found.matched {
            " ≈: " (count(found.taken)) " of these traces were looked at, chosen at random; the numbers stand for all of them."
        } @else if groups.estimated { " ≈: the weight of some sampled spans is not known." }
        @if let Some(lookup) = &found.lookup { " " (looked_up(lookup, found.truncated)) }
        @else if found.truncated { " The window has more traces than a search looks at: the oldest are left out." }
        " Beside them is the same length of time from " (moment(found.before_from * NANOSECONDS))
        @if groups.before_estimated { ", whose numbers with ≈ stand for more than was looked at" }
        @if found.before_truncated { "; its oldest traces are left out" }
        "."
    }
}

/// A line of the table: a value, or all others.
struct TableRow<'a> {
    group: Option<&'a Group>,
    name: String,
    summary: Summary,
    before: Option<Summary>,
}

impl<'a> TableRow<'a> {
    fn of(group: &'a Group) -> Self {
        let Group { value, summary, before, .. } = group;
        Self { group: Some(group), name: value.clone(), summary: *summary, before: *before }
    }
}

fn table(filter: &GroupFilter, found: &GroupsAnswer) -> Markup {
    let groups = &found.groups;
    let seconds = (found.to - found.from).max(1) as f64;
    let about = if groups.estimated { "≈ " } else { "" };
    let about_before = if groups.before_estimated { "≈ " } else { "" };
    let rest = groups.rest.iter().map(|rest| TableRow {
        group: None,
        name: rest.name(),
        summary: rest.summary,
        before: rest.before,
    });
    let rows: Vec<TableRow<'_>> = groups.values.iter().map(TableRow::of).chain(rest).collect();
    let slower = |row: &TableRow<'_>| if is_much_slower(&row.summary, row.before.as_ref()) { "fault" } else { "" };
    let earlier = |row: &TableRow<'_>, text: fn(&Summary) -> String| known(row.before.as_ref(), text);
    let count_before =
        |row: &TableRow<'_>| known(row.before.as_ref(), |before| format!("{about_before}{}", count(before.weight)));
    Table::of("Values", &rows, |_| None)
        .listed()
        .text("Value", |row| match row.group {
            Some(group) => html! { a href=(traces_of(filter, group)) { (row.name) } },
            None => html! { (row.name) },
        })
        .number("Count", |row| format!("{about}{}", count(row.summary.weight)))
        .number("Count before", count_before)
        .number("Rate", |row| format!("{about}{}", rate(row.summary.weight / seconds)))
        .number("Failed", |row| known(row.summary.error_rate, percent))
        .number("Failed before", |row| earlier(row, |before| known(before.error_rate, percent)))
        .number("p50", |row| known(row.summary.p50_ns, duration))
        .number("p95", |row| known(row.summary.p95_ns, duration))
        .colored_number("p99", slower, |row| known(row.summary.p99_ns, duration))
        .number("p99 before", |row| earlier(row, |before| known(before.p99_ns, duration)))
        .render()
}

/// The search for the traces in which a value is, or all that were grouped.
fn traces(filter: &GroupFilter, value: Option<&str>) -> TraceFilter {
    let by = filter.by.as_deref().unwrap_or_default();
    let of_value = value.map(|value| attribute(by, value));
    let conditions = filter.conditions();
    let whole = match (conditions.filter.as_deref(), of_value) {
        (Some(filter), Some(of_value)) => Some(format!("({filter}) AND {of_value}")),
        (filter, of_value) => of_value.or(filter.map(str::to_owned)),
    };
    TraceFilter {
        conditions: Conditions { filter: whole, ..conditions },
        window: filter.window.clone(),
        ..TraceFilter::default()
    }
}

fn traces_of(filter: &GroupFilter, group: &Group) -> String {
    let order = if group.summary.failed > 0 { "newest" } else { "slowest" };
    link("/traces", &TraceFilter { order: Some(order.to_owned()), ..traces(filter, Some(&group.value)) })
}

fn charts(found: &GroupsAnswer) -> Markup {
    let groups = &found.groups;
    let axis = Axis { from: found.from, to: found.to, width: found.width as f64 };
    let lines = |value: &dyn Fn(&Stretch) -> Option<f64>| {
        let known = |points: &[Stretch]| points.iter().filter_map(|point| Some((point.start, value(point)?))).collect();
        let values = groups.values.iter().map(|group| Line::of(&group.value, known(&group.points)));
        let rest = groups.rest.iter().map(|rest| Line::rest(rest.name(), known(&rest.points)));
        values.chain(rest).collect::<Vec<_>>()
    };
    let chart = |title, lines, unit| Chart::of(title, axis, unit, lines);
    html! {
        (chart::scripts())
        div.charts {
            (chart("Rate", lines(&|point| Some(point.summary.weight / point.seconds as f64)), Unit::Rate))
            (chart("Failed", lines(&|point| point.summary.error_rate), Unit::Share))
            (chart("p99", lines(&|point| point.summary.p99_ns), Unit::Duration))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_leads_to_its_traces_and_to_no_others() {
        let filter = GroupFilter {
            by: Some("db.collection.name".to_owned()),
            filter: Some("fault OR error".to_owned()),
            tenant: Some("acme".to_owned()),
            ..GroupFilter::default()
        };
        let conditions = traces(&filter, Some("a \"b\"")).conditions;
        assert_eq!(
            conditions.filter.as_deref(),
            Some(r#"(fault OR error) AND attribute[db.collection.name] = "a \"b\"""#)
        );
        assert_eq!(conditions.tenant.as_deref(), Some("acme"));
        assert_eq!(traces(&filter, None).conditions.filter.as_deref(), Some("fault OR error"));
    }
}
