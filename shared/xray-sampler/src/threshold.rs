//! A probability as the threshold that trace ids are compared with, which is how OpenTelemetry writes it.
//! <https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/>

use std::{fmt, str::FromStr};

use opentelemetry::trace::TraceId;

/// Bits of a trace id that are random, and so decide (W3C Trace Context Level 2).
const RANDOM_BITS: u32 = 56;

/// Which trace ids are kept: those whose random part is at least this, so that every service decides alike.
///
/// As text it is the value of `th` in `tracestate`: up to 14 hexadecimal digits in lower case, without the zeros it ends in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threshold(u64);

/// The text is not a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a sampling threshold")]
pub struct InvalidThreshold;

impl Threshold {
    /// The threshold of a probability. Values below 0 count as 0, and values above 1 as 1.
    pub fn of(probability: f64) -> Self {
        let all = (1_u64 << RANDOM_BITS) as f64;
        Self(((1.0 - probability.clamp(0.0, 1.0)) * all).round() as u64)
    }

    /// Whether a trace with this id is kept.
    pub fn admits(self, trace_id: TraceId) -> bool {
        let random = u128::from_be_bytes(trace_id.to_bytes()) as u64 & ((1 << RANDOM_BITS) - 1);
        random >= self.0
    }

    /// For how many traces a kept one stands: one divided by the probability.
    pub fn adjusted_count(self) -> f64 {
        let all = 1_u64 << RANDOM_BITS;
        all as f64 / (all - self.0.min(all - 1)) as f64
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:014x}", self.0);
        let digits = digits.trim_end_matches('0');
        f.write_str(if digits.is_empty() { "0" } else { digits })
    }
}

impl FromStr for Threshold {
    type Err = InvalidThreshold;

    fn from_str(text: &str) -> Result<Self, InvalidThreshold> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.is_empty() || text.len() > 14 || !text.bytes().all(is_digit) {
            return Err(InvalidThreshold);
        }
        u64::from_str_radix(&format!("{text:0<14}"), 16).map(Self).map_err(|_| InvalidThreshold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_survives_its_text() {
        for probability in [1.0, 0.5, 0.25, 0.1, 0.000_001] {
            let threshold = Threshold::of(probability);
            assert_eq!(threshold.to_string().parse(), Ok(threshold), "{probability}");
            assert!((threshold.adjusted_count() * probability - 1.0).abs() < 1e-6, "{probability}");
        }
        assert_eq!(Threshold::of(1.0).to_string(), "0");
        for text in ["", "g", "C", "000000000000000", "+1"] {
            assert_eq!(text.parse::<Threshold>(), Err(InvalidThreshold), "{text:?}");
        }
    }
}
