//! `operator tenant`: the registry of tenants from the command line.

mod access;
mod impact;
mod report;

use anyhow::{Result, anyhow, bail};
use aws_config::SdkConfig;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use lambda_http_client::{
    Roots,
    aws::{self, describe},
};
use serde::Serialize;
use tenancy::{List, Quota, RegistryEntry, TenantId, TenantStatus, Tiers};
use tenant_registry::{Change, Reason, Registry, Tenant};

/// Where the registry is, and what to do with it.
#[derive(Debug, Args)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
    /// The registry's table: the booking stack's output TenantsTable.
    #[arg(long, global = true, env = "TENANTS_TABLE", default_value = "tenants-dev")]
    table: String,
    /// All tiers that exist.
    #[arg(long, global = true, env = "TENANT_TIERS", default_value = "basic,standard,premium")]
    tiers: Tiers,
    /// Print JSON instead of a table.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Register a company. Prints the id of the new tenant.
    Create {
        /// The company's name.
        #[arg(long)]
        company_name: String,
        /// One of the tiers.
        #[arg(long)]
        tier: String,
    },
    /// List all tenants.
    List,
    /// Refuse all requests of a tenant. Takes up to half a minute to reach every function.
    Suspend(Which),
    /// Serve a suspended tenant again.
    Resume(Which),
    /// Change a tenant's tier. The new tier holds even while tokens name the old one.
    SetTier {
        #[command(flatten)]
        which: Which,
        /// One of the tiers.
        tier: String,
    },
    /// Give a tenant its own quota, or with --default the quota of its tier.
    SetQuota {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        quota: WantedQuota,
    },
    /// Refuse requests of a network or a user. Takes up to half a minute to reach every function. Asks if more than half of the last day's requests would be refused.
    Block {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        listing: access::Listing,
        #[command(flatten)]
        confirmation: impact::Confirmation,
    },
    /// Remove a network or a user from the blocked list.
    Unblock {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        caller: access::Caller,
    },
    /// Allow a network or a user. Once one network is allowed, all other networks are refused; the same holds for users.
    Allow {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        allowing: access::Allowing,
        #[command(flatten)]
        confirmation: impact::Confirmation,
    },
    /// Remove a network or a user from the allowed list. Once the list is empty, all are let in again.
    Disallow {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        caller: access::Caller,
        #[command(flatten)]
        confirmation: impact::Confirmation,
    },
    /// Show who is on a tenant's access lists.
    AccessLists {
        /// The tenant's id, as `operator tenant list` shows it.
        tenant_id: TenantId,
    },
}

/// How much a tenant may use.
#[derive(Debug, Args)]
struct WantedQuota {
    /// Requests a second in the long run, for each API.
    #[arg(long, required_unless_present = "default", requires_all = ["burst", "bookings_per_day"])]
    requests_per_second: Option<u32>,
    /// Requests at once after a pause. A burst below the requests a second keeps the tenant below that rate.
    #[arg(long, requires = "requests_per_second")]
    burst: Option<u32>,
    /// Bookings between one midnight and the next, in UTC.
    #[arg(long, requires = "requests_per_second")]
    bookings_per_day: Option<u32>,
    /// Use the quota of its tier.
    #[arg(long, conflicts_with = "requests_per_second")]
    default: bool,
}

impl WantedQuota {
    fn quota(&self) -> Result<Option<Quota>> {
        match (self.requests_per_second, self.burst, self.bookings_per_day) {
            (Some(requests), Some(burst), Some(bookings)) => Ok(Some(Quota::new(requests, burst, bookings)?)),
            _ => Ok(None),
        }
    }
}

/// Which tenant is changed, and why.
#[derive(Debug, Args)]
struct Which {
    /// The tenant's id, as `operator tenant list` shows it.
    tenant_id: TenantId,
    /// Why you do this. The registry keeps it, with the ARN of your credentials.
    #[arg(long)]
    reason: Reason,
}

/// Does what is asked with the registry; what there is to print about it.
///
/// # Errors
/// The registry cannot be reached or refuses, there is no such tenant or tier, a quota is out of its bounds, the access lists are full, a company's name or a reason is empty, too long or not printable, a change of access lists that has to be confirmed is not, or somebody else changed
/// the tenant in the same moment.
pub async fn run(options: Options) -> Result<String> {
    let Options { command, table, tiers, json } = options;
    let config = aws::config(Roots::System).await;
    let registry = Registry::new(&config, &table);
    let status = |to| move |entry: &RegistryEntry| Ok(Change::Status { from: entry.status, to });
    let (before, after) = match command {
        Command::Create { company_name, tier } => {
            let tenant = registry.create(&company_name, tiers.parse(&tier)?).await?;
            return if json { to_json(&tenant) } else { Ok(tenant.tenant_id.to_string()) };
        }
        Command::List => {
            let tenants = registry.list().await?;
            return if json { to_json(&tenants) } else { Ok(report::tenants(&tenants)) };
        }
        Command::Suspend(which) => which.change(&registry, &config, status(TenantStatus::Suspended)).await?,
        Command::Resume(which) => which.change(&registry, &config, status(TenantStatus::Active)).await?,
        Command::SetTier { which, tier } => {
            let to = tiers.parse(&tier)?;
            which.change(&registry, &config, |entry| Ok(Change::Tier { from: entry.tier, to })).await?
        }
        Command::SetQuota { which, quota } => {
            let to = quota.quota()?;
            which.change(&registry, &config, |entry| Ok(Change::Quota { from: entry.quota, to })).await?
        }
        Command::Block { which, listing, confirmation } => {
            let added = |entry: &RegistryEntry| listing.added(List::Block, entry);
            which.change_lists(&registry, &config, &confirmation, added).await?
        }
        Command::Unblock { which, caller } => {
            which.change(&registry, &config, |entry| caller.removed(List::Block, entry)).await?
        }
        Command::Allow { which, allowing, confirmation } => {
            which.change_lists(&registry, &config, &confirmation, |entry| allowing.added(entry)).await?
        }
        Command::Disallow { which, caller, confirmation } => {
            let removed = |entry: &RegistryEntry| caller.removed(List::Allow, entry);
            which.change_lists(&registry, &config, &confirmation, removed).await?
        }
        Command::AccessLists { tenant_id } => {
            let tenant = registry.get(&tenant_id).await?;
            if tenant.access_lists_are_wrong {
                bail!(
                    "its access lists cannot be read, so that all of its callers are refused; the next change replaces them"
                );
            }
            let lists = tenant.entry.access_lists.unwrap_or_default();
            return if json { to_json(&lists) } else { Ok(report::access_lists(&lists, Timestamp::now().as_second())) };
        }
    };
    if json { to_json(&after) } else { Ok(report::changed(&before, &after)) }
}

impl Which {
    /// Makes a change of what the table has now, if it is one; the tenant before and after.
    async fn change(
        &self,
        registry: &Registry,
        config: &SdkConfig,
        change: impl Fn(&RegistryEntry) -> Result<Change>,
    ) -> Result<(Tenant, Tenant)> {
        let before = registry.get(&self.tenant_id).await?;
        let change = change(&before.entry)?;
        self.make(registry, config, before, change).await
    }

    /// The same of access lists, once it is confirmed where it has to be.
    async fn change_lists(
        &self,
        registry: &Registry,
        config: &SdkConfig,
        confirmation: &impact::Confirmation,
        change: impl Fn(&RegistryEntry) -> Result<Change>,
    ) -> Result<(Tenant, Tenant)> {
        let before = registry.get(&self.tenant_id).await?;
        let change = change(&before.entry)?;
        confirmation.obtain(&self.tenant_id, &change).await?;
        self.make(registry, config, before, change).await
    }

    async fn make(
        &self,
        registry: &Registry,
        config: &SdkConfig,
        before: Tenant,
        change: Change,
    ) -> Result<(Tenant, Tenant)> {
        // What is shown as none may be a quota that cannot be read, which is then taken away.
        let replaces_wrong = match &change {
            Change::Quota { .. } => before.quota_is_wrong,
            Change::AccessLists { from, to } => before.access_lists_are_wrong || from != to,
            Change::Status { .. } | Change::Tier { .. } => false,
        };
        if change.from() == change.to() && !replaces_wrong {
            return Ok((before.clone(), before));
        }
        let caller = aws_sdk_sts::Client::new(config).get_caller_identity().send().await;
        let caller = caller.map_err(|error| anyhow!("whose credentials these are: {}", describe(&error)))?;
        let by = caller.arn().unwrap_or_default();
        let after = registry.change(&self.tenant_id, &change, by, &self.reason).await?;
        Ok((before, after))
    }
}

fn to_json(value: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string(value)?)
}
