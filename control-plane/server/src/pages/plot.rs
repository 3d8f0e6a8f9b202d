//! A chart: lines over time, drawn as SVG, with its axes, a legend, and the same as a table.

use std::collections::BTreeSet;

use jiff::Timestamp;
use maud::{Markup, Render, html};

use super::frame::{Table, moment};
use crate::text::known;

const WIDTH: f64 = 720.0;
/// Between these the lines are drawn; the labels of time stand below.
const TOP: f64 = 24.0;
const BOTTOM: f64 = 224.0;
const HEIGHT: f64 = 256.0;
/// Labels on an axis, at most.
const LABELS: i64 = 6;
/// Lines that have colours of their own; further ones share the last.
const COLOURS: usize = 11;
/// A limit that is more than so many times what was measured is told, and not drawn: it would leave no room for the lines.
const FAR: f64 = 4.0;
const NANOSECONDS: i64 = 1_000_000_000;

/// Which time is drawn, in Unix seconds, and how long the stretches are that each point is of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) width: i64,
}

/// A line: the starts of stretches, ascending, and values. Where there is no value, there is a gap.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<(i64, f64)>,
}

/// A moment that is marked on a chart.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    /// Unix seconds.
    pub(super) at: i64,
    pub(super) name: String,
}

/// What is drawn.
pub(super) struct Chart<'a> {
    pub(super) title: &'a str,
    pub(super) axis: Axis,
    pub(super) lines: Vec<Line>,
    /// What the values should not exceed, and what that is called.
    pub(super) limit: Option<(&'a str, f64)>,
    pub(super) marks: &'a [Mark],
    /// A value with its unit.
    pub(super) text: &'a dyn Fn(f64) -> String,
}

impl Render for Chart<'_> {
    fn render(&self) -> Markup {
        let values = self.lines.iter().flat_map(|line| &line.points).map(|(_, value)| *value);
        let highest = values.fold(0.0, f64::max);
        let drawn_limit = self.limit.map(|(_, limit)| limit).filter(|limit| *limit <= highest * FAR);
        let steps = steps(drawn_limit.map_or(highest, |limit| highest.max(limit)));
        let scale = Scale { axis: self.axis, top: steps.last().copied().unwrap_or(1.0) };
        let about = format!("{} over time, up to {}", self.title, ((self.text)(highest)));
        html! {
            figure.chart {
                figcaption {
                    strong { (self.title) } ", up to " ((self.text)(highest))
                    @if let Some((name, limit)) = self.limit { "; " (name) " " ((self.text)(limit)) }
                }
                svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(about) data-from=(self.axis.from) data-to=(self.axis.to) {
                    rect.plot x="0" y=(TOP) width=(WIDTH) height=(BOTTOM - TOP) {}
                    @for step in &steps { line.grid x1="0" x2=(WIDTH) y1=(near(scale.y(*step))) y2=(near(scale.y(*step))) {} }
                    (times(&scale))
                    @for mark in self.marks {
                        @let x = near(scale.x(mark.at));
                        line.mark x1=(x) x2=(x) y1=(TOP) y2=(BOTTOM) {}
                    }
                    @if let Some(limit) = drawn_limit { line.limit x1="0" x2=(WIDTH) y1=(near(scale.y(limit))) y2=(near(scale.y(limit))) {} }
                    // The first line lies on top of the others.
                    @for (number, line) in self.lines.iter().enumerate().rev() { (drawn(line, number, &scale)) }
                    @for step in &steps { text x="2" y=(near(scale.y(*step) - 3.0)) { @if *step == 0.0 { "0" } @else { ((self.text)(*step)) } } }
                    (self.columns(&scale))
                    @for mark in self.marks {
                        g.mark { title { (mark.name) } path d=(format!("M{:.1} {}l-5 -9h10z", scale.x(mark.at), TOP)) {} }
                    }
                }
                @if self.lines.len() > 1 {
                    ul.legend { @for (number, line) in self.lines.iter().enumerate() { li class=(colour(number)) { (line.name) } } }
                }
                details { summary { "The same as a table" } (self.table()) }
            }
        }
    }
}

impl Chart<'_> {
    /// Each stretch of which something is known, and the value of each line.
    fn stretches(&self) -> Vec<(i64, Vec<Option<f64>>)> {
        let starts: BTreeSet<i64> = self.lines.iter().flat_map(|line| &line.points).map(|(start, _)| *start).collect();
        let value = |line: &Line, start: i64| {
            let at = line.points.binary_search_by_key(&start, |(start, _)| *start).ok()?;
            line.points.get(at).map(|(_, value)| *value)
        };
        starts.into_iter().map(|start| (start, self.lines.iter().map(|line| value(line, start)).collect())).collect()
    }

    /// What a pointer is told above a stretch.
    fn columns(&self, scale: &Scale) -> Markup {
        html! {
            @for (start, values) in self.stretches() {
                @let (from, to) = (scale.x(start), scale.x(start + self.axis.width));
                rect.column x=(near(from)) y=(TOP) width=(near((to - from).max(1.0))) height=(BOTTOM - TOP) {
                    title {
                        (utc(start, 16)) " UTC"
                        @for (line, value) in self.lines.iter().zip(&values) { "\n" (line.name) ": " (known(*value, self.text)) }
                    }
                }
            }
        }
    }

    fn table(&self) -> Markup {
        let stretches = self.stretches();
        let table = Table::of(self.title, &stretches, |_| None).text("From", |(start, _)| moment(start * NANOSECONDS));
        let lines = self.lines.iter().enumerate();
        let table = lines.fold(table, |table, (number, line)| {
            table.number(&line.name, |(_, values)| known(values.get(number).copied().flatten(), self.text))
        });
        table.render()
    }
}

/// Where times and values are drawn.
struct Scale {
    axis: Axis,
    /// The value at the upper edge.
    top: f64,
}

impl Scale {
    fn x(&self, time: i64) -> f64 {
        let Axis { from, to, .. } = self.axis;
        ((time - from) as f64 / (to - from).max(1) as f64 * WIDTH).clamp(0.0, WIDTH)
    }

    fn y(&self, value: f64) -> f64 {
        BOTTOM - value / self.top * (BOTTOM - TOP)
    }
}

/// As exact as one sees.
fn near(place: f64) -> String {
    format!("{place:.1}")
}

fn colour(number: usize) -> String {
    format!("c{}", number.min(COLOURS - 1))
}

/// A line, broken where a stretch has no value; a value between two gaps is a dot.
fn drawn(line: &Line, number: usize, scale: &Scale) -> Markup {
    let Axis { width, .. } = scale.axis;
    let pieces: Vec<Vec<String>> = line
        .points
        .chunk_by(|(one, _), (next, _)| next - one <= width)
        .map(|piece| piece.iter().map(|(start, value)| place(scale, *start, *value)).collect())
        .collect();
    html! {
        g class=(colour(number)) {
            @for piece in &pieces {
                @match piece.as_slice() {
                    // A line of no length with round ends is a dot.
                    [dot] => polyline.dot points={ (dot) " " (dot) } {},
                    piece => polyline points=(piece.join(" ")) {},
                }
            }
        }
    }
}

/// The middle of a stretch.
fn place(scale: &Scale, start: i64, value: f64) -> String {
    let middle = (scale.x(start) + scale.x(start + scale.axis.width)) / 2.0;
    format!("{middle:.1},{:.1}", scale.y(value))
}

/// Round values from 0 to the first that nothing exceeds: steps are 1, 2 or 5 times a power of ten.
fn steps(highest: f64) -> Vec<f64> {
    if !(highest > 0.0 && highest.is_finite()) {
        return vec![0.0, 1.0];
    }
    let least = highest / 4.0;
    let power = 10_f64.powf(least.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * power).into_iter().find(|step| *step >= least);
    let step = step.unwrap_or(highest);
    // Rounding must not leave the highest value above the last step.
    let count = (highest / step - 1e-9).ceil().max(1.0) as u32;
    (0..=count).map(|number| f64::from(number) * step).collect()
}

/// The labels of the time axis: the hour, and at the beginning of a day its date. Written as parts of the moment that `data-at` says, so that
/// the script can show them in another zone.
fn times(scale: &Scale) -> Markup {
    const ROUND: [i64; 15] =
        [60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800, 432_000, 864_000];
    let Axis { from, to, .. } = scale.axis;
    let step = ROUND.into_iter().find(|step| (to - from) / step <= LABELS);
    let step = step.unwrap_or_else(|| ((to - from) / LABELS).div_euclid(86_400).max(1) * 86_400);
    let first = from + (-from).rem_euclid(step);
    let marks = (0..=LABELS + 1).map(|number| first + number * step).filter(|time| *time <= to);
    html! {
        @for time in marks {
            @let x = scale.x(time);
            @let whole = utc(time, 19);
            // What would be cut off at an edge stands beside it.
            @let anchor = if x < 20.0 { "start" } else if x > WIDTH - 20.0 { "end" } else { "middle" };
            line.grid x1=(near(x)) x2=(near(x)) y1=(BOTTOM) y2=(BOTTOM + 5.0) {}
            text x=(near(x)) y=(HEIGHT - 8.0) text-anchor=(anchor) data-at={ (whole) "Z" } {
                @if time.rem_euclid(86_400) == 0 { (whole.get(5..10).unwrap_or_default()) } @else { (whole.get(11..16).unwrap_or_default()) }
            }
        }
    }
}

/// So many letters of a moment in UTC.
fn utc(time: i64, letters: usize) -> String {
    let text = Timestamp::from_second(time).map_or_else(|_| "–".into(), |time| time.to_string());
    text.chars().take(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: &[(i64, f64)], limit: Option<f64>) -> String {
        let line = Line { name: "a & b".to_owned(), points: points.to_vec() };
        let axis = Axis { from: 0, to: 600, width: 60 };
        let limit = limit.map(|limit| ("objective", limit));
        let chart =
            Chart { title: "p99", axis, lines: vec![line], limit, marks: &[], text: &|value| format!("{value} ms") };
        chart.render().0
    }

    #[test]
    fn a_stretch_without_a_value_is_a_gap_and_one_between_gaps_a_dot() {
        let drawn = chart(&[(0, 10.0), (60, 20.0), (240, 40.0)], None);
        assert_eq!(drawn.matches("<polyline").count(), 2);
        assert!(drawn.contains(r#"<polyline points="36.0,174.0 108.0,124.0">"#), "{drawn}");
        assert!(drawn.contains(r#"<polyline class="dot" points="324.0,24.0 324.0,24.0">"#), "{drawn}");
        assert!(drawn.contains("a &amp; b: 40 ms"));
    }

    #[test]
    fn a_limit_is_drawn_unless_it_is_far_above_the_lines() {
        assert!(chart(&[(0, 10.0)], Some(30.0)).contains(r#"class="limit""#));
        let far = chart(&[(0, 10.0)], Some(300.0));
        assert!(!far.contains(r#"class="limit""#) && far.contains("objective 300 ms"));
    }

    #[test]
    fn steps_are_round_and_reach_the_highest() {
        assert_eq!(steps(0.0), [0.0, 1.0]);
        assert_eq!(steps(40.0), [0.0, 10.0, 20.0, 30.0, 40.0]);
        assert_eq!(steps(41.0), [0.0, 20.0, 40.0, 60.0]);
        for highest in [1e-9, 0.37, 3.0, 99.9, 1e12] {
            let steps = steps(highest);
            assert!((2..=6).contains(&steps.len()) && steps.last().is_some_and(|last| *last >= highest * 0.999));
        }
    }

    #[test]
    fn times_are_labelled_at_round_moments() {
        let scale = |from, to| Scale { axis: Axis { from, to, width: 60 }, top: 1.0 };
        let day = times(&scale(1_800_000_000, 1_800_086_400)).0;
        assert_eq!(day.matches("data-at").count(), 4, "{day}");
        assert!(day.contains(r#"data-at="2027-01-16T00:00:00Z">01-16<"#), "{day}");
        assert!(day.contains(r#"data-at="2027-01-15T12:00:00Z">12:00<"#), "{day}");
        let decade = times(&scale(0, 10 * 365 * 86_400)).0;
        assert!((2..=8).contains(&decade.matches("data-at").count()), "{decade}");
    }
}
