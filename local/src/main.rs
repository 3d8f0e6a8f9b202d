//! `local`: the local cloud from the command line.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use local::{
    children,
    cloud::{Cloud, Options, asked_to_stop},
    demo, sign_in,
};
use tokio::io::AsyncWriteExt;

/// Runs both accounts on your machine.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start the local cloud, deploy to it, and stay until Ctrl-C.
    Up {
        #[command(flatten)]
        options: Options,
        /// Print all addresses as one line of JSON.
        #[arg(long)]
        json: bool,
        /// Stop when standard input ends, so that whoever started this cannot leave it behind.
        #[arg(long)]
        until_stdin_closes: bool,
    },
    /// Start the local cloud, deploy to it, book a dozen flights and show their traces.
    Demo {
        #[command(flatten)]
        options: Options,
        #[command(flatten)]
        acts: demo::Acts,
    },
    /// Send the demo's simulated tenants to a control plane that runs already: eight, of which one fails, one is slow, one is expensive and one has a user who guesses booking numbers.
    Simulate {
        /// The control plane.
        #[arg(long, default_value = "http://127.0.0.1:4318")]
        url: String,
        /// Exit after the history is sent, instead of continuing until Ctrl-C.
        #[arg(long)]
        once: bool,
    },
    /// Run a command until standard input ends, then end its process group. Used by `up` for its own children.
    #[command(hide = true)]
    Reap {
        #[arg(last = true)]
        command: Vec<String>,
    },
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    match Cli::parse().command {
        Command::Up { options, json, until_stdin_closes } => up(&options, json, until_stdin_closes).await,
        Command::Demo { options, acts } => demo::run(&options, acts).await,
        Command::Simulate { url, once } => demo::simulate(&url, once).await,
        Command::Reap { command } => {
            let status = children::reap(&command).await?;
            Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

async fn up(options: &Options, json: bool, until_stdin_closes: bool) -> Result<ExitCode> {
    // Children die with this process, so that a signal while starting needs no more than to end it.
    let mut cloud = tokio::select! {
        started = Cloud::start(options) => started?,
        stopped = asked_to_stop() => { stopped?; return Ok(ExitCode::FAILURE) }
        () = stdin_closed(until_stdin_closes) => return Ok(ExitCode::FAILURE),
    };
    let mut out = tokio::io::stdout();
    let text =
        if json { serde_json::to_string(&cloud.outputs)? } else { serde_json::to_string_pretty(&cloud.outputs)? };
    out.write_all(format!("{text}\n").as_bytes()).await?;
    out.flush().await?;
    if !json {
        eprint!("{}", sign_in::how(&cloud.outputs));
    }
    let ended = cloud
        .run_until(async {
            tokio::select! {
                _ = asked_to_stop() => {}
                () = stdin_closed(until_stdin_closes) => {}
            }
        })
        .await;
    cloud.stop().await?;
    ended?;
    Ok(ExitCode::SUCCESS)
}

async fn stdin_closed(wanted: bool) {
    if wanted { children::stdin_closed().await } else { std::future::pending().await }
}
