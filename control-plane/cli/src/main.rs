//! `control-plane`: the server, and what it knows in a terminal.

mod audit;
mod commands;
mod copy;
mod investigations;
mod login;
mod terminal;

use std::{
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use clap::Parser;
use control_plane::{
    alerting::Alarm,
    api::{FindAnswer, GroupsAnswer, SloAnswer},
    config::Config,
    evaluator::Subject,
    server,
    text::link,
};
use control_plane_model::search::Expression;
use serde::de::DeserializeOwned;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use self::{
    commands::{Cli, Client, Color, Command, Form, ServerArgs, Settings, TurnedAway, Why},
    terminal::Screen,
};

/// Of OTLP over HTTP: <https://opentelemetry.io/docs/specs/otlp/#otlphttp-default-port>.
const OTLP_PORT: u16 = 4318;

/// Spans are many small allocations, made by one thread and freed by another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The window of `cost` if no option names one.
const COST_WINDOW: &str = "30d";

/// What a command has found is violated, open or refused.
const VIOLATED: u8 = 1;
/// There is no answer: nobody there, nothing known, or not asked in a way that can be answered.
const NO_ANSWER: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse().command).await {
        Ok(code) => code,
        Err(error) => {
            // Nobody may be reading standard error. The exit code tells of the failure too.
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
                bail!("no span in this window has the attribute {}", answer.by);
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
        Command::TurnedAway(asked) => turned_away(asked).await?,
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
                answer.tenants.retain(|line| line.status.subject == Subject::Tenant(tenant.clone()));
                answer.groups.clear();
                if answer.tenants.is_empty() {
                    bail!("there is no objective for a tenant {tenant}, or no span names it");
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
            let format = if matches!(format, Form::Csv) { "csv" } else { "json" };
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
        Command::Investigations(investigations) => investigations::run(investigations).await?,
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

async fn turned_away(asked: TurnedAway) -> Result<()> {
    let TurnedAway { tenant, user, reason, service, unverified, network, limit, format, window, client } = asked;
    let (path, asked) = match unverified {
        false => {
            let asked = [("tenant", tenant), ("user", user), ("reason", reason), ("service", service)];
            ("/api/turned-away", asked.to_vec())
        }
        true => ("/api/turned-away/unverified", vec![("api", service), ("reason", reason), ("network", network)]),
    };
    let window = window.query();
    let query = [&asked[..], &window].concat();
    let is_csv = matches!(format, Form::Csv);
    let form = [("limit", limit.to_string()), ("format", if is_csv { "csv" } else { "json" }.to_owned())];
    let text = client.ask(path, &[&query[..], &form].concat()).await?;
    if is_csv {
        return print(&terminal::raw(&text));
    }
    if unverified {
        let page = page("/turned-away", &window);
        return client.show(&text, |answer, screen| terminal::unverified(answer, &page, screen));
    }
    let page = page("/turned-away", &query);
    client.show(&text, |answer, screen| terminal::turned_away(answer, &page, screen))
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

impl ServerArgs {
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
