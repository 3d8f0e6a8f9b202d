//! Which tenants there are: their tier, and whether they are served. The registry is one table in account A.
//!
//! A token says who its bearer is for as long as it is valid. The registry says what holds now: its tier counts, and a tenant it has
//! suspended is refused although its tokens verify.

mod cache;

use std::{
    env,
    time::{Duration, Instant},
};

use aws_config::{SdkConfig, sts::AssumeRoleProvider};
use aws_sdk_dynamodb::{
    Client,
    config::{Builder, retry::RetryConfig, timeout::TimeoutConfig},
    types::AttributeValue,
};
use lambda_http_client::aws::describe;
use tenancy::{RegistryEntry, TenantId, TenantStatus, Tier, Tiers};
use tenant_telemetry::note;

use self::cache::Cache;
use crate::settings::{InvalidSettings, required};

/// How long an answer holds unless `TENANTS_CACHE_SECONDS` says otherwise.
const FRESH_FOR: Duration = Duration::from_secs(30);

/// How a tenant stands with the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Served, at this tier.
    Active(Tier),
    /// Not served, whatever its tokens say.
    Suspended(Tier),
    /// Not there.
    Unknown,
}

/// The registry does not answer, and has not for too long to go by what it said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the tenant registry does not answer")]
pub(crate) struct RegistryAway;

/// The registry, its answers cached per tenant.
#[derive(Debug)]
pub struct TenantRegistry {
    client: Client,
    table: String,
    tiers: Tiers,
    cache: Cache,
}

impl TenantRegistry {
    /// The registry in the table `table`, by its name or, in another account, its ARN. A tenant of another tier than `tiers` has is not
    /// served. Answers hold for `fresh_for`.
    pub fn new(config: &SdkConfig, table: &str, tiers: Tiers, fresh_for: Duration) -> Self {
        // Less than for other calls: it is asked before anything else is done.
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_millis(500))
            .operation_attempt_timeout(Duration::from_secs(1))
            .operation_timeout(Duration::from_secs(2));
        let config = Builder::from(config)
            .timeout_config(timeouts.build())
            .retry_config(RetryConfig::standard().with_max_attempts(2));
        Self { client: Client::from_conf(config.build()), table: table.to_owned(), tiers, cache: Cache::new(fresh_for) }
    }

    /// The registry in `TENANTS_TABLE`, read as the role in `TENANTS_READER_ROLE_ARN` where one is named. Answers hold for
    /// `TENANTS_CACHE_SECONDS`, or 30 s.
    ///
    /// # Errors
    ///
    /// Where the table is not named.
    pub async fn from_env(config: &SdkConfig, tiers: impl Into<Tiers>) -> Result<Self, InvalidSettings> {
        let seconds = env::var("TENANTS_CACHE_SECONDS").ok().and_then(|text| text.parse().ok());
        let [table] = required(["TENANTS_TABLE"])?;
        let config = match env::var("TENANTS_READER_ROLE_ARN").ok().filter(|arn| !arn.is_empty()) {
            None => config.clone(),
            Some(arn) => {
                let reader = AssumeRoleProvider::builder(arn).session_name("tenant-registry").configure(config);
                let reader = aws_credential_types::provider::SharedCredentialsProvider::new(reader.build().await);
                config.to_builder().credentials_provider(reader).build()
            }
        };
        Ok(Self::new(&config, &table, tiers.into(), seconds.map_or(FRESH_FOR, Duration::from_secs)))
    }

    /// How this tenant stands. While the registry does not answer, what it said last counts for five minutes.
    pub(crate) async fn standing(&self, tenant_id: &TenantId) -> Result<Standing, RegistryAway> {
        self.cache.standing(tenant_id, Instant::now(), self.read(tenant_id)).await
    }

    async fn read(&self, tenant_id: &TenantId) -> Result<Standing, String> {
        let started = Instant::now();
        let get = self
            .client
            .get_item()
            .table_name(&self.table)
            .key(RegistryEntry::TENANT_ID, AttributeValue::S(tenant_id.to_string()))
            .projection_expression(format!("{}, #status", RegistryEntry::TIER))
            .expression_attribute_names("#status", RegistryEntry::STATUS);
        let answer = get.send().await;
        note("tenant registry", started, answer.is_ok());
        let item = answer.map_err(|error| describe(&error))?.item;
        let Some(item) = item else { return Ok(Standing::Unknown) };
        let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str);
        let tier = text(RegistryEntry::TIER).ok_or("an entry has no tier")?;
        let tier = self.tiers.parse(tier).map_err(|error| format!("an entry is wrong: {error}"))?;
        match text(RegistryEntry::STATUS) {
            Some(status) if status == TenantStatus::Active.as_str() => Ok(Standing::Active(tier)),
            Some(status) if status == TenantStatus::Suspended.as_str() => Ok(Standing::Suspended(tier)),
            _ => Err("an entry has no status".to_owned()),
        }
    }
}
