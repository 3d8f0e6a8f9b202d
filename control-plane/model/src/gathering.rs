//! Lines of metrics as an engine puts them together.

use std::collections::BTreeMap;

use crate::metrics::{Exemplar, Kind, Line, Step, Summary};

/// What tells lines apart, in the order in which they are answered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineName {
    /// The metric's name.
    pub metric: String,
    /// `service.name`.
    pub service: String,
    /// `cloud.account.id`.
    pub account: Option<String>,
    /// The attributes asked for that the points have.
    pub attributes: BTreeMap<String, String>,
    /// The unit.
    pub unit: String,
    /// How the points add up.
    pub kind: Kind,
}

/// What was measured, by line.
#[derive(Debug, Default)]
pub struct Gathering(BTreeMap<LineName, Steps>);

/// What was measured, by when a step began, Unix seconds.
#[derive(Debug, Default)]
pub struct Steps(BTreeMap<i64, (Summary, Vec<Exemplar>)>);

impl Gathering {
    /// The steps of a line.
    pub fn of(&mut self, line: LineName) -> &mut Steps {
        self.0.entry(line).or_default()
    }

    /// All lines that have a step in which something was measured.
    pub fn lines(self) -> Vec<Line> {
        let lines = self.0.into_iter().map(|(name, steps)| {
            let LineName { metric, service, account, attributes, unit, kind } = name;
            let steps = steps.0.into_iter().filter(|(_, (summary, _))| summary.count > 0);
            let steps = steps.map(|(at, (summary, exemplars))| Step { at, summary, exemplars }).collect();
            Line { metric, unit, kind, service, account, attributes, steps }
        });
        lines.filter(|line| !line.steps.is_empty()).collect()
    }
}

impl Steps {
    /// Adds what was measured in a step.
    pub fn add(&mut self, at: i64, summary: &Summary, exemplars: impl IntoIterator<Item = Exemplar>) {
        let (sum, greatest) = self.0.entry(at).or_default();
        sum.add(summary);
        Exemplar::merge(greatest, exemplars);
    }
}
