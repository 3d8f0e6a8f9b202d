//! A DynamoDB client per tenant, with credentials of that tenant's own session.
//!
//! The session is the tenant role's, tagged with the tenant id; the role's policy allows only keys of that tag. The SDK's own
//! identity cache keeps it, renews it and lets one call do so for all; here is only the bound on how many tenants are kept.

use std::{
    env,
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use aws_config::{SdkConfig, sts::AssumeRoleProvider};
use aws_credential_types::provider::{self, ProvideCredentials, future};
use aws_sdk_dynamodb::{
    Client,
    config::{Builder, IdentityCache},
};
use lru::LruCache;

use crate::{
    telemetry::{AwsSdkTracing, note},
    tenant::TenantId,
};

/// The session tag that the role's policy holds keys to.
const TAG: &str = "tenant_id";
/// The most AWS gives to a role that is assumed by a role.
const SESSION: Duration = Duration::from_secs(3_600);
/// A session is replaced when it has no more time than this, or than half of it: the SDK spreads renewals.
const RENEW_BEFORE: Duration = Duration::from_secs(300);
/// How long a session may take to be had, retries included.
const LOAD_WITHIN: Duration = Duration::from_secs(3);
/// Tenants whose sessions are kept; of more, those served longest ago ask anew.
const MOST_TENANTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(999);

#[derive(Debug)]
pub(super) struct TenantClients {
    config: SdkConfig,
    role_arn: String,
    clients: Mutex<LruCache<TenantId, Client>>,
}

impl TenantClients {
    pub(super) fn new(config: &SdkConfig, role_arn: &str) -> Self {
        let clients = Mutex::new(LruCache::new(MOST_TENANTS));
        Self { config: config.clone(), role_arn: role_arn.to_owned(), clients }
    }

    /// The client of this tenant.
    pub(super) fn of(&self, tenant_id: &TenantId) -> Client {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.get_or_insert_ref(tenant_id, || self.fenced(tenant_id)).clone()
    }

    fn fenced(&self, tenant_id: &TenantId) -> Client {
        let session = TenantSession {
            config: self.config.clone(),
            role_arn: self.role_arn.clone(),
            tenant_id: tenant_id.clone(),
        };
        // A cache of its own: one shared by all tenants would keep the sessions of those that were let go.
        let cache = IdentityCache::lazy().buffer_time(RENEW_BEFORE).load_timeout(LOAD_WITHIN).build();
        let config = Builder::from(&self.config).interceptor(AwsSdkTracing::new());
        Client::from_conf(config.credentials_provider(session).identity_cache(cache).build())
    }
}

/// Sessions of one tenant.
#[derive(Debug)]
struct TenantSession {
    config: SdkConfig,
    role_arn: String,
    tenant_id: TenantId,
}

impl TenantSession {
    async fn assume(&self) -> provider::Result {
        let started = Instant::now();
        // A session's name stands in error messages and logs, so it does not name the tenant; the tag does, and only to IAM.
        let name = env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_else(|_| "function".to_owned());
        let role = AssumeRoleProvider::builder(&self.role_arn)
            .session_name(name)
            .session_length(SESSION)
            .tags([(TAG, self.tenant_id.as_str())])
            .configure(&self.config)
            .build()
            .await;
        let session = role.provide_credentials().await;
        note("tenant session", started, session.is_ok());
        session
    }
}

impl ProvideCredentials for TenantSession {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.assume())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_tenants_are_kept_than_the_bound() {
        let config = SdkConfig::builder().behavior_version(aws_config::BehaviorVersion::latest()).build();
        let clients = TenantClients::new(&config, "arn:aws:iam::111111111111:role/tenant-role");
        for n in 0..MOST_TENANTS.get() + 100 {
            clients.of(&format!("tenant-{n}").parse().unwrap());
        }
        assert_eq!(clients.clients.lock().unwrap().len(), MOST_TENANTS.get());
    }
}
