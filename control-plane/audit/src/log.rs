//! Recording, and verifying what was recorded.

use std::{num::NonZeroUsize, sync::Arc};

use aws_lc_rs::digest::{SHA256, digest};
use control_plane_model::store::{AuditFrom, AuditRecord, StateStore, StoreError};
use lru::LruCache;
use parking_lot::Mutex;

use crate::{AuditEvent, Broken, Chain, Checkpoint, Verified, chain, event};

/// Records that are read at once.
pub(crate) const PAGE: usize = 500;
/// How often others may come first; each time, somebody's record was stored.
const TRIES: usize = 1_000;
/// What is remembered of what was recorded once.
const REMEMBERED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9_999);

/// The audit of a state store.
#[derive(Debug, Clone)]
pub struct Audit {
    pub(crate) states: Arc<dyn StateStore>,
    /// One of this server at a time: they would only get into each other's way.
    turn: Arc<tokio::sync::Mutex<()>>,
    seen: Arc<Mutex<LruCache<[u8; 32], ()>>>,
}

impl Audit {
    /// The one that is kept there.
    pub fn new(states: Arc<dyn StateStore>) -> Self {
        Self { states, turn: Arc::default(), seen: Arc::new(Mutex::new(LruCache::new(REMEMBERED))) }
    }

    /// Records what happens now; once this is done, the record is durable. Its number.
    ///
    /// # Errors
    ///
    /// Where it cannot be recorded: then it must not happen.
    pub async fn record(&self, event: AuditEvent) -> Result<u64, StoreError> {
        let _turn = self.turn.lock().await;
        self.record_in_turn(event).await
    }

    async fn record_in_turn(&self, event: AuditEvent) -> Result<u64, StoreError> {
        let body = event::body(event)?;
        for _ in 0..TRIES {
            let last = self.last().await?;
            if let Some(record) = self.append(last.as_ref(), &body).await? {
                return Ok(record.number);
            }
        }
        Err(StoreError::Busy)
    }

    /// The same, where this server has recorded nothing under this key, or has forgotten it for ten thousand others since.
    ///
    /// # Errors
    ///
    /// The errors of [`Audit::record`].
    pub async fn record_once(&self, key: &str, event: AuditEvent) -> Result<(), StoreError> {
        // A key may be a secret, and long.
        let key: [u8; 32] = digest(&SHA256, key.as_bytes()).as_ref().try_into().unwrap_or_default();
        let seen = || self.seen.lock().get(&key).is_some();
        if seen() {
            return Ok(());
        }
        let _turn = self.turn.lock().await;
        // Another call may have recorded it while this one waited.
        if seen() {
            return Ok(());
        }
        self.record_in_turn(event).await?;
        self.seen.lock().put(key, ());
        Ok(())
    }

    /// Appends a record; `None` if another took the number first.
    pub(crate) async fn append(
        &self,
        last: Option<&AuditRecord>,
        body: &str,
    ) -> Result<Option<AuditRecord>, StoreError> {
        let record = chain::next(last, body.to_owned());
        if self.states.append(record.clone()).await? {
            return Ok(Some(record));
        }
        // A client that repeats a call for want of an answer finds its own.
        let there = self.states.audit(AuditFrom::After(record.number - 1), 1).await?;
        Ok((there.first() == Some(&record)).then_some(record))
    }

    /// The last record of the chain.
    pub(crate) async fn last(&self) -> Result<Option<AuditRecord>, StoreError> {
        Ok(self.states.audit(AuditFrom::Before(u64::MAX), 1).await?.pop())
    }

    /// The last record, as one notes it, or `None` where there is none.
    ///
    /// # Errors
    ///
    /// Where the store does not answer.
    pub async fn head(&self) -> Result<Option<Checkpoint>, StoreError> {
        Ok(self.last().await?.map(|AuditRecord { number, hash, .. }| Checkpoint { number, hash }))
    }

    /// Verifies all records, and that what somebody noted is among them.
    ///
    /// # Errors
    ///
    /// Where the store does not answer; where the chain breaks is within.
    pub async fn verify(&self, expected: Option<Checkpoint>) -> Result<Result<Verified, Broken>, StoreError> {
        let mut chain = Chain::new(expected);
        loop {
            let page = self.states.audit(AuditFrom::After(chain.number()), PAGE).await?;
            for record in &page {
                if let Err(broken) = chain.add(record) {
                    return Ok(Err(broken));
                }
            }
            if page.len() < PAGE {
                return Ok(chain.end());
            }
        }
    }
}
