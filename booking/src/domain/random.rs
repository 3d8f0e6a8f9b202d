//! Random text, for names that nobody can guess.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// Crockford's base 32: no I, L, O or U, so that a number survives being read aloud. <https://www.crockford.com/base32.html>
pub(super) const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The system gave no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no random bytes")]
pub struct RandomnessUnavailable;

/// `LENGTH` random bytes.
pub(super) fn random_bytes<const LENGTH: usize>() -> Result<[u8; LENGTH], RandomnessUnavailable> {
    let mut bytes = [0; LENGTH];
    SystemRandom::new().fill(&mut bytes).map_err(|_| RandomnessUnavailable)?;
    Ok(bytes)
}

/// `LENGTH` random characters of Crockford's base 32, five bits each.
pub(super) fn random_text<const LENGTH: usize>() -> Result<String, RandomnessUnavailable> {
    let bytes = random_bytes::<LENGTH>()?;
    Ok(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect())
}
