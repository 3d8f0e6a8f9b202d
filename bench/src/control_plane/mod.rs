//! The control plane under load: durable intake, then what pages and the API ask for, on a full store.
//!
//! | file | what |
//! |---|---|
//! | `server` | the server that is measured: how it is started, filled and asked, and what memory and disk it takes |
//! | `generator` | spans, as functions make them |
//! | `spans` | how fast spans are taken, and over which time they are spread |
//! | `queries` | how fast the API and the pages answer over these spans |
//! | `intake` | how fast points of metrics and log records are taken |
//! | `metrics` | how fast metrics are read |

mod generator;
mod intake;
mod metrics;
mod queries;
mod server;
mod spans;

use std::path::Path;

use anyhow::Result;
use testkit::clickhouse::ClickHouse;

use self::{
    server::Server,
    spans::{Load, Period},
};
use crate::report::{Part, Report};

/// Spans that are sent unless another number is given, which is for trying something out.
const SPANS: u64 = 10_000_000;
/// Points of metrics, and as many log records, that are sent unless another number is given.
const ITEMS: u64 = 5_000_000;
const HOUR_NS: u64 = 3_600_000_000_000;
/// How often most questions are asked; the slower ones are asked a third as often.
const QUERIES: usize = 300;

/// Measures each engine under the same load of spans, or only the one that `only` names.
pub(crate) async fn add(
    report: &mut Report,
    release: &Path,
    spans: Option<u64>,
    period: Period,
    only: Option<&str>,
) -> Result<()> {
    let load = Load { spans: spans.unwrap_or(SPANS), period };
    if is_measured("embedded", only) {
        let embedded = Server::start(release, None).await?;
        measure(&mut report.under("control_plane"), embedded, load).await?;
    }
    if is_measured("clickhouse", only) {
        let clickhouse = Server::start(release, Some(ClickHouse::start())).await?;
        measure(&mut report.under("clickhouse.control_plane"), clickhouse, load).await?;
    }
    Ok(())
}

/// Measures how fast each engine takes points of metrics and log records, `items` of each.
pub(crate) async fn add_intake(
    report: &mut Report,
    release: &Path,
    items: Option<u64>,
    only: Option<&str>,
) -> Result<()> {
    let items = items.unwrap_or(ITEMS);
    if is_measured("embedded", only) {
        intake::measure(&mut report.under("control_plane"), Server::start(release, None).await?, items).await?;
    }
    if is_measured("clickhouse", only) {
        let clickhouse = Server::start(release, Some(ClickHouse::start())).await?;
        intake::measure(&mut report.under("clickhouse.control_plane"), clickhouse, items).await?;
    }
    Ok(())
}

/// Measures how fast each engine reads metrics, over a day of `points`.
pub(crate) async fn add_metrics(
    report: &mut Report,
    release: &Path,
    points: Option<u64>,
    only: Option<&str>,
) -> Result<()> {
    let points = points.unwrap_or(metrics::POINTS);
    if is_measured("embedded", only) {
        metrics::measure(&mut report.under("control_plane"), Server::start(release, None).await?, points).await?;
    }
    if is_measured("clickhouse", only) {
        let clickhouse = Server::start(release, Some(ClickHouse::start())).await?;
        metrics::measure(&mut report.under("clickhouse.control_plane"), clickhouse, points).await?;
    }
    Ok(())
}

/// Whether an engine is measured: not where `only` names another, nor where it is not installed.
fn is_measured(engine: &str, only: Option<&str>) -> bool {
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.local/venv/clickhouse.ready");
    let ready = || venv.exists() || std::env::var_os("CLICKHOUSE_URL").is_some();
    let is_missing = engine == "clickhouse" && !ready();
    if is_missing {
        eprintln!("ClickHouse is left out: make .local/venv/clickhouse.ready, or CLICKHOUSE_URL");
    }
    !is_missing && only.is_none_or(|only| only == engine)
}

/// Fills a server with spans, asks it everything, and adds its memory and disk.
async fn measure(report: &mut Part<'_>, server: Server, load: Load) -> Result<()> {
    let trace_ids = spans::send(report, &server, load).await?;
    queries::measure(report, &server, &trace_ids, load.period).await?;
    report.add("peak_rss_mb", server.peak_rss()? as f64 / 1e6);
    report.add("disk_bytes_per_span", server.disk_bytes().await? as f64 / load.spans as f64);
    server.stop().await
}
