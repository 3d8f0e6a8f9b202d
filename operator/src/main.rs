//! `operator`: what is done by hand in the accounts of a stage, or in the local cloud.

use std::{
    io::{ErrorKind, Write},
    process::ExitCode,
};

use anyhow::Result;
use clap::{Parser, Subcommand};
use operator::{firewall, reconcile, tenants};

/// There is no answer: nobody there, nothing known, or not asked in a way that can be answered. As of the control plane's commands.
const NO_ANSWER: u8 = 2;

/// Manages the registry of tenants and the firewall, and compares both accounts.
///
/// Exit codes. 0: done. 1: both accounts differ. 2: there is no answer, because AWS cannot be reached or refuses, what you asked for does not
/// exist, or the command is wrong.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Create, list, suspend and resume tenants, and change their tier, quota and access lists. Needs AWS credentials of the booking account.
    Tenant {
        #[command(flatten)]
        options: Box<tenants::Options>,
    },
    /// Manage the networks that AWS WAF refuses in front of the APIs, for all tenants. Needs AWS credentials of the account that has these APIs.
    Firewall {
        #[command(flatten)]
        options: firewall::Options,
    },
    /// List every difference between reservations, messages, ledger entries and balances.
    Reconcile {
        #[command(flatten)]
        options: Box<reconcile::Options>,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse().command).await {
        Ok(code) => code,
        Err(error) => {
            // Nobody may read it, and the code says it too. What AWS said commands no terminal.
            let told = format!("{error:#}").replace(|c: char| c.is_control() && c != '\n', "\u{fffd}");
            let _unread = writeln!(std::io::stderr(), "operator: {told}");
            ExitCode::from(NO_ANSWER)
        }
    }
}

async fn run(command: Command) -> Result<ExitCode> {
    let (told, code) = match command {
        Command::Tenant { options } => (tenants::run(*options).await?, ExitCode::SUCCESS),
        Command::Firewall { options } => (firewall::run(options).await?, ExitCode::SUCCESS),
        Command::Reconcile { options } => {
            let (told, agrees) = reconcile::run(&options).await?;
            (told, if agrees { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    };
    match writeln!(std::io::stdout(), "{told}") {
        // One who has read enough and gone is no error.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(code),
    }
}
