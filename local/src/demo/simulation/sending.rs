//! The way to the control plane: the history at once, and from then on what happens, second by second.

use std::{
    convert::Infallible,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail};
use prost::Message;
use reqwest::Client;

use super::{
    requests::told,
    scanner,
    story::Story,
    telling::{SimulatedSpan, in_one_request},
};
use crate::{access_log, ministack::SIMULATED_BOOKING_ACCOUNT, progress};

/// Spans in a request, so that each stays well below the intake's 16 MiB.
const SPANS: usize = 8_000;
/// How long after its end a trace is sent, in seconds.
const OVER_AFTER: u64 = 3;
const EVERY: Duration = Duration::from_secs(1);
/// What could not be sent in time is sent later if it is not older than this, in seconds.
const KEPT: u64 = 120;
const TIMEOUT: Duration = Duration::from_secs(30);
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

/// The simulated tenants, at one control plane.
#[derive(Debug)]
pub(in crate::demo) struct Simulation {
    client: Client,
    url: String,
    story: Story,
    /// Everything before it was sent; Unix seconds.
    until: u64,
}

impl Simulation {
    /// Sends the history up to now; also how many spans.
    pub(in crate::demo) async fn begin(control_plane_url: &str) -> Result<(Self, usize)> {
        let now = now()?;
        let client = Client::builder().timeout(TIMEOUT).build()?;
        let url = control_plane_url.to_owned();
        let simulation = Self { client, url, story: Story::beginning(now), until: now - OVER_AFTER };
        let told = simulation.story.history(simulation.until).flat_map(|moment| told(&moment));
        // What is judged goes first and in one request: five minutes that are judged with half of their requests are not judged again.
        let (requests, mut rest): (Vec<_>, Vec<_>) = told.partition(SimulatedSpan::is_request);
        let count = requests.len() + rest.len();
        simulation.send(requests).await?;
        while !rest.is_empty() {
            simulation.send(rest.drain(..rest.len().min(SPANS)).collect()).await?;
        }
        simulation.send_scans(simulation.until - scanner::SCANS_FOR, simulation.until).await?;
        Ok((simulation, count))
    }

    /// Goes on sending what happens, for as long as it is waited for. What keeps it from that is said once a minute.
    pub(in crate::demo) async fn go_on(&mut self) -> Infallible {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut complained: Option<Instant> = None;
        loop {
            ticks.tick().await;
            if let Err(error) = self.send_what_happened().await
                && complained.is_none_or(|at| at.elapsed() > COMPLAIN_EVERY)
            {
                progress::warn(format_args!("the simulated tenants are not heard: {error:#}"));
                complained = Some(Instant::now());
            }
        }
    }

    async fn send_what_happened(&mut self) -> Result<()> {
        let until = now()? - OVER_AFTER;
        let from = self.until.max(until.saturating_sub(KEPT));
        let told: Vec<_> = self.story.between(from, until).flat_map(|moment| told(&moment)).collect();
        if !told.is_empty() {
            self.send(told).await?;
        }
        self.send_scans(from, until).await?;
        self.until = until.max(self.until);
        Ok(())
    }

    async fn send_scans(&self, from: u64, until: u64) -> Result<()> {
        let lines = scanner::lines(from, until);
        if lines.is_empty() {
            return Ok(());
        }
        let delivery = access_log::delivery(SIMULATED_BOOKING_ACCOUNT, scanner::API, &lines);
        access_log::deliver(&self.client, &format!("{}/v1/access-logs", self.url), &delivery).await
    }

    async fn send(&self, told: Vec<SimulatedSpan>) -> Result<()> {
        let body = in_one_request(told).encode_to_vec();
        let request = self
            .client
            .post(format!("{}/v1/traces", self.url))
            .header("content-type", "application/x-protobuf")
            .body(body);
        let answer = request.send().await.context("no answer from the control plane")?;
        if !answer.status().is_success() {
            bail!("the control plane did not take the simulated spans: {}", answer.status());
        }
        Ok(())
    }
}

/// Unix seconds.
fn now() -> Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}
