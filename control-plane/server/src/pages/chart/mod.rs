//! A chart: what a script draws, and the same as a table.
//!
//! The server writes which values there are, and in which unit; `assets/scripts/charts.js` draws them. Without it the table is open.
//!
//! | file | idea |
//! |---|---|
//! | `unit` | what values are counted in |
//! | `drawn` | what the script draws, as JSON |
//! | `by_day` | a chart of what somebody costs day by day |

mod by_day;
mod drawn;
mod unit;

use std::collections::BTreeSet;

use maud::{Markup, PreEscaped, Render, html};
use slo::histogram::lower_bound;

pub(super) use by_day::{CostOfDay, costs_by_day};
pub(super) use unit::Unit;

use super::frame::{Table, moment};
use crate::{
    assets,
    text::{duration, known},
};

const NANOSECONDS: i64 = 1_000_000_000;

/// Which time is drawn, in Unix seconds, and how long the stretches are that each point is of. Of [durations](Shape::Durations), numbers of bins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) width: f64,
}

/// A line: the starts of stretches, ascending, and values. Where there is no value, there is a gap.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<(i64, f64)>,
    /// The colour's name in `tokens.css`, for a line that means something; others have those of the palette.
    pub(super) color: Option<&'static str>,
}

impl Line {
    pub(super) fn of(name: impl Into<String>, points: Vec<(i64, f64)>) -> Self {
        Self { name: name.into(), points, color: None }
    }

    /// All that has no line of its own.
    pub(super) fn rest(name: impl Into<String>, points: Vec<(i64, f64)>) -> Self {
        Self { color: Some("faint"), ..Self::of(name, points) }
    }
}

/// A value that others are held against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit<'a> {
    pub(super) name: &'a str,
    pub(super) value: f64,
}

/// A moment that is marked on a chart.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    /// Unix seconds.
    pub(super) at: i64,
    pub(super) name: String,
}

/// A single measurement, which leads to the trace in which it was made.
#[derive(Debug, Clone)]
pub(super) struct Example {
    /// Unix seconds.
    pub(super) at: f64,
    pub(super) value: f64,
    /// The page of the trace.
    pub(super) page: String,
}

/// How values are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Lines,
    /// A column for each stretch, in which the lines' values stand one on the other.
    Columns,
    /// The same for each bin of durations, whose numbers the starts of stretches are.
    Durations,
}

/// Where a column leads.
#[derive(Debug, Clone)]
pub(super) struct PointLinks {
    /// The link to the traces that a point counts.
    pub(super) traces: String,
    /// The link to what sets these traces apart.
    pub(super) why: String,
}

/// What is drawn.
pub(super) struct Chart<'a> {
    pub(super) title: &'a str,
    pub(super) axis: Axis,
    pub(super) lines: Vec<Line>,
    pub(super) limits: &'a [Limit<'a>],
    pub(super) marks: &'a [Mark],
    /// Drawn as dots, and listed below as links.
    pub(super) examples: &'a [Example],
    pub(super) unit: Unit<'a>,
    pub(super) shape: Shape,
    /// The links of a stretch, by its start.
    pub(super) ways: Option<&'a dyn Fn(i64) -> PointLinks>,
}

impl<'a> Chart<'a> {
    /// Lines, without anything else.
    pub(super) fn of(title: &'a str, axis: Axis, unit: Unit<'a>, lines: Vec<Line>) -> Self {
        Self { title, axis, lines, limits: &[], marks: &[], examples: &[], unit, shape: Shape::Lines, ways: None }
    }
}

/// The scripts that draw charts, once for a page that has any; not within what a live page asks for again.
pub(super) fn scripts() -> Markup {
    html! { @for name in ["uPlot.js", "texts.js", "axes.js", "brush.js", "stretches.js", "marks.js", "charts.js"] { (assets::script(name)) } }
}

/// Rounds to six significant digits, which is more than anybody can read off a chart.
fn significant(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

/// A stretch, and the value of each line.
type Stretch = (i64, Vec<Option<f64>>);

impl Render for Chart<'_> {
    fn render(&self) -> Markup {
        let stretches = self.stretches();
        html! {
            figure.chart {
                figcaption { strong { (self.title) } (self.summary(&stretches)) }
                @if stretches.is_empty() {
                    p.empty { "Nothing is known of this window." }
                } @else {
                    div.plot {}
                    script type="application/json" { (PreEscaped(self.drawn(&stretches))) }
                    details open { summary { "As a table" } (self.table(&stretches)) }
                    (self.examples())
                }
            }
        }
    }
}

impl Chart<'_> {
    /// Each stretch of which something is known.
    fn stretches(&self) -> Vec<Stretch> {
        let starts: BTreeSet<i64> = self.lines.iter().flat_map(|line| &line.points).map(|(start, _)| *start).collect();
        let value = |line: &Line, start: i64| {
            let at = line.points.binary_search_by_key(&start, |(start, _)| *start).ok()?;
            line.points.get(at).map(|(_, value)| significant(*value))
        };
        starts.into_iter().map(|start| (start, self.lines.iter().map(|line| value(line, start)).collect())).collect()
    }

    /// What there is to see, in a few words.
    fn summary(&self, stretches: &[Stretch]) -> String {
        let highest = match self.shape {
            Shape::Lines => stretches.iter().flat_map(|(_, values)| values).flatten().copied().reduce(f64::max),
            Shape::Columns | Shape::Durations => {
                stretches.iter().map(|(_, values)| values.iter().flatten().sum()).reduce(f64::max)
            }
        };
        let mut summary = highest.map(|highest| format!(", up to {}", self.unit.text(highest))).unwrap_or_default();
        for Limit { name, value } in self.limits {
            summary += &format!("; {name} {}", self.unit.limit(*value));
        }
        summary
    }

    /// Links to the traces of the measurements that are drawn as dots.
    fn examples(&self) -> Markup {
        html! {
            @if !self.examples.is_empty() {
                ul.examples aria-label={ "Traces of " (self.title) } {
                    @for Example { at, value, page } in self.examples {
                        li { a href=(page) { "Trace of " (self.unit.text(*value)) } " at " (moment((at * NANOSECONDS as f64) as i64)) }
                    }
                }
            }
        }
    }

    fn table(&self, stretches: &[Stretch]) -> Markup {
        let table = Table::of(self.title, stretches, |_| None);
        let table = match self.shape {
            Shape::Durations => table.text("Took", |(bin, _)| took(*bin)),
            _ => table.text("From", |(start, _)| moment(start * NANOSECONDS)),
        };
        let lines = self.lines.iter().enumerate();
        let table = lines.fold(table, |table, (number, line)| {
            table.number(&line.name, |(_, values)| {
                known(values.get(number).copied().flatten(), |value| self.unit.text(value))
            })
        });
        match self.ways {
            None => table.render(),
            Some(ways) => table
                .text("Traces", |(start, _)| html! { a href=(ways(*start).traces) { "Traces" } })
                .text("Why", |(start, _)| html! { a href=(ways(*start).why) { "Why?" } })
                .render(),
        }
    }
}

/// The durations of a bin.
fn took(bin: i64) -> String {
    let edge = |bin: i64| duration(lower_bound(u16::try_from(bin).unwrap_or(u16::MAX)));
    format!("{} to {}", edge(bin), edge(bin + 1))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn chart<'a>(names: &[&str], points: &[(i64, f64)], limits: &'a [Limit<'a>]) -> Chart<'a> {
        let axis = Axis { from: 30, to: 600, width: 60.0 };
        let lines = names.iter().map(|name| Line::of(*name, points.to_vec())).collect();
        Chart { limits, ..Chart::of("p99", axis, Unit::Duration, lines) }
    }

    fn drawn(chart: &Chart<'_>) -> Value {
        serde_json::from_str(&chart.drawn(&chart.stretches())).unwrap()
    }

    #[test]
    fn stretches_without_values_are_left_out_and_numbered_past() {
        let drawn = drawn(&chart(&["a"], &[(0, 10e6), (60, 20e6), (240, 40.000_000_1e6)], &[]));
        assert_eq!((&drawn["first"], &drawn["at"]), (&json!(0), &json!([0, 1, 4])));
        assert_eq!(drawn["lines"][0]["values"], json!([10e6, 20e6, 40e6]));
        assert_eq!(drawn["about"], "p99 over time, up to 40.0 ms");
    }

    #[test]
    fn a_line_has_no_value_where_another_has_one() {
        let mut two = chart(&["a"], &[(0, 1e6)], &[]);
        two.lines.push(Line::of("b", vec![(60, 2e6)]));
        assert_eq!(drawn(&two)["lines"][1]["values"], json!([null, 2e6]));
        let table = two.render().0;
        assert!(table.contains(r#"<td class="number">1.00 ms</td><td class="number">–</td>"#), "{table}");
    }

    #[test]
    fn a_name_cannot_end_the_element_that_it_is_in_nor_turn_writing_round() {
        let hostile = chart(&["</script><b>\u{202e}"], &[(0, 1e6)], &[]);
        assert!(!hostile.drawn(&hostile.stretches()).contains('<'));
        assert_eq!(drawn(&hostile)["lines"][0]["name"], "</script><b>\\u202e");
    }

    #[test]
    fn a_summary_says_how_high_it_is_and_what_that_is_held_against() {
        let limit = Limit { name: "objective", value: 300e6 };
        let limits = [limit];
        let chart = chart(&["a", "b"], &[(0, 10e6), (60, 30e6)], &limits);
        assert_eq!(chart.summary(&chart.stretches()), ", up to 30.0 ms; objective 300 ms");
        let stacked = Chart { shape: Shape::Columns, ..chart };
        assert_eq!(stacked.summary(&stacked.stretches()), ", up to 60.0 ms; objective 300 ms");
    }

    #[test]
    fn a_column_leads_to_its_traces_and_to_why() {
        let ways = |bin: i64| PointLinks { traces: format!("/traces?{bin}"), why: format!("/why?{bin}") };
        let axis = Axis { from: 160, to: 162, width: 1.0 };
        let lines = vec![Line::of("traces", vec![(160, 3.0), (161, 1.0)])];
        let chart = Chart { shape: Shape::Durations, ways: Some(&ways), ..Chart::of("Took", axis, Unit::Count, lines) };
        let table = chart.render().0;
        assert!(table.contains("<td>1.05 ms to 1.14 ms</td>"), "{table}");
        assert!(
            table.contains(r#"<a href="/traces?161">Traces</a>"#) && table.contains(r#"<a href="/why?161">Why?</a>"#)
        );
        assert_eq!(drawn(&chart)["about"], "Took, up to 3");
    }

    #[test]
    fn a_measurement_is_a_dot_and_a_link_to_its_trace() {
        let examples = [Example { at: 61.5, value: 812e6, page: "/traces/1".into() }];
        let chart = Chart { examples: &examples, ..chart(&["a"], &[(60, 900e6)], &[]) };
        assert_eq!(drawn(&chart)["examples"], json!([{ "at": 61.5, "value": 812e6 }]));
        let page = chart.render().0;
        assert!(
            page.contains(r#"<a href="/traces/1">Trace of 812 ms</a> at <time datetime="1970-01-01T00:01:01.500Z""#),
            "{page}"
        );
    }

    #[test]
    fn what_nothing_is_known_of_says_so() {
        assert!(chart(&["a"], &[], &[]).render().0.contains("Nothing is known of this window."));
    }
}
