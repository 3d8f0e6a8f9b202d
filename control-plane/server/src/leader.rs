//! Which of several servers makes sums, judges and tells: the one that has the lease. All of them take spans and answer.

use std::{
    future::poll_fn,
    pin::pin,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use control_plane_model::{
    complain::complain,
    store::{Lease, StateStore},
};
use parking_lot::Mutex;

/// How long a lease lasts. Another server leads within this time and twice [`RENEW_EVERY`] of the last sign of one that ended.
const LEASE: Duration = Duration::from_secs(12);
const RENEW_EVERY: Duration = Duration::from_secs(3);

/// The lease of this server while it leads, and until when.
#[derive(Debug, Clone, Default)]
pub struct Leader(Arc<Mutex<Option<(Lease, Instant)>>>);

impl Leader {
    /// Takes the lease if nobody has it, and goes on to renew or to take it, within the current runtime.
    pub async fn start(states: Arc<dyn StateStore>) -> Self {
        let leader = Self::default();
        let holder = format!("{}-{}", std::process::id(), jiff::Timestamp::now().as_nanosecond());
        leader.renew(&*states, &holder).await;
        let renewed = leader.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(RENEW_EVERY).await;
                renewed.renew(&*states, &holder).await;
            }
        });
        leader
    }

    async fn renew(&self, states: &dyn StateStore, holder: &str) {
        let until = Instant::now() + LEASE;
        match states.lease(holder, LEASE).await {
            Ok(lease) => *self.0.lock() = lease.map(|lease| (lease, until)),
            // What is held is held until its time is up.
            Err(error) => complain(format_args!("the lease: {error}")),
        }
    }

    /// The lease, or `None` where another server leads, or may lead by now.
    pub fn lease(&self) -> Option<Lease> {
        let held = *self.0.lock();
        held.filter(|(_, until)| Instant::now() < *until).map(|(lease, _)| lease)
    }

    /// Does something as far as it gets while this server leads: one that was paused meanwhile does not go on.
    pub async fn meanwhile<T>(&self, doing: impl Future<Output = T>) -> Option<T> {
        let mut doing = pin!(doing);
        poll_fn(|context| match self.lease() {
            Some(_) => doing.as_mut().poll(context).map(Some),
            None => Poll::Ready(None),
        })
        .await
    }
}
