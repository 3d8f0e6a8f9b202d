//! `operator reconcile`: whether reservations, cancellations, messages, ledger entries and balances agree, on the local cloud or on AWS.

mod compare;
mod difference;
mod report;
mod sources;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use local::outputs::Outputs;

pub use compare::{Reconciliation, Records, compare};
pub use difference::Difference;
pub use sources::Sources;

/// How long messages that were published again may take before the differences are told once more.
const REPUBLISHED_WITHIN: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(250);

/// Where to look, and what to do.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// A file with the output of `local up --json`. Without it, a stage on AWS is read.
    #[arg(long)]
    pub outputs: Option<PathBuf>,
    /// The stage on AWS.
    #[arg(long, default_value = "dev")]
    pub stage: String,
    /// The AWS profile of account A; the default is the environment's credentials.
    #[arg(long)]
    pub booking_profile: Option<String>,
    /// The AWS profile of account B; the default is the environment's credentials.
    #[arg(long)]
    pub mileage_profile: Option<String>,
    /// The region, if profiles and environment name none or a wrong one.
    #[arg(long)]
    pub region: Option<String>,
    /// The table of reservations, if its name is not the template's.
    #[arg(long)]
    pub reservations_table: Option<String>,
    /// The table of the ledger, if its name is not the template's.
    #[arg(long)]
    pub ledger_table: Option<String>,
    /// Account A's topic, if its name is not the template's.
    #[arg(long)]
    pub topic_arn: Option<String>,
    /// Account B's queue, if its name is not the template's.
    #[arg(long)]
    pub queue_url: Option<String>,
    /// Account B's dead-letter queue, if its name is not the template's.
    #[arg(long)]
    pub dead_letters_url: Option<String>,
    /// The queue of messages that SNS could not deliver, if its name is not the template's.
    #[arg(long)]
    pub undelivered_url: Option<String>,
    /// Account A's parking queue, if its name is not the template's.
    #[arg(long)]
    pub parking_queue_url: Option<String>,
    /// Publish again the reservations and cancellations that have no ledger entry.
    #[arg(long)]
    pub republish: bool,
    /// How many seconds to wait for messages that are still on their way.
    #[arg(long, default_value_t = 0)]
    pub wait: u64,
    /// Print one line of JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// Looks; what there is to tell, and whether there is no difference in the end.
///
/// # Errors
/// A table, a queue or the file of outputs cannot be read, or publishing again fails.
pub async fn run(options: &Options) -> Result<(String, bool)> {
    let sources = match &options.outputs {
        Some(file) => {
            let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
            Sources::of(&serde_json::from_str::<Outputs>(&text)?).await
        }
        None => Sources::on_aws(options).await?,
    };
    let mut found = settled(&sources, Duration::from_secs(options.wait)).await?;
    let republished = if options.republish { std::mem::take(&mut found.not_posted) } else { Vec::new() };
    let mut count = republished.len();
    if count > 0 {
        let mut unwritable = sources.republish(&republished).await?;
        count -= unwritable.len();
        found = settled(&sources, REPUBLISHED_WITHIN).await?;
        found.differences.append(&mut unwritable);
    }
    let told = if options.json { report::json(&found, count)? } else { report::table(&found, count) };
    Ok((told, found.differences.is_empty()))
}

/// What there is once nothing differs any more, or once that has taken too long.
pub async fn settled(sources: &Sources, within: Duration) -> Result<Reconciliation> {
    let started = Instant::now();
    loop {
        let found = sources.reconcile().await?;
        if found.differences.is_empty() || started.elapsed() >= within {
            return Ok(found);
        }
        tokio::time::sleep(PAUSE).await;
    }
}
