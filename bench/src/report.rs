//! Names and numbers: a table for people, a flat JSON object for programs.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::{Context, Result};
use comfy_table::{CellAlignment, Table, presets::NOTHING};

/// What each bounded name may be at most; `…_per_s`, at least.
const BOUNDS: [(&str, f64); 51] = [
    ("booking_api.otlp_20ms.response_p50_ratio", 1.03),
    ("booking_api.otlp_20ms.metrics.response_p50_ratio", 1.03),
    ("booking_api.otlp_20ms.metrics.busy_p50_ratio_to_spans_alone", 1.2),
    ("booking_api.otlp_20ms.adaptive.busy_p50_ratio", 1.3),
    ("booking_api.otlp_0ms.cpu_ratio", 1.30),
    ("booking_api.otlp_0ms.adaptive.cpu_ratio", 1.12),
    ("booking_api.xray_udp.cpu_ratio", 1.12),
    ("booking_api.spawn_to_poll_cpu_ratio_to_bare", 2.5),
    ("booking_api.first_request_ms", 4.0),
    ("booking_api.cold_total_ms", 6.0),
    ("booking_api.binary_bytes", 9e6),
    ("booking_api.zip_bytes", 4.5e6),
    ("booking_api.peak_rss_ratio_to_off", 1.15),
    ("span.tenant_stamp_and_buffer_ns", 900.0),
    ("metrics.of_an_invocation_us", 15.0),
    ("sns.inject_extract_ns", 2_000.0),
    ("jwt.verify_us", 60.0),
    ("access_lists.refuse_us", 5.0),
    ("quota.cpu_us_per_request", 20.0),
    ("quota.beyond.cpu_us_per_request", 20.0),
    ("quota.calls_per_request", 0.02),
    ("quota.beyond.calls_per_request", 0.02),
    ("spans_lost", 0.0),
    ("points_lost", 0.0),
    ("flood.others_p99_ratio", 1.2),
    ("flood.others_errors", 0.0),
    ("flood.generator_late_p99_max_ms", 20.0),
    ("control_plane.intake_spans_per_s", 50_000.0),
    ("control_plane.intake_points_per_s", 50_000.0),
    ("control_plane.trace_by_id_p99_ms", 5.0),
    ("control_plane.map_p99_ms", 100.0),
    ("control_plane.search_p99_ms", 100.0),
    ("control_plane.why_p99_ms", 1_000.0),
    ("control_plane.groups_p99_ms", 500.0),
    ("control_plane.search_not_indexed_p99_ms", 1_000.0),
    ("control_plane.peak_rss_mb", 300.0),
    ("control_plane.slo_p99_ms", 100.0),
    ("control_plane.tenant_p99_ms", 100.0),
    ("control_plane.cost_p99_ms", 100.0),
    ("control_plane.pages_p99_ms", 100.0),
    ("control_plane.evaluator_pass_ms", 1_000.0),
    ("control_plane.access_by_cookie_us", 100.0),
    ("control_plane.access_by_token_us", 100.0),
    ("control_plane.access_by_service_key_us", 100.0),
    ("clickhouse.control_plane.map_p99_ms", 100.0),
    ("clickhouse.control_plane.search_p99_ms", 250.0),
    ("clickhouse.control_plane.search_of_the_hour_p99_ms", 250.0),
    ("clickhouse.control_plane.why_p99_ms", 1_000.0),
    ("clickhouse.control_plane.groups_p99_ms", 500.0),
    ("clickhouse.control_plane.search_not_indexed_p99_ms", 1_000.0),
    ("clickhouse.control_plane.tenants_p99_ms", 50.0),
];
const AT_LEAST: &str = "_per_s";
/// Begins the names of what is measured of ClickHouse.
const CLICKHOUSE: &str = "clickhouse.";

/// The results.
#[derive(Debug, Default)]
pub(crate) struct Report(BTreeMap<String, f64>);

impl Report {
    /// Adds a number.
    pub(crate) fn add(&mut self, name: impl Into<String>, value: f64) {
        self.0.insert(name.into(), value);
    }

    /// Where what is added is named after this.
    pub(crate) fn under<'a>(&'a mut self, prefix: &'a str) -> Part<'a> {
        Part(self, prefix)
    }

    /// All names, with their bounds where they have one; what is measured of two engines, side by side.
    pub(crate) fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(NOTHING).set_header(["name", "value", "", "ClickHouse", ""]);
        let names: BTreeSet<&str> = self.0.keys().map(|name| name.strip_prefix(CLICKHOUSE).unwrap_or(name)).collect();
        for name in names {
            let mut row = vec![name.to_owned()];
            for name in [name.to_owned(), format!("{CLICKHOUSE}{name}")] {
                row.extend(
                    self.0.get(&name).map_or(Default::default(), |value| [text(*value), verdict(&name, *value)]),
                );
            }
            table.add_row(row);
        }
        for number in [1, 3] {
            if let Some(column) = table.column_mut(number) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
    }

    /// Writes the JSON object.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        std::fs::create_dir_all(path.parent().context("a folder")?)?;
        Ok(std::fs::write(path, serde_json::to_string_pretty(&self.0)?)?)
    }
}

/// What is added here is named after something.
pub(crate) struct Part<'a>(&'a mut Report, &'a str);

impl Part<'_> {
    /// Adds a number.
    pub(crate) fn add(&mut self, name: &str, value: f64) {
        self.0.add(format!("{}.{name}", self.1), value);
    }
}

/// Whether it keeps within its bound, and that bound.
fn verdict(name: &str, value: f64) -> String {
    let Some((_, bound)) = BOUNDS.iter().find(|(bounded, _)| *bounded == name) else { return String::new() };
    let least = name.ends_with(AT_LEAST);
    let held = if least { value >= *bound } else { value <= *bound };
    format!("{} {}", if held { "✔" } else { "✘" }, text(*bound))
}

fn text(value: f64) -> String {
    if value == value.trunc() { format!("{value}") } else { format!("{value:.3}") }
}

/// The value in the middle.
pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The nearest-rank quantile.
pub(crate) fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (q * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}
