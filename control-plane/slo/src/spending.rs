//! What somebody spends by service and operation, and how that changes from one period to the next.
//!
//! Shares and comparisons only: sums of money that add up to the cent are those of [`crate::cost`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{cost::Prices, row::Row};

/// What was used, of all requests that those seen stand for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// Requests, weighted.
    pub requests: f64,
    /// Durations, weighted, in seconds.
    pub seconds: f64,
    /// Money in millionths of the currency, not rounded, or `None` without prices.
    pub micros: Option<f64>,
}

impl Spent {
    /// What a row used.
    pub fn of(row: &Row, prices: Option<&Prices>) -> Self {
        Self::of_service(&row.key.service, row.cell.weight, row.cell.weighted_duration_ns, prices)
    }

    /// What requests to a service used; both numbers are weighted.
    pub fn of_service(service: &str, requests: f64, duration_ns: f64, prices: Option<&Prices>) -> Self {
        let micros = prices.map(|prices| prices.of(service).micros(requests, duration_ns));
        Self { requests, seconds: duration_ns / 1e9, micros }
    }

    /// Adds what another used.
    pub fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.seconds += other.seconds;
        self.micros = match (self.micros, other.micros) {
            (None, None) => None,
            (own, others) => Some(own.unwrap_or_default() + others.unwrap_or_default()),
        };
    }

    /// What it costs: money, or time where there are no prices.
    pub fn cost(&self) -> f64 {
        self.micros.unwrap_or(self.seconds)
    }

    /// How long a request takes on average, or `None` without requests.
    pub fn seconds_per_request(&self) -> Option<f64> {
        (self.requests > 0.0).then(|| self.seconds / self.requests)
    }
}

/// Service and name of the span.
pub(crate) type Operation<'a> = (&'a str, &'a str);

/// What was used by operation.
pub(crate) fn by_operation<'a>(
    rows: impl IntoIterator<Item = &'a Row>,
    prices: Option<&Prices>,
) -> BTreeMap<Operation<'a>, Spent> {
    let mut operations: BTreeMap<Operation<'a>, Spent> = BTreeMap::new();
    for row in rows {
        let operation = (row.key.service.as_str(), row.key.operation.as_str());
        operations.entry(operation).or_default().add(&Spent::of(row, prices));
    }
    operations
}

/// Requests of a stretch of time.
#[derive(Debug, Clone, Copy)]
pub struct Period<'a> {
    /// What is known of them.
    pub rows: &'a [Row],
    /// How long it is in seconds; of one that has not ended, how long it has been.
    pub seconds: f64,
}

/// The share by which costs grew in the same time, such as 0.4 for 40 % more, or `None` where there were none before.
pub(crate) fn change((now, length): (f64, f64), (before, length_before): (f64, f64)) -> Option<f64> {
    (before > 0.0 && length > 0.0 && length_before > 0.0).then(|| (now / length) / (before / length_before) - 1.0)
}

/// What an operation costs somebody.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OperationCost {
    /// `service.name`
    pub service: String,
    /// Name of its spans.
    pub operation: String,
    /// What the operation used in this window.
    pub now: Spent,
    /// Its share of all that was used.
    pub share: f64,
    /// What was used in the period before.
    pub before: Spent,
    /// The share by which it costs more than in as much time of the period before, such as 0.4 for 40 % more, or `None` where it cost nothing.
    pub change: Option<f64>,
}

impl OperationCost {
    /// Of each operation in either period, the dearest first.
    pub fn all(now: Period<'_>, before: Period<'_>, prices: Option<&Prices>) -> Vec<Self> {
        let (mut operations, earlier) = (by_operation(now.rows, prices), by_operation(before.rows, prices));
        let total: f64 = operations.values().map(Spent::cost).sum();
        for operation in earlier.keys() {
            operations.entry(*operation).or_default();
        }
        let of = |((service, operation), spent): ((&str, &str), Spent)| {
            let before_this = earlier.get(&(service, operation)).copied().unwrap_or_default();
            Self {
                service: service.to_owned(),
                operation: operation.to_owned(),
                now: spent,
                share: if total > 0.0 { spent.cost() / total } else { 0.0 },
                before: before_this,
                change: change((spent.cost(), now.seconds), (before_this.cost(), before.seconds)),
            }
        };
        let mut lines: Vec<Self> = operations.into_iter().map(of).collect();
        lines.sort_by(|a, b| b.now.cost().total_cmp(&a.now.cost()));
        lines
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::row::{Cell, Key, Kind};

    /// So many requests of an operation of `api`, each of so many milliseconds.
    pub(crate) fn row(tenant: &str, operation: &str, requests: u64, milliseconds: u64) -> Row {
        let mut cell = Cell::empty(0, 3_600);
        (0..requests).for_each(|_| cell.add(milliseconds * 1_000_000, false, Some(1.0)));
        let tenant = Some(tenant.to_owned());
        let (service, operation, tier) = ("api".to_owned(), operation.to_owned(), Some("basic".to_owned()));
        Row { key: Arc::new(Key { account: None, service, operation, kind: Kind::Server, tenant, tier }), cell }
    }

    #[test]
    fn what_an_operation_costs_is_held_against_as_much_time_before() {
        let now = [row("a", "GET", 100, 10), row("a", "POST", 100, 30), row("a", "POST", 100, 30)];
        let before = [row("a", "POST", 100, 60), row("a", "PUT", 1, 1)];
        let periods = (Period { rows: &now, seconds: 50.0 }, Period { rows: &before, seconds: 100.0 });
        let lines = OperationCost::all(periods.0, periods.1, None);
        let told: Vec<(&str, f64, Option<f64>)> =
            lines.iter().map(|line| (line.operation.as_str(), (line.share * 1e6).round() / 1e6, line.change)).collect();
        // POST: 6 s in 50 s, before 6 s in 100 s: twice as much.
        assert_eq!(told, [("POST", 0.857_143, Some(1.0)), ("GET", 0.142_857, None), ("PUT", 0.0, Some(-1.0))]);
    }
}
