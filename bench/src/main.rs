//! `make bench`: what telemetry costs a function, on the Lambda host of this folder, against the same function without it; and
//! the control plane under load.
//! `bench functions` and `bench control-plane [spans] [30d|1h] [embedded|clickhouse]` measure one of the two, `bench intake [items] [embedded|clickhouse]`
//! how fast the control plane takes points of metrics and log records, `bench metrics [points] [embedded|clickhouse]` how fast its pages show those
//! of a day; `bench start` measures only what a start costs,
//! `bench first-request` only how cold functions answer, `bench quota` only what quotas cost, and `bench fairness` what tenants notice of another's flood.
//!
//! Everything is measured in blocks that take turns, so that whatever else the machine does meets all of them alike; a ratio
//! compares a block with the block without telemetry of the same round and pace, and the median of the rounds counts.
#![expect(clippy::print_stdout, reason = "results are for a person")]

mod control_plane;
mod criterion;
mod fairness;
mod first_request;
mod process;
mod quota;
mod report;
mod variants;

use std::path::Path;

use anyhow::{Result, bail};
use tokio::signal::unix::{SignalKind, signal};

use self::report::Report;

#[tokio::main]
async fn main() -> Result<()> {
    tokio::select! {
        measured = measure() => measured,
        // The servers and functions that were started end as they are dropped.
        stopped = asked_to_stop() => bail!("stopped by {}", stopped?),
    }
}

/// Waits for a signal to end; its name.
async fn asked_to_stop() -> Result<&'static str> {
    let (mut terminate, mut hang_up) = (signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
    Ok(tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed.map(|()| "Ctrl-C")?,
        _ = terminate.recv() => "SIGTERM",
        _ = hang_up.recv() => "SIGHUP",
    })
}

async fn measure() -> Result<()> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    let mut report = Report::default();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let only = arguments.first().map(String::as_str);
    if only.is_none_or(|only| only == "functions") {
        criterion::add(&mut report, &target.join("criterion"))?;
        process::add(&mut report, &target.join("release")).await?;
    }
    if only.is_none_or(|only| only == "functions" || only == "quota") {
        quota::add(&mut report, &target.join("release/booking-api"), &target.join("criterion")).await?;
    }
    if only == Some("start") {
        process::add_starts(&mut report, &target.join("release")).await?;
    }
    if only.is_none_or(|only| only == "functions" || only == "first-request") {
        first_request::add(&mut report, &target.join("release/booking-api")).await?;
    }
    if only.is_none_or(|only| only == "fairness") {
        fairness::add(&mut report, &target.join("release/booking-api")).await?;
    }
    if only.is_none_or(|only| only == "control-plane") {
        let spans = arguments.get(1).map(|text| text.parse()).transpose()?;
        let period = arguments.get(2).map_or("30d", String::as_str).parse()?;
        let engine = arguments.get(3).map(String::as_str);
        control_plane::add(&mut report, &target.join("release"), spans, period, engine).await?;
    }
    if only.is_none_or(|only| only == "intake") {
        let items = arguments.get(1).map(|text| text.parse()).transpose()?;
        let engine = arguments.get(2).map(String::as_str);
        control_plane::add_intake(&mut report, &target.join("release"), items, engine).await?;
    }
    if only.is_none_or(|only| only == "metrics") {
        let points = arguments.get(1).map(|text| text.parse()).transpose()?;
        let engine = arguments.get(2).map(String::as_str);
        control_plane::add_metrics(&mut report, &target.join("release"), points, engine).await?;
    }
    println!("{}", report.table());
    report.write(&target.join("bench/report.json"))
}
