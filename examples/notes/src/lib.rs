//! Notes that users take, and notes that are sent to their tenant by a queue. It is the smallest domain that has a request, a tenant's items
//! and a message, so what the crates of `shared/` promise is tested on it, in `tests/`.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::TransactWriteItem;
use serde::{Deserialize, Serialize};
use tenant_auth::TenantContext;
use tenant_messages::{TenantId, Tier, tenant_message};
use tenant_store::{Listed, StoreError, TenantItems};
use tenant_telemetry::{Annotation, Work, propagation};

/// The tiers that are sold.
pub const TIERS: [Tier; 2] = [Tier::named("basic"), Tier::named("premium")];

/// What the spans of keeping a note are found by.
const NOTE_ID: Annotation = Annotation::named("note.id");

/// `note.sent`: another system has a note for a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteSent {
    /// What names it where it comes from.
    pub id: String,
    /// What it says.
    pub text: String,
    /// Whose it is.
    pub tenant: TenantId,
    /// What the tenant has bought.
    pub tier: Tier,
}
tenant_message!("note.sent", 1, NoteSent { tenant_id: tenant, tier: tier });

/// A note as it is stored and answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// What names it among the notes of its owner.
    pub id: String,
    /// What it says.
    pub text: String,
    /// When it was kept, RFC 3339 with milliseconds, UTC.
    pub created_at: String,
}

impl Listed for Note {
    type Id = String;

    fn id(&self) -> String {
        self.id.clone()
    }

    fn created_at(&self) -> &str {
        &self.created_at
    }

    fn sk(id: &String) -> String {
        format!("NOTE#{id}")
    }
}

/// What is stored besides the note: whose it is, and the trace in which it was kept, for whoever reads the table's stream.
#[derive(Serialize)]
struct Stored<'a> {
    #[serde(flatten)]
    note: &'a Note,
    tenant_id: &'a TenantId,
    trace: HashMap<String, String>,
}

/// Keeps a note among these items. One that is kept twice under one id is there once, as it came last.
///
/// # Errors
///
/// Where DynamoDB does not take it.
pub async fn keep(items: &TenantItems, tenant: &TenantContext, id: String, text: String) -> Result<Note, StoreError> {
    Work::current().annotate(NOTE_ID, &id);
    let note = Note { id, text, created_at: format!("{:.3}", jiff::Timestamp::now()) };
    let mut trace = HashMap::new();
    propagation::inject(&opentelemetry::Context::current(), Some(tenant.label()), &mut trace);
    let stored = Stored { note: &note, tenant_id: &tenant.tenant_id, trace };
    let put =
        items.put(Note::sk(&note.id), &stored)?.build().map_err(|error| StoreError::Refused(error.to_string()))?;
    items.transact().transact_items(TransactWriteItem::builder().put(put).build()).send().await?;
    Ok(note)
}
