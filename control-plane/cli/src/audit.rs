//! `control-plane audit`: what operators did, and whether somebody changed what was recorded of it.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueEnum};
use control_plane_audit::{Chain, Checkpoint, Format, Recorded};

use crate::{
    commands::{Client, ServerArgs},
    failure_if, print, terminal,
};

/// Records that are asked for at once.
const PAGE: usize = 500;

#[derive(Subcommand)]
pub(crate) enum Audit {
    /// List what operators did and changed, the newest first.
    List {
        #[command(flatten)]
        which: RecordArgs,
        /// How many.
        #[arg(long, default_value_t = 20)]
        limit: usize,
        #[command(flatten)]
        client: Client,
    },
    /// Export the records that match, the oldest first: as JSON lines, which anybody can verify, or as CSV.
    Export {
        #[command(flatten)]
        which: RecordArgs,
        #[arg(long, value_enum, default_value_t = ExportFormat::Jsonl)]
        format: ExportFormat,
        #[command(flatten)]
        asked: ServerArgs,
    },
    /// Compute the chain of all records on this machine, from the control plane's answers. Exits with 1 if the chain is broken, and says at which record.
    Verify {
        /// A record that you noted earlier, which must still be there. Only this shows that the end was cut off, or that the whole chain was rebuilt.
        #[arg(long, value_name = "NUMBER:HASH")]
        expect: Option<Checkpoint>,
        #[command(flatten)]
        asked: ServerArgs,
    },
}

/// The options that choose records.
#[derive(Args)]
pub(crate) struct RecordArgs {
    /// Only what this person did, by name or by the token's subject.
    #[arg(long, default_value = "")]
    who: String,
    /// Only this: sign_in, tenant.suspend, tenant, configuration, …
    #[arg(long, default_value = "")]
    what: String,
    /// Only what is about this tenant.
    #[arg(long, default_value = "")]
    tenant: String,
    /// How far back; the default is everything.
    #[arg(long, default_value = "")]
    window: String,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum ExportFormat {
    Jsonl,
    Csv,
}

impl RecordArgs {
    fn query(&self) -> Vec<(&'static str, String)> {
        let Self { who, what, tenant, window } = self;
        let fields = [("who", who), ("what", what), ("tenant", tenant), ("window", window)];
        fields.map(|(name, value)| (name, value.clone())).into()
    }
}

pub(crate) async fn run(audit: Audit) -> Result<ExitCode> {
    match audit {
        Audit::List { which, limit, client } => {
            let mut query = which.query();
            query.push(("limit", limit.to_string()));
            let text = client.ask("/api/audit", &query).await?;
            client.show(&text, terminal::audit)?;
        }
        Audit::Export { which, format, asked } => {
            let format = match format {
                ExportFormat::Jsonl => Format::JsonLines,
                ExportFormat::Csv => Format::Csv,
            };
            print(&format.header()?.unwrap_or_default())?;
            let write = |recorded: &Recorded| print(&terminal::raw(&format.line(recorded)?));
            each(&asked, &which.query(), write).await?;
        }
        Audit::Verify { expect, asked } => {
            let mut chain = Chain::new(expect);
            let mut broken = None;
            let add = |recorded: &Recorded| {
                if broken.is_none() {
                    broken = chain.add(&recorded.record).err();
                }
                Ok(())
            };
            each(&asked, &[], add).await?;
            let verified = match broken {
                Some(broken) => Err(broken),
                None => chain.end(),
            };
            match &verified {
                Ok(verified) => {
                    let last = verified.last.as_ref().map(|last| format!("; the last is {last}")).unwrap_or_default();
                    let records = match verified.records {
                        1 => "1 record".to_owned(),
                        other => format!("{other} records"),
                    };
                    print(&format!("The chain of {records} is unbroken{last}\n"))?;
                }
                Err(broken) => print(&format!("{broken}\n"))?,
            }
            return Ok(failure_if(verified.is_err()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// All records that match, the oldest first.
async fn each(
    asked: &ServerArgs,
    which: &[(&str, String)],
    mut take: impl FnMut(&Recorded) -> Result<()>,
) -> Result<()> {
    let mut after = 0;
    loop {
        let mut query = which.to_vec();
        let page = [("format", "jsonl".to_owned()), ("order", "oldest".to_owned()), ("limit", PAGE.to_string())];
        query.extend(page);
        query.push(("after", after.to_string()));
        let text = asked.ask("/api/audit", &query).await?;
        let (mut found, before) = (0, after);
        for line in text.lines() {
            let recorded: Recorded = serde_json::from_str(line).context("a record cannot be read")?;
            take(&recorded)?;
            (after, found) = (recorded.record.number, found + 1);
        }
        // Numbers that do not rise are for whoever verifies; they lead nowhere.
        if found < PAGE || after <= before {
            return Ok(());
        }
    }
}
