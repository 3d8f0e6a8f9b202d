//! Lines of metrics as an engine puts them together.

use std::collections::BTreeMap;

use crate::{
    error::StoreError,
    metrics::{Exemplar, Kind, Line, Step, Summary},
};

/// Steps that an answer may have, of all its lines together. Ten buckets of a histogram count as one more, so that what an answer takes of
/// memory is bounded.
pub const MAX_STEPS: usize = 200_000;
const BUCKETS: usize = 10;

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
pub struct LinesBuilder {
    lines: BTreeMap<LineName, Steps>,
    steps: usize,
}

/// What was measured, by when a step began, Unix seconds.
type Steps = BTreeMap<i64, (Summary, Vec<Exemplar>)>;

impl LinesBuilder {
    /// Adds what was measured in a step of a line.
    pub fn add(&mut self, line: &LineName, at: i64, summary: &Summary, exemplars: impl IntoIterator<Item = Exemplar>) {
        let steps = match self.lines.get_mut(line) {
            Some(steps) => steps,
            None => self.lines.entry(line.clone()).or_default(),
        };
        let (sum, greatest) = steps.entry(at).or_insert_with(|| {
            self.steps += 1 + summary.buckets.len() / BUCKETS;
            Default::default()
        });
        sum.add(summary);
        Exemplar::merge(greatest, exemplars);
    }

    /// Takes in what another has.
    pub fn merge(&mut self, other: Self) {
        for (line, steps) in other.lines {
            for (at, (summary, exemplars)) in steps {
                self.add(&line, at, &summary, exemplars);
            }
        }
    }

    /// Whether there is more than an answer may have; what else there is need not be read.
    pub fn is_full(&self) -> bool {
        self.steps > MAX_STEPS
    }

    /// All lines that have a step in which something was measured.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooLarge`] where these have more than [`MAX_STEPS`].
    pub fn lines(self) -> Result<Vec<Line>, StoreError> {
        if self.is_full() {
            return Err(StoreError::TooLarge(format!(
                "The answer would have more than {MAX_STEPS} steps: ask for fewer metrics, for one service, by fewer attributes, of a shorter time or in longer steps."
            )));
        }
        let lines = self.lines.into_iter().map(|(name, steps)| {
            let LineName { metric, service, account, attributes, unit, kind } = name;
            let steps = steps.into_iter().filter(|(_, (summary, _))| summary.count > 0);
            let steps = steps.map(|(at, (summary, exemplars))| Step { at, summary, exemplars }).collect();
            Line { metric, unit, kind, service, account, attributes, steps }
        });
        Ok(lines.filter(|line| !line.steps.is_empty()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(metric: &str) -> LineName {
        LineName {
            metric: metric.into(),
            service: "api".into(),
            account: None,
            attributes: BTreeMap::new(),
            unit: "1".into(),
            kind: Kind::Sum,
        }
    }

    #[test]
    fn an_answer_has_so_many_steps_and_no_more() {
        let mut builder = LinesBuilder::default();
        let one = Summary { count: 1, sum: 1.0, ..Summary::default() };
        for step in 0..MAX_STEPS {
            let metric = if step % 2 == 0 { "even" } else { "odd" };
            builder.add(&line(metric), step as i64, &one, None);
            // What is there already is no step more.
            builder.add(&line(metric), step as i64, &one, None);
        }
        assert!(!builder.is_full());
        let mut more = LinesBuilder::default();
        more.add(&line("even"), 1, &one, None);
        builder.merge(more);
        assert!(matches!(builder.lines(), Err(StoreError::TooLarge(_))));
    }

    #[test]
    fn large_histograms_are_fewer() {
        let mut builder = LinesBuilder::default();
        let large = Summary { count: 1, buckets: vec![1; 200], bounds: vec![0.0; 199], ..Summary::default() };
        (0..9_523).for_each(|step| builder.add(&line("m"), step, &large, None));
        assert!(!builder.is_full());
        builder.add(&line("m"), -1, &large, None);
        assert!(builder.is_full());
    }
}
