//! Rows of an answer as cells. A row that is not what was asked for makes the whole answer an error.

use std::collections::BTreeMap;

use slo::{Cell, SLOT, row::tenant_id};

use crate::{error::Error, slices::Slice};

/// Field and value, as GetQueryResults lists them.
pub type Row = Vec<(String, String)>;

/// Whole numbers up to this one are exact in what Insights computes with.
const EXACT: f64 = 9_007_199_254_740_992.0;
const BINS: f64 = 512.0;

/// The complete answer of a query.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// All rows of all pages.
    pub rows: Vec<Row>,
    /// Records that the query matched, by its statistics.
    pub matched: Option<f64>,
}

/// A tenant's requests of five minutes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Requests {
    /// The counts of these requests.
    pub cell: Cell,
    tiers: BTreeMap<String, u64>,
}

impl Requests {
    /// The tenant's tier: the one of most of the requests.
    pub fn tier(&self) -> &str {
        self.tiers.iter().max_by_key(|(_, requests)| **requests).map_or("", |(tier, _)| tier)
    }
}

/// Requests by the beginning of their five minutes and by tenant.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cells(BTreeMap<i64, BTreeMap<String, Requests>>);

impl Cells {
    /// Adds a complete answer to the query for a slice. Answers for parts of five minutes add up.
    pub fn add(&mut self, slice: Slice, answer: &Answer) -> Result<(), Error> {
        let mut counted = 0;
        for (index, row) in answer.rows.iter().enumerate() {
            counted += self.add_row(slice, index + 1, row)?;
        }
        match answer.matched {
            Some(matched) if (counted as f64) < matched => Err(Error::Incomplete { matched, counted }),
            _ => Ok(()),
        }
    }

    fn add_row(&mut self, slice: Slice, number: usize, row: &Row) -> Result<u64, Error> {
        let fields = Fields { number, row };
        let slot = fields.whole("slot")? as i64;
        if !slice.touches(slot) {
            return Err(Error::row(number, "slot", format!("{slot} is not of {}..{}", slice.from, slice.to)));
        }
        let tenant = tenant_id(fields.text("tenant")?);
        let bin = fields.number("latency")?;
        if bin.fract() != 0.0 || !(0.0..BINS).contains(&bin) {
            return Err(Error::row(number, "latency", format!("{bin} is no bin")));
        }
        let (requests, failed) = (fields.whole("requests")?, fields.whole("failures")?);
        let (weight, weighted_failed) = (fields.number("weights")?, fields.number("weighted_failures")?);
        if requests == 0 || failed > requests {
            return Err(Error::row(number, "failures", format!("{failed} of {requests} requests failed")));
        }
        let mut cell = Cell {
            requests,
            failed,
            duration_ns: u128::from(fields.whole("duration_ns")?),
            weight,
            weighted_failed,
            weighted_duration_ns: fields.number("weighted_duration_ns")?,
            estimated: if fields.truth("estimated")? { requests } else { 0 },
            ..Cell::empty(slot, SLOT as u32)
        };
        cell.histogram.add_bin(bin as u16, weight);

        let records = fields.whole("records")?;
        // What was done for nobody in particular is no tenant's.
        if let Some(tenant) = tenant {
            self.add_cell(tenant, fields.text("tier").unwrap_or_default(), &cell);
        }
        Ok(records)
    }

    /// Adds a tenant's requests of a tier, of five minutes or a part of them.
    pub fn add_cell(&mut self, tenant: &str, tier: &str, cell: &Cell) {
        let slot = cell.start.div_euclid(SLOT) * SLOT;
        let of_slot = self.0.entry(slot).or_default().entry(tenant.to_owned());
        let of_tenant =
            of_slot.or_insert_with(|| Requests { cell: Cell::empty(slot, SLOT as u32), tiers: BTreeMap::new() });
        of_tenant.cell.merge(cell);
        *of_tenant.tiers.entry(tier.to_owned()).or_default() += cell.requests;
    }

    /// The requests of five minutes, by tenant.
    pub fn slot(&self, start: i64) -> Option<&BTreeMap<String, Requests>> {
        self.0.get(&start)
    }
}

/// A row by the names of its fields.
struct Fields<'a> {
    number: usize,
    row: &'a Row,
}

impl Fields<'_> {
    fn text(&self, field: &'static str) -> Result<&str, Error> {
        let found = self.row.iter().find(|(name, _)| name == field);
        found.map(|(_, value)| value.as_str()).ok_or_else(|| Error::row(self.number, field, "is missing"))
    }

    /// A number that is not negative; Insights writes large ones as `1.5E12`.
    fn number(&self, field: &'static str) -> Result<f64, Error> {
        let text = self.text(field)?;
        let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
        number.ok_or_else(|| Error::row(self.number, field, format!("{text:?} is no number that is not negative")))
    }

    fn whole(&self, field: &'static str) -> Result<u64, Error> {
        let number = self.number(field)?;
        if number.fract() != 0.0 || number > EXACT {
            return Err(Error::row(self.number, field, format!("{number} is not whole, or too large to be exact")));
        }
        Ok(number as u64)
    }

    fn truth(&self, field: &'static str) -> Result<bool, Error> {
        match self.text(field)? {
            "1" | "true" => Ok(true),
            "0" | "false" => Ok(false),
            other => Err(Error::row(self.number, field, format!("{other:?} is neither true nor false"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLICE: Slice = Slice { from: 1_790_000_100, to: 1_790_000_400 };

    fn row(changes: &[(&str, &str)]) -> Row {
        let mut row: BTreeMap<&str, &str> = BTreeMap::from([
            ("slot", "1790000100"),
            ("tenant", "acme"),
            ("tier", "basic"),
            ("latency", "212"),
            ("estimated", "0"),
            ("requests", "4"),
            ("records", "4"),
            ("failures", "1"),
            ("duration_ns", "4.0E8"),
            ("weights", "10.5"),
            ("weighted_failures", "2.5"),
            ("weighted_duration_ns", "1.05E9"),
        ]);
        row.extend(changes.iter().copied());
        row.into_iter().map(|(field, value)| (field.to_owned(), value.to_owned())).collect()
    }

    fn cells(rows: Vec<Row>, matched: Option<f64>) -> Result<Cells, Error> {
        let mut cells = Cells::default();
        cells.add(SLICE, &Answer { rows, matched })?;
        Ok(cells)
    }

    #[test]
    fn rows_of_a_tenant_add_up() {
        let rows = vec![
            row(&[]),
            row(&[("latency", "220.0"), ("tier", "premium"), ("requests", "5"), ("estimated", "true")]),
            row(&[("tenant", "globex")]),
        ];
        let cells = cells(rows, Some(12.0)).unwrap();
        let slot = cells.slot(1_790_000_100).unwrap();
        let acme = &slot["acme"];
        assert_eq!(
            (acme.cell.start, acme.cell.width, acme.cell.requests, acme.cell.failed),
            (1_790_000_100, 300, 9, 2)
        );
        assert_eq!((acme.cell.duration_ns, acme.cell.weight, acme.cell.weighted_failed), (800_000_000, 21.0, 5.0));
        assert_eq!((acme.cell.weighted_duration_ns, acme.cell.estimated), (2.1e9, 5));
        assert_eq!(acme.cell.histogram.bins(), [(212, 10.5), (220, 10.5)]);
        assert_eq!((acme.tier(), slot["globex"].tier()), ("premium", "basic"));
    }

    #[test]
    fn a_span_that_names_nobody_stops_nobody() {
        let long = "é".repeat(200);
        let cells = cells(vec![row(&[("tenant", "")]), row(&[("tenant", &long)])], Some(8.0)).unwrap();
        let tenants: Vec<&String> = cells.slot(1_790_000_100).unwrap().keys().collect();
        assert_eq!(tenants, [&"é".repeat(128)]);
    }

    #[test]
    fn what_was_not_asked_for_is_refused() {
        for (field, value) in [
            ("slot", "1790000400"),
            ("slot", "1790000101"),
            ("latency", "512"),
            ("latency", "3.5"),
            ("latency", "-1"),
            ("latency", "NaN"),
            ("requests", "0"),
            ("requests", "many"),
            ("failures", "5"),
            ("duration_ns", "1.5"),
            ("duration_ns", "1E300"),
            ("estimated", ""),
            ("weights", "inf"),
        ] {
            let error = cells(vec![row(&[]), row(&[(field, value)])], None).unwrap_err();
            assert!(matches!(error, Error::Row { row: 2, .. }), "{field}={value}: {error}");
        }
        let mut short = row(&[]);
        short.retain(|(field, _)| field != "weights");
        assert_eq!(cells(vec![short], None).unwrap_err().to_string(), "row 1, weights: is missing");
    }

    #[test]
    fn an_answer_with_fewer_records_than_matched_is_refused() {
        assert!(cells(vec![row(&[])], Some(4.0)).is_ok());
        assert!(cells(Vec::new(), Some(0.0)).is_ok());
        let error = cells(vec![row(&[])], Some(5.0)).unwrap_err();
        assert_eq!(error.to_string(), "the query matched 5 records, its answer has 4");
    }
}
