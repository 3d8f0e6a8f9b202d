//! Tokens of all tenants that a process serves.

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
use tenant_telemetry::note;
use tokio::time::timeout;

use crate::{
    day::{Daily, Write},
    pool::{Answer, Lease, Limits, Pool},
    source::{Nanos, Plan, Source},
};

/// Tenants whose tokens are kept; of more, those of whoever asked longest ago are forgotten, and their leases lost.
const MOST_TENANTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(999);
/// How long a lease may take to be had, with all its tries: requests wait for it.
const ANSWERS_WITHIN: Duration = Duration::from_millis(500);
/// How often a lease is tried for when others take of the item meanwhile.
const TRIES: u8 = 3;

/// The tokens of each tenant in this process.
pub(crate) struct Leases<S: Source> {
    table: TenantTable,
    tenants: Mutex<LruCache<TenantId, Arc<Tenant<S>>>>,
}

/// What became of a request.
pub(crate) struct Asked<S> {
    /// Never [`Answer::Lease`].
    pub(crate) answer: Answer,
    /// Tokens that are left.
    pub(crate) left: u32,
    /// What the item said last.
    pub(crate) state: S,
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

    /// What becomes of a request of this tenant.
    pub(crate) async fn ask(&self, tenant: &TenantContext, source: &S, limits: &Limits) -> Asked<S::State> {
        let of = self.of(&tenant.tenant_id);
        let now = now();
        {
            let mut pool = of.pool.lock();
            pool.arrived(now);
            let answer = pool.ask(now, limits);
            if !matches!(answer, Answer::Lease(_)) {
                return Asked::new(answer, &pool, source, now);
            }
        }
        let _one_for_all = of.leasing.lock().await;
        let wanted = {
            let now = self::now();
            let mut pool = of.pool.lock();
            match pool.ask(now, limits) {
                Answer::Lease(wanted) => wanted,
                // Whoever leased meanwhile did so for this one too.
                answer => return Asked::new(answer, &pool, source, now),
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
        Asked::new(answer, &pool, source, now)
    }

    /// Leases more beside a request, unless somebody does already or has done so meanwhile.
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
        let leased = timeout(ANSWERS_WITHIN, lease(&items, source, state, wanted)).await;
        let leased = leased.unwrap_or_else(|_| Err(no_answer()));
        note("tenant quota", started, leased.is_ok());
        leased
    }
}

impl Leases<Daily> {
    /// Gives the item a token of this day back that was not used. This process keeps one that the item did not take; one of which that is not
    /// known is lost, since it would be there twice.
    pub(crate) async fn give_back(&self, tenant: &TenantContext, day: u64) {
        let of = self.of(&tenant.tenant_id);
        let (state, items) = (of.pool.lock().state(), self.table.of_tenant(tenant));
        let sent = timeout(ANSWERS_WITHIN, send::<Daily>(&items, Write::GiveBack { day }, state)).await;
        match sent.unwrap_or_else(|_| Err(Failed { error: no_answer(), is_answered: false })) {
            Ok(Ok(counted) | Err(counted)) => of.pool.lock().returned(counted),
            Err(Failed { error, is_answered }) => {
                tracing::error!(%error, is_answered, "a booking of the day was not given back");
                if is_answered {
                    of.pool.lock().keep(now(), day);
                }
            }
        }
    }
}

impl<S: Copy> Asked<S> {
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

/// Leases at most `wanted` of an item last seen so. An answer that says what the item is instead costs a second write; a third is for whoever
/// loses a race. Where there was no answer, as on a connection that died while a sandbox was frozen, it is tried once more: what the first may
/// have taken is lost, since only tokens of a write that was acknowledged are used.
async fn lease<S: Source>(
    items: &TenantItems,
    source: &S,
    mut state: S::State,
    wanted: u32,
) -> Result<Lease<S::State>, StoreError> {
    let mut was_answered = true;
    for _ in 0..TRIES {
        match source.plan(state, now(), wanted) {
            Plan::Nothing { until } => return Ok(Lease { tokens: 0, state, until }),
            Plan::Take { tokens, write } => match send::<S>(items, write, state).await {
                Ok(Ok(state)) => return Ok(granted(source, tokens, state)),
                Ok(Err(found)) => state = found,
                Err(failed) if was_answered && !failed.is_answered => was_answered = false,
                Err(failed) => return Err(failed.error),
            },
        }
    }
    Ok(Lease { tokens: 0, state, until: now() })
}

/// Why a write is not known to be done.
struct Failed {
    error: StoreError,
    /// DynamoDB has answered, so it was not done.
    is_answered: bool,
}

fn granted<S: Source>(source: &S, tokens: u32, state: S::State) -> Lease<S::State> {
    let now = now();
    let until = match source.plan(state, now, 1) {
        Plan::Nothing { until } => until,
        Plan::Take { .. } => now,
    };
    Lease { tokens, state, until }
}

/// Sends a write, once. What the item says afterwards, or what it says instead.
async fn send<S: Source>(
    items: &TenantItems,
    write: S::Write,
    state: S::State,
) -> Result<Result<S::State, S::State>, Failed> {
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
            answered => Err(Failed { is_answered: answered.is_some(), error: error.into() }),
        },
    }
}

/// The wall clock.
pub(crate) fn now() -> Nanos {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(Nanos::MAX)
}
