//! `make demo`: a dozen flights of three tenants, and what became of them.
#![expect(clippy::print_stdout, reason = "the demo talks to a person")]

mod bookings;
mod expectations;
mod noisy;
mod questions;
mod simulation;
mod slow_call;
mod table;

use std::{pin::pin, process::ExitCode};

use anyhow::{Context, Result};

use crate::{
    cloud::{Cloud, Options, asked_to_stop},
    ministack::program_beside,
    outputs::Outputs,
    progress,
    services::{FirstRequest, first_request},
    sign_in, users,
};

use self::{expectations::Expectations, noisy::Flood, simulation::Simulation};

/// What a demo does besides.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Acts {
    /// Exit at the end, with 0 only if every expectation held.
    #[arg(long)]
    pub once: bool,
    /// Let one more tenant ask for ten times its quota, for a while.
    #[arg(long)]
    pub noisy: bool,
}

/// Runs the demo; with `once` it ends by itself, successfully only if every expectation held.
pub async fn run(options: &Options, acts: Acts) -> Result<ExitCode> {
    let mut cloud = tokio::select! {
        started = Cloud::start(options) => started?,
        stopped = asked_to_stop() => { stopped?; return Ok(ExitCode::FAILURE) }
    };
    let ended = perform(&mut cloud, acts).await;
    cloud.stop().await?;
    ended
}

async fn perform(cloud: &mut Cloud, acts: Acts) -> Result<ExitCode> {
    let Some(mut simulation) = unless_stopped(begin(cloud)).await? else { return Ok(ExitCode::FAILURE) };
    // All the while: five minutes that are judged with part of their requests are not judged again.
    let mut sending = pin!(simulation.go_on());
    let told = async {
        tokio::select! {
            held = tell(cloud, acts) => held,
            never = &mut sending => match never {},
        }
    };
    let Some(held) = unless_stopped(told).await? else { return Ok(ExitCode::FAILURE) };
    if acts.once {
        return Ok(if held { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    println!("The simulated tenants go on sending. Ctrl-C ends everything.");
    let wanted = async {
        tokio::select! {
            _ = asked_to_stop() => {}
            never = sending => match never {},
        }
    };
    cloud.run_until(wanted).await?;
    Ok(ExitCode::SUCCESS)
}

/// What becomes of some work, or `None` if somebody asks to stop before it is done.
async fn unless_stopped<T>(work: impl Future<Output = Result<T>>) -> Result<Option<T>> {
    tokio::select! {
        done = work => done.map(Some),
        stopped = asked_to_stop() => stopped.map(|()| None),
    }
}

/// Sends what the demo simulates to a control plane, and goes on until it is asked to stop; with `once` it only sends the history.
pub async fn simulate(control_plane_url: &str, once: bool) -> Result<ExitCode> {
    let step = progress::step("eight tenants");
    let (mut simulation, spans) = Simulation::begin(control_plane_url).await?;
    step.done(format_args!("eight tenants simulated: {spans} spans of five days"));
    if !once {
        tokio::select! {
            stopped = asked_to_stop() => stopped?,
            never = simulation.go_on() => match never {},
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// First of all: what is evaluated once is not alerted on anew.
async fn begin(cloud: &Cloud) -> Result<Simulation> {
    let step = progress::step("eight more tenants");
    let (simulation, spans) = Simulation::begin(&cloud.outputs.control_plane_url).await?;
    step.done(format_args!("eight more tenants simulated: {spans} spans of five days"));
    Ok(simulation)
}

/// Books, asks, and prints what became of it; whether every expectation held.
async fn tell(cloud: &Cloud, acts: Acts) -> Result<bool> {
    let outputs = &cloud.outputs;
    let mut expectations = Expectations::default();

    let step = progress::step("booking");
    let flights = bookings::book(outputs, &mut expectations).await?;
    step.done(format_args!("{} flights booked", flights.len()));

    let step = progress::step("miles");
    let journeys = bookings::follow(outputs, &flights).await?;
    step.done("miles arrived in account B, traces complete");
    expectations.of_journeys(&journeys);

    let step = progress::step("a cancellation");
    let cancelled = bookings::cancel(outputs, &flights, &mut expectations).await?;
    step.done(format_args!("booking {} cancelled, its miles taken back", cancelled.booking_number));

    let step = progress::step("a slow call");
    let slow = slow_call::quote(cloud, &mut expectations).await?;
    step.done(format_args!("one quote had to wait: {} ms were injected", slow_call::DELAY.as_millis()));

    let asked = ask_services(outputs, &mut expectations).await?;

    let flood = if acts.noisy { Some(flood(outputs, &mut expectations).await?) } else { None };

    let step = progress::step("judgement");
    simulation::check(outputs, &mut expectations).await?;
    step.done("all tenants judged");

    println!("\n{}", table::of(&journeys));
    if let Some(journey) = journeys.first() {
        println!("\nOne of them as a tree (control-plane trace {}):\n", journey.trace_id);
        show(outputs, &["trace", &journey.trace_id]).await?;
    }
    println!("\nThe cancellation of {} (control-plane trace {}):\n", cancelled.booking_number, cancelled.trace_id);
    show(outputs, &["trace", &cancelled.trace_id]).await?;
    println!("\nThe quote that had to wait (control-plane trace {}):\n", slow.trace_id);
    show(outputs, &["trace", &slow.trace_id]).await?;
    for (name, first) in &asked {
        println!("\nThe first request of {name} (control-plane trace {}):\n", first.trace_id);
        show(outputs, &["trace", &first.trace_id]).await?;
    }
    println!("\nWho calls whom, in both accounts (control-plane map):\n");
    show(outputs, &["map"]).await?;
    println!("\nWho is hurting, among the simulated tenants (control-plane alerts):\n");
    show(outputs, &["alerts"]).await?;
    if let Some(flood) = flood {
        println!("\n{}", flood.told(outputs));
    }
    println!("\n{expectations}");
    println!("  portal          {}", outputs.portal_url);
    for user in &outputs.users {
        println!("  sign in as      {} / {}  (tenant {}, {})", user.username, user.password, user.tenant, user.tier);
    }
    println!("  control plane   {}", outputs.control_plane_url);
    print!("{}", sign_in::how(outputs));
    println!("  the slow quote  {}/traces/{}", outputs.control_plane_url, slow.trace_id);
    println!("  booking API     {}", outputs.booking_url);
    println!("  mileage API     {}", outputs.mileage_url);
    for (name, url) in &outputs.services {
        println!("  {name:<15} {url}/{name}");
    }
    println!("\nWhich of the simulated tenants is hurting, and why:\n\n{}", questions::of(outputs)?);
    Ok(expectations.held())
}

/// A tenant that asks for more than it may, and its neighbours.
async fn flood(outputs: &Outputs, expectations: &mut Expectations) -> Result<Flood> {
    let step = progress::step("a flood");
    let flood = noisy::flood(outputs, expectations).await?;
    step.done(format_args!("{} asked for ten times its quota, for {} s", Flood::TENANT, noisy::LASTS.as_secs()));
    Ok(flood)
}

/// The first request of each service that `make new-service` made.
async fn ask_services(outputs: &Outputs, expectations: &mut Expectations) -> Result<Vec<(String, FirstRequest)>> {
    let mut asked = Vec::new();
    let user = outputs.users.first().context("nobody to ask for")?;
    for name in outputs.services.keys() {
        let step = progress::step("first request");
        let token = users::sign_in(outputs, &user.username, &user.password).await?;
        let first = first_request(outputs, name, user, &token).await?;
        step.done(format_args!("{name} answered its first request"));
        let named = first.tenant == (user.tenant.clone(), user.tier.clone());
        expectations.expect(format!("the first request of {name}: a span with its tenant"), named);
        asked.push((name.clone(), first));
    }
    Ok(asked)
}

/// What the control plane's own command line prints.
async fn show(outputs: &Outputs, arguments: &[&str]) -> Result<()> {
    let mut show = tokio::process::Command::new(program_beside("control-plane")?);
    show.args(arguments).args(["--url", &outputs.control_plane_url]);
    show.envs(outputs.control_plane_key.as_ref().map(|key| ("CONTROL_PLANE_TOKEN", key)));
    show.status().await.context("cannot ask the control plane")?;
    Ok(())
}
