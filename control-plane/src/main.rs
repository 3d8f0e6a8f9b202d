//! `control-plane`: the server, and its traces in a terminal.

use std::{
    io::{IsTerminal, Write},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand, ValueEnum};
use control_plane::{
    server, terminal,
    trace::{Trace, TraceId},
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

/// Span intake, store and search for every account.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Take spans on /v1/traces and show them on /.
    Serve {
        /// Where to listen; port 0 takes a free one, which is printed.
        #[arg(long, default_value = "127.0.0.1:4318")]
        listen: SocketAddr,
        /// Where to keep spans.
        #[arg(long, default_value = ".local/control-plane")]
        data: PathBuf,
    },
    /// Print a trace as a tree.
    Trace {
        /// Its id, in W3C or X-Ray form.
        id: TraceId,
        /// The control plane.
        #[arg(long, env = "CONTROL_PLANE_URL", default_value = "http://127.0.0.1:4318")]
        url: String,
        /// Whether to colour.
        #[arg(long, value_enum, default_value_t = Color::Auto)]
        color: Color,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    match Cli::parse().command {
        Command::Serve { listen, data } => {
            let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
            let mut out = std::io::stdout();
            writeln!(out, "listening on http://{}", listener.local_addr()?)?;
            out.flush()?;
            let mut terminate = signal(SignalKind::terminate())?;
            let mut interrupt = signal(SignalKind::interrupt())?;
            let stop = async move {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
            };
            server::serve(listener, &data, stop).await?;
        }
        Command::Trace { id, url, color } => {
            let trace = fetch(&url, id).await?;
            let color = match color {
                Color::Auto => std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
                Color::Always => true,
                Color::Never => false,
            };
            std::io::stdout().write_all(terminal::render(&trace, color).as_bytes())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn fetch(url: &str, id: TraceId) -> Result<Trace> {
    let answer =
        reqwest::get(format!("{url}/api/traces/{id}")).await.with_context(|| format!("no answer from {url}"))?;
    if !answer.status().is_success() {
        let problem: serde_json::Value = answer.json().await.unwrap_or_default();
        bail!("{id}: {}", problem["detail"].as_str().unwrap_or("not found"));
    }
    Ok(answer.json().await?)
}
