//! What it costs to hold a request to its tenant's quota, leases included: one process of booking-api that one tenant asks a hundred times a second.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use lambda_host::{
    aws::Aws,
    function::{Config, Function},
    payloads,
};
use testkit::functions::{DEADLINE, booking_api_env};
use tokio::time::interval;

use crate::{criterion::nanoseconds, report::Report};

/// Between two requests.
const EVERY: Duration = Duration::from_millis(10);
/// Of one kind; the first of them are those in which the process learns the rate.
const REQUESTS: u32 = 2_000;

/// Measures and adds it, with what `cargo bench` found a request and a lease to cost by themselves.
pub(crate) async fn add(report: &mut Report, booking_api: &Path, criterion: &Path) -> Result<()> {
    let cpu_us = |name: &str| anyhow::Ok(nanoseconds(criterion, name)? / 1e3);
    let (admitted, lease) = (cpu_us("quota_admitted")?, cpu_us("quota_lease")?);
    report.add("quota.admitted_us", admitted);
    report.add("quota.refused_us", cpu_us("quota_refused")?);
    report.add("quota.lease_us", lease);
    // A quota of as much as is asked for, and one of half as much.
    for (name, quota) in [("quota.", [200, 400, 1]), ("quota.beyond.", [50, 50, 1])] {
        let Leased { calls, took } = lists(booking_api, quota).await?;
        let calls_per_request = calls as f64 / f64::from(REQUESTS);
        report.add(format!("{name}requests_per_s"), f64::from(REQUESTS) / took.as_secs_f64());
        report.add(format!("{name}calls_per_request"), calls_per_request);
        report.add(format!("{name}cpu_us_per_request"), admitted + calls_per_request * lease);
    }
    Ok(())
}

struct Leased {
    /// How many calls lease tokens.
    calls: usize,
    took: Duration,
}

async fn lists(booking_api: &Path, quota: [u32; 3]) -> Result<Leased> {
    let aws = Aws::start(Duration::from_millis(1)).await?;
    aws.give_quota("acme", quota);
    let mut function = Function::start(&Config::new(booking_api, "booking-api", &booking_api_env(&aws))).await?;
    let event = payloads::get("/bookings", &format!("Bearer {}", aws.token("acme", "basic", "user")?));
    let (mut ticks, begun) = (interval(EVERY), Instant::now());
    for _ in 0..REQUESTS {
        ticks.tick().await;
        let (status, problem) = function.invoke(event.clone(), DEADLINE).await?.http();
        ensure!([200, 429].contains(&status), "{status} {problem}");
    }
    Ok(Leased { calls: aws.calls("UpdateItem"), took: begun.elapsed() })
}
