//! What every AWS client of a function shares: its configuration, and how its errors are judged.

use std::time::{Duration, SystemTime};

use aws_config::{
    BehaviorVersion, SdkConfig,
    environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider},
    identity::IdentityCache,
    meta::region::ProvideRegion,
    retry::RetryConfig,
    timeout::TimeoutConfig,
};
use aws_credential_types::{
    Credentials,
    provider::{self, SharedCredentialsProvider, error::CredentialsError},
};
use aws_smithy_async::{rt::sleep::TokioSleep, time::SystemTimeSource};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
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

/// The SDK's configuration from Lambda's environment. Its timeouts leave a function time to answer when a service does not: one second to connect,
/// two for an attempt and four for a call with its retries, of which the SDK's standard mode makes two.
///
/// Of the SDK's own variables these count: `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`,
/// `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_<SERVICE>`, `AWS_USE_FIPS_ENDPOINT` and `AWS_USE_DUALSTACK_ENDPOINT`. Files of profiles and
/// the credentials of a container or an instance are for other places than Lambda, and make a function 0.6 MB larger and slower to start.
/// Where they are needed, take `aws_config::defaults` instead.
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
    let is_true = |name| value_from_env(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(EnvironmentVariableRegionProvider::new().region().await)
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
        .identity_cache(IdentityCache::lazy().build())
        .http_client(http)
        .sleep_impl(TokioSleep::new())
        .time_source(SystemTimeSource::new())
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .use_fips(is_true("AWS_USE_FIPS_ENDPOINT"))
        .use_dual_stack(is_true("AWS_USE_DUALSTACK_ENDPOINT"))
        .service_config(OfService);
    config.set_endpoint_url(value_from_env("AWS_ENDPOINT_URL"));
    config.build()
}

/// The value of a variable of the SDK, if it is set.
fn value_from_env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Variables of a single service.
#[derive(Debug)]
struct OfService;

impl LoadServiceConfig for OfService {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        value_from_env(&name_for_service(&key))
    }
}

/// Such as `AWS_ENDPOINT_URL_DYNAMODB`: <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>.
fn name_for_service(key: &ServiceConfigKey<'_>) -> String {
    format!("{}_{}", key.env(), key.service_id().to_uppercase().replace(' ', "_"))
}

/// Turns what STS gave for an assumed role into credentials that clients sign with. Logs name them `named`.
///
/// # Errors
///
/// If STS gave no credentials, or their expiry is not a valid time.
pub fn session(given: Option<aws_sdk_sts::types::Credentials>, named: &'static str) -> provider::Result {
    let given = given.ok_or_else(|| CredentialsError::unhandled("STS gave no credentials"))?;
    let expires = SystemTime::try_from(*given.expiration()).map_err(CredentialsError::unhandled)?;
    let credentials = Credentials::builder()
        .access_key_id(given.access_key_id)
        .secret_access_key(given.secret_access_key)
        .session_token(given.session_token)
        .expiry(expires)
        .provider_name(named);
    Ok(credentials.build())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_of_a_single_service_has_the_sdks_own_variable() {
        let key = ServiceConfigKey::builder().env("AWS_ENDPOINT_URL").profile("endpoint_url");
        let key = key.service_id("Cognito Identity Provider").build().unwrap();
        assert_eq!(name_for_service(&key), "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER");
    }
}
