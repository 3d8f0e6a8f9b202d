//! How often registrations and invitations may be asked for, counted in DynamoDB: by whatever instance of the function, and across
//! its restarts.

use aws_sdk_dynamodb::{Client, operation::update_item::UpdateItemError, types::AttributeValue};
use jiff::Timestamp;
use tenancy::TenantId;
use tenant_store::StoreError;

use crate::domain::{EmailAddress, Limit, Subject};

/// What each of those who ask may.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Registrations from one network.
    pub source: Limit,
    /// Registrations of, and invitations to, one email address.
    pub address: Limit,
    /// Invitations by one tenant.
    pub tenant: Limit,
}

/// Why a request is not served.
#[derive(Debug, thiserror::Error)]
pub enum NotAdmitted {
    /// There were too many.
    #[error("too many within the time")]
    TooMany {
        /// Seconds until they are counted anew.
        retry_after: u32,
    },
    /// Requests cannot be counted at the moment, so none is admitted.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The table of counts.
#[derive(Debug, Clone)]
pub struct RateLimits {
    client: Client,
    table: String,
    limits: Limits,
}

impl RateLimits {
    /// Counts in `table`.
    pub fn new(client: Client, table: impl Into<String>, limits: Limits) -> Self {
        Self { client, table: table.into(), limits }
    }

    /// Counts a registration from this IP address.
    pub async fn admit_source(&self, ip: Option<&str>) -> Result<(), NotAdmitted> {
        self.admit(Subject::Source(ip), self.limits.source, Timestamp::now()).await
    }

    /// Counts mail to this address.
    pub async fn admit_address(&self, email: &EmailAddress) -> Result<(), NotAdmitted> {
        self.admit(Subject::Address(email), self.limits.address, Timestamp::now()).await
    }

    /// Counts an invitation by this tenant.
    pub async fn admit_tenant(&self, tenant: &TenantId) -> Result<(), NotAdmitted> {
        self.admit(Subject::Tenant(tenant), self.limits.tenant, Timestamp::now()).await
    }

    /// Counts and decides in one write, so that none of many at once slips through.
    async fn admit(&self, subject: Subject<'_>, limit: Limit, now: Timestamp) -> Result<(), NotAdmitted> {
        let stretch = limit.stretch(now);
        let number = |value: i64| AttributeValue::N(value.to_string());
        let counted = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(format!("{}#{}", subject.key(), stretch.start)))
            .update_expression("ADD requests :one SET expires_at = :end")
            .condition_expression("attribute_not_exists(requests) OR requests < :most")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":end", number(stretch.end))
            .expression_attribute_values(":most", number(limit.most.into()))
            .send()
            .await;
        match counted {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => {
                    let seconds = stretch.end - now.as_second();
                    Err(NotAdmitted::TooMany { retry_after: u32::try_from(seconds).unwrap_or(u32::MAX) })
                }
                _ => Err(StoreError::from(error).into()),
            },
        }
    }
}
