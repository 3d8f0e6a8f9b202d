//! `make demo`: a dozen flights of three tenants, and what became of them.
#![expect(clippy::print_stdout, reason = "the demo talks to a person")]

mod bookings;
mod expectations;
mod table;

use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::{
    cloud::{Cloud, Options, asked_to_stop},
    ministack::sibling,
    progress,
};

use self::expectations::Expectations;

/// Runs the demo; with `once` it ends by itself, successfully only if every expectation held.
pub async fn run(options: &Options, once: bool) -> Result<ExitCode> {
    let mut cloud = tokio::select! {
        started = Cloud::start(options) => started?,
        stopped = asked_to_stop() => { stopped?; return Ok(ExitCode::FAILURE) }
    };
    let told = tokio::select! {
        told = tell(&cloud) => told,
        stopped = asked_to_stop() => { stopped?; cloud.stop().await?; return Ok(ExitCode::FAILURE) }
    };
    let held = match told {
        Ok(held) => held,
        Err(error) => {
            cloud.stop().await?;
            return Err(error);
        }
    };
    let mut ended = Ok(());
    if !once {
        println!("\nCtrl-C ends everything.");
        ended = cloud.run_until(async { drop(asked_to_stop().await) }).await;
    }
    cloud.stop().await?;
    ended?;
    Ok(if held || !once { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn tell(cloud: &Cloud) -> Result<bool> {
    let outputs = &cloud.outputs;
    let mut expectations = Expectations::default();

    let step = progress::step("booking");
    let flights = bookings::book(outputs, &mut expectations).await?;
    step.done(format_args!("{} flights booked", flights.len()));

    let step = progress::step("miles");
    let journeys = bookings::follow(outputs, flights).await?;
    step.done("miles arrived in account B, traces complete");
    expectations.of_journeys(&journeys);

    println!("\n{}", table::of(&journeys));
    if let Some(journey) = journeys.first() {
        println!("\nOne of them as a tree (control-plane trace {}):\n", journey.trace_id);
        let mut show = tokio::process::Command::new(sibling("control-plane")?);
        show.args(["trace", &journey.trace_id, "--url", &outputs.control_plane_url]);
        show.status().await.context("cannot show the trace")?;
    }
    println!("\n{expectations}");
    println!("  control plane   {}", outputs.control_plane_url);
    println!("  booking API     {}", outputs.booking_url);
    println!("  mileage API     {}", outputs.mileage_url);
    for user in &outputs.users {
        println!("  sign in as      {} / {}  (tenant {}, {})", user.username, user.password, user.tenant, user.tier);
    }
    Ok(expectations.held())
}
