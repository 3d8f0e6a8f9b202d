//! The user pool: who may sign in, for which tenant. Cognito mails a temporary password, so that the first sign-in proves the address.

use std::collections::HashMap;

use aws_sdk_cognitoidentityprovider::{
    Client,
    config::{Builder, retry::RetryConfig},
    error::{BuildError, ProvideErrorMetadata, SdkError},
    operation::admin_create_user::AdminCreateUserError,
    types::{AttributeType, DeliveryMediumType},
};
use opentelemetry::Context;
use tenancy::{Role, TenantId, TenantLabel, Tier, UserId};
use tenant_telemetry::propagation;

use crate::domain::EmailAddress;

/// Why there is no new user.
#[derive(Debug, thiserror::Error)]
pub enum UserPoolError {
    /// Cognito takes no more for now.
    #[error("the user pool takes no more for now: {0}")]
    Busy(String),
    /// Cognito answered with an error, whose text this is.
    #[error("the user pool refused: {0}")]
    Refused(String),
    /// No clear answer: there may be one all the same.
    #[error("no clear answer of the user pool: {0}")]
    Unclear(String),
}

impl UserPoolError {
    /// Whether it is certain that no user was made.
    pub fn is_certain(&self) -> bool {
        !matches!(self, Self::Unclear(_))
    }
}

impl From<BuildError> for UserPoolError {
    fn from(error: BuildError) -> Self {
        Self::Refused(error.to_string())
    }
}

/// The tenant that a new user belongs to, and the user's role.
#[derive(Debug, Clone, Copy)]
pub struct Membership<'a> {
    /// The tenant that the user belongs to.
    pub tenant_id: &'a TenantId,
    /// The tier of that tenant.
    pub tier: Tier,
    /// The company's name, which the portal shows.
    pub company_name: &'a str,
    /// What the user may do.
    pub role: Role,
}

/// Whether a user was made by this call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Added {
    /// This call added the user. The label names the tenant that the user's requests are served for.
    Now(TenantLabel),
    /// The user existed before, in this or another tenant, and was not changed.
    Before,
}

/// Adds users to the Cognito user pool.
#[derive(Debug, Clone)]
pub struct UserPool {
    client: Client,
    id: String,
}

impl UserPool {
    /// The pool of this id. Its calls are made once each: of two, the second would find the user whom the first one made.
    pub fn new(config: Builder, id: impl Into<String>) -> Self {
        Self { client: Client::from_conf(config.retry_config(RetryConfig::disabled()).build()), id: id.into() }
    }

    /// Adds a user to a tenant and mails them a temporary password.
    pub async fn add(&self, email: &EmailAddress, membership: Membership<'_>) -> Result<Added, UserPoolError> {
        let Membership { tenant_id, tier, company_name, role } = membership;
        let attributes = [
            ("email", email.as_str()),
            ("email_verified", "true"),
            ("custom:tenant-id", tenant_id.as_str()),
            ("custom:tier-level", tier.as_str()),
            ("custom:role", role.as_str()),
            ("custom:company-name", company_name),
        ];
        let mut create = self.client.admin_create_user().user_pool_id(&self.id).username(email.as_str());
        for (name, value) in attributes {
            create = create.user_attributes(AttributeType::builder().name(name).value(value).build()?);
        }
        // For invitation-mail, which continues the trace that Cognito hands over.
        let mut trace = HashMap::new();
        propagation::inject(&Context::current(), None, &mut trace);
        let create = create.set_client_metadata(Some(trace));
        let created = match create.desired_delivery_mediums(DeliveryMediumType::Email).send().await {
            Ok(created) => created,
            Err(error) => return judge(&error),
        };
        let attributes = created.user().map(|user| user.attributes()).unwrap_or_default();
        let sub = attributes.iter().find(|attribute| attribute.name() == "sub").and_then(|sub| sub.value());
        let user_id = sub.and_then(|sub| sub.parse::<UserId>().ok());
        let user_id = user_id.ok_or_else(|| UserPoolError::Unclear("a user without a sub".into()))?;
        Ok(Added::Now(TenantLabel { tenant_id: tenant_id.clone(), tier, user_id: Some(user_id) }))
    }
}

/// The code alone goes to the log: messages may quote an address.
fn judge<R>(error: &SdkError<AdminCreateUserError, R>) -> Result<Added, UserPoolError> {
    use AdminCreateUserError as E;
    let Some(service) = error.as_service_error() else {
        return Err(UserPoolError::Unclear("no answer".into()));
    };
    let code = service.code().unwrap_or("?").to_owned();
    match service {
        E::UsernameExistsException(_) => Ok(Added::Before),
        E::TooManyRequestsException(_) => Err(UserPoolError::Busy(code)),
        // Mail could not be sent: by then there may be a user.
        E::CodeDeliveryFailureException(_) | E::InternalErrorException(_) => Err(UserPoolError::Unclear(code)),
        // So it may be where invitation-mail could not be invoked, failed, or wrote what Cognito does not mail.
        E::UnexpectedLambdaException(_)
        | E::UserLambdaValidationException(_)
        | E::InvalidLambdaResponseException(_) => Err(UserPoolError::Unclear(code)),
        // The day's mails are used up, for one.
        _ if code == "LimitExceededException" => Err(UserPoolError::Busy(code)),
        _ if service.meta().code().is_none() => Err(UserPoolError::Unclear(code)),
        _ => Err(UserPoolError::Refused(code)),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_cognitoidentityprovider::{
        config::http::HttpResponse,
        error::ErrorMetadata,
        types::error::{
            CodeDeliveryFailureException, InvalidLambdaResponseException, TooManyRequestsException,
            UnexpectedLambdaException, UserLambdaValidationException, UsernameExistsException,
        },
    };

    use super::*;

    fn of(error: AdminCreateUserError) -> Result<Added, UserPoolError> {
        judge(&SdkError::<_, ()>::service_error(error, ()))
    }

    fn named(code: &str) -> ErrorMetadata {
        ErrorMetadata::builder().code(code).build()
    }

    fn coded(code: &str) -> AdminCreateUserError {
        AdminCreateUserError::generic(named(code))
    }

    #[test]
    fn a_known_address_is_no_error() {
        let known = of(AdminCreateUserError::UsernameExistsException(UsernameExistsException::builder().build()));
        assert_eq!(known.unwrap(), Added::Before);
    }

    #[test]
    fn a_tenant_is_given_up_only_where_it_is_certain_that_it_has_no_user() {
        let delivery = CodeDeliveryFailureException::builder().meta(named("CodeDeliveryFailureException")).build();
        let failed = UserLambdaValidationException::builder().meta(named("UserLambdaValidationException")).build();
        let not_invoked = UnexpectedLambdaException::builder().meta(named("UnexpectedLambdaException")).build();
        let not_mailed =
            InvalidLambdaResponseException::builder().meta(named("InvalidLambdaResponseException")).build();
        let throttled = TooManyRequestsException::builder().build();
        for (error, certain) in [
            (of(AdminCreateUserError::TooManyRequestsException(throttled)), true),
            (of(coded("LimitExceededException")), true),
            (of(coded("AccessDeniedException")), true),
            (of(AdminCreateUserError::CodeDeliveryFailureException(delivery)), false),
            (of(AdminCreateUserError::UserLambdaValidationException(failed)), false),
            (of(AdminCreateUserError::UnexpectedLambdaException(not_invoked)), false),
            (of(AdminCreateUserError::InvalidLambdaResponseException(not_mailed)), false),
            (of(AdminCreateUserError::unhandled("half an answer")), false),
            (judge(&SdkError::<_, HttpResponse>::timeout_error("late")), false),
        ] {
            let error = error.unwrap_err();
            assert_eq!(error.is_certain(), certain, "{error}");
        }
    }
}
