//! What operators investigate: a page over its window, with notes of whoever looked at it. Nothing is changed without a record of it.

mod investigation;

use std::sync::Arc;

use aws_lc_rs::rand;
use axum::http::StatusCode;
use control_plane_audit::{About, Audit, AuditEvent, Outcome, What};
use control_plane_model::{
    complain::complain,
    store::{InvestigationRecord, StateStore, StoreError},
};
use jiff::Timestamp;

pub use investigation::{Closed, Investigation, Note};
pub(crate) use investigation::{Draft, MAX_NOTE, MAX_TITLE};

use crate::{
    audit::By,
    problem::{Problem, in_time},
};

/// Investigations that are kept: whoever wants another erases one first.
const MAX_KEPT: usize = 500;
/// How often others may change an investigation first.
const TRIES: usize = 20;

/// The investigations of a state store, and where changes of them are recorded.
#[derive(Debug, Clone)]
pub(crate) struct Investigations {
    states: Arc<dyn StateStore>,
    audit: Audit,
}

impl Investigations {
    pub(crate) fn new(states: Arc<dyn StateStore>, audit: Audit) -> Self {
        Self { states, audit }
    }

    /// All investigations, the latest first.
    pub(crate) async fn list(&self) -> Result<Vec<Investigation>, Problem> {
        let records = in_time(self.states.investigations(MAX_KEPT)).await?;
        records.iter().map(read).collect()
    }

    pub(crate) async fn get(&self, id: &str) -> Result<Investigation, Problem> {
        read(&self.record(id).await?)
    }

    async fn record(&self, id: &str) -> Result<InvestigationRecord, Problem> {
        let found = in_time(self.states.investigation(id)).await?;
        found.ok_or_else(|| Problem::not_found("There is no such investigation: it may have been erased."))
    }

    /// Begins one.
    pub(crate) async fn open(&self, draft: Draft, by: By) -> Result<Investigation, Problem> {
        let now = Timestamp::now();
        let investigation = draft.opened(new_id(now)?, now, &by.0.name);
        let kept = async {
            if in_time(self.states.investigations(MAX_KEPT)).await?.len() >= MAX_KEPT {
                let why = format!(
                    "There are {MAX_KEPT} investigations, which is as many as are kept: erase one that is over."
                );
                return Err(Problem::new(StatusCode::CONFLICT, why));
            }
            let record = InvestigationRecord { id: investigation.id.clone(), version: 1, body: investigation.body()? };
            if self.keep(&record).await? { Ok(()) } else { Err(StoreError::Busy.into()) }
        };
        self.recorded(What::InvestigationOpen, &investigation.id, by, kept).await?;
        Ok(investigation)
    }

    /// Adds a note.
    pub(crate) async fn add_note(&self, id: &str, text: &str, by: By) -> Result<Investigation, Problem> {
        let note = Note::new(text, Timestamp::now(), &by.0.name)?;
        let added = self.change(id, |investigation| investigation.add(note.clone()));
        self.recorded(What::InvestigationNote, id, by, added).await
    }

    /// Says that it is over: nothing is added to it any more.
    pub(crate) async fn close(&self, id: &str, by: By) -> Result<Investigation, Problem> {
        let closed = Closed { at: Timestamp::now(), by: by.0.name.clone() };
        let changed = self.change(id, |investigation| investigation.close(closed.clone()));
        self.recorded(What::InvestigationClose, id, by, changed).await
    }

    /// Takes it away for good, with its notes. What it was, this says for the last time.
    pub(crate) async fn erase(&self, id: &str, by: By) -> Result<Investigation, Problem> {
        let erased = async {
            let last = self.get(id).await?;
            in_time(self.states.erase_investigation(id)).await?;
            Ok(last)
        };
        self.recorded(What::InvestigationErase, id, by, erased).await
    }

    /// Changes what is there, whoever else does so meanwhile.
    async fn change(
        &self,
        id: &str,
        change: impl Fn(&mut Investigation) -> Result<(), Problem>,
    ) -> Result<Investigation, Problem> {
        for _ in 0..TRIES {
            let before = self.record(id).await?;
            let mut investigation = read(&before)?;
            change(&mut investigation)?;
            let version = before.version + 1;
            if self.keep(&InvestigationRecord { version, body: investigation.body()?, ..before }).await? {
                return Ok(investigation);
            }
        }
        Err(StoreError::Busy.into())
    }

    /// Whether it is kept. A client of DynamoDB that repeats a call for want of an answer finds its own.
    async fn keep(&self, record: &InvestigationRecord) -> Result<bool, Problem> {
        let kept = in_time(self.states.keep_investigation(record.clone())).await?;
        Ok(kept || in_time(self.states.investigation(&record.id)).await?.as_ref() == Some(record))
    }

    /// Does something, which is recorded: before, that it begins, and after, what came of it. What is written in an investigation is not in the audit,
    /// from which nothing can be erased.
    async fn recorded<T>(
        &self,
        what: What,
        id: &str,
        By(who, from): By,
        doing: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        let event = |outcome| AuditEvent {
            outcome,
            about: Some(About::Investigation(id.to_owned())),
            ..AuditEvent::new(what, who.clone(), from.clone())
        };
        in_time(self.audit.record(event(Outcome::Begun))).await.map_err(|problem| {
            let detail = format!("The audit did not take it, so nothing was changed: {}", problem.detail);
            Problem { detail, ..problem }
        })?;
        let done = doing.await;
        let outcome = if done.is_ok() { Outcome::Done } else { Outcome::Failed };
        if let Err(problem) = in_time(self.audit.record(event(outcome))).await {
            let name = what.name();
            complain(format_args!("the audit has that an {name} began, and not how it ended: {}", problem.detail));
        }
        done
    }
}

fn read(record: &InvestigationRecord) -> Result<Investigation, Problem> {
    serde_json::from_str(&record.body).map_err(|error| {
        let why = format!("The investigation {} cannot be read: {error}", record.id);
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, why)
    })
}

/// Makes an id. Ids of a later second are greater, and ids of the same second differ.
fn new_id(now: Timestamp) -> Result<String, Problem> {
    let mut random = [0; 4];
    let failed = |_| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "There is no randomness.");
    rand::fill(&mut random).map_err(failed)?;
    Ok(format!("{}-{}", now.strftime("%Y%m%d-%H%M%S"), hex::encode(random)))
}
