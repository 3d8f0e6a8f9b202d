//! The server that is measured, with the engine that it stores into.

use std::{
    path::Path,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail};
use reqwest::{Client, StatusCode, header};
use tempfile::TempDir;
use testkit::clickhouse::ClickHouse;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    task::JoinSet,
};

use super::generator::TENANTS;

/// Requests under way at once.
const SENDERS: usize = 16;
/// How often a long wait reports its progress.
const PROGRESS_EVERY: Duration = Duration::from_secs(30);
/// The database in ClickHouse that the server stores into.
const DATABASE: &str = "bench";

/// A control plane of the release build, on a store of its own.
pub(super) struct Server {
    process: Child,
    url: String,
    client: Client,
    data: TempDir,
    clickhouse: Option<ClickHouse>,
}

impl Server {
    /// Starts a server on an empty store: ClickHouse if one is given, else SQLite.
    pub(super) async fn start(release: &Path, clickhouse: Option<ClickHouse>) -> Result<Self> {
        let (binary, data) = (release.join("control-plane"), tempfile::tempdir_in(release)?);
        let mut command = Command::new(&binary);
        if let Some(clickhouse) = &clickhouse {
            let store = format!("{}/{DATABASE}", clickhouse.url.replacen("http", "clickhouse", 1));
            command.env("CONTROL_PLANE_STORE", &store);
            let migrated = Command::new(&binary).args(["migrate", "--store", &store]).status().await?;
            if !migrated.success() {
                bail!("cannot make the tables");
            }
        }
        let mut process = command
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data.path())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let out = process.stdout.take().context("its output")?;
        let line = BufReader::new(out).lines().next_line().await?.unwrap_or_default();
        let url = line.strip_prefix("listening on ").context("where it listens")?.to_owned();
        Ok(Self { process, url, client: Client::new(), data, clickhouse })
    }

    /// The one number that a query of ClickHouse answers.
    async fn number(&self, clickhouse: &ClickHouse, sql: &str) -> Result<u64> {
        let url = reqwest::Url::parse_with_params(&clickhouse.url, [("database", DATABASE)])?;
        let answer = self.client.post(url).body(sql.to_owned()).send().await?.error_for_status()?.text().await?;
        answer.trim().parse().with_context(|| answer.clone())
    }

    /// What the store takes on disk, in bytes.
    pub(super) async fn disk_bytes(&self) -> Result<u64> {
        match &self.clickhouse {
            Some(clickhouse) => {
                let sql = "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase()";
                self.number(clickhouse, sql).await
            }
            None => std::fs::read_dir(self.data.path())?.map(|entry| Ok(entry?.metadata()?.len())).sum(),
        }
    }

    /// Waits until the sums per minute hold every span. SQLite adds them up as it stores.
    pub(super) async fn sums_are_made(&self) -> Result<()> {
        let sql = "SELECT (SELECT uniqExact(rank) FROM changed) - (SELECT uniqExact(rank) FROM done)";
        let mut reported = Instant::now();
        while let Some(clickhouse) = &self.clickhouse {
            let batches = self.number(clickhouse, sql).await?;
            if batches == 0 {
                break;
            }
            if reported.elapsed() > PROGRESS_EVERY {
                eprintln!("control plane: sums of {batches} batches are still to be made");
                reported = Instant::now();
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Ok(())
    }

    /// The most memory that the server has held, in bytes.
    pub(super) fn peak_rss(&self) -> Result<u64> {
        let pid = self.process.id().context("it has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
    }

    /// Sends requests, several at once, until the server has taken each. `make` gives the body of the request with a number.
    pub(super) async fn send_all(
        &self,
        path: &str,
        shipment: Shipment,
        make: impl Fn(u64) -> Vec<u8> + Send + Sync + 'static,
    ) -> Result<()> {
        let (next, make) = (Arc::new(AtomicU64::new(0)), Arc::new(make));
        let begun = Instant::now();
        let mut senders = JoinSet::new();
        for _ in 0..SENDERS {
            let (client, url) = (self.client.clone(), format!("{}{path}", self.url));
            let (next, make) = (next.clone(), make.clone());
            senders.spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= shipment.requests {
                        return Ok::<_, anyhow::Error>(());
                    }
                    send(&client, &url, make(number)).await?;
                    if number.is_multiple_of((shipment.requests / 10).max(1)) {
                        let (done, what) = (number * shipment.per_request, shipment.what);
                        let rate = done as f64 / begun.elapsed().as_secs_f64();
                        eprintln!("control plane: {done} {what}, {rate:.0} a second");
                    }
                }
            });
        }
        while let Some(sender) = senders.join_next().await {
            sender??;
        }
        Ok(())
    }

    /// Waits until the objectives of every tenant are evaluated. Returns what a pass over all of them takes, in milliseconds.
    pub(super) async fn evaluation_pass_ms(&self) -> Result<f64> {
        for _ in 0..300 {
            let answer: serde_json::Value =
                self.client.get(format!("{}/api/slo", self.url)).send().await?.json().await?;
            let requests =
                |line: &serde_json::Value| line["evaluation"]["budget"]["requests"].as_u64().unwrap_or_default();
            let all =
                answer["groups"].as_array().and_then(|groups| groups.iter().find(|group| group["subject"] == "all"));
            let tenants = answer["tenants"].as_array().map_or(0, Vec::len);
            if tenants as u64 == TENANTS && all.map_or(0, requests) > 0 {
                return answer["evaluated_in_ms"].as_f64().context("evaluated_in_ms");
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        bail!("the tenants were not evaluated")
    }

    /// What a request took in the server by its `Server-Timing` header, in milliseconds.
    pub(super) async fn timed_ms(&self, path: &str, query: &[(&str, String)]) -> Result<f64> {
        let mut url = reqwest::Url::parse(&self.url)?.join(path)?;
        url.query_pairs_mut().extend_pairs(query);
        let answer = self.client.get(url.clone()).send().await?;
        if !answer.status().is_success() {
            bail!("{url} answered {}: {}", answer.status(), answer.text().await?);
        }
        let timing =
            answer.headers().get("server-timing").and_then(|value| value.to_str().ok()).context("Server-Timing")?;
        let milliseconds = timing.split("dur=").nth(1).context("dur")?.parse()?;
        answer.bytes().await?;
        Ok(milliseconds)
    }

    /// Sends one request to the intake until the server takes it, as a collector does.
    pub(super) async fn send(&self, path: &str, body: Vec<u8>) -> Result<()> {
        send(&self.client, &format!("{}{path}", self.url), body).await
    }

    /// Ends the server.
    pub(super) async fn stop(mut self) -> Result<()> {
        Ok(self.process.kill().await?)
    }
}

/// How many requests are sent, with how many items of which kind in each.
#[derive(Clone, Copy)]
pub(super) struct Shipment {
    pub(super) requests: u64,
    pub(super) per_request: u64,
    /// The kind of items, as progress names them.
    pub(super) what: &'static str,
}

/// Nanoseconds since 1970.
pub(super) fn now_ns() -> Result<u64> {
    Ok(u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())?)
}

/// Sends until the server takes it, as a collector does.
async fn send(client: &Client, url: &str, body: Vec<u8>) -> Result<()> {
    let body = bytes::Bytes::from(body);
    loop {
        let request = client.post(url).header(header::CONTENT_TYPE, "application/x-protobuf").body(body.clone());
        let answer = request.send().await?;
        let (status, rejection) = (answer.status(), answer.bytes().await?);
        match status {
            StatusCode::OK if rejection.is_empty() => return Ok(()),
            StatusCode::OK => bail!("the intake did not take all of it"),
            StatusCode::SERVICE_UNAVAILABLE => tokio::time::sleep(Duration::from_millis(20)).await,
            _ => bail!("the intake answered {status}"),
        }
    }
}
