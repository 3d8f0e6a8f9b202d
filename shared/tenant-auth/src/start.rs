//! The start of a function behind API Gateway.

use aws_config::SdkConfig;
use function_settings::{InvalidSettings, Reader, Variables};
use lambda_http_client::aws;
use tenancy::Tiers;
use tenant_telemetry::{Settings, Telemetry, TelemetryError};

use crate::{AuthLayer, JwtSettings, JwtVerifier, RegistrySettings, TenantRegistry};

/// What a function behind API Gateway starts with.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// Spans and logs, and whom TLS trusts for AWS.
    pub telemetry: Settings,
    /// The issuer and audience of tokens that are accepted.
    pub tokens: JwtSettings,
    /// The registry of tenants.
    pub registry: RegistrySettings,
}

impl ApiSettings {
    /// As [`Settings::read`], [`JwtSettings::read_cognito`] and [`RegistrySettings::read`] do, of tenants of `tiers`.
    pub fn read(read: &mut Reader<'_>, tiers: impl Into<Tiers>) -> Self {
        let tiers = tiers.into();
        Self {
            telemetry: Settings::read(read),
            tokens: JwtSettings::read_cognito(read, tiers.clone()),
            registry: RegistrySettings::read(read, tiers),
        }
    }
}

/// What a function behind API Gateway has at hand once it has started.
#[non_exhaustive]
pub struct ApiFunction {
    /// The configuration of AWS clients.
    pub config: SdkConfig,
    /// The function's spans, metrics and logs.
    pub telemetry: Telemetry,
    /// Lets through who has a token of the user pool, and whose tenant the registry has as active.
    pub auth: AuthLayer<JwtVerifier>,
}

/// Why a function does not start.
#[derive(Debug, thiserror::Error)]
pub enum NotStarted {
    /// Variables are missing or wrong.
    #[error(transparent)]
    Settings(#[from] InvalidSettings),
    /// Telemetry cannot be set up.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
}

impl ApiFunction {
    /// Starts one with [`ApiSettings::read`] of the process's environment.
    ///
    /// # Errors
    ///
    /// [`NotStarted`], with all variables that are missing or wrong, or as [`ApiFunction::start`].
    pub async fn from_env(tiers: impl Into<Tiers>) -> Result<Self, NotStarted> {
        let settings = Variables::of_process().read(|read| ApiSettings::read(read, tiers))?;
        Ok(Self::start(settings).await?)
    }

    /// Starts one: the AWS configuration and telemetry, which do not wait for the signing keys to come, and the registry.
    ///
    /// # Errors
    ///
    /// Where telemetry cannot be set up. That the keys do not come is no failure: the first token asks for them again.
    pub async fn start(settings: ApiSettings) -> Result<Self, TelemetryError> {
        let ApiSettings { telemetry, tokens, registry } = settings;
        let roots = telemetry.roots();
        let verifier = JwtVerifier::trusting(roots, tokens);
        let set_up = async {
            let config = aws::config(roots).await;
            Telemetry::start_function(telemetry, &config).await.map(|telemetry| (config, telemetry))
        };
        let (set_up, ()) = tokio::join!(set_up, verifier.prefetch_keys());
        let (config, telemetry) = set_up?;
        let auth = AuthLayer::new(verifier).with_registry(TenantRegistry::start(&config, registry));
        Ok(Self { config, telemetry, auth })
    }
}
