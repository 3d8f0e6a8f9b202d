//! Sessions of users who are signed in.
//!
//! A session is an entry of the state store under the hash of a random id, which is the value of a cookie. Whoever signs out drops the entry:
//! a copy of the cookie is worth nothing then. What a session may is what its principal might when they signed in; a role that is taken away is
//! gone when the session ends, [`SessionSettings::max_hours`] later at most.

use std::sync::Arc;

use control_plane_model::store::{StateEntry, StateStore};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{AccessError, Principal, SessionSettings, secrets};

/// The cookie's name. On https it begins with `__Host-`: browsers then take it from this host alone, over TLS alone.
pub const SESSION_COOKIE: &str = "control-plane-session";

/// A session is written again at most so often, to remember when it was used last, seconds; more often where it ends soon.
const NOTED_EVERY: i64 = 60;

/// A session, as the store keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Session {
    principal: Principal,
    began: i64,
    used: i64,
}

/// Opens, finds and ends sessions in the store.
#[derive(Debug, Clone)]
pub(crate) struct Sessions {
    states: Arc<dyn StateStore>,
    idle: i64,
    longest: i64,
}

impl Sessions {
    pub(crate) fn new(states: Arc<dyn StateStore>, settings: SessionSettings) -> Self {
        Self { states, idle: i64::from(settings.idle_minutes) * 60, longest: i64::from(settings.max_hours) * 3_600 }
    }

    /// Begins a session; its id.
    pub(crate) async fn begin(&self, principal: &Principal, now: Timestamp) -> Result<String, AccessError> {
        let id = secrets::random()?;
        let now = now.as_second();
        let kept = Session { principal: principal.clone(), began: now, used: now };
        self.states.add_entry(self.entry(&id, &kept)?).await?;
        Ok(id)
    }

    /// The principal of this session, if it exists and is not over.
    pub(crate) async fn principal(&self, id: &str, now: Timestamp) -> Result<Option<Principal>, AccessError> {
        let Some(body) = self.states.entry(&name(id)).await? else { return Ok(None) };
        let Ok(kept) = serde_json::from_str::<Session>(&body) else { return Ok(None) };
        let now = now.as_second();
        if now >= self.end(&kept) {
            return Ok(None);
        }
        if now - kept.used >= NOTED_EVERY.min(self.idle / 4) {
            // Only where it is still there: a session that was dropped meanwhile stays dropped. One that cannot be noted is good all the same.
            let noted = self.states.replace_entry(self.entry(id, &Session { used: now, ..kept.clone() })?).await;
            if matches!(noted, Ok(false)) {
                return Ok(None);
            }
        }
        Ok(Some(kept.principal))
    }

    /// Ends a session for everybody who has its id.
    pub(crate) async fn end_of(&self, id: &str) -> Result<(), AccessError> {
        self.states.take_entry(&name(id)).await?;
        Ok(())
    }

    fn end(&self, kept: &Session) -> i64 {
        (kept.began + self.longest).min(kept.used + self.idle)
    }

    fn entry(&self, id: &str, kept: &Session) -> Result<StateEntry, AccessError> {
        let body = serde_json::to_string(kept).map_err(|_| AccessError::Unavailable("a session cannot be written"))?;
        Ok(StateEntry { name: name(id), body, until: self.end(kept) })
    }
}

fn name(id: &str) -> String {
    format!("session/{}", secrets::hash(id))
}
