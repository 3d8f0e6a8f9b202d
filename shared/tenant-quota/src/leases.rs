//! The tokens of all tenants that a process serves.

use std::{
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use aws_sdk_dynamodb::{
    Config,
    config::retry::RetryConfig,
    operation::update_item::UpdateItemError,
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use lru::LruCache;
use parking_lot::Mutex;
use tenancy::{TenantContext, TenantId};
use tenant_store::{StoreError, TenantItems, TenantTable};
use tenant_telemetry::record_wait;
use tokio::time::timeout;

use crate::{
    day::{Daily, Write},
    lease::{WriteError, WriteResult, lease},
    pool::{Answer, Lease, Limits, Pool},
    source::{Nanos, Source},
};

/// How many tenants' tokens are kept. Beyond that, the tenants that asked longest ago are forgotten and their leases are lost.
const MOST_TENANTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(999);
/// How long leasing may take, with all its attempts. Requests wait for it.
const ANSWERS_WITHIN: Duration = Duration::from_millis(500);

/// The tokens of each tenant in this process.
pub(crate) struct Leases<S: Source> {
    table: TenantTable,
    tenants: Mutex<LruCache<TenantId, Arc<Tenant<S>>>>,
}

/// The decision about a request.
pub(crate) struct Decision<S> {
    /// Never [`Answer::Lease`].
    pub(crate) answer: Answer,
    /// How many tokens are left.
    pub(crate) left: u32,
    /// The item's state when it was last seen.
    pub(crate) state: S,
}

/// The tokens that this process holds of one tenant.
struct Tenant<S: Source> {
    pool: Mutex<Pool<S>>,
    /// Held while a request leases, so that of many requests that need a token, one leases for all.
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

    /// Decides about a request of this tenant.
    pub(crate) async fn ask(&self, tenant: &TenantContext, source: &S, limits: &Limits) -> Decision<S::State> {
        let of = self.of(&tenant.tenant_id);
        let now = now();
        {
            let mut pool = of.pool.lock();
            pool.arrived(now);
            let answer = pool.ask(now, limits);
            if !matches!(answer, Answer::Lease(_)) {
                return Decision::new(answer, &pool, source, now);
            }
        }
        let _one_for_all = of.leasing.lock().await;
        let wanted = {
            let now = self::now();
            let mut pool = of.pool.lock();
            match pool.ask(now, limits) {
                Answer::Lease(wanted) => wanted,
                // Whoever leased meanwhile did so for this one too.
                answer => return Decision::new(answer, &pool, source, now),
            }
        };
        let leased = self.lease(tenant, &of, source, wanted).await;
        let now = self::now();
        let mut pool = of.pool.lock();
        take_in(&mut pool, leased, source, wanted);
        // Under the same lock, so that nobody else takes what was leased for this one.
        let answer = match pool.ask(now, limits) {
            Answer::Lease(_) => Answer::Refused { until: now },
            answer => answer,
        };
        Decision::new(answer, &pool, source, now)
    }

    /// Leases more tokens while a request is served, unless another request does so or has just done so.
    pub(crate) async fn renew(&self, tenant: &TenantContext, source: &S, limits: &Limits) {
        let of = self.of(&tenant.tenant_id);
        let Ok(_one_for_all) = of.leasing.try_lock() else { return };
        let due = of.pool.lock().renew(now(), limits);
        if let Some(wanted) = due {
            let leased = self.lease(tenant, &of, source, wanted).await;
            take_in(&mut of.pool.lock(), leased, source, wanted);
        }
    }

    /// Takes back a token that this process admitted by itself and that was not used.
    pub(crate) fn give_back_locally(&self, tenant: &TenantContext, limits: &Limits) {
        self.of(&tenant.tenant_id).pool.lock().give_back_locally(limits);
    }

    fn of(&self, tenant_id: &TenantId) -> Arc<Tenant<S>> {
        self.tenants.lock().get_or_insert_ref(tenant_id, Arc::default).clone()
    }

    async fn lease(
        &self,
        tenant: &TenantContext,
        of: &Tenant<S>,
        source: &S,
        wanted: u32,
    ) -> Result<Lease<S::State>, StoreError> {
        let state = of.pool.lock().state();
        let (started, items) = (Instant::now(), self.table.of_tenant(tenant));
        let leasing = lease(source, state, wanted, now, |write, state| send::<S>(&items, write, state));
        let leased = timeout(ANSWERS_WITHIN, leasing).await;
        let leased = leased.unwrap_or_else(|_| Err(no_answer()));
        record_wait("tenant quota", started, leased.is_ok());
        leased
    }
}

impl Leases<Daily> {
    /// Gives a token of this day that was not used back to the item. If the item did not take it, this process keeps the token. If that is not known,
    /// the token is lost, since otherwise it might exist twice.
    pub(crate) async fn give_back(&self, tenant: &TenantContext, day: u64) {
        let of = self.of(&tenant.tenant_id);
        let (state, items) = (of.pool.lock().state(), self.table.of_tenant(tenant));
        let sent = timeout(ANSWERS_WITHIN, send::<Daily>(&items, Write::GiveBack { day }, state)).await;
        match sent.unwrap_or_else(|_| Err(WriteError { error: no_answer(), is_answered: false })) {
            Ok(Ok(counted) | Err(counted)) => of.pool.lock().returned(counted),
            Err(WriteError { error, is_answered }) => {
                tracing::error!(%error, is_answered, "a booking of the day was not given back");
                if is_answered {
                    of.pool.lock().keep(now(), day);
                }
            }
        }
    }
}

impl<S: Copy> Decision<S> {
    fn new<Of: Source<State = S>>(answer: Answer, pool: &Pool<Of>, source: &Of, now: Nanos) -> Self {
        Self { answer, left: pool.left(now, source), state: pool.state() }
    }
}

fn take_in<S: Source>(pool: &mut Pool<S>, leased: Result<Lease<S::State>, StoreError>, source: &S, wanted: u32) {
    match leased {
        Ok(lease) => pool.leased(now(), wanted, lease, source),
        Err(error) => {
            tracing::error!(%error, "quota not leased: this process admits its part of it by itself");
            pool.failed(now());
        }
    }
}

fn no_answer() -> StoreError {
    StoreError::Unavailable(format!("no answer within {ANSWERS_WITHIN:?}"))
}

/// Sends one write. Returns the item's new state or, where the condition did not hold, the state that it has instead.
async fn send<S: Source>(items: &TenantItems, write: S::Write, state: S::State) -> WriteResult<S::State, StoreError> {
    let update = S::describe(write, items.change(S::SORT_KEY))
        .return_values(ReturnValue::AllNew)
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let once = Config::builder().retry_config(RetryConfig::disabled());
    match update.customize().config_override(once).send().await {
        Ok(written) => {
            let read = written.attributes.as_ref().and_then(S::read);
            Ok(Ok(read.unwrap_or_else(|| S::after(write, state))))
        }
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(unmet)) => {
                Ok(Err(unmet.item().and_then(S::read).unwrap_or_default()))
            }
            answered => Err(WriteError { is_answered: answered.is_some(), error: error.into() }),
        },
    }
}

/// The time of the wall clock, in nanoseconds since 1970.
pub(crate) fn now() -> Nanos {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(Nanos::MAX)
}
