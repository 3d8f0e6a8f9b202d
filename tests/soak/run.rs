//! The soak from start to end.

use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Result;
use local::cloud::asked_to_stop;
use operator::reconcile::Difference;
use testkit::{AnsweredBooking, Armed, Fault, FaultyCloud, Plan, Refusal, Soak, record_soak};
use tokio::{
    task::JoinSet,
    time::{interval, sleep},
};

use crate::{
    Options,
    memory::{Memory, grown},
};

const FUNCTIONS: [&str; 3] = ["booking-api-local", "booking-publisher-local", "mileage-accrual-local"];
const ROUTES: [(&str, &str); 6] =
    [("LHR", "JFK"), ("FRA", "SIN"), ("CDG", "NRT"), ("SYD", "SCL"), ("GRU", "LIS"), ("AKL", "DOH")];
/// The most bookings a second and at once.
const MAX_RATE: f64 = 4.0;
const MAX_AT_ONCE: usize = 8;
/// One in so many bookings is cancelled at once.
const CANCELLED_ONE_IN: usize = 3;
/// From one fault to the next, in milliseconds.
const BETWEEN_FAULTS: std::ops::Range<u64> = 1_500..5_000;
/// How long all may take to agree in the end.
const QUIET_WITHIN: Duration = Duration::from_secs(120);

/// What came of the load.
#[derive(Default)]
struct Load {
    bookings: usize,
    cancelled: usize,
    retries: usize,
    faults: BTreeMap<&'static str, usize>,
    memory: Memory,
}

pub(crate) async fn run(options: &Options) -> Result<ExitCode> {
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..));
    println!("soak of {} min, seed {seed} (--seed {seed} chooses the same faults)", options.minutes);
    let cloud = Arc::new(FaultyCloud::start().await);
    let worked = tokio::select! {
        worked = soak(options, seed, cloud.clone()) => Some(worked?),
        stopped = asked_to_stop() => { stopped?; None }
    };
    let Some(soak) = worked else {
        println!("stopped");
        return Ok(ExitCode::FAILURE);
    };
    record_soak(&soak);
    let grown = grown(&soak.memory);
    let Soak { bookings, cancelled, retries, faults, .. } = &soak;
    println!("{bookings} bookings, {cancelled} cancelled, {retries} of their requests repeated, faults: {faults:?}");
    println!("quiet {:.1} s after the last booking, {} difference(s)", soak.quiet_after, soak.differences);
    for (name, second, last) in &soak.memory {
        println!("{name:<28} {second:>7.1} MB in the second quarter, {last:>7.1} MB in the last");
    }
    if !grown.is_empty() {
        println!("grew: {}", grown.join(", "));
    }
    Ok(if soak.differences == 0 && grown.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn soak(options: &Options, seed: u64, cloud: Arc<FaultyCloud>) -> Result<Soak> {
    let load = load(options, seed, &cloud).await?;
    let quiet = Instant::now();
    let differences = quiet_down(&cloud).await?;
    differences.iter().for_each(|difference| println!("{difference:?}"));
    let (reserved, cancelled) = (cloud.reservations().await.len(), cloud.cancellations().await.len());
    // What the clients were told of is all there is.
    let beyond = reserved.abs_diff(load.bookings) + cancelled.abs_diff(load.cancelled);
    Ok(Soak {
        minutes: options.minutes,
        seed,
        bookings: load.bookings,
        cancelled: load.cancelled,
        retries: load.retries,
        faults: load.faults.into_iter().map(|(kind, count)| (kind.to_owned(), count)).collect(),
        differences: differences.len() + beyond,
        quiet_after: quiet.elapsed().as_secs_f64(),
        memory: load.memory.quarters(),
    })
}

async fn load(options: &Options, seed: u64, cloud: &Arc<FaultyCloud>) -> Result<Load> {
    let mut random = fastrand::Rng::with_seed(seed);
    let lasts = Duration::from_secs_f64(options.minutes * 60.0);
    let started = Instant::now();
    let mut load = Load::default();
    let mut bookings: JoinSet<AnsweredBooking> = JoinSet::new();
    let mut ticks = interval(Duration::from_secs_f64(1.0 / options.rate.clamp(0.1, MAX_RATE)));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut samples = interval((lasts / 60).min(Duration::from_secs(10)));
    let mut progress = interval((lasts / 6).min(Duration::from_secs(60)));
    let mut armed: Option<(&'static str, Armed)> = None;
    let mut next_fault = Instant::now();
    while started.elapsed() < lasts {
        tokio::select! {
            _ = ticks.tick() => {
                if Instant::now() >= next_fault {
                    // The one before ends, whether or not it struck.
                    count(&mut load, armed.take());
                    armed = Some(arm(cloud, &mut random));
                    next_fault = Instant::now() + Duration::from_millis(random.u64(BETWEEN_FAULTS));
                }
                if bookings.len() < MAX_AT_ONCE {
                    let (caller, route) = (random.usize(..cloud.callers.len()), ROUTES[random.usize(..ROUTES.len())]);
                    let cancels = random.usize(..CANCELLED_ONE_IN) == 0;
                    let cloud = cloud.clone();
                    bookings.spawn(async move {
                        let caller = &cloud.callers[caller];
                        let mut booking = cloud.book_until_answered(caller, route.0, route.1).await;
                        if cancels {
                            cloud.cancel(caller, &mut booking).await;
                        }
                        booking
                    });
                }
            }
            Some(booking) = bookings.join_next() => arrived(&mut load, booking?),
            _ = samples.tick() => load.memory.sample(cloud.cloud.process.id()),
            _ = progress.tick() => {
                let faults: usize = load.faults.values().sum();
                let at = started.elapsed().as_secs();
                println!("{at:>5} s: {} bookings, {} repeated, {faults} faults", load.bookings, load.retries);
                // What the proxy remembers of calls is for tests.
                cloud.proxy.take_calls();
            }
        }
    }
    count(&mut load, armed.take());
    while let Some(booking) = bookings.join_next().await {
        arrived(&mut load, booking?);
    }
    Ok(load)
}

fn arrived(load: &mut Load, booking: AnsweredBooking) {
    load.bookings += 1;
    load.cancelled += usize::from(booking.cancelled);
    load.retries += booking.attempts - 1 - usize::from(booking.cancelled);
}

fn count(load: &mut Load, armed: Option<(&'static str, Armed)>) {
    if let Some((kind, armed)) = armed {
        *load.faults.entry(kind).or_default() += armed.injected();
    }
}

/// A fault at random, at a function at random.
fn arm(cloud: &FaultyCloud, random: &mut fastrand::Rng) -> (&'static str, Armed) {
    let hold = Duration::from_millis(random.u64(100..3_000));
    let kinds = [
        ("killed before a call", Fault::KillBefore, 1),
        ("killed after a call", Fault::KillAfter, 1),
        ("call lost", Fault::LoseRequest, 4),
        ("answer lost", Fault::LoseAnswer, 4),
        ("answer held", Fault::HoldAnswer(hold), 3),
        ("call held", Fault::HoldRequest(hold), 3),
        ("throttled", Fault::Refuse(Refusal::Throttled), 4),
        ("500", Fault::Refuse(Refusal::Broken(500)), 4),
        ("503", Fault::Refuse(Refusal::Broken(503)), 4),
    ];
    let (kind, fault, most) = kinds[random.usize(..kinds.len())];
    let function = FUNCTIONS[random.usize(..FUNCTIONS.len())];
    (kind, cloud.proxy.arm(Plan { function, action: None, skip: 0, times: random.usize(1..=most), fault }))
}

/// Waits until nothing differs. What faults have brought to the dead-letter queue is sent once more, as an operator would.
async fn quiet_down(cloud: &FaultyCloud) -> Result<Vec<Difference>> {
    let started = Instant::now();
    loop {
        let differences = cloud.sources.reconcile().await?.differences;
        if differences.is_empty() || started.elapsed() > QUIET_WITHIN {
            return Ok(differences);
        }
        let dead = differences.iter().find_map(|difference| match difference {
            Difference::Messages { place: "dead", count } => usize::try_from(*count).ok(),
            _ => None,
        });
        if let Some(count) = dead {
            println!("{count} message(s) redriven from the dead-letter queue");
            cloud.redrive(count).await;
        }
        sleep(Duration::from_millis(500)).await;
    }
}
