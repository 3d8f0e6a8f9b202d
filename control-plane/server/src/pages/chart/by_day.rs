//! What somebody costs day by day: a column for each day, in which the parts of its cost stand one on the other.

use std::collections::BTreeMap;

use maud::{Markup, Render};

use super::{Axis, Chart, Line, Shape, Unit};

const DAY: i64 = 86_400;

/// A part of what a day cost.
pub(in crate::pages) struct CostOfDay<'a> {
    /// When the day begins, UTC, Unix seconds.
    pub(in crate::pages) start: i64,
    /// The tenant or the service that a part is about. There is none for all others together.
    pub(in crate::pages) part: Option<&'a str>,
    /// Millionths of the currency, or seconds where there is none.
    pub(in crate::pages) cost: f64,
}

/// Days from the one that begins at `from` to the one that ends at `to`. The dearest part is named first, what all others cost last; a day without any
/// cost is a gap.
pub(in crate::pages) fn costs_by_day<'a>(
    title: &str,
    (from, to): (i64, i64),
    currency: Option<&str>,
    others: &str,
    costs: impl IntoIterator<Item = CostOfDay<'a>>,
) -> Markup {
    let axis = Axis { from, to, width: DAY as f64 };
    let unit = currency.map_or(Unit::Spent, Unit::Money);
    Chart { shape: Shape::Columns, ..Chart::of(title, axis, unit, lines(others, costs)) }.render()
}

fn lines<'a>(others: &str, costs: impl IntoIterator<Item = CostOfDay<'a>>) -> Vec<Line> {
    let mut parts: BTreeMap<Option<&str>, Vec<(i64, f64)>> = BTreeMap::new();
    for CostOfDay { start, part, cost } in costs {
        parts.entry(part).or_default().push((start, cost));
    }
    let rest = parts.remove(&None).map(|points| Line::rest(others, points));
    let total = |line: &Line| line.points.iter().map(|(_, cost)| cost).sum::<f64>();
    let mut lines: Vec<Line> =
        parts.into_iter().map(|(part, points)| Line::of(part.unwrap_or_default(), points)).collect();
    lines.sort_by(|a, b| total(b).total_cmp(&total(a)));
    lines.into_iter().chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dearest_part_is_named_first_and_all_others_last() {
        let costs = [(0, Some("a"), 1.0), (0, None, 90.0), (0, Some("b"), 5.0), (DAY, Some("a"), 2.0)];
        let costs = costs.map(|(start, part, cost)| CostOfDay { start, part, cost });
        let lines = lines("all others", costs);
        let told: Vec<_> = lines.iter().map(|line| (line.name.as_str(), line.points.as_slice())).collect();
        let a: &[(i64, f64)] = &[(0, 1.0), (DAY, 2.0)];
        assert_eq!(told, [("b", &[(0, 5.0)][..]), ("a", a), ("all others", &[(0, 90.0)][..])]);
    }
}
