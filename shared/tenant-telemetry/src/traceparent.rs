//! `traceparent`, read to the letter: <https://www.w3.org/TR/trace-context-2/#traceparent-header>
//!
//! OpenTelemetry's own propagator takes parts of any length and forgets the random flag, hence this one.

use opentelemetry::trace::{SpanId, TraceFlags, TraceId};

/// The last seven bytes of the trace id are random.
/// <https://www.w3.org/TR/trace-context-2/#random-trace-id-flag>
pub(super) const RANDOM: TraceFlags = TraceFlags::new(0x02);

/// `00-<32>-<16>-<2>`; later versions may go on after a further `-`.
const LENGTH: usize = 55;

/// What a `traceparent` header says: the trace, the caller's span and the flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Traceparent {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    /// Only flags that Level 2 knows: sampled and random. The specification wants all others to be zero on the way out.
    pub(super) flags: TraceFlags,
}

impl Traceparent {
    /// Reads one header value. Anything that the specification does not allow is `None`, and the trace starts anew.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim_matches([' ', '\t']).as_bytes();
        let (fixed, rest) = text.split_at_checked(LENGTH)?;
        let dashes = [2, 35, 52].iter().all(|at| fixed.get(*at) == Some(&b'-'));
        let [version] = bytes(fixed.get(..2)?)?;
        let ends_well = match version {
            0x00 => rest.is_empty(),
            0xff => false,
            _ => rest.is_empty() || rest.starts_with(b"-"),
        };
        if !dashes || !ends_well {
            return None;
        }
        let trace_id = TraceId::from_bytes(bytes(fixed.get(3..35)?)?);
        let span_id = SpanId::from_bytes(bytes(fixed.get(36..52)?)?);
        let [flags] = bytes(fixed.get(53..)?)?;
        let flags = TraceFlags::new(flags) & (TraceFlags::SAMPLED | RANDOM);
        (trace_id != TraceId::INVALID && span_id != SpanId::INVALID).then_some(Self { trace_id, span_id, flags })
    }
}

impl std::fmt::Display for Traceparent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace_id, self.span_id, self.flags)
    }
}

/// Lower-case hexadecimal digits, exactly as many as `N` bytes have.
fn bytes<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if digits.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let &[high, low] = pair else { return None };
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some(bytes)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_alike() {
        for flags in ["00", "01", "02", "03"] {
            let text = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}");
            assert_eq!(Traceparent::parse(&text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_later_version_is_read_as_far_as_this_one_goes() {
        let read = Traceparent::parse("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff-what-comes").unwrap();
        assert_eq!(read.to_string(), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03");
    }

    #[test]
    fn every_digit_counts() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        for at in 0..good.len() {
            for wrong in ["g", "A", " ", "+", "é", ""] {
                let mut text = good.to_owned();
                text.replace_range(at..=at, wrong);
                let text = format!("\t {text}");
                assert_eq!(Traceparent::parse(&text), None, "{text:?}");
            }
            assert_eq!(Traceparent::parse(&good[..at]), None, "{at}");
        }
        for more in ["0", "-", "-00"] {
            assert_eq!(Traceparent::parse(&format!("{good}{more}")), None, "nothing follows in version 00: {more}");
        }
    }
}
