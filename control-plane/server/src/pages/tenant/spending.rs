//! What a tenant costs by service and operation, and how that changes.

use jiff::Timestamp;
use maud::{Markup, Render, html};
use slo::{OperationCost, Spent};

use crate::{
    api::{Spending, SpentDay, TenantAnswer},
    pages::{
        chart::{CostOfDay, costs_by_day},
        frame::Table,
    },
    text::{changed, count, duration, known, money, percent, spent as in_seconds, window},
};

pub(super) fn section(answer: &TenantAnswer) -> Markup {
    let Spending { currency, now, before, operations, days } = &answer.spending;
    let of = |spent: &Spent| match (spent.micros, currency) {
        (Some(micros), Some(currency)) => format!("{} {currency}", money(micros)),
        (None, Some(currency)) if spent.requests <= 0.0 => format!("{} {currency}", money(0.0)),
        _ => in_seconds(spent.seconds),
    };
    // A window that ends now has not ended yet, which the change takes into account.
    let earlier = window(2 * answer.from - answer.to, answer.from);
    html! {
        @if !operations.is_empty() {
            h2 #cost { "Cost" }
            p {
                strong { (of(now)) } " in this window"
                @if let Some(before) = before { ", " (of(before)) " in the same length of time before it, " (earlier) }
                @else { "; requests of the same length of time before it are no longer counted" } "."
                @if currency.is_none() { " Without a price file, cost is time." }
            }
            (table(operations))
        }
        @if !days.is_empty() { div.charts { (by_day(days, currency.as_deref())) } }
    }
}

/// What each service cost, day by day.
fn by_day(days: &[SpentDay], currency: Option<&str>) -> Markup {
    const DAY: i64 = 86_400;
    let today = Timestamp::now().as_second().div_euclid(DAY) * DAY;
    let costs =
        days.iter().map(|day| CostOfDay { start: day.start, part: day.service.as_deref(), cost: day.spent.cost() });
    let shown = (today - 29 * DAY, today + DAY);
    costs_by_day("Cost by day, UTC, the last 30 days", shown, currency, "other services", costs)
}

fn table(operations: &[OperationCost]) -> Markup {
    let each = |spent: &Spent| known(spent.seconds_per_request(), |seconds| duration(seconds * 1e9));
    Table::of("Cost by operation", operations, |_| None)
        .listed()
        .text("Service", |line| &line.service)
        .text("Operation", |line| html! { div.phrase { (line.operation) } })
        .number("Of its cost", |line| percent(line.share))
        .number("Requests", |line| count(line.now.requests))
        .number("Time", |line| in_seconds(line.now.seconds))
        .number("Money", |line| known(line.now.micros, money))
        .number("Time a request", |line| each(&line.now))
        .number("Before", |line| each(&line.before))
        .number("Change of cost", |line| known(line.change, changed))
        .render()
}
