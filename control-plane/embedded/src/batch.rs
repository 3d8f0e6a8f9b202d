//! Rows that are handed on together: one for each bucket of a series, or one for all of its buckets in an hour.

use std::{collections::HashMap, mem, sync::Arc};

use control_plane_model::rollup::HOUR;
use slo::{Cell, Key, Row};

/// Rows that are handed on at a time. Each may hold a histogram, and several batches of several reads are under way at once.
const ROWS: usize = 128;

/// Rows in the order of time.
pub(crate) struct Batch {
    is_hourly: bool,
    rows: Vec<Row>,
    /// The hour under way, and where the rows of its tenants and series are.
    hour: i64,
    places: HashMap<(u32, u32), usize>,
}

impl Batch {
    pub(crate) fn new(is_hourly: bool) -> Self {
        Self { is_hourly, rows: Vec::with_capacity(ROWS), hour: i64::MIN, places: HashMap::new() }
    }

    /// When the row of a bucket begins.
    pub(crate) fn start(&self, bucket: i64) -> i64 {
        if self.is_hourly { bucket.div_euclid(HOUR) * HOUR } else { bucket }
    }

    /// The rows before a cell that is to be added, where these are many, and it is none of theirs.
    pub(crate) fn full(&mut self, cell: &Cell) -> Option<Vec<Row>> {
        let is_under_way = self.is_hourly && cell.start == self.hour;
        (self.rows.len() >= ROWS && !is_under_way).then(|| mem::replace(&mut self.rows, Vec::with_capacity(ROWS)))
    }

    /// Adds a cell of a tenant and series.
    pub(crate) fn add(&mut self, series: (u32, u32), key: Arc<Key>, cell: Cell) {
        if self.is_hourly {
            if cell.start != self.hour {
                self.hour = cell.start;
                self.places.clear();
            }
            let next = self.rows.len();
            if let Some(known) = self.rows.get_mut(*self.places.entry(series).or_insert(next)) {
                known.cell.merge(&cell);
                return;
            }
        }
        self.rows.push(Row { key, cell });
    }

    /// What is left.
    pub(crate) fn rest(self) -> Vec<Row> {
        self.rows
    }
}

#[cfg(test)]
mod tests {
    use slo::Kind;

    use super::*;

    /// Three series, twelve buckets of five minutes in each hour, a request in each.
    fn added(is_hourly: bool) -> Vec<Vec<Row>> {
        let (service, operation) = ("api".to_owned(), "GET".to_owned());
        let key = Arc::new(Key { account: None, service, operation, kind: Kind::Server, tenant: None, tier: None });
        let mut batch = Batch::new(is_hourly);
        let mut batches = Vec::new();
        for bucket in (0..400 * HOUR).step_by(300) {
            for series in 0..3 {
                let cell = Cell { requests: 1, ..Cell::empty(batch.start(bucket), 60) };
                batches.extend(batch.full(&cell));
                batch.add((1, series), key.clone(), cell);
            }
        }
        batches.push(batch.rest());
        batches
    }

    #[test]
    fn rows_of_an_hour_stay_together() {
        let hours = added(true);
        let rows: Vec<&Row> = hours.iter().flatten().collect();
        assert_eq!(rows.len(), 400 * 3);
        assert!(rows.iter().all(|row| row.cell.requests == 12) && rows.is_sorted_by_key(|row| row.cell.start));
        let lengths: Vec<usize> = hours.iter().map(Vec::len).collect();
        assert_eq!(lengths, [vec![129; 9], vec![39]].concat(), "the hour under way ends first");
    }

    #[test]
    fn without_hours_each_bucket_has_its_row() {
        let batches = added(false);
        assert!(batches.iter().rev().skip(1).all(|batch| batch.len() == ROWS));
        assert_eq!(batches.iter().map(Vec::len).sum::<usize>(), 400 * 12 * 3);
    }
}
