//! Figures that `cargo bench` left behind.

use std::path::Path;

use anyhow::{Context, Result};

use crate::report::Report;

/// Adds the medians of benches/micro.rs and benches/access.rs.
pub(crate) fn add(report: &mut Report, dir: &Path) -> Result<()> {
    report.add("span.tenant_stamp_and_buffer_ns", nanoseconds(dir, "span_of_100")? / 100.0);
    report.add("metrics.of_an_invocation_us", nanoseconds(dir, "metrics_of_an_invocation")? / 1e3);
    report.add("metrics.that_name_tenants_us", nanoseconds(dir, "metrics_that_name_tenants")? / 1e3);
    report.add("sns.inject_extract_ns", nanoseconds(dir, "inject_extract")?);
    report.add("jwt.verify_us", nanoseconds(dir, "jwt_verify")? / 1e3);
    report.add("access_lists.refuse_us", nanoseconds(dir, "access_lists")? / 1e3);
    report.add("miles.between_ns", nanoseconds(dir, "miles")?);
    for way in ["cookie", "token", "service_key"] {
        report.add(format!("control_plane.access_by_{way}_us"), nanoseconds(dir, &format!("access_by_{way}"))? / 1e3);
    }
    Ok(())
}

/// The median of one.
pub(crate) fn nanoseconds(dir: &Path, name: &str) -> Result<f64> {
    let path = dir.join(name).join("new/estimates.json");
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("run `cargo bench` first: no {}", path.display()))?;
    let estimates: serde_json::Value = serde_json::from_str(&text)?;
    estimates["median"]["point_estimate"].as_f64().context("no median")
}
