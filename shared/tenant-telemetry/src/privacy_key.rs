//! The key of pseudonyms: from `TENANT_ID_HMAC_KEY`, or from the SSM parameter or secret that `TENANT_ID_HMAC_KEY_ARN` names.

use super::{
    TelemetryError,
    settings::{Key, Settings},
};

/// The key, if one is configured.
pub(super) async fn find(settings: &Settings) -> Result<Option<Vec<u8>>, TelemetryError> {
    match &settings.key {
        None => Ok(None),
        Some(Key::Given(key)) => Ok(Some(key.clone())),
        Some(Key::At(arn)) => remote::fetch(settings, arn).await.map(Some).map_err(TelemetryError::Privacy),
    }
}

#[cfg(not(feature = "aws-sdk"))]
mod remote {
    pub(super) async fn fetch(_: &super::Settings, arn: &str) -> Result<Vec<u8>, String> {
        Err(format!("{arn}: only the feature aws-sdk fetches a key"))
    }
}

#[cfg(feature = "aws-sdk")]
mod remote {
    use lambda_http_client::fetch_secret;

    use super::Settings;

    pub(super) async fn fetch(settings: &Settings, arn: &str) -> Result<Vec<u8>, String> {
        let config = settings.aws.as_ref().ok_or_else(|| format!("{arn}: Settings::signing_with was not called"))?;
        let key = fetch_secret(config, settings.roots, arn).await;
        key.map(String::into_bytes).map_err(|error| error.to_string())
    }
}
