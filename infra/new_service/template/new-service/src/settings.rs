//! What the function of new-service is told by its environment. infra/new-service/template.yaml sets these variables.

use airline_events::TIERS;
use function_settings::{InvalidSettings, Variables};
use lambda_problem::AllowedOrigin;
use tenant_auth::ApiSettings;

/// All of it.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Telemetry; `USER_POOL_ID` and `USER_POOL_CLIENT_ID`: whose tokens are accepted; `TENANTS_TABLE` and `TENANTS_CACHE_SECONDS`: which
    /// tenants there are.
    pub(crate) api: ApiSettings,
    /// `CORS_ALLOWED_ORIGIN`: whose pages may call; any where it is not set.
    pub(crate) allowed_origin: AllowedOrigin,
}

impl Settings {
    /// Reads it, with all mistakes in one error.
    pub(crate) fn read(variables: &Variables) -> Result<Self, InvalidSettings> {
        variables.read(|read| Self {
            api: ApiSettings::read(read, TIERS),
            allowed_origin: read.parsed("CORS_ALLOWED_ORIGIN"),
        })
    }
}
