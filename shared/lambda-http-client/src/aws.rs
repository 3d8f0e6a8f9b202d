//! What every AWS client of a function shares: its configuration, and how its errors are judged.

use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use function_settings::InvalidSettings;

use crate::{
    client::error_chain,
    tls::{Roots, sdk},
};

/// [`config`] with [`Roots::from_env`].
///
/// # Errors
///
/// If `TLS_ROOTS` cannot be used.
pub async fn from_env() -> Result<SdkConfig, InvalidSettings> {
    Ok(config(Roots::from_env()?).await)
}

/// What the SDK makes of its own variables, with timeouts that leave a function time to answer for a service that does not:
/// a second to connect, two for an attempt, four for a call with its retries, of which there are two in the SDK's standard mode.
pub async fn config(roots: Roots) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(2))
        .operation_timeout(Duration::from_secs(4))
        .build();
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(sdk::provider())
        .tls_context(sdk::context(roots))
        .build_https();
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .load()
        .await
}

/// Whether a call that failed with this error may succeed when tried again: throttling, a service error, or no answer.
pub fn is_temporary<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    match error.as_service_error() {
        Some(service) => matches!(
            service.code(),
            Some(
                "ThrottlingException"
                    | "ProvisionedThroughputExceededException"
                    | "RequestLimitExceeded"
                    | "TransactionInProgressException"
                    | "InternalServerError"
                    | "ServiceUnavailable"
            )
        ),
        None => true,
    }
}

/// An SDK error in one line, for a log.
pub fn describe<E, R>(error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    match error.as_service_error() {
        Some(service) => format!("{}: {}", service.code().unwrap_or("?"), service.message().unwrap_or_default()),
        None => error_chain(error),
    }
}
