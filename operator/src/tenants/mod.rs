//! `operator tenant`: the registry of tenants from the command line.

mod report;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde::Serialize;
use tenancy::{TenantId, TenantStatus, Tiers};
use tenant_registry::Registry;

/// Where the registry is, and what to do with it.
#[derive(Debug, Args)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
    /// The registry's table: the booking stack's output TenantsTable.
    #[arg(long, global = true, env = "TENANTS_TABLE", default_value = "tenants-dev")]
    table: String,
    /// The tiers that there are.
    #[arg(long, global = true, env = "TENANT_TIERS", default_value = "basic,standard,premium")]
    tiers: Tiers,
    /// JSON, not a table.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Register a company; prints the id that the service has given it.
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
    /// Refuse a tenant from now on, whatever its tokens say; takes half a minute to reach every function.
    Suspend { tenant_id: TenantId },
    /// Serve a suspended tenant again.
    Resume { tenant_id: TenantId },
    /// Give a tenant another tier; it counts over the one in its tokens.
    SetTier {
        tenant_id: TenantId,
        /// One of the tiers.
        tier: String,
    },
}

/// Does what is asked with the registry; what there is to print about it.
///
/// # Errors
/// The registry cannot be reached or refuses, there is no such tenant or tier, or a company's name is none.
pub async fn run(options: Options) -> Result<String> {
    let Options { command, table, tiers, json } = options;
    let registry = Registry::open(&table).await;
    let changed = match command {
        Command::Create { company_name, tier } => {
            let tenant = registry.create(&company_name, tiers.parse(&tier)?).await?;
            return if json { to_json(&tenant) } else { Ok(tenant.tenant_id.to_string()) };
        }
        Command::List => {
            let tenants = registry.list().await?;
            return if json { to_json(&tenants) } else { Ok(report::tenants(&tenants)) };
        }
        Command::Suspend { tenant_id } => registry.set_status(&tenant_id, TenantStatus::Suspended).await?,
        Command::Resume { tenant_id } => registry.set_status(&tenant_id, TenantStatus::Active).await?,
        Command::SetTier { tenant_id, tier } => registry.set_tier(&tenant_id, tiers.parse(&tier)?).await?,
    };
    if json { to_json(&changed.to) } else { Ok(report::changed(&changed)) }
}

fn to_json(value: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string(value)?)
}
