//! The charts of a service's metrics.

use control_plane_model::{metrics::Summary, store::Version};
use maud::{Markup, html};

use super::figures::{
    COLD_STARTS, CPU_USAGE, ERRORS, Figures, INIT_DURATION, INVOKE_DURATION, MEMORY_USAGE, MESSAGE_AGE, OverTime,
    REDELIVERIES, TIMEOUTS, counts, greatest, points,
};
use crate::{
    api::Steps,
    pages::chart::{Axis, Chart, Example, Limit, Line, Mark, Unit},
    text::bytes,
    window::WindowQuery,
};

/// Durations are measured in seconds and drawn in nanoseconds.
pub(in crate::pages) const NANOSECONDS: f64 = 1e9;

/// Those for which there is anything to draw; `now` is in Unix seconds.
pub(super) fn charts(
    figures: Figures<'_>,
    steps: Steps,
    now: i64,
    versions: &[Version],
    window: &WindowQuery,
) -> Markup {
    let axis = Axis { from: steps.from, to: steps.to, width: steps.step as f64 };
    let named = |version: &Version| format!("{} {} first seen", version.service, version.version);
    let marks: Vec<Mark> =
        versions.iter().map(|version| Mark { at: version.first_seen, name: named(version) }).collect();
    let chart = |title: &'static str,
                 lines: Vec<Line>,
                 unit: Unit<'static>,
                 examples: &[Example],
                 limits: &[Limit<'_>]| {
        let lines: Vec<Line> = lines.into_iter().filter(|line| !line.points.is_empty()).collect();
        html! { @if !lines.is_empty() { (Chart { marks: &marks, examples, limits, ..Chart::of(title, axis, unit, lines) }) } }
    };
    let invocations = figures.invocations_over_time();
    let counted = |over_time: &OverTime| counts(over_time, steps, &invocations);
    let rates =
        counted(&invocations).into_iter().map(|(at, count)| (at, count / steps.seconds(at, now) as f64)).collect();
    let throttled = counted(&numbers(figures.throttled_over_time()));
    let went_wrong = vec![
        Line::of("errors", counted(&figures.over_time(ERRORS))),
        Line::of("timeouts", counted(&figures.over_time(TIMEOUTS))),
        Line::of("throttled (429)", throttled),
    ];
    let of_tenants = figures
        .tenants()
        .into_iter()
        .map(|tenant| Line::of(tenant, counted(&figures.invocations_of(tenant))))
        .collect();
    let memory = figures.memory();
    let limits: Vec<_> = memory.keys().flatten().map(|limit| Limit { name: "limit", value: *limit as f64 }).collect();
    let used =
        memory.iter().map(|(limit, sums)| Line::of(used_by(*limit, memory.len() > 1), points(sums, 1.0, greatest)));
    let seconds = |metric: &str| durations(&figures.over_time(metric));
    let examples = |metric: &str, factor: f64| figures.examples(metric, factor, window);
    let handled = figures.over_time(MESSAGE_AGE);
    let redelivered = counts(&figures.over_time(REDELIVERIES), steps, &handled);
    html! {
        div.charts {
            (chart("Invocations", vec![Line::of("invocations", rates)], Unit::Rate, &[], &[]))
            (chart("Invocations by tenant, the busiest by name", of_tenants, Unit::Count, &[], &[]))
            (chart("Invocations that went wrong", went_wrong, Unit::Count, &[], &[]))
            (chart("Invocations took", seconds(INVOKE_DURATION), Unit::Duration, &examples(INVOKE_DURATION, NANOSECONDS), &[]))
            (chart("Cold starts", vec![Line::of("cold starts", counted(&figures.over_time(COLD_STARTS)))], Unit::Count, &[], &[]))
            (chart("Starting took", seconds(INIT_DURATION), Unit::Duration, &examples(INIT_DURATION, NANOSECONDS), &[]))
            (chart("Memory used", used.collect(), Unit::Bytes, &examples(MEMORY_USAGE, 1.0), &limits))
            (chart("CPU time of an invocation", seconds(CPU_USAGE), Unit::Duration, &[], &[]))
            (chart("Age of messages when they are processed", durations(&handled), Unit::Duration, &examples(MESSAGE_AGE, NANOSECONDS), &[]))
            (chart("Messages that were delivered again", vec![Line::of("redeliveries", redelivered)], Unit::Count, &[], &[]))
        }
    }
}

/// What the memory of processes with this limit is called; `others` have another one.
fn used_by(limit: Option<u64>, others: bool) -> String {
    match limit {
        Some(limit) if others => format!("the most of any process with {}", bytes(limit as f64)),
        None if others => "the most of any process that says no limit".to_owned(),
        _ => "the most of any process".to_owned(),
    }
}

/// Median and 99th percentile, in nanoseconds.
pub(in crate::pages) fn durations(over_time: &OverTime) -> Vec<Line> {
    let quantile = |share: f64| points(over_time, NANOSECONDS, |summary: &Summary| summary.quantile(share));
    vec![Line::of("p50", quantile(0.5)), Line::of("p99", quantile(0.99))]
}

/// How many measurements there were, in place of their sum.
pub(in crate::pages) fn numbers(over_time: OverTime) -> OverTime {
    let number = |summary: Summary| Summary { sum: summary.count as f64, ..summary };
    over_time.into_iter().map(|(at, summary)| (at, number(summary))).collect()
}
