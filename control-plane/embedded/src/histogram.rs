//! Latency histograms as bytes. The histogram itself is the crate `slo`'s: bins grow by 2^(1/8), quantiles are within 5 %.

use prost::encoding::{decode_varint, encode_varint};
use slo::Histogram;

/// Counts are kept in thousandths: a sampled span may stand for 2.5.
const PARTS: f64 = 1_000.0;

/// Pairs of variable-length numbers: distance from the bin before, count (zigzag, for what is taken away again).
pub(crate) fn encode(histogram: &Histogram) -> Vec<u8> {
    let bins = histogram.bins();
    let mut out = Vec::with_capacity(bins.len() * 3);
    let mut before = 0;
    for (bin, weight) in bins {
        let parts = (weight * PARTS).round() as i64;
        if parts != 0 {
            encode_varint(u64::from(bin - before), &mut out);
            encode_varint((parts.wrapping_shl(1) ^ (parts >> 63)) as u64, &mut out);
            before = *bin;
        }
    }
    out
}

/// What [`encode`] made; bytes that it cannot have made end the reading.
pub(crate) fn decode(mut bytes: &[u8]) -> Histogram {
    let mut histogram = Histogram::new();
    let mut bin = 0_u16;
    while let (Ok(step), Ok(zigzag)) = (decode_varint(&mut bytes), decode_varint(&mut bytes)) {
        bin = bin.saturating_add(u16::try_from(step).unwrap_or(u16::MAX));
        let parts = (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64);
        histogram.add_bin(bin, parts as f64 / PARTS);
    }
    histogram
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_read_back() {
        let mut histogram = Histogram::new();
        for (duration, weight) in [(0, 1.0), (1, 1.0), (u64::MAX, 3.0), (5_000_000, 2.5), (70_000, -1.0)] {
            histogram.add(duration, weight);
        }
        assert_eq!(decode(&encode(&histogram)), histogram);
        assert_eq!(decode(&[0xff; 30]), Histogram::new());
    }

    #[test]
    fn what_was_added_and_taken_away_takes_no_room() {
        let mut histogram = Histogram::new();
        histogram.add(10, 1.5);
        histogram.add(10, -1.5);
        assert!(encode(&histogram).is_empty());
    }
}
