//! Whether a request is signed as AWS's endpoints ask for: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use anyhow::{Context, Result, ensure};
use aws_lc_rs::{
    digest::{SHA256, digest},
    hmac::{HMAC_SHA256, Key, sign},
};
use axum::http::HeaderMap;

use super::hex;
use crate::function::{ACCESS_KEY_ID, SECRET_ACCESS_KEY, SESSION_TOKEN};

/// The service that a POST to this path is signed for; fails if the signature is not one of a function's credentials over this very body.
pub(super) fn service(path: &str, headers: &HeaderMap, body: &[u8]) -> Result<String> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).with_context(|| name.to_owned());
    let authorization = header("authorization")?;
    let parts = authorization.strip_prefix("AWS4-HMAC-SHA256 ").context("another algorithm")?;
    let part =
        |name: &str| parts.split(',').find_map(|part| part.trim().strip_prefix(name)).context("a part is missing");
    let (credential, names, signature) = (part("Credential=")?, part("SignedHeaders=")?, part("Signature=")?);
    let (key, scope) = credential.split_once('/').context("no scope")?;
    ensure!(key == ACCESS_KEY_ID && header("x-amz-security-token")? == SESSION_TOKEN, "somebody else's credentials");
    ensure!(["host", "x-amz-date"].iter().all(|name| names.split(';').any(|signed| signed == *name)), "{names}");
    let mut signed = String::new();
    for name in names.split(';') {
        signed += &format!("{name}:{}\n", header(name)?.trim());
    }
    let canonical = format!("POST\n{path}\n\n{signed}\n{names}\n{}", hash(body));
    let text = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{}", header("x-amz-date")?, hash(canonical.as_bytes()));
    let mut secret = format!("AWS4{SECRET_ACCESS_KEY}").into_bytes();
    for part in scope.split('/') {
        secret = sign(&Key::new(HMAC_SHA256, &secret), part.as_bytes()).as_ref().to_vec();
    }
    ensure!(hex(sign(&Key::new(HMAC_SHA256, &secret), text.as_bytes()).as_ref()) == signature, "of something else");
    Ok(scope.split('/').nth(2).unwrap_or_default().to_owned())
}

fn hash(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}
