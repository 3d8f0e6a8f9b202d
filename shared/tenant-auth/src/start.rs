//! The start of a function behind API Gateway.

use aws_config::SdkConfig;
use lambda_http_client::{HttpClient, aws};
use tenancy::Tiers;
use tenant_telemetry::{Telemetry, TelemetryError};

use crate::{AuthLayer, InvalidSettings, JwtSettings, JwtVerifier, TenantRegistry, jwt::KEYS_WITHIN};

/// What a function behind API Gateway has at hand once it has started, all of it as the environment says.
#[non_exhaustive]
pub struct ApiFunction {
    /// The configuration of AWS clients.
    pub config: SdkConfig,
    /// Spans and logs.
    pub telemetry: Telemetry,
    /// Lets through who has a token of the user pool, and whose tenant the registry has as active.
    pub auth: AuthLayer<JwtVerifier>,
}

/// Why a function does not start.
#[derive(Debug, thiserror::Error)]
pub enum NotStarted {
    /// Variables are missing.
    #[error(transparent)]
    Settings(#[from] InvalidSettings),
    /// Telemetry cannot be set up.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
}

impl ApiFunction {
    /// Starts one whose tenants are of `tiers`: as [`aws::config`], [`Telemetry::of_function`], [`JwtSettings::cognito_from_env`] and
    /// [`TenantRegistry::from_env`] do, of which the first two do not wait for the signing keys to come.
    ///
    /// # Errors
    ///
    /// Where one of them fails. That the keys do not come is no failure: the first token asks for them again.
    pub async fn start(tiers: impl Into<Tiers>) -> Result<Self, NotStarted> {
        let tiers = tiers.into();
        let settings = JwtSettings::cognito_from_env(tiers.clone())?;
        let verifier = JwtVerifier::new(settings, HttpClient::new(KEYS_WITHIN));
        let set_up = async {
            let config = aws::config().await;
            Telemetry::of_function(&config).await.map(|telemetry| (config, telemetry))
        };
        let (set_up, ()) = tokio::join!(set_up, verifier.prefetch_keys());
        let (config, telemetry) = set_up?;
        let auth = AuthLayer::new(verifier).asking(TenantRegistry::from_env(&config, tiers).await?);
        Ok(Self { config, telemetry, auth })
    }
}
