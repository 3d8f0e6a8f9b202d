//! Booking while another tenant floods: real processes of booking-api, as many as its concurrency limit allows, with an AWS that takes its time.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

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
use tokio::time::sleep;

use super::arrivals::{DEADLINE, RequestOutcome, schedule, send};
use crate::{
    process::milliseconds,
    report::{Report, median, quantile},
};

/// Runs of each kind; they take turns.
const RUNS: usize = 5;
/// How long one lasts.
const LASTS: Duration = Duration::from_secs(10);
/// What a booking takes in DynamoDB, in which its sandbox waits; every other call is a short one.
const BOOKING_TAKES: Duration = Duration::from_millis(100);
const CALL_TAKES: Duration = Duration::from_millis(5);
/// Sandboxes. The flood, let in, wants twenty of them, and the others together three.
const CONCURRENCY: usize = 16;
const OTHERS: usize = 9;
const OTHERS_PER_S: f64 = 3.0;
/// What each tenant may do in a second, and at once. What it may do at once must fit in beside the others: until that is used up, a flood is let in.
const QUOTA_PER_S: u32 = 20;
const BURST: u32 = 5;
/// The same as the stacks are shipped with, for tenants of the tier `basic`: it needs more sandboxes than there are here.
const SHIPPED_BURST: u32 = 50;
/// No booking is refused for the day's number.
const BOOKINGS_A_DAY: u32 = 1_000_000;
/// What the noisy tenant does.
const FLOOD_PER_S: f64 = 10.0 * QUOTA_PER_S as f64;

/// A booking that was made, and one that its tenant's quota refused.
const SERVED: u64 = 201;
const REFUSED: u64 = 429;

/// What a run is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Only the others.
    Quiet,
    /// One floods, and has a quota.
    Quotas,
    /// One floods, and has the quota that the stacks are shipped with.
    Shipped,
    /// One floods, and nothing holds it back.
    NoQuotas,
}

const KINDS: [Kind; 4] = [Kind::Quiet, Kind::Quotas, Kind::Shipped, Kind::NoQuotas];

impl Kind {
    /// What a tenant may do at once, or `None` where it has no quota.
    fn burst(self) -> Option<u32> {
        match self {
            Self::Quiet | Self::Quotas => Some(BURST),
            Self::Shipped => Some(SHIPPED_BURST),
            Self::NoQuotas => None,
        }
    }
}

/// Measures and adds it.
pub(super) async fn add(report: &mut Report, booking_api: &Path) -> Result<()> {
    let mut runs = [const { Vec::new() }; KINDS.len()];
    for round in 1..=RUNS {
        for (kind, runs) in KINDS.into_iter().zip(&mut runs) {
            let run = run(kind, booking_api).await?;
            eprintln!("a flood beside nine tenants, {round} of {RUNS}: {kind:?} {run:?}");
            runs.push(run);
        }
    }
    let [quiet, quotas, shipped, none] = &runs;
    let p99 = |runs: &[Run]| median(&runs.iter().map(|run| run.others_p99).collect::<Vec<_>>());
    report.add("flood.quiet.others_p99_ms", p99(quiet));
    report.add("flood.quiet.others_errors", sum(quiet, Run::others_errors));
    report.add("flood.others_p99_ms", p99(quotas));
    report.add("flood.others_p99_ratio", p99(quotas) / p99(quiet));
    report.add("flood.others_errors", sum(quotas, Run::others_errors));
    let seconds = RUNS as f64 * LASTS.as_secs_f64();
    report.add("flood.noisy_served_per_s", sum(quotas, |run| run.noisy.with(SERVED)) / seconds);
    report.add("flood.noisy_refused_per_s", sum(quotas, |run| run.noisy.with(REFUSED)) / seconds);
    for (name, runs) in [("flood.shipped_quota", shipped), ("flood.without_quotas", none)] {
        report.add(format!("{name}.others_p99_ratio"), p99(runs) / p99(quiet));
        let share = sum(runs, Run::others_errors) / sum(runs, |run| run.others.all());
        report.add(format!("{name}.others_errors_share"), share);
        report.add(format!("{name}.noisy_served_per_s"), sum(runs, |run| run.noisy.with(SERVED)) / seconds);
        report.add(format!("{name}.noisy_refused_per_s"), sum(runs, |run| run.noisy.with(REFUSED)) / seconds);
    }
    let late: Vec<f64> = runs.iter().flatten().map(|run| run.late_p99).collect();
    report.add("flood.generator_late_p99_ms", median(&late));
    report.add("flood.generator_late_p99_max_ms", quantile(&late, 1.0));
    Ok(())
}

fn sum(runs: &[Run], count: impl Fn(&Run) -> usize) -> f64 {
    runs.iter().map(count).sum::<usize>() as f64
}

/// What a run came to; times in milliseconds.
#[derive(Debug)]
struct Run {
    others: Answers,
    /// The p99 of the others' requests that were served.
    others_p99: f64,
    noisy: Answers,
    late_p99: f64,
}

/// How many answers had which status.
#[derive(Debug, Default)]
struct Answers(BTreeMap<u64, usize>);

impl Answers {
    fn of<'a>(answered: impl Iterator<Item = &'a RequestOutcome>) -> Self {
        let mut answers = Self::default();
        for answer in answered {
            *answers.0.entry(answer.status).or_default() += 1;
        }
        answers
    }

    fn with(&self, status: u64) -> usize {
        self.0.get(&status).copied().unwrap_or_default()
    }

    fn all(&self) -> usize {
        self.0.values().sum()
    }
}

async fn run(kind: Kind, booking_api: &Path) -> Result<Run> {
    let aws = Aws::start(CALL_TAKES).await?;
    aws.take_for("TransactWriteItems", BOOKING_TAKES);
    let sink = Sink::otlp(Behaviour::Ok).await?;
    let url = sink.url();
    let mut env = booking_api_env(&aws);
    env.push(("OTEL_EXPORTER_OTLP_ENDPOINT", &url));
    let pool = Arc::new(Pool::start(&Config::new(booking_api, "booking-api", &env), CONCURRENCY).await?);
    let payloads = (0..=OTHERS).map(|sender| payload(&aws, sender, kind)).collect::<Result<Vec<_>>>()?;
    warm(pool.sandboxes(), &payloads).await?;
    // The flood finds the whole burst, whatever warming has used of it.
    sleep(Duration::from_secs(kind.burst().unwrap_or_default().div_ceil(QUOTA_PER_S).into())).await;

    let mut rates = vec![OTHERS_PER_S; OTHERS];
    rates.extend((kind != Kind::Quiet).then_some(FLOOD_PER_S));
    let answered = send(&pool, &payloads, schedule(&rates, LASTS)).await?;
    Ok(Run::of(&answered))
}

/// A booking of a sender's; the last is the noisy one.
fn payload(aws: &Aws, sender: usize, kind: Kind) -> Result<Bytes> {
    let tenant = if sender == OTHERS { "noisy".to_owned() } else { format!("quiet-{sender}") };
    if let Some(burst) = kind.burst() {
        aws.give_quota(&tenant, [QUOTA_PER_S, burst, BOOKINGS_A_DAY]);
    }
    Ok(payloads::create_booking(&aws.token(&tenant, "basic", &format!("user-of-{tenant}"))?, &[]).into())
}

/// Each sandbox gets to know each tenant, one after another: what a first request costs is not what a flood is about.
async fn warm(sandboxes: &[Function], payloads: &[Bytes]) -> Result<()> {
    for round in 0..payloads.len() {
        let tenants = payloads.iter().cycle().skip(round);
        let asked =
            sandboxes.iter().zip(tenants).map(|(sandbox, payload)| sandbox.queue(payload.clone(), DEADLINE, None));
        for outcome in asked.collect::<Vec<_>>() {
            outcome.await?;
        }
    }
    for sandbox in sandboxes {
        sandbox.idle().await?;
    }
    Ok(())
}

impl Run {
    fn of(answered: &[RequestOutcome]) -> Self {
        let (noisy, others): (Vec<&RequestOutcome>, Vec<_>) =
            answered.iter().partition(|answer| answer.sender == OTHERS);
        let served = others.iter().filter(|answer| answer.status == SERVED);
        let late: Vec<f64> = answered.iter().map(|answer| milliseconds(answer.late)).collect();
        Self {
            others_p99: quantile(&served.map(|answer| milliseconds(answer.took)).collect::<Vec<_>>(), 0.99),
            others: Answers::of(others.into_iter()),
            noisy: Answers::of(noisy.into_iter()),
            late_p99: quantile(&late, 0.99),
        }
    }

    fn others_errors(&self) -> usize {
        self.others.all() - self.others.with(SERVED)
    }
}
