//! The charts of a tenant, beside its tier and everybody, and the versions that came meanwhile.

use std::collections::BTreeMap;

use control_plane_model::store::Version;
use maud::{Markup, html};
use slo::{Subject, Summary};

use crate::{
    api::{Deployed, Point, SloAnswer, SloStatusLine, TenantAnswer, View},
    pages::{
        chart::{Axis, Chart, Limit, Line, Mark, Unit},
        frame::{accounts, moment},
    },
    text::{count, duration, known, percent},
    window::Window,
};

const NANOSECONDS: i64 = 1_000_000_000;

/// How one of those that are compared fared.
struct Series<'a> {
    name: String,
    points: &'a [Point],
    /// How many tenants these are.
    tenants: usize,
    /// How many requests of 30 days may fail.
    allowed: Option<f64>,
}

/// A tenant over the window: requests, failures, latencies, and the budget that they burnt.
pub(super) fn section(view: &View, id: &str, answer: &TenantAnswer) -> Markup {
    let all = view.slo();
    let axis = Axis { from: answer.from, to: answer.to, width: answer.width as f64 };
    let series = series(&all, id, answer);
    let marks: Vec<Mark> = answer.versions.iter().map(mark).collect();
    let within = |now: &SloStatusLine| now.status.evaluation.objectives.latency.within_ns();
    let objective: Vec<Limit<'_>> =
        answer.now.iter().map(|now| Limit { name: "objective", value: within(now) }).collect();
    let chart = |title, lines, limits, unit| Chart { limits, marks: &marks, ..Chart::of(title, axis, unit, lines) };
    let lines = |value: &dyn Fn(&Summary) -> Option<f64>| series.iter().map(|one| line(one, value)).collect();
    let latency =
        |title, value: &dyn Fn(&Summary) -> Option<f64>, limits| chart(title, lines(value), limits, Unit::Duration);
    let burnt: Vec<Line> = series.iter().filter_map(burnt).collect();
    html! {
        div.charts {
            (chart("Requests", rates(&series, answer.width), &[], Unit::Rate))
            (chart("Failed", lines(&|summary| summary.error_rate), &[], Unit::Share))
            @if answer.throttled.requests > 0 { (chart("Throttled", vec![throttled(id, answer)], &[], Unit::Rate)) }
            (latency("p50", &|summary| summary.p50_ns, &[]))
            (latency("p95", &|summary| summary.p95_ns, &[]))
            (latency("p99", &|summary| summary.p99_ns, &objective))
            @if !burnt.is_empty() { (chart("Failure budget of 30 days, used since the window began", burnt, &[], Unit::Share)) }
        }
        (versions(view, id, answer))
    }
}

/// The tenant, its tier and everybody.
fn series<'a>(all: &SloAnswer, id: &str, answer: &'a TenantAnswer) -> Vec<Series<'a>> {
    let own = Series {
        name: id.to_owned(),
        points: &answer.points,
        tenants: 1,
        allowed: answer.now.as_ref().map(|now| now.status.evaluation.budget.allowed),
    };
    let beside = answer.beside.iter().map(|beside| Series {
        name: match &beside.subject {
            Subject::Tier(tier) => format!("all {tier}"),
            _ => "everybody".to_owned(),
        },
        points: &beside.points,
        tenants: all
            .tenants
            .iter()
            .filter(|line| !matches!(&beside.subject, Subject::Tier(tier) if *tier != line.status.tier))
            .count()
            .max(1),
        allowed: all
            .groups
            .iter()
            .find(|line| line.status.subject == beside.subject)
            .map(|line| line.status.evaluation.budget.allowed),
    });
    [own].into_iter().chain(beside).collect()
}

fn known_points(points: &[Point], value: &dyn Fn(&Summary) -> Option<f64>) -> Vec<(i64, f64)> {
    points.iter().filter_map(|point| Some((point.start, value(&point.summary)?))).collect()
}

fn line(series: &Series<'_>, value: &dyn Fn(&Summary) -> Option<f64>) -> Line {
    Line::of(&series.name, known_points(series.points, value))
}

/// Requests a second; of several tenants those of the average one, or a tenant would be a flat line below all others together. Where others had
/// requests, none is 0 and no gap.
fn rates(series: &[Series<'_>], width: i64) -> Vec<Line> {
    let starts = || series.iter().flat_map(|one| one.points).map(|point| point.start);
    let (first, last) = (starts().min().unwrap_or_default(), starts().max().unwrap_or_default());
    let line = |one: &Series<'_>| {
        let mut points = one.points.iter().peekable();
        let mut rates = Vec::new();
        for start in (first..=last).step_by(usize::try_from(width.max(1)).unwrap_or(1)) {
            let point = points.next_if(|point| point.start == start);
            let rate = point.map_or(0.0, |point| point.summary.weight / point.seconds as f64);
            rates.push((start, rate / one.tenants as f64));
        }
        let average = if one.tenants > 1 { format!("{}, the average tenant", one.name) } else { one.name.clone() };
        Line::of(average, rates)
    };
    if starts().next().is_none() { Vec::new() } else { series.iter().map(line).collect() }
}

/// Its throttled requests a second; where it had others, none is 0.
fn throttled(id: &str, answer: &TenantAnswer) -> Line {
    let others = answer.points.iter().map(|point| (point.start, 0.0));
    let throttled = answer.throttled.points.iter();
    let throttled = throttled.map(|point| (point.start, point.requests as f64 / point.seconds as f64));
    let rates: BTreeMap<i64, f64> = others.chain(throttled).collect();
    Line::of(id, rates.into_iter().collect())
}

/// The share of what may fail in 30 days that has failed since the window began.
fn burnt(series: &Series<'_>) -> Option<Line> {
    let allowed = series.allowed.filter(|allowed| *allowed > 0.0)?;
    let mut failed = 0.0;
    let point = |point: &Point| {
        failed += point.summary.error_rate.unwrap_or_default() * point.summary.weight;
        (point.start, failed / allowed)
    };
    Some(Line::of(&series.name, series.points.iter().map(point).collect()))
}

fn mark(deployed: &Deployed) -> Mark {
    let version = &deployed.version;
    Mark { at: version.first_seen, name: format!("{} {} first seen", version.service, version.version) }
}

/// What came in the window, and how its service fared before and after.
fn versions(view: &View, id: &str, answer: &TenantAnswer) -> Markup {
    let why = |version: &Version| {
        let moment = version.first_seen.to_string();
        let of = [("tenant", id), ("service", &version.service), ("against", "before"), ("moment", &moment)];
        window_around(version.first_seen, answer).query().link("/why", &of)
    };
    let fared = |summary: &Summary| match summary.requests {
        0 => "no requests".to_owned(),
        requests => {
            let failed = known(summary.error_rate, percent);
            format!("{failed} of {} failed, p99 {}", count(requests), known(summary.p99_ns, duration))
        }
    };
    html! {
        @if !answer.versions.is_empty() {
            h2 { "Versions first seen in this window" }
            ul.versions {
                @for Deployed { version, before, after } in &answer.versions {
                    li {
                        (moment(version.first_seen * NANOSECONDS)) " " strong { (version.service) " " (version.version) }
                        @if !version.account.is_empty() { " in account " (accounts(view, [&version.account])) }
                        ". Before: " (fared(before)) ". After: " (fared(after)) ". "
                        a href=(why(version)) { "What is different since" }
                    }
                }
            }
        }
    }
}

/// The window of an answer, by its moments, so that it still holds this one whenever the link is followed; and with a stretch before it, to compare with.
fn window_around(moment: i64, answer: &TenantAnswer) -> Window {
    let (from, to) = (answer.from.min(moment - answer.width), answer.to.max(moment + 1));
    Window { from_ns: from.saturating_mul(NANOSECONDS), to_ns: to.saturating_mul(NANOSECONDS) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(start: i64, weight: f64, failed: f64) -> Point {
        let summary = Summary { weight, error_rate: Some(failed / weight), ..Summary::default() };
        Point { start, seconds: 60, summary }
    }

    fn series(points: &[Point]) -> Series<'_> {
        Series { name: "a".to_owned(), points, tenants: 1, allowed: Some(20.0) }
    }

    #[test]
    fn nobody_coming_is_a_rate_of_nothing_where_others_came() {
        let (own, others) = ([point(60, 30.0, 0.0)], [point(0, 120.0, 0.0), point(120, 60.0, 0.0)]);
        let lines = rates(&[series(&own), Series { tenants: 2, ..series(&others) }], 60);
        assert_eq!(lines[0].points, [(0, 0.0), (60, 0.5), (120, 0.0)]);
        assert_eq!(lines[1].points, [(0, 1.0), (60, 0.0), (120, 0.5)]);
        assert!(rates(&[series(&[])], 60).is_empty());
    }

    #[test]
    fn a_budget_is_burnt_by_what_failed_so_far() {
        let points = [point(0, 10.0, 2.0), point(60, 10.0, 0.0), point(180, 100.0, 8.0)];
        assert_eq!(burnt(&series(&points)).unwrap().points, [(0, 0.1), (60, 0.1), (180, 0.5)]);
        assert!(burnt(&Series { allowed: Some(0.0), ..series(&points) }).is_none());
    }
}
