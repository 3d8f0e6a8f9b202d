//! Tokens of all tenants that a process serves.

use std::{
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use aws_sdk_dynamodb::{
    Config,
    config::{retry::RetryConfig, timeout::TimeoutConfig},
    operation::update_item::UpdateItemError,
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use lru::LruCache;
use parking_lot::Mutex;
use tenancy::{TenantContext, TenantId};
use tenant_store::{StoreError, TenantItems, TenantTable};
use tenant_telemetry::note;

use crate::{
    pool::{Answer, Lease, Limits, Pool},
    source::{Nanos, Plan, Source},
};

/// Tenants whose tokens are kept; of more, those of whoever asked longest ago are forgotten, and their leases lost.
const MOST_TENANTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(999);
/// How long a lease may take to be had: requests wait for it.
const ANSWERS_WITHIN: Duration = Duration::from_millis(500);
/// How often a lease is tried for when others take of the item meanwhile.
const TRIES: u8 = 3;

/// The tokens of each tenant in this process.
pub(crate) struct Leases<S: Source> {
    table: TenantTable,
    tenants: Mutex<LruCache<TenantId, Arc<Tenant<S>>>>,
}

/// One tenant's.
struct Tenant<S: Source> {
    pool: Mutex<Pool<S>>,
    /// Held while somebody leases: of many that need a token, one asks for all.
    leasing: tokio::sync::Mutex<()>,
}

impl<S: Source> Default for Tenant<S> {
    fn default() -> Self {
        Self { pool: Mutex::default(), leasing: tokio::sync::Mutex::default() }
    }
}

impl<S: Source> Leases<S> {
    pub(crate) fn new(table: TenantTable) -> Self {
        Self { table, tenants: Mutex::new(LruCache::new(MOST_TENANTS)) }
    }

    /// What becomes of a request of this tenant, and how many tokens are left. Never [`Answer::Lease`].
    pub(crate) async fn ask(&self, tenant: &TenantContext, source: &S, limits: &Limits) -> (Answer, u32) {
        let of = self.of(&tenant.tenant_id);
        let now = now();
        {
            let mut pool = of.pool.lock();
            pool.arrived(now);
            let answer = pool.ask(now, limits);
            if !matches!(answer, Answer::Lease(_)) {
                return (answer, pool.left(now, source));
            }
        }
        let _one_for_all = of.leasing.lock().await;
        let wanted = {
            let now = self::now();
            let mut pool = of.pool.lock();
            match pool.ask(now, limits) {
                Answer::Lease(wanted) => wanted,
                // Whoever leased meanwhile did so for this one too.
                answer => return (answer, pool.left(now, source)),
            }
        };
        self.lease(tenant, &of, source, wanted).await;
        let now = self::now();
        let mut pool = of.pool.lock();
        let answer = match pool.ask(now, limits) {
            Answer::Lease(_) => Answer::Refused { until: now },
            answer => answer,
        };
        (answer, pool.left(now, source))
    }

    /// Leases so many more beside a request, unless somebody does already.
    pub(crate) async fn renew(&self, tenant: &TenantContext, source: &S, wanted: u32) {
        let of = self.of(&tenant.tenant_id);
        if let Ok(_one_for_all) = of.leasing.try_lock() {
            self.lease(tenant, &of, source, wanted).await;
        }
    }

    /// Takes back a token that was not used.
    pub(crate) fn give_back(&self, tenant: &TenantContext, source: &S) {
        self.of(&tenant.tenant_id).pool.lock().give_back(now(), source);
    }

    fn of(&self, tenant_id: &TenantId) -> Arc<Tenant<S>> {
        self.tenants.lock().get_or_insert_ref(tenant_id, Arc::default).clone()
    }

    async fn lease(&self, tenant: &TenantContext, of: &Tenant<S>, source: &S, wanted: u32) {
        let state = of.pool.lock().state();
        let started = Instant::now();
        let leased = lease(&self.table.of_tenant(tenant), source, state, wanted).await;
        note("tenant quota", started, leased.is_ok());
        let mut pool = of.pool.lock();
        match leased {
            Ok(lease) => pool.leased(now(), wanted, lease, source),
            Err(error) => {
                tracing::error!(%error, "quota not leased: this process admits its part of it by itself");
                pool.failed(now());
            }
        }
    }
}

/// Leases at most `wanted` of an item last seen so. An answer that says what the item is instead costs a second write; a third is for whoever
/// loses a race.
async fn lease<S: Source>(
    items: &TenantItems,
    source: &S,
    mut state: S::State,
    wanted: u32,
) -> Result<Lease<S::State>, StoreError> {
    for _ in 0..TRIES {
        match source.plan(state, now(), wanted) {
            Plan::Nothing { until } => return Ok(Lease { tokens: 0, state, until }),
            Plan::Take { tokens, write } => match send::<S>(items, write, state).await? {
                Ok(state) => return Ok(granted(source, tokens, state)),
                Err(found) => state = found,
            },
        }
    }
    Ok(Lease { tokens: 0, state, until: now() })
}

fn granted<S: Source>(source: &S, tokens: u32, state: S::State) -> Lease<S::State> {
    let now = now();
    let until = match source.plan(state, now, 1) {
        Plan::Nothing { until } => until,
        Plan::Take { .. } => now,
    };
    Lease { tokens, state, until }
}

/// Sends a write, once: sent again after an answer that was lost, it would take twice. What the item says afterwards, or what it says instead.
async fn send<S: Source>(
    items: &TenantItems,
    write: S::Write,
    state: S::State,
) -> Result<Result<S::State, S::State>, StoreError> {
    let update = S::describe(write, items.change(S::SORT_KEY))
        .return_values(ReturnValue::AllNew)
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let timeouts = TimeoutConfig::builder().operation_timeout(ANSWERS_WITHIN).build();
    let once = Config::builder().retry_config(RetryConfig::disabled()).timeout_config(timeouts);
    match update.customize().config_override(once).send().await {
        Ok(written) => {
            let read = written.attributes.as_ref().and_then(S::read);
            Ok(Ok(read.unwrap_or_else(|| S::after(write, state))))
        }
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(unmet)) => {
                Ok(Err(unmet.item().and_then(S::read).unwrap_or_default()))
            }
            _ => Err(error.into()),
        },
    }
}

/// The wall clock.
pub(crate) fn now() -> Nanos {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(Nanos::MAX)
}
