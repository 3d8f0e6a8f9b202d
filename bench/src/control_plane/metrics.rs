//! What is read of metrics: the page of a service, the one around a trace and the API, over a day of points.

use anyhow::{Context, Result};

use super::{
    HOUR_NS, QUERIES,
    generator::{Random, request},
    intake::{POINTS_PER_REQUEST, ROUTES, SERVICES, points},
    queries::add_times,
    server::{Server, Shipment, now_ns},
};
use crate::report::Part;

/// Points of a day, at a hundred a second. They are taken for as long, so that what is sent first has an hour left.
pub(super) const POINTS: u64 = 100 * HOURS * 3_600;
const HOURS: u64 = 23;
/// Traces of that day, around which metrics are asked for.
const TRACES: u64 = 80;

/// Sends `items` points of a day and opens the pages that show them. The time that counts is what the server itself measures.
pub(super) async fn measure(report: &mut Part<'_>, server: Server, items: u64) -> Result<()> {
    let requests = (items / POINTS_PER_REQUEST).max(1);
    let day = HOURS * HOUR_NS;
    let begun = now_ns()? - day;
    let make = move |number: u64| {
        let time = begun + (number as f64 / requests as f64 * day as f64) as u64;
        points(&mut Random::new(number + 1), number, time)
    };
    let shipment = Shipment { requests, per_request: POINTS_PER_REQUEST, what: "points" };
    server.send_all("/v1/metrics", shipment, make).await?;
    let starts = (0..TRACES).map(|number| begun + number * day / TRACES);
    let (body, traces) = request(&mut Random::new(45), starts);
    server.send("/v1/traces", body).await?;

    let some = |n: usize, of: &[&str]| of.get(n % of.len()).copied().unwrap_or_default().to_owned();
    for window in ["1h", "24h"] {
        let mut times = Vec::new();
        for n in 0..QUERIES / 3 {
            let query = [("service", some(n, &SERVICES)), ("window", window.to_owned())];
            times.push(server.timed_ms("/service", &query).await?);
        }
        add_times(report, &format!("service_page_of_{window}"), &times);
    }
    let mut times = Vec::new();
    for n in 0..QUERIES / 3 {
        let trace = traces.get(n % traces.len()).context("no trace was sent")?;
        let hex: String = trace.iter().map(|byte| format!("{byte:02x}")).collect();
        times.push(server.timed_ms(&format!("/traces/{hex}/metrics"), &[]).await?);
    }
    add_times(report, "metrics_around_a_trace", &times);
    times.clear();
    for n in 0..QUERIES / 3 {
        let query = [
            ("names", "http.server.request.duration".to_owned()),
            ("service", some(n, &SERVICES)),
            ("by", some(n, &["http.route", "http.request.method"])),
            ("window", "24h".to_owned()),
        ];
        times.push(server.timed_ms("/api/metrics", &query).await?);
    }
    add_times(report, &format!("metrics_by_{}_routes", ROUTES.len()), &times);
    report.add("metrics_peak_rss_mb", server.peak_rss()? as f64 / 1e6);
    server.stop().await
}
