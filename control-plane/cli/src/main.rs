//! `control-plane`: the server, and what it knows in a terminal.

mod audit;
mod copy;
mod login;
mod terminal;

use std::{
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use control_plane::{
    alerting::Alarm,
    api::{FindAnswer, GroupsAnswer, SloAnswer},
    config::Config,
    evaluator::Whose,
    server,
    text::link,
};
use control_plane_model::{listing::Order, search::Expression, trace::TraceId};
use serde::de::DeserializeOwned;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use self::terminal::Screen;

/// Of OTLP over HTTP: <https://opentelemetry.io/docs/specs/otlp/#otlphttp-default-port>.
const OTLP_PORT: u16 = 4318;

/// Spans are many small allocations, made by one thread and freed by another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Who costs what is asked of so long a time, where nothing is said.
const COST_WINDOW: &str = "30d";

/// What a command has found is violated, open or refused.
const VIOLATED: u8 = 1;
/// There is no answer: nobody there, nothing known, or not asked in a way that can be answered.
const NO_ANSWER: u8 = 2;

/// Span intake, store and search for every account.
///
/// Exit codes: 0, done; 1, an objective is violated, an alert is open, a filter expression refused or the audit's chain broken; 2, there is no answer: nobody
/// serves there, nothing is known of what is asked for, or the command cannot be understood.
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
        /// Where to listen; port 0 takes a free one. Without this, OTLP's own port on loopback, or a free one where that is
        /// taken. Which it is, is printed.
        #[arg(long)]
        listen: Option<SocketAddr>,
        /// Where to keep spans, alerts, sessions and the audit.
        #[arg(long, default_value = ".local/control-plane")]
        data: PathBuf,
        #[command(flatten)]
        settings: Settings,
    },
    /// Make the tables of the database that --store names, or take them from an older version to this one; prints each step.
    Migrate {
        /// Only show which steps would be taken.
        #[arg(long)]
        dry_run: bool,
        /// From now on, take what the Collector's ClickHouse exporter writes to this table of the same server, too.
        #[arg(long, value_name = "DATABASE.TABLE")]
        otel_traces: Option<String>,
        #[command(flatten)]
        settings: Settings,
    },
    /// Copy the spans of a data folder that no server has open to the database that --store names, make its sums, and compare the two. Begun
    /// again, it goes on where it ended.
    Copy {
        /// Where the spans are.
        #[arg(long, default_value = ".local/control-plane")]
        data: PathBuf,
        #[command(flatten)]
        settings: Settings,
    },
    /// Sign in to a control plane with a browser; the commands below then bring your token along.
    Login(login::Login),
    /// Forget the token.
    Logout(login::Logout),
    /// Print a trace as a tree.
    Trace {
        /// Its id, in W3C or X-Ray form.
        id: TraceId,
        #[command(flatten)]
        client: Client,
    },
    /// Find whatever you have in hand: a trace by its id, a booking by its number and where it stopped, a tenant by its id or company, a user by their id, or
    /// traces by a filter expression, in its window; all else in all that is kept. Exits with 2 if nothing is found.
    Find {
        /// Such as: P1KR9N43
        what: String,
        #[command(flatten)]
        window: Window,
        #[command(flatten)]
        client: Client,
    },
    /// List the traces that match an X-Ray filter expression.
    Traces {
        /// Such as: annotation[tenant.id] = "oceanic" AND duration > 0.5
        #[arg(default_value = "")]
        filter: String,
        /// Which come first.
        #[arg(long, value_parser = Order::ALL.map(Order::name), default_value = Order::Newest.name())]
        order: String,
        /// How many.
        #[arg(long, default_value_t = 20)]
        limit: usize,
        #[command(flatten)]
        window: Window,
        #[command(flatten)]
        client: Client,
    },
    /// Group requests, or calls, by the values of any attribute: rate, errors and percentiles, beside the window before.
    Groups {
        /// The attribute, such as db.collection.name; span.name is the operation.
        #[arg(long)]
        by: String,
        /// Only traces that match this X-Ray filter expression.
        #[arg(long, default_value = "")]
        filter: String,
        /// Only what was done for this tenant.
        #[arg(long, default_value = "")]
        tenant: String,
        /// Only spans of this service.
        #[arg(long, default_value = "")]
        service: String,
        /// Which values come first: the most frequent, those that fail the most, or the slowest.
        #[arg(long, default_value = "most", value_parser = ["most", "failing", "slowest"])]
        order: String,
        /// What to compare with: the window before, or the same time on the day before.
        #[arg(long, default_value = "window", value_parser = ["window", "day"])]
        before: String,
        #[command(flatten)]
        window: Window,
        #[command(flatten)]
        client: Client,
    },
    /// Say why requests fail or are slow: what they have in common that others have not, over every attribute of every span.
    Why(Why),
    /// Print the service map: who calls whom, how often, how well.
    Map {
        /// Only what was done for this tenant.
        #[arg(long, default_value = "")]
        tenant: String,
        /// Only what was done for tenants of this tier.
        #[arg(long, default_value = "")]
        tier: String,
        /// Only what begins or ends in this account.
        #[arg(long, default_value = "")]
        account: String,
        #[command(flatten)]
        window: Window,
        #[command(flatten)]
        client: Client,
    },
    /// How each tenant fares against its objectives, the worst first; exits with 1 if an objective is violated, with 2 without an
    /// answer.
    Slo {
        /// Only this tenant.
        #[arg(long)]
        tenant: Option<String>,
        #[command(flatten)]
        client: Client,
    },
    /// The alerts there were, the latest first; exits with 1 if one is open, with 2 without an answer.
    Alerts {
        /// Only this tenant's.
        #[arg(long, default_value = "")]
        tenant: String,
        #[command(flatten)]
        client: Client,
    },
    /// Who costs what: requests, time and, with prices, money; by whole days, the last 30 if you name no window.
    Cost {
        #[command(flatten)]
        window: Window,
        #[arg(long, value_enum, default_value_t = CostFormat::Table)]
        format: CostFormat,
        #[command(flatten)]
        client: Client,
    },
    /// What operators did and what was changed, and whether anybody altered the records.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Judge filter expressions, one a line on standard input: `ok`, `elsewhere` for what X-Ray takes and nothing here answers, or
    /// `refused`, with the column and the reason; exits with 1 if one is refused.
    CheckFilter,
}

/// What is compared.
#[derive(Args)]
struct Why {
    /// Only traces that match this filter expression.
    #[arg(default_value = "")]
    filter: String,
    /// Only this tenant's.
    #[arg(long, default_value = "")]
    tenant: String,
    /// Only those of tenants of this tier.
    #[arg(long, default_value = "")]
    tier: String,
    /// Only those that came to this service.
    #[arg(long, default_value = "")]
    service: String,
    /// What they are set against: failed ones against those that went well (ok), slow ones against quick ones (quick), a tenant's against others of its tier
    /// (tier), this window against the time before it, or after --moment against before (before), those that match against those that do not (rest).
    #[arg(long, default_value = "")]
    against: String,
    /// Which outcome counts as bad: fault, error or throttle.
    #[arg(long, default_value = "")]
    status: String,
    /// From how many milliseconds on a request is slow; without this, from what was promised, or so that one in twenty is.
    #[arg(long, default_value = "")]
    slower_than_ms: String,
    /// The moment that divides before from after: RFC 3339, or Unix seconds.
    #[arg(long, default_value = "")]
    moment: String,
    #[command(flatten)]
    window: Window,
    #[command(flatten)]
    client: Client,
}

/// The window of time that a command is about.
#[derive(Args)]
struct Window {
    /// How far back from --to, or from now: 15m, 2h, 7d; an hour if you do not say it.
    #[arg(long)]
    window: Option<String>,
    /// Where the window begins, instead: RFC 3339, or Unix seconds.
    #[arg(long)]
    from: Option<String>,
    /// Where it ends, if not now.
    #[arg(long)]
    to: Option<String>,
}

impl Window {
    /// As the API and the pages take it; an empty value is as good as none.
    fn query(self) -> [(&'static str, String); 3] {
        let said = Option::unwrap_or_default;
        [("window", said(self.window)), ("from", said(self.from)), ("to", said(self.to))]
    }

    /// The same; so far back where nothing is said.
    fn or(mut self, back: &str) -> Self {
        if self.from.is_none() {
            self.window.get_or_insert_with(|| back.to_owned());
        }
        self
    }
}

/// How it is set up.
#[derive(Args)]
struct Settings {
    /// Keep spans in ClickHouse, not in the data folder: clickhouse://user:password@host:port/database.
    #[arg(long, env = "CONTROL_PLANE_STORE", hide_env_values = true)]
    store: Option<String>,
    /// Keep alerts, what was judged, sessions and the audit in a table of DynamoDB, not in the data folder: dynamodb:TABLE. Servers that share --store
    /// share it.
    #[arg(long, env = "CONTROL_PLANE_STATES")]
    states: Option<String>,
    /// Keys, who may sign in, the registry of tenants, retention, forwarding: a TOML file.
    #[arg(long)]
    config: Option<PathBuf>,
}

/// What `cost` prints.
#[derive(Clone, Copy, ValueEnum)]
enum CostFormat {
    Table,
    Csv,
}

/// Where a command asks. Where the control plane asks who you are, `login` has said so, or `CONTROL_PLANE_TOKEN` holds a token or a
/// service key.
#[derive(Args)]
struct Asked {
    /// The control plane.
    #[arg(long, env = "CONTROL_PLANE_URL", default_value = "http://127.0.0.1:4318")]
    url: String,
}

/// How a command asks and answers.
#[derive(Args)]
struct Client {
    #[command(flatten)]
    asked: Asked,
    /// The API's JSON, not a table.
    #[arg(long)]
    json: bool,
    /// Whether to colour.
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    color: Color,
}

#[derive(Clone, Copy, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse().command).await {
        Ok(code) => code,
        Err(error) => {
            // Nobody may read it, and the code says it too.
            let _unread = writeln!(std::io::stderr(), "control-plane: {}", terminal::raw(&format!("{error:#}")));
            ExitCode::from(NO_ANSWER)
        }
    }
}

async fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Serve { listen, data, settings } => serve(listen, &data, &settings.read()?).await?,
        Command::Migrate { dry_run, otel_traces, settings } => {
            for step in server::migrate(&settings.read()?, !dry_run, otel_traces.as_deref()).await? {
                let state = if step.applied { "applied" } else { "to be applied" };
                print(&format!("{:04} {}: {state}\n", step.number, step.name))?;
            }
            if let Some(table) = otel_traces {
                print(&format!("{table}: {}\n", if dry_run { "to be read" } else { "read from now on" }))?;
            }
        }
        Command::Copy { data, settings } => return Ok(failure_if(!copy::copy(&data, &settings.read()?).await?)),
        Command::Login(asked) => print(&login::login(&asked).await?)?,
        Command::Logout(asked) => print(&login::logout(&asked).await?)?,
        Command::Trace { id, client } => {
            let text = client.ask(&format!("/api/traces/{id}"), &[]).await?;
            client.show(&text, terminal::trace)?;
        }
        Command::Find { what, window, client } => {
            let query = [&[("q", what)][..], &window.query()].concat();
            let text = client.ask("/api/find", &query).await?;
            client.show(&text, terminal::found)?;
            let answer: FindAnswer = serde_json::from_str(&text)?;
            return Ok(if answer.found.is_some() { ExitCode::SUCCESS } else { ExitCode::from(NO_ANSWER) });
        }
        Command::Traces { filter, order, limit, window, client } => {
            let asked = [("filter", filter), ("order", order), ("limit", limit.to_string())];
            let query = [&asked[..], &window.query()].concat();
            client.show(&client.ask("/api/traces", &query).await?, terminal::traces)?;
        }
        Command::Groups { by, filter, tenant, service, order, before, window, client } => {
            let names = ["by", "filter", "tenant", "service", "order", "before"];
            let asked = names.into_iter().zip([by, filter, tenant, service, order, before]);
            let query: Vec<_> = asked.chain(window.query()).collect();
            let text = client.ask("/api/groups", &query).await?;
            let answer: GroupsAnswer = serde_json::from_str(&text)?;
            let page = page("/groups", &query);
            client.show(&text, |answer, screen| terminal::groups(answer, &page, screen))?;
            if answer.groups.values.is_empty() {
                bail!("nothing in this window carries {}", answer.by);
            }
        }
        Command::Why(why) => {
            let Why { filter, tenant, tier, service, against, status, slower_than_ms, moment, window, client } = why;
            let asked = [
                ("filter", filter),
                ("tenant", tenant),
                ("tier", tier),
                ("service", service),
                ("against", against),
                ("status", status),
                ("slower_than_ms", slower_than_ms),
                ("moment", moment),
            ];
            let query = [&asked[..], &window.query()].concat();
            client.show(&client.ask("/api/why", &query).await?, terminal::why)?;
        }
        Command::Map { tenant, tier, account, window, client } => {
            let asked = [("tenant", tenant), ("tier", tier), ("account", account)];
            let query = [&asked[..], &window.query()].concat();
            let page = page("/", &query);
            client.show(&client.ask("/api/map", &query).await?, |map, screen| terminal::map(map, &page, screen))?;
        }
        Command::Slo { tenant, client } => {
            let mut answer: SloAnswer = serde_json::from_str(&client.ask("/api/slo", &[]).await?)?;
            if answer.at == 0 {
                bail!("objectives are being evaluated for the first time");
            }
            if let Some(tenant) = tenant {
                answer.tenants.retain(|line| line.fare.whose == Whose::Tenant(tenant.clone()));
                answer.groups.clear();
                if answer.tenants.is_empty() {
                    bail!("nothing is promised to a tenant {tenant}, or no span has named it");
                }
            }
            let alerts: Vec<Alarm> = match client.json {
                true => Vec::new(),
                false => terminal::read(&client.ask("/api/alerts", &[]).await?)?,
            };
            client.show(&serde_json::to_string(&answer)?, |answer, screen| terminal::slo(answer, &alerts, screen))?;
            return Ok(failure_if(answer.tenants.iter().any(|line| line.violated)));
        }
        Command::Alerts { tenant, client } => {
            let text = client.ask("/api/alerts", &[("tenant", tenant)]).await?;
            client.show(&text, |alerts: &Vec<Alarm>, screen| terminal::alerts(alerts, screen))?;
            let alerts: Vec<Alarm> = serde_json::from_str(&text)?;
            return Ok(failure_if(alerts.iter().any(|alarm| alarm.alert.closed.is_none())));
        }
        Command::Cost { window, format, client } => {
            let format = if matches!(format, CostFormat::Csv) { "csv" } else { "json" };
            let window = window.or(COST_WINDOW).query();
            let query = [&window[..], &[("format", format.to_owned())]].concat();
            let text = client.ask("/api/cost", &query).await?;
            if format == "csv" {
                print(&terminal::raw(&text))?;
            } else {
                let page = page("/cost", &window);
                client.show(&text, |answer, screen| terminal::cost(answer, &page, screen))?;
            }
        }
        Command::Audit(audit) => return audit::run(audit).await,
        Command::CheckFilter => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text)?;
            let verdicts = text.lines().map(|line| match line.parse::<Expression>() {
                Ok(_) => (false, "ok\n".to_owned()),
                // X-Ray takes it, and nothing here answers it.
                Err(error) if error.is_xrays => (false, format!("elsewhere: {error}\n")),
                Err(error) => (true, format!("refused: {error}\n")),
            });
            let (refused, told): (Vec<bool>, Vec<String>) = verdicts.unzip();
            print(&told.concat())?;
            return Ok(failure_if(refused.contains(&true)));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A pipeline can gate on it.
fn failure_if(failed: bool) -> ExitCode {
    if failed { ExitCode::from(VIOLATED) } else { ExitCode::SUCCESS }
}

/// Prints to whoever reads; one who has read enough and gone is no error.
fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

impl Settings {
    fn read(self) -> Result<Config> {
        let config = match self.config {
            Some(path) => Config::read(&path).with_context(|| path.display().to_string())?,
            None => Config::default(),
        };
        Ok(config.kept_in(self.store, self.states))
    }
}

async fn serve(listen: Option<SocketAddr>, data: &Path, config: &Config) -> Result<()> {
    let listener = match listen {
        Some(address) => TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?,
        None => match TcpListener::bind((Ipv4Addr::LOCALHOST, OTLP_PORT)).await {
            Err(error) if error.kind() == ErrorKind::AddrInUse => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?,
            listener => listener?,
        },
    };
    let address = listener.local_addr()?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    server::serve(listener, data, config, stop, || print(&format!("listening on http://{address}\n"))).await
}

/// Path of the page that shows what a command asks for.
fn page(path: &str, query: &[(&str, String)]) -> String {
    let said: Vec<_> = query.iter().filter(|(_, value)| !value.is_empty()).collect();
    link(path, &said)
}

impl Asked {
    /// What the API answers.
    async fn ask(&self, path: &str, query: &[(&str, String)]) -> Result<String> {
        let server = login::Server::at(&self.url)?;
        let token = login::token(&server).await?;
        server.get(path, query, token.as_deref()).await
    }
}

impl Client {
    /// What the API answers.
    async fn ask(&self, path: &str, query: &[(&str, String)]) -> Result<String> {
        self.asked.ask(path, query).await
    }

    /// Prints what `draw` makes of an answer, or the answer.
    fn show<T: DeserializeOwned>(&self, text: &str, draw: impl FnOnce(&T, &Screen) -> String) -> Result<()> {
        if self.json {
            return print(&format!("{}\n", terminal::raw(text)));
        }
        let color = match self.color {
            Color::Auto => None,
            Color::Always => Some(true),
            Color::Never => Some(false),
        };
        print(&draw(&terminal::read(text)?, &Screen::of_stdout(&self.asked.url, color)))
    }
}
