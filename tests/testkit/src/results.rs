//! What was measured: `target/reliability.json` and `target/soak.json`, which bench/figures.py puts into tests/soak/README.md.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What one kind of fault came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// What was done.
    pub fault: String,
    /// How often it struck.
    pub injected: usize,
    /// Requests of clients under it.
    pub requests: usize,
    /// Requests that were acknowledged and did not reach the ledger.
    pub lost: usize,
    /// Reservations or ledger entries beyond one for each request.
    pub duplicates: usize,
    /// Bookings whose miles were not posted in the trace they were booked in, for their tenant.
    pub traces_broken: usize,
    /// Bookings whose trace lacks spans of a killed process.
    pub traces_with_gaps: usize,
    /// The longest from a request to nothing differing, in milliseconds.
    pub recovery_ms: u64,
}

/// What a soak came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Soak {
    /// How long bookings were made.
    pub minutes: f64,
    /// Chooses the faults.
    pub seed: u64,
    /// Bookings asked for.
    pub bookings: usize,
    /// Of them cancelled after that.
    pub cancelled: usize,
    /// Of them repeated after an error.
    pub retries: usize,
    /// Faults by kind.
    pub faults: Vec<(String, usize)>,
    /// What differed in the end.
    pub differences: usize,
    /// Seconds until nothing differed after the last booking.
    pub quiet_after: f64,
    /// Memory by program: MB in the second quarter and in the last.
    pub memory: Vec<(String, f64, f64)>,
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target")).join(name)
}

fn write(name: &str, value: &impl Serialize) {
    std::fs::write(file(name), serde_json::to_string_pretty(value).unwrap()).unwrap();
}

fn rows_so_far() -> Option<Vec<Row>> {
    serde_json::from_str(&std::fs::read_to_string(file("reliability.json")).ok()?).ok()
}

/// Adds a row; it takes the place of an earlier run's.
pub fn record(row: Row) {
    let mut rows = rows_so_far().unwrap_or_default();
    rows.retain(|other| other.fault != row.fault);
    rows.push(row);
    rows.sort_by(|a, b| a.fault.cmp(&b.fault));
    write("reliability.json", &rows);
}

/// Keeps a soak's result.
pub fn record_soak(soak: &Soak) {
    write("soak.json", soak);
}
