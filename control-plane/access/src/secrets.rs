//! Random values, and what is kept of them.

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
    hmac,
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
    hex(digest(&SHA256, secret.as_bytes()).as_ref())
}

/// The HMAC-SHA-256 of a text by a secret, as lower-case hexadecimal digits: it follows from both, and leads back to neither.
pub(crate) fn mac(secret: &str, text: &str) -> String {
    hex(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), text.as_bytes()).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A secret as pages show it: random bytes, then those of the secret mixed with them, so that no two pages show the same. A compressed page tells by its
/// length what stands in it twice, and by that would tell a secret that stays the same, byte by byte: <https://www.breachattack.com/>.
pub(crate) fn masked(secret: &str) -> Result<String, AccessError> {
    let mut shown = vec![0; secret.len()];
    SystemRandom::new().fill(&mut shown).map_err(|_| AccessError::Unavailable("there is no randomness"))?;
    shown.extend_from_within(..);
    shown[secret.len()..].iter_mut().zip(secret.bytes()).for_each(|(mask, byte)| *mask ^= byte);
    Ok(URL_SAFE_NO_PAD.encode(shown))
}

/// Whether two that were masked are the same secret.
pub(crate) fn same_masked(one: &str, other: &str) -> bool {
    verify_slices_are_equal(&unmasked(one), &unmasked(other)).is_ok()
}

/// The secret of what a page showed; nothing, of what no page showed.
fn unmasked(shown: &str) -> Vec<u8> {
    let shown = URL_SAFE_NO_PAD.decode(shown).ok().filter(|shown| shown.len() % 2 == 0).unwrap_or_default();
    let (mask, mixed) = shown.split_at(shown.len() / 2);
    mask.iter().zip(mixed).map(|(mask, byte)| mask ^ byte).collect()
}

/// Whether two texts are equal; how long that takes tells nothing of where they differ.
pub(crate) fn same(one: &str, other: &str) -> bool {
    verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_looks_different_on_every_page_and_stays_the_same() {
        let shown = [masked("secret").unwrap(), masked("secret").unwrap()];
        assert_ne!(shown[0], shown[1]);
        assert!(same_masked(&shown[0], &shown[1]));
        let shorter = shown[0][1..].to_owned();
        let others =
            [masked("another").unwrap(), "secret".to_owned(), shorter, format!("{}AA", shown[0]), String::new()];
        assert!(others.iter().all(|other| !same_masked(&shown[0], other)));
    }
}
