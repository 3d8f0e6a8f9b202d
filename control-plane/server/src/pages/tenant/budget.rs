//! How a tenant's budget burnt over 30 days, whatever the window.

use maud::{Markup, html};

use crate::{
    api::TenantAnswer,
    pages::plot::{Axis, Chart, Line},
    text::percent,
};

const MONTH: i64 = 30 * 86_400;

pub(super) fn section(answer: &TenantAnswer) -> Markup {
    let Some(now) = &answer.now else { return html! {} };
    let evaluation = &now.fare.evaluation;
    let allowed = evaluation.objectives.availability.allowed();
    let width = 86_400;
    let axis = Axis { from: evaluation.at - MONTH, to: evaluation.at, width };
    let burn = answer.month.iter().filter_map(|day| Some((day.start, day.summary.error_rate? / allowed)));
    let mut failed = 0.0;
    let burnt = answer.month.iter().map(|day| {
        failed += day.summary.error_rate.unwrap_or_default() * day.summary.weight;
        (day.start, failed / evaluation.budget.allowed)
    });
    let line = |name: &str, points: Vec<(i64, f64)>| vec![Line { name: name.to_owned(), points }];
    let times = |value: f64| format!("{value:.1} ×");
    html! {
        @if !answer.month.is_empty() && evaluation.budget.allowed > 0.0 {
            h2 { "Budget, the last 30 days" }
            div.charts {
                (Chart {
                    title: "Burn rate by day",
                    axis,
                    lines: line("burn rate", burn.collect()),
                    limit: Some(("just used up in 30 days", 1.0)),
                    marks: &[],
                    text: &times,
                })
                (Chart {
                    title: "Budget burnt",
                    axis,
                    lines: line("burnt", burnt.collect()),
                    limit: Some(("all of it", 1.0)),
                    marks: &[],
                    text: &percent,
                })
            }
        }
    }
}
