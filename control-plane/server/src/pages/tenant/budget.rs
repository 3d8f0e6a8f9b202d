//! How a tenant's budget was used up over 30 days, whatever the window.

use maud::{Markup, html};
use slo::{Burning, Policy, burndown::STEP};

use crate::{
    api::TenantAnswer,
    pages::chart::{Axis, Chart, Limit, Line, Unit},
};

pub(super) fn section(answer: &TenantAnswer) -> Markup {
    let Some(now) = &answer.now else { return html! {} };
    let points = &answer.burndown;
    let to = now.status.evaluation.at;
    let axis = Axis { from: to - 30 * 86_400, to, width: STEP as f64 };
    let line = |name, value: &dyn Fn(&Burning) -> Option<f64>| {
        Line::of(name, points.iter().filter_map(|point| Some((point.start, value(point)?))).collect())
    };
    let policy = Policy::default();
    let limits = [
        Limit { name: "used up in 30 days", value: 1.0 },
        Limit { name: "alert over 6 h", value: policy.slow_burn.threshold },
        Limit { name: "alert over 1 h", value: policy.fast_burn.threshold },
    ];
    let chart = |title, lines, limits, unit| Chart { limits, ..Chart::of(title, axis, unit, lines) };
    html! {
        @if !points.is_empty() {
            h2 { "Budget, the last 30 days" }
            div.charts {
                (chart("Budget left", vec![line("budget left", &|point| Some(point.left))], &[], Unit::Left))
                (chart(
                    "Burn rate",
                    vec![line("over 6 hours", &|point| point.burn), line("the worst hour of them", &|point| point.worst_hour)],
                    &limits,
                    Unit::Times,
                ))
            }
        }
    }
}
