//! What a tenant costs by service and operation, and how that changes.

use maud::{Markup, Render, html};
use slo::{OperationCost, Spent};

use crate::{
    api::{Spending, TenantAnswer},
    pages::frame::Table,
    text::{changed, count, duration, known, percent, window},
};

pub(super) fn section(answer: &TenantAnswer) -> Markup {
    let Spending { currency, now, before, operations } = &answer.spending;
    let of = |spent: &Spent| match (spent.micros, currency) {
        (Some(micros), Some(currency)) => format!("{} {currency}", money(micros)),
        _ => format!("{:.1} s", spent.seconds),
    };
    // A window that ends now has not ended yet, which the change takes into account.
    let earlier = window(2 * answer.from - answer.to, answer.from);
    html! {
        @if !operations.is_empty() {
            h2 #cost { "Cost" }
            p {
                strong { (of(now)) } " in this window"
                @if let Some(before) = before { ", " (of(before)) " in as long a time before it, " (earlier) }
                @else { "; requests of as long a time before it are no longer counted" } "."
                @if currency.is_none() { " Without a price file, cost is time." }
            }
            (table(operations))
        }
    }
}

fn table(operations: &[OperationCost]) -> Markup {
    let each = |spent: &Spent| known(spent.seconds_per_request(), |seconds| duration(seconds * 1e9));
    Table::of("Cost by operation", operations, |_| None)
        .text("Service", |line| &line.service)
        .text("Operation", |line| &line.operation)
        .number("Of its cost", |line| percent(line.share))
        .number("Requests", |line| count(line.now.requests))
        .number("Time, s", |line| format!("{:.1}", line.now.seconds))
        .number("Money", |line| known(line.now.micros, money))
        .number("Time a request", |line| each(&line.now))
        .number("Before", |line| each(&line.before))
        .number("Change of cost", |line| known(line.change, changed))
        .render()
}

/// From millionths, with as many digits as say something of a small amount.
fn money(micros: f64) -> String {
    if micros < 1e6 { format!("{:.4}", micros / 1e6) } else { format!("{:.2}", micros / 1e6) }
}
