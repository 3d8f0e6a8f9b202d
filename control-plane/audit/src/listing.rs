//! Some of what was recorded.

use std::{fmt::Display, future::ready};

use control_plane_model::store::{AuditFrom, AuditRecord, StoreError};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{About, Audit, Recorded, csv, log::PAGE};

/// Records that are looked at for one listing.
const MAX_LOOKED_AT: usize = 20_000;

/// Conditions that records have to match.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Whose, by name or by the token's subject.
    pub who: Option<String>,
    /// Of what: a name of [`What`](crate::What), or what such names have before their dot.
    pub what: Option<String>,
    /// Only records about this tenant.
    pub tenant: Option<String>,
    /// Only records at or after this time.
    pub from: Option<Timestamp>,
    /// Only records before this time.
    pub to: Option<Timestamp>,
}

/// The order in which records are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The latest record comes first.
    #[default]
    Newest,
    /// The oldest first, as [`Chain`](crate::Chain) wants them.
    Oldest,
}

/// Which records are listed, and in which order.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Only records that match this.
    pub filter: Filter,
    /// The order in which they are listed.
    pub order: Order,
    /// Only records that come after the one with this number, in the order that is asked for.
    pub beyond: Option<u64>,
    /// The most records that are listed.
    pub limit: Option<usize>,
}

/// What an export looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A record a line, whole: whoever has all of them can verify the chain.
    JsonLines,
    /// Comma-separated values, for spreadsheets.
    Csv,
}

impl Format {
    /// What comes before the records, if anything does.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`], where it cannot be written in this format.
    pub fn header(self) -> Result<Option<String>, StoreError> {
        match self {
            Self::JsonLines => Ok(None),
            Self::Csv => csv::header().map(Some).map_err(unwritten),
        }
    }

    /// A record, with the end of its line.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`], where it cannot be written in this format.
    pub fn line(self, recorded: &Recorded) -> Result<String, StoreError> {
        match self {
            Self::JsonLines => serde_json::to_string(recorded).map(|line| line + "\n").map_err(unwritten),
            Self::Csv => csv::row(recorded).map_err(unwritten),
        }
    }
}

fn unwritten(error: impl Display) -> StoreError {
    StoreError::Failed(format!("a record cannot be written: {error}"))
}

/// Some records, the latest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listing {
    /// The records that match the filter.
    pub records: Vec<Recorded>,
    /// Before which number to go on, where there may be more.
    pub older: Option<u64>,
}

impl Filter {
    /// A record whose body cannot be read matches whatever is asked for: nobody hides one by making it so. Nor does the time of one say anything about
    /// those before or after it, since a clock may have been wrong.
    fn matches(&self, recorded: &Recorded) -> bool {
        let Self { who, what, tenant, from, to } = self;
        let Some(said) = &recorded.said else { return true };
        let event = &said.event;
        let is = |asked: &str, name: &str| {
            name.strip_prefix(asked).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        who.as_ref().is_none_or(|who| [&event.who.name, &event.who.subject].contains(&who))
            && what.as_ref().is_none_or(|what| is(what, event.what.name()))
            && tenant.as_ref().is_none_or(|id| event.about == Some(About::Tenant(id.clone())))
            && from.is_none_or(|from| said.at >= from)
            && to.is_none_or(|to| said.at < to)
    }
}

impl Audit {
    /// Some of what was recorded before a number, if one is named: as much as is found among twenty thousand records.
    ///
    /// # Errors
    ///
    /// Where the store does not answer.
    pub async fn list(&self, filter: &Filter, before: Option<u64>, limit: usize) -> Result<Listing, StoreError> {
        let (mut before, mut looked_at, mut records) = (before.unwrap_or(u64::MAX), 0, Vec::new());
        while looked_at < MAX_LOOKED_AT {
            let page = self.states.audit(AuditFrom::Before(before), PAGE).await?;
            let is_last = page.len() < PAGE;
            looked_at += page.len();
            for recorded in page.into_iter().map(Recorded::from) {
                if records.len() == limit {
                    return Ok(Listing { records, older: Some(before) });
                }
                before = recorded.record.number;
                if filter.matches(&recorded) {
                    records.push(recorded);
                }
            }
            if is_last {
                return Ok(Listing { records, older: None });
            }
        }
        Ok(Listing { records, older: Some(before) })
    }

    /// What was recorded, read as it is taken: text, a line or so at a time.
    pub fn export(
        &self,
        selection: Selection,
        format: Format,
    ) -> impl Stream<Item = Result<String, StoreError>> + Send + 'static {
        let lines = self.all(selection).map(move |found| format.line(&found?));
        stream::iter(format.header().transpose()).chain(lines)
    }

    /// What was recorded, read as it is taken.
    pub fn all(&self, selection: Selection) -> impl Stream<Item = Result<Recorded, StoreError>> + Send + 'static {
        let Selection { filter, order, beyond, limit } = selection;
        let states = self.states.clone();
        let begin = match order {
            Order::Newest => AuditFrom::Before(beyond.unwrap_or(u64::MAX)),
            Order::Oldest => AuditFrom::After(beyond.unwrap_or_default()),
        };
        let pages = stream::try_unfold(Some(begin), move |from| {
            let states = states.clone();
            async move {
                let Some(from) = from else { return Ok(None) };
                let page = states.audit(from, PAGE).await?;
                let next = page.last().filter(|_| page.len() == PAGE).map(|last: &AuditRecord| match from {
                    AuditFrom::After(_) => AuditFrom::After(last.number),
                    AuditFrom::Before(_) => AuditFrom::Before(last.number),
                });
                Ok(Some((stream::iter(page.into_iter().map(Recorded::from).map(Ok)), next)))
            }
        });
        pages
            .try_flatten()
            .filter(move |found| ready(found.as_ref().map_or(true, |found| filter.matches(found))))
            .take(limit.unwrap_or(usize::MAX))
    }
}
