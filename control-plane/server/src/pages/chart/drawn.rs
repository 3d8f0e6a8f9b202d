//! What the script draws.

use serde_json::json;

use super::{Axis, Chart, Example, Limit, Line, Shape, Stretch, Unit, significant};
use crate::visible;

impl Chart<'_> {
    /// What the script draws, as JSON. Stretches are numbered from the first that something is known of.
    pub(super) fn drawn(&self, stretches: &[Stretch]) -> String {
        let Axis { from, to, width } = self.axis;
        let first = stretches.first().map_or(from, |(start, _)| *start);
        let at: Vec<i64> = stretches.iter().map(|(start, _)| ((start - first) as f64 / width).round() as i64).collect();
        let line = |(number, line): (usize, &Line)| {
            let values: Vec<Option<f64>> = stretches.iter().map(|(_, values)| values.get(number).copied()?).collect();
            match line.color {
                Some(color) => json!({ "name": line.name, "color": color, "values": values }),
                None => json!({ "name": line.name, "values": values }),
            }
        };
        let over = if self.ways.is_some() { "" } else { " over time" };
        let mut drawn = json!({
            "about": format!("{}{over}{}", self.title, self.summary(stretches)),
            "unit": self.unit.name(),
            "from": from, "to": to, "width": width, "first": first, "at": at,
            "lines": self.lines.iter().enumerate().map(line).collect::<Vec<_>>(),
        });
        if let Unit::Money(currency) = self.unit {
            drawn["currency"] = json!(currency);
        }
        if self.shape != Shape::Lines {
            drawn["columns"] = json!(true);
        }
        if self.shape == Shape::Durations {
            drawn["durations"] = json!(true);
        }
        if self.ways.is_some() {
            drawn["ways"] = json!(true);
        }
        if !self.limits.is_empty() {
            let limit = |limit: &Limit<'_>| json!({ "name": limit.name, "value": significant(limit.value) });
            drawn["limits"] = self.limits.iter().map(limit).collect();
        }
        if !self.marks.is_empty() {
            drawn["marks"] = self.marks.iter().map(|mark| json!({ "at": mark.at, "name": mark.name })).collect();
        }
        if !self.examples.is_empty() {
            let example = |Example { at, value, .. }: &Example| json!({ "at": at, "value": significant(*value) });
            drawn["examples"] = self.examples.iter().map(example).collect();
        }
        data(drawn)
    }
}

/// JSON as it may stand within a page: no name in it ends the element that it is in, or commands who reads it.
pub(in crate::pages) fn data(value: serde_json::Value) -> String {
    visible::within(value).to_string().replace('<', "\\u003c")
}
