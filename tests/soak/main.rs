//! `soak`: bookings and cancellations on a local cloud under faults at random, then a look at what differs and at who grew.
#![allow(clippy::print_stdout, reason = "it talks to a person")]

#[cfg(target_os = "linux")]
mod memory;
#[cfg(target_os = "linux")]
mod run;

use std::process::ExitCode;

use clap::Parser;

/// Books and cancels on a local cloud under random faults, then looks for differences and for memory that grew.
#[derive(Debug, Clone, Parser)]
pub(crate) struct Options {
    /// For how many minutes to book.
    #[arg(long, default_value_t = 30.0)]
    minutes: f64,
    /// Chooses the faults. Without it a random one is used and printed.
    #[arg(long)]
    seed: Option<u64>,
    /// Bookings a second, at most four.
    #[arg(long, default_value_t = 2.0)]
    rate: f64,
}

#[cfg(target_os = "linux")]
#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    run::run(&Options::parse()).await
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    println!("{:?}: faults and memory are found through /proc, which only Linux has", Options::parse());
    ExitCode::FAILURE
}
