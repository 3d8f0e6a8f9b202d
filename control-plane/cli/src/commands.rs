//! What can be asked on the command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use control_plane_model::{listing::Order, trace::TraceId};

use crate::{audit, investigations, login};

/// Span intake, store and search for every account.
///
/// Exit codes: 0, done; 1, an objective is violated, an alert is open, a filter expression refused or the audit's chain broken; 2, there is no answer: nobody
/// serves there, nothing is known of what is asked for, or the command cannot be understood.
#[derive(Parser)]
#[command(version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
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
    /// Say whose requests were refused once somebody had been verified, where and why: those with the most first.
    TurnedAway(TurnedAway),
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
        #[arg(long, value_enum, default_value_t = Form::Table)]
        format: Form,
        #[command(flatten)]
        client: Client,
    },
    /// What operators investigate: pages that they saved, and their notes.
    #[command(subcommand)]
    Investigations(investigations::Investigations),
    /// What operators did and what was changed, and whether anybody altered the records.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Judge filter expressions, one a line on standard input: `ok`, `elsewhere` for what X-Ray takes and nothing here answers, or
    /// `refused`, with the column and the reason; exits with 1 if one is refused.
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
    /// Only those that this service refused.
    #[arg(long, default_value = "")]
    pub(crate) service: String,
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
    /// What they are set against: failed ones against those that went well (ok), slow ones against quick ones (quick), a tenant's against others of its tier
    /// (tier), this window against the time before it, or after --moment against before (before), those that match against those that do not (rest).
    #[arg(long, default_value = "")]
    pub(crate) against: String,
    /// Which outcome counts as bad: fault, error or throttle.
    #[arg(long, default_value = "")]
    pub(crate) status: String,
    /// From how many milliseconds on a request is slow; without this, from what was promised, or so that one in twenty is.
    #[arg(long, default_value = "")]
    pub(crate) slower_than_ms: String,
    /// The moment that divides before from after: RFC 3339, or Unix seconds.
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
    /// How far back from --to, or from now: 15m, 2h, 7d; an hour if you do not say it.
    #[arg(long)]
    pub(crate) window: Option<String>,
    /// Where the window begins, instead: RFC 3339, or Unix seconds.
    #[arg(long)]
    pub(crate) from: Option<String>,
    /// Where it ends, if not now.
    #[arg(long)]
    pub(crate) to: Option<String>,
}

impl Window {
    /// As the API and the pages take it; an empty value is as good as none.
    pub(crate) fn query(self) -> [(&'static str, String); 3] {
        let said = Option::unwrap_or_default;
        [("window", said(self.window)), ("from", said(self.from)), ("to", said(self.to))]
    }

    /// The same; so far back where nothing is said.
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
    /// Keep spans in ClickHouse, not in the data folder: clickhouse://user:password@host:port/database.
    #[arg(long, env = "CONTROL_PLANE_STORE", hide_env_values = true)]
    pub(crate) store: Option<String>,
    /// Keep alerts, what was judged, sessions and the audit in a table of DynamoDB, not in the data folder: dynamodb:TABLE. Servers that share --store
    /// share it.
    #[arg(long, env = "CONTROL_PLANE_STATES")]
    pub(crate) states: Option<String>,
    /// Keys, who may sign in, the registry of tenants, retention, forwarding: a TOML file.
    #[arg(long)]
    pub(crate) config: Option<PathBuf>,
}

/// What a command with lines prints.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Form {
    Table,
    Csv,
}

/// Where a command asks. Where the control plane asks who you are, `login` has said so, or `CONTROL_PLANE_TOKEN` holds a token or a
/// service key.
#[derive(Args)]
pub(crate) struct Asked {
    /// The control plane.
    #[arg(long, env = "CONTROL_PLANE_URL", default_value = "http://127.0.0.1:4318")]
    pub(crate) url: String,
}

/// How a command asks and answers.
#[derive(Args)]
pub(crate) struct Client {
    #[command(flatten)]
    pub(crate) asked: Asked,
    /// The API's JSON, not a table.
    #[arg(long)]
    pub(crate) json: bool,
    /// Whether to colour.
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub(crate) color: Color,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}
