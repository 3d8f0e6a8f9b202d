//! Remembers the registry's last answer about each tenant.

use std::{
    future::Future,
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, Instant},
};

use lru::LruCache;
use parking_lot::Mutex;
use tenancy::TenantId;

use super::{RegistryAway, Standing};

/// How long an answer counts while the registry gives no newer one. After that the tenant is refused.
const COUNTS_FOR: Duration = Duration::from_secs(300);
/// How long a registry that did not answer is not asked again, so that requests do not each wait for it.
const LEFT_ALONE_FOR: Duration = Duration::from_secs(2);
/// How many tenants are remembered. Beyond that, the ones that were asked for longest ago are forgotten.
const MOST_TENANTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(999);

#[derive(Debug)]
pub(super) struct Cache {
    fresh_for: Duration,
    tenants: Mutex<LruCache<TenantId, Arc<tokio::sync::Mutex<CachedStanding>>>>,
}

#[derive(Debug, Default)]
struct CachedStanding {
    said: Option<(Standing, Instant)>,
    failed: Option<Instant>,
}

impl Cache {
    pub(super) fn new(fresh_for: Duration) -> Self {
        Self { fresh_for, tenants: Mutex::new(LruCache::new(MOST_TENANTS)) }
    }

    /// The tenant's standing at `now`. It calls `read` where the remembered answer is too old; of several requests for one tenant, one reads and the
    /// others wait for it.
    pub(super) async fn standing(
        &self,
        tenant_id: &TenantId,
        now: Instant,
        read: impl Future<Output = Result<Standing, String>>,
    ) -> Result<Standing, RegistryAway> {
        let remembered = {
            let mut tenants = self.tenants.lock();
            tenants.get_or_insert_ref(tenant_id, Arc::default).clone()
        };
        let mut remembered = remembered.lock().await;
        // Whoever waited for another's reading asked before it ended: its answer is new to them, and so is its failure.
        let within = |at: Instant, time: Duration| now.saturating_duration_since(at) < time;
        if let Some((standing, at)) = &remembered.said
            && within(*at, self.fresh_for)
        {
            return Ok(standing.clone());
        }
        if !remembered.failed.is_some_and(|at| within(at, LEFT_ALONE_FOR)) {
            let began = Instant::now();
            match read.await {
                Ok(standing) => {
                    *remembered = CachedStanding { said: Some((standing.clone(), now)), failed: None };
                    return Ok(standing);
                }
                Err(reason) => {
                    tracing::error!(reason, "tenant registry not read");
                    remembered.failed = Some(now + began.elapsed());
                }
            }
        }
        match &remembered.said {
            Some((standing, at)) if within(*at, COUNTS_FOR) => Ok(standing.clone()),
            _ => Err(RegistryAway),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;

    use super::*;
    use tenancy::Tier;

    const FRESH: Duration = Duration::from_secs(30);
    const ACTIVE: Standing = Standing::Active(Tier::named("basic"), None, None);
    const SUSPENDED: Standing = Standing::Suspended(Tier::named("basic"));

    fn acme() -> TenantId {
        "acme".parse().unwrap()
    }

    async fn answers(standing: Standing) -> Result<Standing, String> {
        Ok(standing)
    }

    async fn away() -> Result<Standing, String> {
        Err("away".to_owned())
    }

    async fn nobody_asks() -> Result<Standing, String> {
        panic!("the registry was asked")
    }

    #[tokio::test]
    async fn an_answer_holds_for_its_time_and_no_longer() {
        let (cache, start) = (Cache::new(FRESH), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(cache.standing(&acme(), at(0), answers(ACTIVE)).await, Ok(ACTIVE));
        assert_eq!(cache.standing(&acme(), at(29), nobody_asks()).await, Ok(ACTIVE));
        assert_eq!(cache.standing(&acme(), at(30), answers(SUSPENDED)).await, Ok(SUSPENDED));
    }

    #[tokio::test]
    async fn without_the_registry_the_last_answer_counts_five_minutes_then_the_door_is_closed() {
        let (cache, start) = (Cache::new(FRESH), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        cache.standing(&acme(), at(0), answers(ACTIVE)).await.unwrap();
        assert_eq!(cache.standing(&acme(), at(30), away()).await, Ok(ACTIVE));
        // It is left alone for a moment, then asked again.
        assert_eq!(cache.standing(&acme(), at(31), nobody_asks()).await, Ok(ACTIVE));
        assert_eq!(cache.standing(&acme(), at(299), away()).await, Ok(ACTIVE));
        assert_eq!(cache.standing(&acme(), at(300), nobody_asks()).await, Err(RegistryAway));
        assert_eq!(cache.standing(&acme(), at(302), away()).await, Err(RegistryAway));
        // It opens again with the first answer.
        assert_eq!(cache.standing(&acme(), at(305), answers(ACTIVE)).await, Ok(ACTIVE));
    }

    #[tokio::test]
    async fn a_tenant_never_seen_is_refused_at_once_without_the_registry() {
        assert_eq!(Cache::new(FRESH).standing(&acme(), Instant::now(), away()).await, Err(RegistryAway));
    }

    #[tokio::test]
    async fn of_many_that_ask_at_once_one_reads() {
        for answer in [Ok(ACTIVE), Err("away".to_owned())] {
            let (cache, reads, now, acme) = (Cache::new(FRESH), AtomicUsize::new(0), Instant::now(), acme());
            let asked = (0..20).map(|_| {
                cache.standing(&acme, now, async {
                    reads.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                    answer.clone()
                })
            });
            let expected = answer.clone().map_err(|_| RegistryAway);
            assert!(join_all(asked).await.into_iter().all(|standing| standing == expected));
            assert_eq!(reads.into_inner(), 1);
        }
    }

    #[tokio::test]
    async fn invented_tenants_do_not_fill_the_memory() {
        let (cache, now) = (Cache::new(FRESH), Instant::now());
        for n in 0..3_000 {
            let invented = format!("invented-{n}").parse().unwrap();
            cache.standing(&invented, now, answers(Standing::Unknown)).await.unwrap();
        }
        assert_eq!(cache.tenants.lock().len(), MOST_TENANTS.get());
    }
}
