//! A DynamoDB client per tenant, with credentials of that tenant's own session.
//!
//! The session is the tenant role's, tagged with the tenant id; the role's policy allows only keys of that tag. The SDK's own
//! identity cache keeps it, renews it and lets one call do so for all; here is only the bound on how many tenants are kept.

use std::{
    env,
    num::NonZeroUsize,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use aws_config::SdkConfig;
use aws_credential_types::provider::{self, ProvideCredentials, error::CredentialsError, future};
use aws_sdk_dynamodb::{
    Client,
    config::{Builder, IdentityCache},
};
use aws_sdk_sts::types::Tag;
use lambda_http_client::aws::session;
use lru::LruCache;
use parking_lot::Mutex;
use tenancy::TenantId;
use tenant_telemetry::{AwsSdkTracing, record_wait};

/// The session tag that the role's policy compares keys with.
const TAG: &str = "tenant_id";
/// The most AWS gives to a role that is assumed by a role, in seconds.
const SESSION_SECONDS: i32 = 3_600;
/// A session is replaced when it has no more time than this, or than half of it: the SDK spreads renewals.
const RENEW_BEFORE: Duration = Duration::from_secs(300);
/// How long getting a session may take, retries included.
const LOAD_WITHIN: Duration = Duration::from_secs(3);
/// How many tenants' sessions are kept. Beyond that, the tenants that were served longest ago need a new session.
const MOST_TENANTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(999);

#[derive(Debug)]
pub(super) struct TenantClients {
    config: SdkConfig,
    /// Made with the first tenant's client: it takes more of a start than of a request.
    sts: OnceLock<aws_sdk_sts::Client>,
    role_arn: Arc<str>,
    tenants: Mutex<LruCache<TenantId, Tenant>>,
}

#[derive(Debug, Clone)]
struct Tenant {
    client: Client,
    session: Arc<TenantSession>,
}

impl TenantClients {
    pub(super) fn new(config: &SdkConfig, role_arn: &str) -> Self {
        let tenants = Mutex::new(LruCache::new(MOST_TENANTS));
        Self { config: config.clone(), sts: OnceLock::new(), role_arn: role_arn.into(), tenants }
    }

    /// The client that calls with this tenant's session.
    pub(super) fn of(&self, tenant_id: &TenantId) -> Client {
        self.tenant(tenant_id).client
    }

    /// Fetches a session, so that the first call of this tenant's client does not wait for it.
    pub(super) async fn prepare(&self, tenant_id: &TenantId) {
        self.tenant(tenant_id).session.prepare().await;
    }

    fn tenant(&self, tenant_id: &TenantId) -> Tenant {
        let mut tenants = self.tenants.lock();
        tenants.get_or_insert_ref(tenant_id, || self.fenced(tenant_id)).clone()
    }

    fn fenced(&self, tenant_id: &TenantId) -> Tenant {
        let session = Arc::new(TenantSession {
            sts: self.sts.get_or_init(|| aws_sdk_sts::Client::new(&self.config)).clone(),
            role_arn: self.role_arn.clone(),
            tenant_id: tenant_id.clone(),
            asked: AtomicBool::default(),
            first: tokio::sync::Mutex::default(),
        });
        // A cache of its own: one shared by all tenants would keep the sessions of those that were let go.
        let cache = IdentityCache::lazy().buffer_time(RENEW_BEFORE).load_timeout(LOAD_WITHIN).build();
        let config = Builder::from(&self.config).interceptor(AwsSdkTracing::new());
        let config = config.credentials_provider(Sessions(session.clone())).identity_cache(cache).build();
        Tenant { client: Client::from_conf(config), session }
    }
}

/// Provides the SDK with sessions of one tenant.
#[derive(Debug)]
struct TenantSession {
    sts: aws_sdk_sts::Client,
    role_arn: Arc<str>,
    tenant_id: TenantId,
    asked: AtomicBool,
    /// The outcome of fetching a session before a call needed it. The first call takes it from here.
    first: tokio::sync::Mutex<Option<provider::Result>>,
}

impl TenantSession {
    /// Fetches the first session, unless that was done. A call that needs it meanwhile waits for it and shares its failure.
    async fn prepare(&self) {
        if !self.asked.swap(true, Ordering::Relaxed) {
            let mut first = self.first.lock().await;
            let timed_out = |_| Err(CredentialsError::provider_timed_out(LOAD_WITHIN));
            *first = Some(tokio::time::timeout(LOAD_WITHIN, self.assume()).await.unwrap_or_else(timed_out));
        }
    }

    async fn next(&self) -> provider::Result {
        self.asked.store(true, Ordering::Relaxed);
        let first = self.first.lock().await.take();
        match first {
            Some(result) => result,
            None => self.assume().await,
        }
    }

    async fn assume(&self) -> provider::Result {
        let started = Instant::now();
        let session = self.ask().await;
        record_wait("tenant session", started, session.is_ok());
        session
    }

    async fn ask(&self) -> provider::Result {
        // A session's name stands in error messages and logs, so it does not name the tenant; the tag does, and only to IAM. It is the
        // function's, which nobody configures: Lambda sets this variable.
        let name = env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_else(|_| "function".to_owned());
        let tag = Tag::builder().key(TAG).value(self.tenant_id.as_str()).build();
        let assume = self.sts.assume_role().role_arn(&*self.role_arn).role_session_name(name);
        let assume =
            assume.duration_seconds(SESSION_SECONDS).tags(tag.map_err(CredentialsError::invalid_configuration)?);
        let given = assume.send().await.map_err(CredentialsError::provider_error)?;
        session(given.credentials, "TenantSession")
    }
}

/// How the SDK asks for sessions.
#[derive(Debug)]
struct Sessions(Arc<TenantSession>);

impl ProvideCredentials for Sessions {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.0.next())
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
        assert_eq!(clients.tenants.lock().len(), MOST_TENANTS.get());
    }
}
