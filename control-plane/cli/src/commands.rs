//! What can be asked on the command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use control_plane_model::{listing::Order, trace::TraceId};

use crate::{audit, investigations, login};

/// Takes, stores and searches the telemetry of all accounts.
///
/// Exit codes. 0: done. 1: an objective is violated, an alert is open, a filter expression is refused, or the audit's chain is broken. 2: there is no
/// answer, because no control plane runs there, it knows nothing of what you asked for, or the command is wrong.
#[derive(Parser)]
#[command(version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run the control plane: take telemetry at /v1/traces, /v1/metrics and /v1/logs, and serve pages and API.
    Serve {
        /// The address to listen on; port 0 takes a free port. The default is 127.0.0.1:4318, or a free port if that one is in
        /// use. The address is printed.
        #[arg(long)]
        listen: Option<SocketAddr>,
        /// Where to keep spans, alerts, sessions and the audit.
        #[arg(long, default_value = ".local/control-plane")]
        data: PathBuf,
        #[command(flatten)]
        settings: Settings,
    },
    /// Create the tables in the database of --store, or update them to this version. Prints each step.
    Migrate {
        /// Only show which steps would be taken.
        #[arg(long)]
        dry_run: bool,
        /// From now on, also read this table of the same server, to which the Collector's ClickHouse exporter writes.
        #[arg(long, value_name = "DATABASE.TABLE")]
        otel_traces: Option<String>,
        #[command(flatten)]
        settings: Settings,
    },
    /// Copy the spans of a data folder into the database of --store, make its sums, and compare the two. No server may have the folder open. If
    /// you run it again, it continues where it ended.
    Copy {
        /// Where the spans are.
        #[arg(long, default_value = ".local/control-plane")]
        data: PathBuf,
        #[command(flatten)]
        settings: Settings,
    },
    /// Sign in to a control plane with your browser; the other commands then send your token.
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
    /// Find what you have: the id of a trace or a user, a booking's number (and where the booking stopped), a tenant's id or company, or a filter expression.
    /// Only a filter expression is limited to the window. Exits with 2 if nothing is found.
    Find {
        /// For example P1KR9N43
        what: String,
        #[command(flatten)]
        window: Window,
        #[command(flatten)]
        client: Client,
    },
    /// List the traces that match an X-Ray filter expression.
    Traces {
        /// For example annotation[tenant.id] = "oceanic" AND duration > 0.5
        #[arg(default_value = "")]
        filter: String,
        /// Which traces come first.
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
    /// Group requests or calls by the values of an attribute: rate, errors and percentiles, compared with the window before.
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
    /// Say why requests fail or are slow: which attributes of their spans set them apart from other requests.
    Why(Why),
    /// Say whose requests were refused after their sender was verified, where and why. The most frequent come first.
    TurnedAway(TurnedAway),
    /// Print the service map: which service calls which, how often, and with which errors and latencies.
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
    /// Show whether each tenant's objectives are met, the worst first. Exits with 1 if one is violated, with 2 if there is no answer.
    Slo {
        /// Only this tenant.
        #[arg(long)]
        tenant: Option<String>,
        #[command(flatten)]
        client: Client,
    },
    /// List alerts, the latest first. Exits with 1 if one is open, with 2 if there is no answer.
    Alerts {
        /// Only this tenant's.
        #[arg(long, default_value = "")]
        tenant: String,
        #[command(flatten)]
        client: Client,
    },
    /// Show what each tenant uses: requests, time and, if prices are configured, money. Counts whole days, the last 30 if you give no window.
    Cost {
        #[command(flatten)]
        window: Window,
        #[arg(long, value_enum, default_value_t = Form::Table)]
        format: Form,
        #[command(flatten)]
        client: Client,
    },
    /// List, show, export and add to what operators investigate: pages that they saved, with notes.
    #[command(subcommand)]
    Investigations(investigations::Investigations),
    /// Show what operators did and changed, and verify that nobody altered the records.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Check filter expressions, one on each line of standard input. Prints `ok`, `elsewhere` if X-Ray takes it and the control plane cannot answer it,
    /// or `refused` with the column and the reason. Exits with 1 if one is refused.
    CheckFilter,
}

/// Whose requests, where and why.
#[derive(Args)]
pub(crate) struct TurnedAway {
    /// Only this tenant's.
    #[arg(long, default_value = "")]
    pub(crate) tenant: String,
    /// Only those of this user, by `enduser.id`.
    #[arg(long, default_value = "")]
    pub(crate) user: String,
    /// Only those that were refused for this reason, such as no_such_booking; the status, of a service that says none.
    #[arg(long, default_value = "")]
    pub(crate) reason: String,
    /// Only those that this service refused; with --unverified, this API.
    #[arg(long, default_value = "")]
    pub(crate) service: String,
    /// What was refused before anybody was known, by API, reason and network.
    #[arg(long, conflicts_with_all = ["tenant", "user"])]
    pub(crate) unverified: bool,
    /// Only those from this network, such as 192.0.2.0/24.
    #[arg(long, default_value = "", requires = "unverified")]
    pub(crate) network: String,
    /// How many lines.
    #[arg(long, default_value_t = 20)]
    pub(crate) limit: usize,
    #[arg(long, value_enum, default_value_t = Form::Table)]
    pub(crate) format: Form,
    #[command(flatten)]
    pub(crate) window: Window,
    #[command(flatten)]
    pub(crate) client: Client,
}

/// What is compared.
#[derive(Args)]
pub(crate) struct Why {
    /// Only traces that match this filter expression.
    #[arg(default_value = "")]
    pub(crate) filter: String,
    /// Only this tenant's.
    #[arg(long, default_value = "")]
    pub(crate) tenant: String,
    /// Only those of tenants of this tier.
    #[arg(long, default_value = "")]
    pub(crate) tier: String,
    /// Only those that came to this service.
    #[arg(long, default_value = "")]
    pub(crate) service: String,
    /// What to compare with: failed requests with successful ones (ok), slow with quick ones (quick), a tenant with others of its tier (tier), this window
    /// with the time before it, or after --moment with before it (before), or what matches with what does not (rest).
    #[arg(long, default_value = "")]
    pub(crate) against: String,
    /// Which outcome counts as bad: fault, error or throttle.
    #[arg(long, default_value = "")]
    pub(crate) status: String,
    /// From how many milliseconds on a request is slow. The default is the objective; without one, the slowest twentieth is slow.
    #[arg(long, default_value = "")]
    pub(crate) slower_than_ms: String,
    /// When before ends and after begins: RFC 3339, or Unix seconds.
    #[arg(long, default_value = "")]
    pub(crate) moment: String,
    #[command(flatten)]
    pub(crate) window: Window,
    #[command(flatten)]
    pub(crate) client: Client,
}

/// The window of time that a command is about.
#[derive(Args)]
pub(crate) struct Window {
    /// How far back from --to, or from now: 15m, 2h, 7d. The default is an hour, unless the command says otherwise.
    #[arg(long)]
    pub(crate) window: Option<String>,
    /// When the window begins, instead of --window: RFC 3339, or Unix seconds.
    #[arg(long)]
    pub(crate) from: Option<String>,
    /// When the window ends; the default is now.
    #[arg(long)]
    pub(crate) to: Option<String>,
}

impl Window {
    /// As the API and the pages take it; an empty value is as good as none.
    pub(crate) fn query(self) -> [(&'static str, String); 3] {
        let said = Option::unwrap_or_default;
        [("window", said(self.window)), ("from", said(self.from)), ("to", said(self.to))]
    }

    /// Sets how far back the window reaches if no option says so.
    pub(crate) fn or(mut self, back: &str) -> Self {
        if self.from.is_none() {
            self.window.get_or_insert_with(|| back.to_owned());
        }
        self
    }
}

/// How it is set up.
#[derive(Args)]
pub(crate) struct Settings {
    /// Keep spans in ClickHouse instead of the data folder: clickhouse://user:password@host:port/database.
    #[arg(long, env = "CONTROL_PLANE_STORE", hide_env_values = true)]
    pub(crate) store: Option<String>,
    /// Keep alerts, the evaluator's state, sessions and the audit in a table of DynamoDB instead of the data folder: dynamodb:TABLE. Servers with the
    /// same --store need the same table.
    #[arg(long, env = "CONTROL_PLANE_STATES")]
    pub(crate) states: Option<String>,
    /// A TOML file with keys, who may sign in, the registry of tenants, retention and forwarding.
    #[arg(long)]
    pub(crate) config: Option<PathBuf>,
}

/// What a command with lines prints.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Form {
    Table,
    Csv,
}

/// The control plane that a command asks. If it has access configured, sign in with `login` first, or put a token or a service key into
/// `CONTROL_PLANE_TOKEN`.
#[derive(Args)]
pub(crate) struct ServerArgs {
    /// The control plane.
    #[arg(long, env = "CONTROL_PLANE_URL", default_value = "http://127.0.0.1:4318")]
    pub(crate) url: String,
}

/// How a command asks and answers.
#[derive(Args)]
pub(crate) struct Client {
    #[command(flatten)]
    pub(crate) asked: ServerArgs,
    /// Print the API's JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
    /// Whether to use colours.
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub(crate) color: Color,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}
