//! What is remembered from run to run, and as which bytes: JSON, compressed. `serde_json`'s `float_roundtrip` makes what is read
//! back equal to what was written, to the last bit of a sum.

use std::io::{Read, Write};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use slo::Alerts;

use crate::notice::Notice;

/// The most a state may be once it is read: bytes that claim more are not ours.
const MAX_BYTES: u64 = 16 << 20;

/// How far everybody was evaluated.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// The end of the last five minutes that were evaluated, in seconds since 1970, or `None` before the first.
    pub evaluated: Option<i64>,
    /// Alerts that are open or about to be.
    pub alerts: Alerts,
    /// What is still to be told.
    pub untold: Vec<Notice>,
}

/// Something and the version it was stored as; 0 before it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Versioned<T> {
    /// Counts how often it was stored.
    pub version: u64,
    /// The value that is stored.
    pub value: T,
}

/// As it is stored.
pub fn encode<T: Serialize>(value: &T) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&serde_json::to_vec(value)?)?;
    encoder.finish()
}

/// What [`encode`] made.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> std::io::Result<T> {
    let mut json = Vec::new();
    GzDecoder::new(bytes).take(MAX_BYTES).read_to_end(&mut json)?;
    Ok(serde_json::from_slice(&json)?)
}

#[cfg(test)]
mod tests {
    use slo::{Cell, Definitions, SubjectState};

    use super::*;

    #[test]
    fn a_state_is_the_same_when_read_back_and_fits_an_item() {
        let objectives = Definitions::compiled().unwrap().of(None, "basic").unwrap();
        let mut known = SubjectState { tier: "basic".to_owned(), ..SubjectState::default() };
        // 31 days without a quiet five minutes, with weights that are no whole numbers.
        for slot in 0..31 * 288_i64 {
            let mut cell = Cell::empty(1_790_000_100 + slot * 300, 300);
            for request in 0..20_u64 {
                let duration = 20_000_000 + (slot as u64 * 7_919 + request * 104_729) % 400_000_000;
                cell.add(duration, request == 0 && slot % 50 == 0, Some(1.0 / 0.3));
            }
            known.state.feed(&cell, &objectives).unwrap();
            known.fed = cell.end();
        }
        let bytes = encode(&known).unwrap();
        assert_eq!(decode::<SubjectState>(&bytes).unwrap(), known);
        // An item holds 400 kB.
        assert!(bytes.len() < 100_000, "{} bytes", bytes.len());
        assert!(decode::<SubjectState>(&bytes[..bytes.len() / 2]).is_err());
    }
}
