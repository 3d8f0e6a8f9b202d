//! X-Ray's trace header, `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`
//! <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>

use std::sync::Arc;

use opentelemetry::{
    Context,
    trace::{SpanId, TraceContextExt, TraceId},
};

use super::ids::xray_trace_id;

/// The longest `Lineage` that is passed on, in bytes.
const MAX_LINEAGE: usize = 256;

/// What the header says. Fields of other names, such as `Self`, are passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct XrayHeader {
    pub(super) root: TraceId,
    pub(super) parent: Option<SpanId>,
    /// X-Ray's decision, or `None` where it is left to whoever reads this (`?`, or no such field).
    pub(super) sampled: Option<bool>,
}

/// By what the header's `Lineage` says, Lambda finds functions that call each other in a circle. In a context, for calls to AWS.
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lineage(Arc<str>);

impl XrayHeader {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let sampled = match field(text, "Sampled") {
            Some("1") => Some(true),
            Some("0") => Some(false),
            _ => None,
        };
        let parent = field(text, "Parent").filter(|value| is_hex(value, 16)).and_then(|id| SpanId::from_hex(id).ok());
        Some(Self {
            root: parse_root(field(text, "Root")?)?,
            parent: parent.filter(|id| *id != SpanId::INVALID),
            sampled,
        })
    }
}

impl Lineage {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b":|._-".contains(&byte);
        let lineage = field(text, "Lineage")?;
        (lineage.len() <= MAX_LINEAGE && lineage.bytes().all(plain)).then(|| Self(lineage.into()))
    }
}

/// The first field of this name that says something.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = text.split(';').filter_map(|part| part.trim().split_once('='));
    fields.find(|(key, value)| *key == name && !value.is_empty()).map(|(_, value)| value)
}

fn parse_root(value: &str) -> Option<TraceId> {
    let (time, unique) = value.strip_prefix("1-")?.split_once('-')?;
    if !is_hex(time, 8) || !is_hex(unique, 24) {
        return None;
    }
    TraceId::from_hex(&format!("{time}{unique}")).ok().filter(|id| *id != TraceId::INVALID)
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The header for a call to AWS made in this context, none if it has no span.
pub(crate) fn xray_header(cx: &Context) -> Option<String> {
    let span = cx.span();
    let span = span.span_context();
    let sampled = u8::from(span.is_sampled());
    let mut header = format!("Root={};Parent={};Sampled={sampled}", xray_trace_id(span.trace_id()), span.span_id());
    if let Some(Lineage(lineage)) = cx.get() {
        header.extend([";Lineage=", lineage]);
    }
    span.is_valid().then_some(header)
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanContext, TraceFlags, TraceState};

    use super::*;

    #[test]
    fn what_is_malformed_says_nothing() {
        let zeros = "Root=1-00000000-000000000000000000000000;Sampled=1";
        for text in ["", "Root=", "Root=1-x-y;Sampled=1", zeros, "é;=;", "Root=2-5759e988-bd862e3fe1be46a994272793"] {
            assert_eq!(XrayHeader::parse(text), None, "{text:?}");
        }
        let text = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad;Sampled=yes;;Self=1;x";
        let header = XrayHeader::parse(text).unwrap();
        assert_eq!((header.parent, header.sampled), (None, None));
    }

    #[test]
    fn lineage_goes_on_and_nothing_hides_in_it() {
        let lineage = "Lineage=a87bd80c:1|68fd508a:5|c512fbe3:2";
        let span = SpanContext::new(TraceId::from(7), SpanId::from(7), TraceFlags::SAMPLED, false, TraceState::NONE);
        let cx = Context::new().with_remote_span_context(span);
        let header = xray_header(&cx.with_value(Lineage::parse(lineage).unwrap())).unwrap();
        let zeros = "0".repeat(23);
        assert_eq!(header, format!("Root=1-00000000-{zeros}7;Parent=0000000000000007;Sampled=1;{lineage}"));
        for text in ["Lineage=", "Lineage=a\r\nx: y", "Lineage=a b", &format!("Lineage={}", "a".repeat(257))] {
            assert_eq!(Lineage::parse(text), None, "{text:?}");
        }
        assert_eq!(xray_header(&Context::new()), None);
    }
}
