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
        Some(Key::At(arn)) => {
            let fetched = remote::fetch(settings, arn).await;
            fetched.map(Some).map_err(|reason| TelemetryError::Privacy(format!("{arn}: {reason}")))
        }
    }
}

#[cfg(not(feature = "aws-sdk"))]
mod remote {
    pub(super) async fn fetch(_: &super::Settings, _: &str) -> Result<Vec<u8>, String> {
        Err("only the feature aws-sdk fetches a key".to_owned())
    }
}

#[cfg(feature = "aws-sdk")]
mod remote {
    use std::time::Duration;

    use bytes::Bytes;
    use http::{Request, header};
    use lambda_http_client::{HttpClient, Signer};
    use serde_json::{Value, json};

    use super::Settings;

    const WITHIN: Duration = Duration::from_secs(2);

    pub(super) async fn fetch(settings: &Settings, arn: &str) -> Result<Vec<u8>, String> {
        let config = settings.aws.as_ref().ok_or("Settings::signing_with was not called")?;
        let (service, target, body, value) = match arn.split(':').nth(2) {
            Some("ssm") => {
                let body = json!({ "Name": arn, "WithDecryption": true });
                ("ssm", "AmazonSSM.GetParameter", body, "/Parameter/Value")
            }
            Some("secretsmanager") => {
                ("secretsmanager", "secretsmanager.GetSecretValue", json!({ "SecretId": arn }), "/SecretString")
            }
            _ => return Err("neither an SSM parameter nor a secret".to_owned()),
        };
        let region = config.region().map(ToString::to_string).unwrap_or_default();
        let endpoint = config.endpoint_url().map(str::to_owned);
        let endpoint = endpoint.unwrap_or_else(|| format!("https://{service}.{region}.amazonaws.com/"));
        let mut request = Request::post(endpoint)
            .header(header::CONTENT_TYPE, "application/x-amz-json-1.1")
            .header("x-amz-target", target)
            .body(Bytes::from(body.to_string()))
            .map_err(|error| error.to_string())?;
        let signer = Signer::new(config, service).map_err(|error| error.to_string())?;
        let ready = signer.ready().await.map_err(|error| error.to_string())?;
        ready.sign(&mut request).map_err(|error| error.to_string())?;
        let response = HttpClient::new(WITHIN).send(request).await.map_err(|error| error.to_string())?;
        if !response.status().is_success() {
            return Err(format!("{service} answered {}", response.status()));
        }
        let answer: Value = serde_json::from_slice(response.body()).map_err(|error| error.to_string())?;
        let key = answer.pointer(value).and_then(Value::as_str).filter(|key| !key.is_empty());
        key.map(|key| key.as_bytes().to_vec()).ok_or_else(|| format!("{service} gave no text"))
    }
}
