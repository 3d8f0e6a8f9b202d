//! Reads a secret from SSM or Secrets Manager with one signed call. A function does this once, at its start, so the services' SDK clients are not
//! worth their size.

use std::time::Duration;

use aws_config::SdkConfig;
use bytes::Bytes;
use http::{Request, header};
use serde_json::{Value, json};

use crate::{HttpClient, Roots, Signer};

const WITHIN: Duration = Duration::from_secs(2);

/// Why a secret was not read. The error names the ARN and never contains the secret.
#[derive(Debug, thiserror::Error)]
#[error("{arn}: {reason}")]
pub struct SecretError {
    arn: String,
    reason: String,
}

/// Reads the text of the SSM parameter or the secret that an ARN names.
///
/// # Errors
///
/// [`SecretError`] where the ARN names neither, the role may not read it, there is no answer within two seconds, or the text is empty.
pub async fn fetch_secret(config: &SdkConfig, roots: Roots, arn: &str) -> Result<String, SecretError> {
    fetch(config, roots, arn).await.map_err(|reason| SecretError { arn: arn.to_owned(), reason })
}

async fn fetch(config: &SdkConfig, roots: Roots, arn: &str) -> Result<String, String> {
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
    let response = HttpClient::trusting(roots, WITHIN).send(request).await.map_err(|error| error.to_string())?;
    if !response.status().is_success() {
        return Err(format!("{service} answered {}", response.status()));
    }
    let answer: Value = serde_json::from_slice(response.body()).map_err(|error| error.to_string())?;
    let text = answer.pointer(value).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or_else(|| format!("{service} gave no text"))
}
