//! How likely a trace was to be kept, as `tracestate` carries it.

use opentelemetry::trace::{TraceId, TraceState};

use crate::tracestate::OPENTELEMETRY;

/// Bits of a trace id that are random, and so decide (W3C Trace Context Level 2).
const RANDOM_BITS: u32 = 56;

/// A probability as the threshold that trace ids are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Threshold(u64);

impl Threshold {
    pub(super) fn of(probability: f64) -> Self {
        let all = (1_u64 << RANDOM_BITS) as f64;
        Self(((1.0 - probability.clamp(0.0, 1.0)) * all).round() as u64)
    }

    pub(super) fn admits(self, trace_id: TraceId) -> bool {
        let random = u128::from_be_bytes(trace_id.to_bytes()) as u64 & ((1 << RANDOM_BITS) - 1);
        random >= self.0
    }

    pub(super) fn adjusted_count(self) -> f64 {
        let all = 1_u64 << RANDOM_BITS;
        all as f64 / (all - self.0.min(all - 1)) as f64
    }

    /// Hexadecimal, without the zeros it ends in.
    fn text(self) -> String {
        let digits = format!("{:014x}", self.0);
        let digits = digits.trim_end_matches('0');
        if digits.is_empty() { "0".to_owned() } else { digits.to_owned() }
    }

    fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.is_empty() || text.len() > 14 || !text.bytes().all(is_digit) {
            return None;
        }
        u64::from_str_radix(&format!("{text:0<14}"), 16).ok().map(Self)
    }

    /// The threshold in a `tracestate`.
    pub(super) fn in_state(state: &TraceState) -> Option<Self> {
        let members = state.get(OPENTELEMETRY)?.split(';');
        members
            .filter_map(|member| member.split_once(':'))
            .find(|(key, _)| *key == "th")
            .and_then(|(_, th)| Self::parse(th))
    }

    pub(super) fn onto(self, state: &TraceState) -> TraceState {
        with_threshold(state, Some(self))
    }
}

/// The state with this threshold in place of any other, or with none: whoever decides for itself says nothing of another's odds.
pub(super) fn with_threshold(state: &TraceState, threshold: Option<Threshold>) -> TraceState {
    let Some(member) = state.get(OPENTELEMETRY).or(threshold.map(|_| "")) else { return state.clone() };
    let others = member.split(';').filter(|field| !field.is_empty() && !field.starts_with("th:")).map(str::to_owned);
    let fields: Vec<_> = others.chain(threshold.map(|threshold| format!("th:{}", threshold.text()))).collect();
    let changed =
        if fields.is_empty() { state.delete(OPENTELEMETRY) } else { state.insert(OPENTELEMETRY, fields.join(";")) };
    changed.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_survives_its_text() {
        for probability in [1.0, 0.5, 0.25, 0.1, 0.000_001] {
            let threshold = Threshold::of(probability);
            assert_eq!(Threshold::parse(&threshold.text()), Some(threshold), "{probability}");
            assert!((threshold.adjusted_count() * probability - 1.0).abs() < 1e-6, "{probability}");
        }
        assert_eq!(Threshold::of(1.0).text(), "0");
        for text in ["", "g", "C", "000000000000000", "+1"] {
            assert_eq!(Threshold::parse(text), None, "{text:?}");
        }
    }
}
