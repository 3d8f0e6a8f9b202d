//! How many spans a span stands for.

use opentelemetry_proto::tonic::{common::v1::any_value::Value, trace::v1::Span};

use super::attributes::any;

/// The most that a single span may stand for. A sampler that keeps one of more than this is none that a sum can rest on; and a
/// threshold comes from whoever sends the span, and could say 2^56.
const MAX_WEIGHT: f64 = 10_000.0;

/// What a span says of how many it stands for: by this attribute the adjusted count, by that one whether it is a guess.
pub(super) const ADJUSTED_COUNT: &str = "sampling.adjusted_count";
pub(super) const ESTIMATED: &str = "sampling.estimated";

/// The adjusted count of a span, and whether it is a guess.
pub(super) fn weight(span: &Span) -> (f64, bool) {
    let attributes = span.attributes.as_slice();
    let said = match any(attributes, ADJUSTED_COUNT) {
        Some(Value::DoubleValue(count)) => Some(*count),
        Some(Value::IntValue(count)) => Some(*count as f64),
        Some(Value::StringValue(text)) => text.parse().ok(),
        _ => None,
    };
    let estimated = match any(attributes, ESTIMATED) {
        Some(Value::BoolValue(truth)) => *truth,
        Some(Value::StringValue(text)) => text == "true",
        _ => false,
    };
    adjusted(said, estimated, &span.trace_state)
}

/// The adjusted count, and whether it is a guess: what our own attributes say, else the threshold in `tracestate`
/// (<https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/>).
pub(super) fn adjusted(said: Option<f64>, estimated: bool, trace_state: &str) -> (f64, bool) {
    // What stands for fewer than itself is no count.
    match said.or_else(|| threshold(trace_state)).filter(|count| *count >= 1.0) {
        Some(count) if count > MAX_WEIGHT => (MAX_WEIGHT, true),
        Some(count) => (count, estimated),
        None => (1.0, estimated),
    }
}

fn threshold(trace_state: &str) -> Option<f64> {
    let ot = trace_state.split(',').find_map(|member| member.trim().strip_prefix("ot="))?;
    let digits = ot.split(';').find_map(|field| field.strip_prefix("th:"))?;
    if digits.is_empty() || digits.len() > 14 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let threshold = u64::from_str_radix(&format!("{digits:0<14}"), 16).ok()?;
    let all = 1_u64 << 56;
    Some(all as f64 / (all - threshold) as f64)
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};

    use super::*;

    fn of(trace_state: &str, attributes: &[(&str, Value)]) -> (f64, bool) {
        let pair = |(key, value): &(&str, Value)| KeyValue {
            key: (*key).to_owned(),
            value: Some(AnyValue { value: Some(value.clone()) }),
            ..KeyValue::default()
        };
        let attributes = attributes.iter().map(pair).collect();
        weight(&Span { trace_state: trace_state.into(), attributes, ..Span::default() })
    }

    #[test]
    fn thresholds_count_up_to_a_bound() {
        for (trace_state, expected) in [
            ("", (1.0, false)),
            ("ot=th:0", (1.0, false)),
            ("vendor=1, ot=rv:1;th:8", (2.0, false)),
            ("ot=th:ff", (256.0, false)),
            ("ot=th:fff", (4096.0, false)),
            ("ot=th:ffff", (MAX_WEIGHT, true)),
            ("ot=th:ffffffffffffff", (MAX_WEIGHT, true)),
            ("ot=th:fffffffffffffff", (1.0, false)),
            ("ot=th:", (1.0, false)),
            ("ot=th:x", (1.0, false)),
        ] {
            assert_eq!(of(trace_state, &[]), expected, "{trace_state}");
        }
    }

    #[test]
    fn counts_of_our_own_are_bounded_too() {
        let count = |value| of("ot=th:8", &[("sampling.adjusted_count", value)]);
        assert_eq!(count(Value::DoubleValue(2.5)), (2.5, false));
        assert_eq!(count(Value::IntValue(10_001)), (MAX_WEIGHT, true));
        assert_eq!(count(Value::StringValue("64".into())), (64.0, false));
        assert_eq!(count(Value::DoubleValue(f64::INFINITY)), (MAX_WEIGHT, true));
        for none in [f64::NAN, 0.5, 0.0, -3.0] {
            assert_eq!(count(Value::DoubleValue(none)), (1.0, false), "{none}");
        }
        assert_eq!(of("", &[("sampling.estimated", Value::BoolValue(true))]), (1.0, true));
    }
}
