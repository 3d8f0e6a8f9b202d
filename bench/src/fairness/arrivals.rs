//! An open loop: requests are sent at fixed times, whatever became of those before, and their time counts from when they were to be sent. A
//! client that waits for its answers would send less just when the function is slow, and hide the queue that others stand in.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use bytes::Bytes;
use lambda_host::pool::Pool;
use tokio::{runtime::Handle, sync::mpsc, task::spawn_blocking};

/// What an answer may take.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);

/// A request that is to be sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Arrival {
    at: Duration,
    sender: usize,
}

/// The outcome of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestOutcome {
    /// The sender: an index in the list of rates.
    pub(super) sender: usize,
    /// The HTTP status.
    pub(super) status: u64,
    /// The time from the planned moment of sending to the answer.
    pub(super) took: Duration,
    /// By how much the request was sent later than planned.
    pub(super) late: Duration,
}

/// Requests of senders with these rates a second, each at even distances, and no two senders in step.
pub(super) fn schedule(rates: &[f64], lasts: Duration) -> Vec<Arrival> {
    let mut arrivals: Vec<Arrival> = Vec::new();
    for (sender, rate) in rates.iter().enumerate() {
        let first = sender as f64 / rates.len() as f64;
        let times = (0..).map(|index| Duration::from_secs_f64((f64::from(index) + first) / rate));
        arrivals.extend(times.take_while(|at| *at < lasts).map(|at| Arrival { at, sender }));
    }
    arrivals.sort_by_key(|arrival| arrival.at);
    arrivals
}

/// Sends them all, each sender its own payload.
pub(super) async fn send(pool: &Arc<Pool>, payloads: &[Bytes], arrivals: Vec<Arrival>) -> Result<Vec<RequestOutcome>> {
    let (answers, mut answered) = mpsc::unbounded_channel();
    let (pool, payloads, runtime) = (pool.clone(), payloads.to_vec(), Handle::current());
    // A thread of its own: Tokio's timer counts whole milliseconds.
    let sending = spawn_blocking(move || {
        let begun = Instant::now();
        for Arrival { at, sender } in arrivals {
            let planned = begun + at;
            std::thread::sleep(planned.saturating_duration_since(Instant::now()));
            let payload = payloads.get(sender).cloned().context("a sender without a payload")?;
            let late = planned.elapsed();
            let (pool, answers) = (pool.clone(), answers.clone());
            runtime.spawn(async move {
                let invoked = pool.invoke(payload, DEADLINE).await;
                let took = planned.elapsed();
                let status = invoked.map_or(504, |invoked| invoked.status());
                let _nobody_waits = answers.send(RequestOutcome { sender, status, took, late });
            });
        }
        anyhow::Ok(())
    });
    let mut all = Vec::new();
    while let Some(one) = answered.recv().await {
        all.push(one);
    }
    sending.await??;
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sender_has_its_rate_and_no_two_are_in_step() {
        let arrivals = schedule(&[5.0, 5.0, 200.0], Duration::from_secs(10));
        let of = |sender| arrivals.iter().filter(|arrival| arrival.sender == sender).count();
        assert_eq!([of(0), of(1), of(2)], [50, 50, 2_000]);
        assert!(arrivals.is_sorted_by_key(|arrival| arrival.at));
        let first = |sender| arrivals.iter().find(|arrival| arrival.sender == sender).map(|arrival| arrival.at);
        assert_ne!(first(0), first(1));
    }
}
