//! Random values, and what is kept of them.

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
    rand::{SecureRandom, SystemRandom},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::AccessError;

/// 256 random bits, as text that can stand in a cookie, a form and a URL.
pub(crate) fn random() -> Result<String, AccessError> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| AccessError::Unavailable("there is no randomness"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The SHA-256 of a secret, as lower-case hexadecimal digits: what is kept in its place.
pub(crate) fn hash(secret: &str) -> String {
    digest(&SHA256, secret.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A value that follows from a secret, for one purpose, and does not lead back to it.
pub(crate) fn derived(purpose: &str, secret: &str) -> String {
    hash(&format!("{purpose}:{secret}"))
}

/// Whether two texts are equal; how long that takes tells nothing of where they differ.
pub(crate) fn same(one: &str, other: &str) -> bool {
    verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}
