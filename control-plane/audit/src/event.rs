//! Events of the audit: who did what to whom, and how it ended.

use std::{collections::BTreeSet, net::SocketAddr};

use control_plane_model::store::{AuditRecord, StoreError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Letters of a text that comes from outside; what is longer is cut: at its end, but for addresses, since each proxy adds the one it saw there.
const MAX_TEXT: usize = 1_000;
/// Bytes of a record: DynamoDB's items have 400 kB at most.
const MAX_BODY: usize = 256 * 1024;

/// What somebody did. The names are the same for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub enum What {
    /// A member of the staff signed in with a browser.
    SignIn,
    /// A program came with an operator's token or service key that was not seen before.
    Token,
    /// A tenant was suspended.
    TenantSuspend,
    /// A tenant that was suspended is served again.
    TenantResume,
    /// A tenant has another tier.
    TenantSetTier,
    /// A tenant has another quota.
    TenantSetQuota,
    /// An entry was put on a tenant's access lists, or taken off them.
    TenantSetAccessLists,
    /// An investigation was opened.
    InvestigationOpen,
    /// A note was added to an investigation.
    InvestigationNote,
    /// An investigation was closed.
    InvestigationClose,
    /// An investigation was erased, with its notes.
    InvestigationErase,
    /// The server was started with another configuration.
    Configuration,
    /// An account's intake key was added.
    IntakeKeyAdd,
    /// An account's intake key was exchanged for another.
    IntakeKeyChange,
    /// An account's intake key was removed.
    IntakeKeyRemove,
    /// A program's service key was added.
    ServiceKeyAdd,
    /// A program's service key was exchanged for another, or may do something else now.
    ServiceKeyChange,
    /// A program's service key was removed.
    ServiceKeyRemove,
    /// What this version knows no name for: a later one recorded it.
    Unknown,
}

impl What {
    /// All that there is.
    pub const ALL: [Self; 18] = [
        Self::SignIn,
        Self::Token,
        Self::TenantSuspend,
        Self::TenantResume,
        Self::TenantSetTier,
        Self::TenantSetQuota,
        Self::TenantSetAccessLists,
        Self::InvestigationOpen,
        Self::InvestigationNote,
        Self::InvestigationClose,
        Self::InvestigationErase,
        Self::Configuration,
        Self::IntakeKeyAdd,
        Self::IntakeKeyChange,
        Self::IntakeKeyRemove,
        Self::ServiceKeyAdd,
        Self::ServiceKeyChange,
        Self::ServiceKeyRemove,
    ];

    /// Its name in records, filters and on pages.
    pub fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Token => "token",
            Self::TenantSuspend => "tenant.suspend",
            Self::TenantResume => "tenant.resume",
            Self::TenantSetTier => "tenant.set_tier",
            Self::TenantSetQuota => "tenant.set_quota",
            Self::TenantSetAccessLists => "tenant.set_access_lists",
            Self::InvestigationOpen => "investigation.open",
            Self::InvestigationNote => "investigation.note",
            Self::InvestigationClose => "investigation.close",
            Self::InvestigationErase => "investigation.erase",
            Self::Configuration => "configuration",
            Self::IntakeKeyAdd => "intake_key.add",
            Self::IntakeKeyChange => "intake_key.change",
            Self::IntakeKeyRemove => "intake_key.remove",
            Self::ServiceKeyAdd => "service_key.add",
            Self::ServiceKeyChange => "service_key.change",
            Self::ServiceKeyRemove => "service_key.remove",
            Self::Unknown => "unknown",
        }
    }
}

impl From<What> for String {
    fn from(what: What) -> Self {
        what.name().to_owned()
    }
}

impl From<String> for What {
    fn from(name: String) -> Self {
        Self::ALL.into_iter().find(|what| what.name() == name).unwrap_or(Self::Unknown)
    }
}

/// How an action ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is about to be done: what comes of it is another record. Where there is none, nobody knows.
    Begun,
    /// The action was done.
    #[default]
    Done,
    /// It was not allowed.
    Refused,
    /// It was tried and failed.
    Failed,
}

impl Outcome {
    /// Its name in records and on pages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// The person or program that acted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// The name by which they are known.
    pub name: String,
    /// The `sub` of a token, which is given to nobody else later, as an address may be; empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// Who vouches for them: an issuer, `service key` or `loopback`.
    pub issued_by: String,
    /// `operator`, `viewer`, `none`; `server` for what the server did by itself.
    pub role: String,
}

impl Who {
    /// Subject and issuer: who somebody is, whatever name they go by.
    pub fn identity(&self) -> String {
        let parts = [&self.subject, &self.issued_by].into_iter().filter(|part| !part.is_empty());
        parts.map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

/// The address from which a request came.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Source {
    /// The address that was connected to the server: a proxy's, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// What the request claimed in `x-forwarded-for`. Whoever asks can write there what they like, if no proxy of yours overwrites it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forwarded_for: Option<String>,
}

impl Source {
    /// A peer, and what its request claimed.
    pub fn of(peer: Option<SocketAddr>, forwarded_for: Option<&str>) -> Self {
        Self {
            address: peer.map(|peer| peer.ip().to_canonical().to_string()),
            forwarded_for: forwarded_for.map(str::to_owned),
        }
    }

    /// The text that pages show: the address, and the address that a header claimed.
    pub fn shown(&self) -> String {
        let claimed = self.forwarded_for.as_ref().map(|claimed| format!(", for {claimed}")).unwrap_or_default();
        format!("{}{claimed}", self.address.as_deref().unwrap_or_default())
    }
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// A tenant, by its id.
    Tenant(String),
    /// A key, by the account or the program that it is for.
    Key(String),
    /// An investigation, by its id: what is written in it can be erased, and a record cannot.
    Investigation(String),
}

impl About {
    /// The id or the name.
    pub fn name(&self) -> &str {
        match self {
            Self::Tenant(name) | Self::Key(name) | Self::Investigation(name) => name,
        }
    }
}

/// One event of the audit, before it is chained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// What somebody did.
    pub what: What,
    /// How it ended.
    #[serde(default)]
    pub outcome: Outcome,
    /// Who did it.
    pub who: Who,
    /// The address that the request came from.
    #[serde(default)]
    pub from: Source,
    /// What the event is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<About>,
    /// The reason that was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How it was before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// How it is afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

impl AuditEvent {
    /// Somebody did something; about whom, why, and what changed is added where there is something to say.
    pub fn new(what: What, who: Who, from: Source) -> Self {
        Self { what, outcome: Outcome::Done, who, from, about: None, why: None, before: None, after: None }
    }

    /// What changed, a line each: `status: active → suspended`.
    pub fn changes(&self) -> Vec<String> {
        let (Some(Value::Object(_)) | None, Some(Value::Object(_)) | None) = (&self.before, &self.after) else {
            return vec![change(self.before.as_ref(), self.after.as_ref())];
        };
        let fields = |value: &'_ Option<Value>| value.as_ref().and_then(Value::as_object).cloned().unwrap_or_default();
        let (before, after) = (fields(&self.before), fields(&self.after));
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        names.into_iter().map(|name| format!("{name}: {}", change(before.get(name), after.get(name)))).collect()
    }
}

fn change(before: Option<&Value>, after: Option<&Value>) -> String {
    let text = |value: Option<&Value>| match value {
        None => "–".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    format!("{} → {}", text(before), text(after))
}

/// The body of a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordBody {
    /// When, by the clock of the server that recorded it: RFC 3339, UTC.
    pub at: Timestamp,
    /// The event that the record holds.
    #[serde(flatten)]
    pub event: AuditEvent,
}

/// An event as it was recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "AuditRecord", from = "AuditRecord")]
pub struct Recorded {
    /// The record, exactly as it is stored.
    pub record: AuditRecord,
    /// The record's body. It is missing where the body cannot be read, because somebody changed it or a later version wrote it.
    pub said: Option<RecordBody>,
}

impl From<AuditRecord> for Recorded {
    fn from(record: AuditRecord) -> Self {
        Self { said: serde_json::from_str(&record.body).ok(), record }
    }
}

impl From<Recorded> for AuditRecord {
    fn from(recorded: Recorded) -> Self {
        recorded.record
    }
}

/// The body of a record of what happens now.
pub(crate) fn body(mut event: AuditEvent) -> Result<String, StoreError> {
    let AuditEvent { who, from, why, .. } = &mut event;
    let texts = [Some(&mut who.name), Some(&mut who.subject), Some(&mut who.issued_by), why.as_mut()];
    if let Some(claimed) = &mut from.forwarded_for
        && let Some((begin, _)) = claimed.char_indices().rev().nth(MAX_TEXT - 1).filter(|(begin, _)| *begin > 0)
    {
        claimed.replace_range(..begin, "…");
    }
    for text in texts.into_iter().flatten() {
        if let Some((end, _)) = text.char_indices().nth(MAX_TEXT) {
            text.truncate(end);
            text.push('…');
        }
    }
    let body = serde_json::to_string(&RecordBody { at: Timestamp::now(), event });
    let body = body.map_err(|error| StoreError::Failed(format!("what happened cannot be written: {error}")))?;
    if body.len() > MAX_BODY {
        return Err(StoreError::Failed("what happened is too long for the audit".into()));
    }
    Ok(body)
}
