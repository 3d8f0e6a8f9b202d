//! The registry of tenants: their tier, and whether they are served. It is one table in account A.
//!
//! A token states the tier of its tenant as of when it was issued. The registry states what holds now: its tier counts, and a suspended tenant is
//! refused although its tokens verify.

mod admission;
mod cache;
mod reader_role;

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use aws_config::SdkConfig;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_dynamodb::{
    Client,
    config::{Builder, retry::RetryConfig, timeout::TimeoutConfig},
    types::AttributeValue,
};
use function_settings::{InvalidSettings, Reader, Variables};
use lambda_http_client::aws::describe;
use serde_dynamo::from_attribute_value;
use tenancy::{AccessLists, InvalidQuota, Quota, RegistryEntry, TenantId, TenantStatus, Tier, Tiers};
use tenant_telemetry::record_wait;

use self::{cache::Cache, reader_role::ReaderRole};

/// How long an answer holds unless `TENANTS_CACHE_SECONDS` says otherwise.
const FRESH_SECONDS: u32 = 30;

/// The attributes of an entry that are read here.
const PROJECTION: &str = "tier, #status, quota, access_lists";

/// Whether the registry lets a tenant be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The tenant is served at this tier, with its own quota if it has one. Callers whom its access lists refuse are not served.
    Active(Tier, Option<Quota>, Option<Arc<AccessLists>>),
    /// The tenant is suspended and not served, whatever its tokens say.
    Suspended(Tier),
    /// The registry has no such tenant.
    Unknown,
}

/// The registry does not answer, and its last answer is too old to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the tenant registry does not answer")]
pub(crate) struct RegistryAway;

/// The registry's table, and the tiers that there are.
#[derive(Debug, Clone)]
pub struct RegistrySettings {
    /// The table, by its name or, in another account, its ARN.
    pub table: String,
    /// The role with which the table is read. Without one, the function's own role reads it.
    pub reader_role_arn: Option<String>,
    /// Which tiers there are. A tenant with another tier is not served.
    pub tiers: Tiers,
    /// How long an answer holds.
    pub fresh_for: Duration,
}

impl RegistrySettings {
    /// The registry in `TENANTS_TABLE`, read as the role in `TENANTS_READER_ROLE_ARN` where one is named. Answers hold for
    /// `TENANTS_CACHE_SECONDS`, or 30 s.
    pub fn read(read: &mut Reader<'_>, tiers: impl Into<Tiers>) -> Self {
        Self {
            table: read.text("TENANTS_TABLE"),
            reader_role_arn: read.optional_arn("TENANTS_READER_ROLE_ARN"),
            tiers: tiers.into(),
            fresh_for: Duration::from_secs(read.number_or("TENANTS_CACHE_SECONDS", FRESH_SECONDS).into()),
        }
    }
}

/// Reads the registry and caches its answers per tenant.
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

    /// The registry of these settings.
    pub fn start(config: &SdkConfig, settings: RegistrySettings) -> Self {
        let RegistrySettings { table, reader_role_arn, tiers, fresh_for } = settings;
        let Some(arn) = reader_role_arn else { return Self::new(config, &table, tiers, fresh_for) };
        let reader = SharedCredentialsProvider::new(ReaderRole::new(config, arn));
        let config = config.to_builder().credentials_provider(reader).build();
        Self::new(&config, &table, tiers, fresh_for)
    }

    /// [`TenantRegistry::start`] with [`RegistrySettings::read`] of the process's environment.
    ///
    /// # Errors
    ///
    /// [`InvalidSettings`] with all variables that are missing or wrong.
    pub fn from_env(config: &SdkConfig, tiers: impl Into<Tiers>) -> Result<Self, InvalidSettings> {
        let settings = Variables::of_process().read(|read| RegistrySettings::read(read, tiers))?;
        Ok(Self::start(config, settings))
    }

    /// Whether this tenant is served. While the registry does not answer, its last answer counts for five minutes.
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
            .projection_expression(PROJECTION)
            .expression_attribute_names("#status", RegistryEntry::STATUS);
        let answer = get.send().await;
        record_wait("tenant registry", started, answer.is_ok());
        let item = answer.map_err(|error| describe(&error))?.item;
        let Some(item) = item else { return Ok(Standing::Unknown) };
        let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str);
        let tier = text(RegistryEntry::TIER).ok_or("an entry has no tier")?;
        let tier = self.tiers.parse(tier).map_err(|error| format!("an entry is wrong: {error}"))?;
        match text(RegistryEntry::STATUS) {
            Some(status) if status == TenantStatus::Active.as_str() => {
                Ok(Standing::Active(tier, quota(&item), access_lists(&item)?))
            }
            Some(status) if status == TenantStatus::Suspended.as_str() => Ok(Standing::Suspended(tier)),
            _ => Err("an entry has no status".to_owned()),
        }
    }
}

/// The access lists of an entry. Lists that cannot be read make the whole entry unreadable, so that nobody whom they refuse is let in.
fn access_lists(entry: &HashMap<String, AttributeValue>) -> Result<Option<Arc<AccessLists>>, String> {
    let Some(lists) = entry.get(RegistryEntry::ACCESS_LISTS) else { return Ok(None) };
    let lists: AccessLists =
        from_attribute_value(lists.clone()).map_err(|error| format!("an entry's access lists are wrong: {error}"))?;
    Ok(Some(Arc::new(lists)).filter(|lists| !lists.is_empty()))
}

/// The quota of an entry, a map of three numbers. A quota that cannot be read counts as none, so that the tier's quota holds: the tenant is served,
/// and not without a limit.
fn quota(entry: &HashMap<String, AttributeValue>) -> Option<Quota> {
    let quota = entry.get(RegistryEntry::QUOTA)?;
    let number = |name: &str| quota.as_m().ok()?.get(name)?.as_n().ok()?.parse().ok();
    let read = match Quota::FIELDS.map(number) {
        [Some(requests), Some(burst), Some(bookings)] => Quota::new(requests, burst, bookings),
        _ => Err(InvalidQuota::Form),
    };
    read.inspect_err(|error| tracing::error!(%error, "a tenant's quota cannot be read: its tier's holds")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: &[(&str, &str)]) -> Option<Quota> {
        let number = |text: &str| AttributeValue::N(text.to_owned());
        let map = numbers.iter().map(|(name, text)| ((*name).to_owned(), number(text))).collect();
        quota(&HashMap::from([("quota".to_owned(), AttributeValue::M(map))]))
    }

    #[test]
    fn of_a_quota_that_cannot_be_read_the_tiers_holds() {
        let [requests, burst, bookings] =
            [("requests_per_second", "20"), ("burst", "40"), ("bookings_per_day", "1000")];
        assert_eq!(of(&[requests, burst, bookings]), Some("20/40/1000".parse().unwrap()));
        assert_eq!(of(&[requests, burst]), None, "a number is missing");
        assert_eq!(of(&[("requests_per_second", "0"), burst, bookings]), None, "a number is out of its bounds");
        assert_eq!(quota(&HashMap::from([("quota".to_owned(), AttributeValue::S("20/40/1000".to_owned()))])), None);
        assert_eq!(quota(&HashMap::new()), None);
    }
}
