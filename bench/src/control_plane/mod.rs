//! The control plane under load: durable intake, then what pages and the API ask for, on a full store.

mod generator;
mod intake;
mod metrics;

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
use parking_lot::Mutex;
use reqwest::{Client, StatusCode, header};
use tempfile::TempDir;
use testkit::clickhouse::ClickHouse;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    task::JoinSet,
};

use self::generator::{Random, SPANS_PER_REQUEST, SPANS_PER_TRACE, TENANTS, request, tenant};
use crate::report::{Part, Report, quantile};

/// Raw spans in the store; fewer to try something out.
const SPANS: u64 = 10_000_000;
/// Points, and log records, likewise.
const ITEMS: u64 = 5_000_000;
/// Of these spans, the share that is a day old at most; the rest lies in the 29 days before.
const RECENT_SHARE: f64 = 0.7;
const HOUR_NS: u64 = 3_600_000_000_000;
const DAY_NS: u64 = 24 * HOUR_NS;
/// Requests under way at once.
const SENDERS: usize = 16;
/// Trace ids that are kept to be asked for.
const KEPT_EVERY: u64 = 2_000;
const QUERIES: usize = 300;
/// How often what takes long says how far it is.
const TELL_EVERY: Duration = Duration::from_secs(30);
/// In ClickHouse.
const DATABASE: &str = "bench";

/// The stretch of time that the spans are spread over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Within {
    /// 30 days, most of them in the last.
    Month,
    /// One hour.
    Hour,
}

impl std::str::FromStr for Within {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "30d" => Ok(Self::Month),
            "1h" => Ok(Self::Hour),
            _ => bail!("{text}: 30d or 1h"),
        }
    }
}

impl Within {
    /// How old the n-th of all traces is, by how much of them come before it.
    fn age(self, position: f64) -> u64 {
        let old = 1.0 - RECENT_SHARE;
        match self {
            Self::Hour => ((1.0 - position) * HOUR_NS as f64) as u64,
            Self::Month if position < old => DAY_NS + ((1.0 - position / old) * 29.0 * DAY_NS as f64) as u64,
            Self::Month => ((1.0 - position) / RECENT_SHARE * DAY_NS as f64) as u64,
        }
    }

    /// What searches are called: bounds differ, since within an hour each looks at all traces.
    fn search(self) -> &'static str {
        match self {
            Self::Hour => "search_of_the_hour",
            Self::Month => "search",
        }
    }

    /// The same for pages.
    fn pages(self) -> &'static str {
        match self {
            Self::Hour => "pages_of_the_hour",
            Self::Month => "pages",
        }
    }

    /// What is searched: an hour; all that was sent within one, which has grown older since.
    fn window(self) -> &'static str {
        match self {
            Self::Hour => "3h",
            Self::Month => "1h",
        }
    }
}

/// Measures the engines under the same load and adds everything; one of them, if it is named. `spans` in place of ten million, if given.
pub(crate) async fn add(
    report: &mut Report,
    release: &Path,
    spans: Option<u64>,
    within: Within,
    only: Option<&str>,
) -> Result<()> {
    let load = Load { spans: spans.unwrap_or(SPANS), within };
    if is_measured("embedded", only) {
        let embedded = Server::start(release, None).await?;
        measure(&mut report.under("control_plane"), embedded, load).await?;
    }
    if is_measured("clickhouse", only) {
        let clickhouse = Server::start(release, Some(ClickHouse::start())).await?;
        measure(&mut report.under("clickhouse.control_plane"), clickhouse, load).await?;
    }
    Ok(())
}

/// Measures how fast points of metrics and log records are taken: so many of each, in place of five million.
pub(crate) async fn add_intake(
    report: &mut Report,
    release: &Path,
    items: Option<u64>,
    only: Option<&str>,
) -> Result<()> {
    let items = items.unwrap_or(ITEMS);
    if is_measured("embedded", only) {
        intake::measure(&mut report.under("control_plane"), Server::start(release, None).await?, items).await?;
    }
    if is_measured("clickhouse", only) {
        let clickhouse = Server::start(release, Some(ClickHouse::start())).await?;
        intake::measure(&mut report.under("clickhouse.control_plane"), clickhouse, items).await?;
    }
    Ok(())
}

/// Measures what is read of metrics, of so many points of a day in place of a hundred a second.
pub(crate) async fn add_metrics(
    report: &mut Report,
    release: &Path,
    points: Option<u64>,
    only: Option<&str>,
) -> Result<()> {
    let points = points.unwrap_or(metrics::POINTS);
    if is_measured("embedded", only) {
        metrics::measure(&mut report.under("control_plane"), Server::start(release, None).await?, points).await?;
    }
    if is_measured("clickhouse", only) {
        let clickhouse = Server::start(release, Some(ClickHouse::start())).await?;
        metrics::measure(&mut report.under("clickhouse.control_plane"), clickhouse, points).await?;
    }
    Ok(())
}

/// Whether an engine is measured, which it is not where another is named, or it is not there.
fn is_measured(engine: &str, only: Option<&str>) -> bool {
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.local/venv/clickhouse.ready");
    let ready = || venv.exists() || std::env::var_os("CLICKHOUSE_URL").is_some();
    let is_missing = engine == "clickhouse" && !ready();
    if is_missing {
        eprintln!("ClickHouse is left out: make .local/venv/clickhouse.ready, or CLICKHOUSE_URL");
    }
    !is_missing && only.is_none_or(|only| only == engine)
}

#[derive(Clone, Copy)]
struct Load {
    spans: u64,
    within: Within,
}

async fn measure(report: &mut Part<'_>, mut server: Server, load: Load) -> Result<()> {
    let kept = server.fill(report, load).await?;
    server.ask(report, &kept, load.within).await?;
    report.add("peak_rss_mb", server.peak_rss()? as f64 / 1e6);
    report.add("disk_bytes_per_span", server.disk_bytes().await? as f64 / load.spans as f64);
    Ok(server.process.kill().await?)
}

struct Server {
    process: Child,
    url: String,
    client: Client,
    data: TempDir,
    clickhouse: Option<ClickHouse>,
}

impl Server {
    async fn start(release: &Path, clickhouse: Option<ClickHouse>) -> Result<Self> {
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

    /// What ClickHouse answers to a question about one number.
    async fn number(&self, clickhouse: &ClickHouse, sql: &str) -> Result<u64> {
        let url = reqwest::Url::parse_with_params(&clickhouse.url, [("database", DATABASE)])?;
        let answer = self.client.post(url).body(sql.to_owned()).send().await?.error_for_status()?.text().await?;
        answer.trim().parse().with_context(|| answer.clone())
    }

    async fn disk_bytes(&self) -> Result<u64> {
        match &self.clickhouse {
            Some(clickhouse) => {
                let sql = "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase()";
                self.number(clickhouse, sql).await
            }
            None => std::fs::read_dir(self.data.path())?.map(|entry| Ok(entry?.metadata()?.len())).sum(),
        }
    }

    /// Waits until every span is in the sums.
    async fn summed(&self) -> Result<()> {
        let sql = "SELECT (SELECT uniqExact(rank) FROM changed) - (SELECT uniqExact(rank) FROM done)";
        let mut told = Instant::now();
        while let Some(clickhouse) = &self.clickhouse {
            let batches = self.number(clickhouse, sql).await?;
            if batches == 0 {
                break;
            }
            if told.elapsed() > TELL_EVERY {
                eprintln!("control plane: sums of {batches} batches are still to be made");
                told = Instant::now();
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Ok(())
    }

    fn peak_rss(&self) -> Result<u64> {
        let pid = self.process.id().context("it has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
    }

    /// Sends the spans, the oldest first; some of their trace ids.
    async fn fill(&self, report: &mut Part<'_>, load: Load) -> Result<Vec<[u8; 16]>> {
        let now = now_ns()?;
        let traces_per_request = (SPANS_PER_REQUEST / SPANS_PER_TRACE) as u64;
        let per_request = traces_per_request * SPANS_PER_TRACE as u64;
        let requests = load.spans / per_request;
        let kept = Arc::new(Mutex::new(Vec::new()));
        let keeping = kept.clone();
        let begun = Instant::now();
        let make = move |number: u64| {
            let start = |trace: u64| {
                let position = (number as f64 + trace as f64 / traces_per_request as f64) / requests as f64;
                now - load.within.age(position)
            };
            let (body, ids) = request(&mut Random::new(number + 1), (0..traces_per_request).map(start));
            if number.is_multiple_of(KEPT_EVERY / traces_per_request) {
                keeping.lock().extend(ids.first());
            }
            body
        };
        self.send_all("/v1/traces", Sent { requests, per_request, what: "spans" }, make).await?;
        let sent = (requests * per_request) as f64;
        report.add("spans", sent);
        report.add("intake_spans_per_s", sent / begun.elapsed().as_secs_f64());
        self.summed().await?;
        report.add("sums_spans_per_s", sent / begun.elapsed().as_secs_f64());
        Ok(std::mem::take(&mut kept.lock()))
    }

    /// Sends requests, several at once, until each is taken.
    async fn send_all(
        &self,
        path: &str,
        sent: Sent,
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
                    if number >= sent.requests {
                        return Ok::<_, anyhow::Error>(());
                    }
                    send(&client, &url, make(number)).await?;
                    if number.is_multiple_of((sent.requests / 10).max(1)) {
                        let (done, what) = (number * sent.per_request, sent.what);
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

    /// Asks for traces, maps and searches; the server's own time counts.
    async fn ask(&self, report: &mut Part<'_>, kept: &[[u8; 16]], within: Within) -> Result<()> {
        let mut random = Random::new(42);
        let mut times = Vec::new();
        for _ in 0..QUERIES {
            let id = kept.get((random.next() % kept.len() as u64) as usize).context("no trace is kept")?;
            let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
            times.push(self.time(&format!("/api/traces/{hex}"), &[]).await?);
        }
        add_times(report, "trace_by_id", &times);

        times.clear();
        let some_tenant = |random: &mut Random| tenant(random.next() % TENANTS);
        for n in 0..QUERIES {
            let mut narrowed = match n % 4 {
                0 => vec![],
                1 => vec![("tenant", some_tenant(&mut random))],
                2 => vec![("tier", "premium".to_owned())],
                _ => vec![("account", "222222222222".to_owned())],
            };
            narrowed.push(("window", within.window().to_owned()));
            times.push(self.time("/api/map", &narrowed).await?);
        }
        add_times(report, "map", &times);

        times.clear();
        for n in 0..QUERIES {
            let of_tenant = format!("annotation[tenant.id] = \"{}\"", some_tenant(&mut random));
            let filter = match n % 8 {
                0 => String::new(),
                1 => of_tenant + " AND duration > 0.1",
                2 => "fault".into(),
                3 => "service(\"mileage-accrual\") AND duration > 0.3".into(),
                4 => "edge(\"booking-publisher\", \"booking-confirmed\")".into(),
                5 => "http.status = 500".into(),
                6 => "account.id = \"222222222222\" AND annotation.tenant_tier = \"premium\"".into(),
                _ => "user = \"nobody\"".into(),
            };
            let query = [("filter", filter), ("window", within.window().to_owned())];
            times.push(self.time("/api/traces", &query).await?);
        }
        add_times(report, within.search(), &times);
        self.ask_why(report, within, &mut random).await?;
        self.ask_groups(report, within, &mut random).await?;
        self.ask_who_was_turned_away(report, within, &mut random).await?;
        self.look_up(report, within).await?;
        self.ask_objectives(report).await?;
        self.open_pages(report, within).await
    }

    /// Asks why requests fail or are slow: of all and of one tenant, against each side that there is.
    async fn ask_why(&self, report: &mut Part<'_>, within: Within, random: &mut Random) -> Result<()> {
        let mut times = Vec::new();
        for n in 0..QUERIES / 3 {
            let mut query = vec![("window", within.window().to_owned())];
            let against = ["ok", "quick", "before", "rest", "tier"].get(n % 5).copied().unwrap_or_default();
            query.push(("against", against.to_owned()));
            if against == "rest" {
                query.push(("filter", "service(\"booking-api\") { fault }".to_owned()));
            }
            if against == "tier" || n % 2 == 0 {
                query.push(("tenant", tenant(random.next() % TENANTS)));
            }
            if against == "tier" {
                query.push(("tier", "premium".to_owned()));
            }
            times.push(self.time("/api/why", &query).await?);
        }
        add_times(report, "why", &times);
        Ok(())
    }

    /// Asks for requests and calls by attributes that a few spans, all spans or the senders have, and by one whose values are many.
    async fn ask_groups(&self, report: &mut Part<'_>, within: Within, random: &mut Random) -> Result<()> {
        let by = ["aws.dynamodb.table_names", "span.name", "faas.name", "enduser.id"];
        let mut times = Vec::new();
        for n in 0..QUERIES / 3 {
            let mut query = vec![("window", within.window().to_owned())];
            query.push(("by", by.get(n % by.len()).copied().unwrap_or_default().to_owned()));
            match n % 3 {
                0 => query.push(("tenant", tenant(random.next() % TENANTS))),
                1 => query.push(("service", "booking-api".to_owned())),
                _ => {}
            }
            times.push(self.time("/api/groups", &query).await?);
        }
        add_times(report, "groups", &times);
        Ok(())
    }

    /// Asks who was turned away: of all tenants, of one as its admins do, and for one reason, from the API and as a page.
    async fn ask_who_was_turned_away(&self, report: &mut Part<'_>, within: Within, random: &mut Random) -> Result<()> {
        let mut times = Vec::new();
        for n in 0..QUERIES / 3 {
            let mut query = vec![("window", if n % 4 == 0 { "24h" } else { within.window() }.to_owned())];
            match n % 3 {
                0 => query.push(("tenant", tenant(random.next() % TENANTS))),
                1 => query.push(("reason", "unknown_airport".to_owned())),
                _ => {}
            }
            let path = if n % 2 == 0 { "/api/turned-away" } else { "/turned-away" };
            times.push(self.time(path, &query).await?);
        }
        add_times(report, "turned_away", &times);
        Ok(())
    }

    /// Searches for attributes that no index has: what all have, what none has, what some have, numbers, and annotations that are none.
    async fn look_up(&self, report: &mut Part<'_>, within: Within) -> Result<()> {
        let filters = [
            "attribute[aws.dynamodb.table_names] = \"ledger\"",
            "attribute[messaging.message.id] = \"nobody's\"",
            "attribute[url.path] CONTAINS \"booking\" AND !attribute[rpc.method] = \"none\"",
            "fault AND attribute[cloud.region] = \"us-east-1\"",
            "attribute[http.response.status_code] >= 500",
            "annotation.http_route BEGINSWITH \"/miles\"",
        ];
        let mut times = Vec::new();
        for filter in filters.iter().cycle().take(QUERIES / 3) {
            let query = [("filter", (*filter).to_owned()), ("window", within.window().to_owned())];
            times.push(self.time("/api/traces", &query).await?);
        }
        add_times(report, "search_not_indexed", &times);
        Ok(())
    }

    /// Asks for everybody's objectives, for tenants over an hour and over thirty days, and for costs.
    async fn ask_objectives(&self, report: &mut Part<'_>) -> Result<()> {
        let evaluated = self.evaluated().await?;
        report.add("evaluator_pass_ms", evaluated);
        let mut random = Random::new(43);
        let mut times = Vec::new();
        for _ in 0..QUERIES / 3 {
            times.push(self.time("/api/slo", &[]).await?);
        }
        add_times(report, "slo", &times);
        times.clear();
        for _ in 0..QUERIES / 3 {
            times.push(self.time("/tenants", &[]).await?);
        }
        add_times(report, "tenants", &times);
        times.clear();
        for n in 0..QUERIES {
            let window = if n % 4 == 0 { "30d" } else { "1h" };
            let tenant = tenant(random.next() % TENANTS);
            times.push(self.time(&format!("/api/tenants/{tenant}"), &[("window", window.to_owned())]).await?);
        }
        add_times(report, "tenant", &times);
        times.clear();
        for n in 0..QUERIES / 3 {
            let window = if n % 2 == 0 { "30d" } else { "7d" };
            times.push(self.time("/api/cost", &[("window", window.to_owned())]).await?);
        }
        add_times(report, "cost", &times);
        Ok(())
    }

    /// Opens each page as people do, with what it shows by default.
    async fn open_pages(&self, report: &mut Part<'_>, within: Within) -> Result<()> {
        let mut random = Random::new(44);
        let mut times = Vec::new();
        for n in 0..QUERIES {
            let tenant = tenant(random.next() % TENANTS);
            let window = ("window", within.window().to_owned());
            let (page, query) = match n % 6 {
                0 => ("/", vec![window]),
                1 => ("/", vec![window, ("tenant", tenant)]),
                2 => ("/tenants", vec![]),
                3 => ("/tenant", vec![window, ("id", tenant)]),
                4 => ("/traces", vec![window]),
                _ => ("/cost", vec![]),
            };
            times.push(self.time(page, &query).await?);
        }
        add_times(report, within.pages(), &times);
        Ok(())
    }

    /// Waits until every tenant is evaluated; what a pass over all of them takes, in milliseconds.
    async fn evaluated(&self) -> Result<f64> {
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

    /// What a request took in the server, by its `Server-Timing`, milliseconds.
    async fn time(&self, path: &str, query: &[(&str, String)]) -> Result<f64> {
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
}

/// What is sent.
#[derive(Clone, Copy)]
struct Sent {
    requests: u64,
    per_request: u64,
    what: &'static str,
}

/// Nanoseconds since 1970.
fn now_ns() -> Result<u64> {
    Ok(u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())?)
}

/// Sends until the server takes it, as a collector does.
async fn send(client: &Client, url: &str, body: Vec<u8>) -> Result<()> {
    let body = bytes::Bytes::from(body);
    loop {
        let request = client.post(url).header(header::CONTENT_TYPE, "application/x-protobuf").body(body.clone());
        let answer = request.send().await?;
        let (status, told) = (answer.status(), answer.bytes().await?);
        match status {
            StatusCode::OK if told.is_empty() => return Ok(()),
            StatusCode::OK => bail!("the intake did not take all of it"),
            StatusCode::SERVICE_UNAVAILABLE => tokio::time::sleep(Duration::from_millis(20)).await,
            _ => bail!("the intake answered {status}"),
        }
    }
}

fn add_times(report: &mut Part<'_>, name: &str, times: &[f64]) {
    let (p50, p99) = (quantile(times, 0.5), quantile(times, 0.99));
    eprintln!("control plane: {name}: {p50:.1} ms, p99 {p99:.1} ms, of {}", times.len());
    report.add(&format!("{name}_p50_ms"), p50);
    report.add(&format!("{name}_p99_ms"), p99);
}
