//! Booking while another tenant floods: real processes of booking-api, as many as its concurrency limit allows, with an AWS that takes its time.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Result;
use bytes::Bytes;
use lambda_host::{
    aws::Aws,
    function::{Config, Function},
    payloads,
    pool::Pool,
    sink::{Behaviour, Sink},
};
use testkit::functions::booking_api_env;

use super::arrivals::{Answered, schedule, send};
use crate::{
    process::milliseconds,
    report::{Report, median, quantile},
};

/// Runs of each kind; they take turns.
const RUNS: usize = 5;
/// How long one lasts.
const LASTS: Duration = Duration::from_secs(10);
/// What each call of AWS takes, so that a sandbox is busy while its handler waits, as on AWS.
const AWS_TAKES: Duration = Duration::from_millis(50);
/// Sandboxes. The flood alone, let in, keeps ten of them busy, and the others together two and a half.
const CONCURRENCY: usize = 8;
const OTHERS: usize = 9;
const OTHERS_PER_S: f64 = 5.0;
/// What the noisy tenant may do in a second, and what it does.
const QUOTA_PER_S: f64 = 20.0;
const FLOOD_PER_S: f64 = 10.0 * QUOTA_PER_S;

/// What a run is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Only the others.
    Quiet,
    /// One floods, and has a quota.
    Quotas,
    /// One floods, and nothing holds it back.
    NoQuotas,
}

const KINDS: [Kind; 3] = [Kind::Quiet, Kind::Quotas, Kind::NoQuotas];

/// Measures and adds it.
pub(super) async fn add(report: &mut Report, booking_api: &Path) -> Result<()> {
    let mut runs = [const { Vec::new() }; KINDS.len()];
    for round in 1..=RUNS {
        eprintln!("a flood beside nine tenants: round {round} of {RUNS}");
        for (kind, runs) in KINDS.into_iter().zip(&mut runs) {
            runs.push(run(kind, booking_api).await?);
        }
    }
    let [quiet, quotas, none] = &runs;
    let p99 = |runs: &[Run]| median(&runs.iter().map(|run| run.others_p99).collect::<Vec<_>>());
    let sum = |runs: &[Run], count: fn(&Run) -> usize| runs.iter().map(count).sum::<usize>() as f64;
    let share = |runs: &[Run], count: fn(&Run) -> usize, of: fn(&Run) -> usize| sum(runs, count) / sum(runs, of);
    report.add("flood.quiet.others_p99_ms", p99(quiet));
    report.add("flood.quiet.others_errors", sum(quiet, |run| run.others_errors));
    report.add("flood.others_p99_ms", p99(quotas));
    report.add("flood.others_p99_ratio", p99(quotas) / p99(quiet));
    report.add("flood.others_errors", sum(quotas, |run| run.others_errors));
    report.add("flood.noisy_served_per_s", sum(quotas, |run| run.noisy_served) / (RUNS as f64 * LASTS.as_secs_f64()));
    report.add("flood.noisy_429_share", share(quotas, |run| run.noisy_told, |run| run.noisy));
    report.add("flood.without_quotas.others_p99_ratio", p99(none) / p99(quiet));
    report.add("flood.without_quotas.others_errors_share", share(none, |run| run.others_errors, |run| run.others));
    report.add(
        "flood.without_quotas.noisy_errors_share",
        share(none, |run| run.noisy - run.noisy_served, |run| run.noisy),
    );
    let late: Vec<f64> = runs.iter().flatten().map(|run| run.late_p99).collect();
    report.add("flood.generator_late_p99_ms", quantile(&late, 1.0));
    Ok(())
}

/// What a run came to; times in milliseconds.
#[derive(Debug)]
struct Run {
    others: usize,
    others_p99: f64,
    others_errors: usize,
    noisy: usize,
    noisy_served: usize,
    /// Refused with 429, and so told when to come again.
    noisy_told: usize,
    late_p99: f64,
}

async fn run(kind: Kind, booking_api: &Path) -> Result<Run> {
    let aws = Aws::start(AWS_TAKES).await?;
    let sink = Sink::otlp(Behaviour::Ok).await?;
    let url = sink.url();
    let mut env = booking_api_env(&aws);
    env.push(("OTEL_EXPORTER_OTLP_ENDPOINT", &url));
    let pool = Arc::new(Pool::start(&Config::new(booking_api, "booking-api", &env), CONCURRENCY).await?);
    let payloads = (0..=OTHERS).map(|sender| payload(&aws, sender)).collect::<Result<Vec<_>>>()?;
    warm(pool.sandboxes(), &payloads).await?;

    let mut rates = vec![OTHERS_PER_S; OTHERS];
    rates.extend((kind != Kind::Quiet).then_some(FLOOD_PER_S));
    let answered = send(&pool, &payloads, schedule(&rates, LASTS)).await?;
    Ok(Run::of(&answered))
}

/// A booking of a sender's; the last is the noisy one.
fn payload(aws: &Aws, sender: usize) -> Result<Bytes> {
    let tenant = if sender == OTHERS { "noisy".to_owned() } else { format!("quiet-{sender}") };
    Ok(payloads::create_booking(&aws.token(&tenant, "basic", &format!("user-of-{tenant}"))?, &[]).into())
}

/// Each sandbox knows each tenant: what a first request costs is not what a flood is about.
async fn warm(sandboxes: &[Function], payloads: &[Bytes]) -> Result<()> {
    for payload in payloads {
        let asked: Vec<_> =
            sandboxes.iter().map(|sandbox| sandbox.queue(payload.clone(), Duration::from_secs(10), None)).collect();
        for outcome in asked {
            outcome.await?;
        }
    }
    for sandbox in sandboxes {
        sandbox.idle().await?;
    }
    Ok(())
}

impl Run {
    fn of(answered: &[Answered]) -> Self {
        let (noisy, others): (Vec<_>, Vec<_>) = answered.iter().partition(|answer| answer.sender == OTHERS);
        let with = |answers: &[&Answered], status| answers.iter().filter(|answer| answer.status == status).count();
        let served = with(&others, 201);
        let took: Vec<f64> =
            others.iter().filter(|answer| answer.status == 201).map(|answer| milliseconds(answer.took)).collect();
        let late: Vec<f64> = answered.iter().map(|answer| milliseconds(answer.late)).collect();
        Self {
            others: others.len(),
            others_p99: quantile(&took, 0.99),
            others_errors: others.len() - served,
            noisy: noisy.len(),
            noisy_served: with(&noisy, 201),
            noisy_told: with(&noisy, 429),
            late_p99: quantile(&late, 0.99),
        }
    }
}
