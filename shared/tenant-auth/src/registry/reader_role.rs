//! The role that may read the registry where it is in another account.

use aws_config::SdkConfig;
use aws_credential_types::provider::{self, ProvideCredentials, error::CredentialsError, future};
use lambda_http_client::aws::session;

/// Credentials of that role. The SDK caches them for as long as they are valid.
///
/// The provider of `aws_config` does the same, but it brings every way to credentials there is, of which a function on Lambda has one.
#[derive(Debug)]
pub(super) struct ReaderRole {
    sts: aws_sdk_sts::Client,
    role_arn: String,
}

impl ReaderRole {
    pub(super) fn new(config: &SdkConfig, role_arn: String) -> Self {
        Self { sts: aws_sdk_sts::Client::new(config), role_arn }
    }

    async fn assume(&self) -> provider::Result {
        let assume = self.sts.assume_role().role_arn(&self.role_arn).role_session_name("tenant-registry");
        let given = assume.send().await.map_err(CredentialsError::provider_error)?;
        session(given.credentials, "TenantRegistry")
    }
}

impl ProvideCredentials for ReaderRole {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.assume())
    }
}
