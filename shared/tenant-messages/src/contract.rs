//! The contract of a message: its body, its attributes, and how both are checked.

use std::collections::HashMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tenancy::{TenantContext, TenantLabel};

use crate::{BelievedSources, IncomingMessage};

/// Names of the message attributes besides trace context. Attributes route and filter; the body is the record.
pub(crate) mod attribute {
    /// The tenant, equal to the body's.
    pub(crate) const TENANT_ID: &str = "tenant_id";
    /// The tier, equal to the body's.
    pub(crate) const TENANT_TIER: &str = "tenant_tier";
    /// What happened: [`TenantMessage::EVENT_TYPE`](super::TenantMessage::EVENT_TYPE).
    pub(crate) const EVENT_TYPE: &str = "event_type";
}

/// An event about one tenant that one account sends to another. Its body is JSON with a `version` beside its own fields, one of which names the
/// tenant.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use tenancy::TenantLabel;
/// use tenant_messages::TenantMessage;
///
/// #[derive(Serialize, Deserialize)]
/// struct InvoicePaid {
///     invoice: String,
///     tenant: String,
///     tier: String,
///     user: String,
/// }
///
/// impl TenantMessage for InvoicePaid {
///     const EVENT_TYPE: &'static str = "invoice.paid";
///     const VERSION: u32 = 1;
///
///     fn label(&self) -> Result<TenantLabel, tenancy::InvalidTenant> {
///         Ok(TenantLabel { tenant_id: self.tenant.parse()?, tier: self.tier.parse()?, user_id: Some(self.user.parse()?) })
///     }
/// }
///
/// let paid = InvoicePaid { invoice: "7".into(), tenant: "acme".into(), tier: "basic".into(), user: "u1".into() };
/// let written = paid.write().unwrap();
/// assert_eq!(written.body, r#"{"version":1,"invoice":"7","tenant":"acme","tier":"basic","user":"u1"}"#);
/// assert_eq!(written.attributes[0], ("tenant_id", "acme".to_owned()));
/// ```
pub trait TenantMessage: Serialize + DeserializeOwned {
    /// What happened, such as `booking.confirmed`: the `event_type` attribute, and EventBridge's `detail-type`.
    const EVENT_TYPE: &'static str;
    /// The version of the contract that is written, and the only one that is read.
    const VERSION: u32;

    /// The tenant, tier and user that the message names.
    ///
    /// # Errors
    ///
    /// If a field cannot be a tenant, tier or user. That happens only to events whose fields are plain texts.
    fn label(&self) -> Result<TenantLabel, tenancy::InvalidTenant>;

    /// Checks what the contract requires of the fields beyond their types.
    ///
    /// # Errors
    ///
    /// The first rule that the message breaks.
    fn check(&self) -> Result<(), InvalidMessage> {
        Ok(())
    }

    /// Makes the message that is sent.
    ///
    /// # Errors
    ///
    /// [`InvalidMessage`] where a consumer would refuse the message, so that the mistake shows where it is made.
    fn write(&self) -> Result<Written, InvalidMessage> {
        self.check()?;
        let versioned = Versioned { version: Self::VERSION, message: self };
        let body = serde_json::to_string(&versioned).map_err(|error| InvalidMessage::Body(error.to_string()))?;
        Ok(Written { body, attributes: expected::<Self>(&self.label()?) })
    }
}

/// Implements [`TenantMessage`] for a struct: takes the event type, the version, and the names of the fields that hold tenant, tier and user. These
/// fields are texts or types of `tenancy`.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use tenant_messages::{TenantMessage, tenant_message};
///
/// #[derive(Serialize, Deserialize)]
/// struct InvoicePaid {
///     invoice: String,
///     tenant: String,
///     plan: String,
/// }
/// tenant_message!("invoice.paid", 1, InvoicePaid { tenant_id: tenant, tier: plan });
///
/// let paid = InvoicePaid { invoice: "7".into(), tenant: "acme".into(), plan: "pro".into() };
/// assert_eq!(paid.write().unwrap().attributes[1], ("tenant_tier", "pro".to_owned()));
/// ```
///
/// A third field names the user: `{ tenant_id: tenant, tier: plan, user_id: user }`.
#[macro_export]
macro_rules! tenant_message {
    ($event:literal, $version:literal, $name:ident { tenant_id: $tenant:ident, tier: $tier:ident $(, user_id: $user:ident)? }) => {
        impl $crate::TenantMessage for $name {
            const EVENT_TYPE: &'static str = $event;
            const VERSION: u32 = $version;

            fn label(&self) -> ::core::result::Result<$crate::TenantLabel, $crate::InvalidTenant> {
                Ok($crate::TenantLabel {
                    tenant_id: self.$tenant.as_str().parse()?,
                    tier: self.$tier.as_str().parse()?,
                    user_id: $crate::tenant_message!(@user self $($user)?),
                })
            }
        }
    };
    (@user $message:ident) => { None };
    (@user $message:ident $user:ident) => { Some($message.$user.as_str().parse()?) };
}

#[derive(Serialize)]
struct Versioned<'a, T> {
    version: u32,
    #[serde(flatten)]
    message: &'a T,
}

#[derive(Deserialize)]
struct Version {
    version: f64,
}

/// A message as it is sent: a JSON body, and attributes of type String that stand beside it. The SDK interceptor of `tenant-telemetry` adds
/// trace context to the attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The message's body, JSON.
    pub body: String,
    /// The message attributes: names and values.
    pub attributes: [(&'static str, String); 3],
}

impl Written {
    /// The tenant's id, for `MessageGroupId`: while one tenant's messages occupy more than their share of the consumers, a standard queue of SQS
    /// delivers the messages of other tenants first (fair queues).
    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html>
    pub fn message_group_id(&self) -> Option<&str> {
        self.attributes.iter().find(|(name, _)| *name == attribute::TENANT_ID).map(|(_, tenant)| tenant.as_str())
    }

    /// The `detail` of an EventBridge event. EventBridge has no attributes, so it holds both: `{"metadata": {…}, "data": …}`.
    pub fn detail(&self) -> String {
        let metadata: HashMap<&str, &str> =
            self.attributes.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let metadata = serde_json::to_string(&metadata).unwrap_or_default();
        format!(r#"{{"metadata":{metadata},"data":{}}}"#, self.body)
    }
}

/// Why a message is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMessage {
    /// The message came from a source that this consumer does not believe, or it names no source.
    #[error("it came from {0}, which is not believed")]
    Unbelieved(String),
    /// The body is not this event's JSON.
    #[error("the body does not parse: {0}")]
    Body(String),
    /// The event has a version that this consumer does not know.
    #[error("version {0} is not supported")]
    Version(String),
    /// The contract does not allow the value of a field.
    #[error("{field} is not {expected}")]
    Field {
        /// The name of the field.
        field: &'static str,
        /// What the contract allows.
        expected: String,
    },
    /// The fields contradict each other, though each may be valid by itself.
    #[error("{0}")]
    Contradiction(&'static str),
    /// The body names no valid tenant, tier or user.
    #[error(transparent)]
    Tenant(#[from] tenancy::InvalidTenant),
    /// An attribute that must be there is missing.
    #[error("attribute {0} is missing")]
    MissingAttribute(&'static str),
    /// An attribute contradicts the body.
    #[error("attribute {0} and the body disagree")]
    Disagreement(&'static str),
}

/// Reads a message and checks that the contract allows its body and that its attributes agree with the body. Fields that the contract does not name
/// are ignored. Who sent the message is not checked here; [`IncomingMessage::accept`] does that.
///
/// # Errors
///
/// The first rule that the message breaks.
pub fn read<T: TenantMessage>(body: &str, attributes: &HashMap<String, String>) -> Result<T, InvalidMessage> {
    Ok(read_with_label(body, attributes)?.0)
}

/// Returns the event and the tenant that it names. The event is asked for its tenant only once, so the tenant that was compared with the attributes
/// is also the one that is vouched for.
fn read_with_label<T: TenantMessage>(
    body: &str,
    attributes: &HashMap<String, String>,
) -> Result<(T, TenantLabel), InvalidMessage> {
    let unread = |error: serde_json::Error| InvalidMessage::Body(error.to_string());
    // JSON has one kind of number: 1.0 is 1.
    let Version { version } = serde_json::from_str(body).map_err(unread)?;
    if version != f64::from(T::VERSION) {
        return Err(InvalidMessage::Version(version.to_string()));
    }
    let event: T = serde_json::from_str(body).map_err(unread)?;
    event.check()?;
    let label = event.label()?;
    for (name, expected) in expected::<T>(&label) {
        match attributes.get(name) {
            None => return Err(InvalidMessage::MissingAttribute(name)),
            Some(value) if *value != expected => return Err(InvalidMessage::Disagreement(name)),
            Some(_) => {}
        }
    }
    Ok((event, label))
}

fn expected<T: TenantMessage>(label: &TenantLabel) -> [(&'static str, String); 3] {
    [
        (attribute::TENANT_ID, label.tenant_id.to_string()),
        (attribute::TENANT_TIER, label.tier.to_string()),
        (attribute::EVENT_TYPE, T::EVENT_TYPE.to_owned()),
    ]
}

impl IncomingMessage {
    /// Reads the message as an event of this type and vouches for the tenant that it names. Everything that carried the message must be believed,
    /// since whoever may send through a believed queue, topic or bus can name any tenant.
    ///
    /// # Errors
    ///
    /// The first reason why the message is refused. A message from a source that is not believed is not even parsed.
    pub fn accept<T: TenantMessage>(&self, believed: &BelievedSources) -> Result<(T, TenantContext), InvalidMessage> {
        believed.judge(self).map_err(InvalidMessage::Unbelieved)?;
        let (event, label) = read_with_label(&self.body, &self.attributes)?;
        Ok((event, TenantContext::vouched_by("a believed source", label)))
    }

    /// The event type that the message states, for a consumer of several types.
    pub fn event_type(&self) -> Option<&str> {
        self.attributes.get(attribute::EVENT_TYPE).map(String::as_str)
    }
}
