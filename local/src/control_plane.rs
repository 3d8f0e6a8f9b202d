//! The control plane's process, and what keeps its spans.

use std::{net::Ipv4Addr, path::Path, time::Duration};

use anyhow::{Context, Result, bail};
use tokio::{net::TcpListener, process::Command};

use crate::{
    children::Supervised,
    clickhouse::{ClickHouse, Store},
    ministack::{free_port, sibling},
};

/// The variable that names the store: an argument could be seen by everybody on this machine, and an address has a password.
const STORE: &str = "CONTROL_PLANE_STORE";

/// A running control plane.
#[derive(Debug)]
pub struct ControlPlane {
    /// Its process.
    pub process: Supervised,
    /// Where it listens.
    pub url: String,
    /// The process of the database that was started for it.
    pub clickhouse: Option<Supervised>,
}

impl ControlPlane {
    /// Starts it on `port`, or on another one where that is taken, with its data below `dir`. `front` has the functions' log lines.
    pub async fn start(port: u16, project: &Path, dir: &Path, front: &str, store: &Store) -> Result<Self> {
        let (clickhouse, address) = match store {
            Store::Embedded => (None, None),
            Store::At(address) => (None, Some(address.clone())),
            Store::ClickHouse => {
                let ClickHouse { process, address } = ClickHouse::start(project, dir).await?;
                (Some(process), Some(address))
            }
        };
        let program = sibling("control-plane")?;
        if let Some(address) = &address {
            let migrated = Command::new(&program).arg("migrate").env(STORE, address).output().await?;
            if !migrated.status.success() {
                bail!("no tables for the control plane: {}", String::from_utf8_lossy(&migrated.stderr));
            }
        }
        let port = match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Ok(free) => free.local_addr()?.port(),
            Err(_) => free_port()?,
        };
        let url = format!("http://127.0.0.1:{port}");
        let data = dir.join("control-plane").to_string_lossy().into_owned();
        let config = dir.join("control-plane.toml");
        let text = format!("[logs]\nurl = \"{front}/_local/logs\"\n[slo]\nsettle_seconds = 5\n");
        std::fs::write(&config, text).with_context(|| format!("cannot write {}", config.display()))?;
        let config = config.to_string_lossy().into_owned();
        let args = ["serve", "--listen", &format!("127.0.0.1:{port}"), "--data", &data, "--config", &config];
        let env: Vec<_> = address.into_iter().map(|address| (STORE.to_owned(), address)).collect();
        let log = dir.join("control-plane.log");
        let process = Supervised::start("control plane", &program, &args.map(str::to_owned), &env, log)?;
        let mut control_plane = Self { process, url, clickhouse };
        control_plane.wait_until_healthy().await?;
        Ok(control_plane)
    }

    async fn wait_until_healthy(&mut self) -> Result<()> {
        let health = format!("{}/healthz", self.url);
        let process = &mut self.process;
        for _ in 0..200 {
            tokio::select! {
                status = process.ended() => bail!("the control plane ended ({}):\n{}", status?, process.last_words()),
                answer = reqwest::get(&health) => if answer.is_ok_and(|answer| answer.status().is_success()) {
                    return Ok(());
                },
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("the control plane did not start:\n{}", process.last_words())
    }

    /// Waits until it, or its database, ends by itself; the error says which.
    pub async fn ended(&mut self) -> Result<()> {
        let database = async {
            match &mut self.clickhouse {
                Some(process) => process.ended().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            status = self.process.ended() => {
                bail!("the control plane ended ({}):\n{}", status?, self.process.last_words())
            }
            status = database => bail!("ClickHouse ended ({})", status?),
        }
    }

    /// Ends it, then its database.
    pub async fn stop(&mut self) -> Result<()> {
        self.process.stop().await?;
        match &mut self.clickhouse {
            Some(process) => process.stop().await,
            None => Ok(()),
        }
    }
}
