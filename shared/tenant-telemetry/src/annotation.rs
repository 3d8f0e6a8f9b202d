//! Annotations: what spans say about their work besides its tenant, such as which order or file it is about.

use std::sync::Arc;

use parking_lot::Mutex;

use super::semconv;

/// The most annotations that one unit of work has.
const MAX_NAMES: usize = 8;
/// The longest value, in bytes.
const MAX_VALUE: usize = 128;

/// The name of an attribute by which traces are to be found, for [`Work::annotate`](crate::Work::annotate).
///
/// ```
/// use tenant_telemetry::{Annotation, Work};
///
/// const ORDER_NUMBER: Annotation = Annotation::named("order.number");
/// Work::current().annotate(ORDER_NUMBER, "7T42H7MK");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Annotation(&'static str);

impl Annotation {
    /// Makes the annotation of this name, for a constant: 1 to 64 letters, digits, dots and underscores, as in X-Ray's keys.
    ///
    /// # Panics
    ///
    /// If the name has another form, or is one of the names for tenant and user. In a constant, this is a compile error.
    pub const fn named(name: &'static str) -> Self {
        let bytes = name.as_bytes();
        assert!(!bytes.is_empty() && bytes.len() <= 64, "an annotation's name has 1 to 64 characters");
        let mut index = 0;
        while index < bytes.len() {
            let allowed = bytes[index].is_ascii_alphanumeric() || matches!(bytes[index], b'.' | b'_');
            assert!(allowed, "an annotation's name is of letters, digits, dots and underscores");
            index += 1;
        }
        let taken = [semconv::TENANT_ID, semconv::TENANT_TIER, semconv::ENDUSER_ID, semconv::AWS_XRAY_ANNOTATIONS];
        let mut index = 0;
        while index < taken.len() {
            assert!(!is(bytes, taken[index].as_bytes()), "whom a span served is said by Work::serve alone");
            index += 1;
        }
        Self(name)
    }

    pub(super) fn name(self) -> &'static str {
        self.0
    }
}

const fn is(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut index = 0;
    while index < one.len() {
        if one[index] != other[index] {
            return false;
        }
        index += 1;
    }
    true
}

/// The annotations of one unit of work.
#[derive(Debug, Default)]
pub(super) struct Annotations(Mutex<Vec<(Annotation, Arc<str>)>>);

impl Annotations {
    pub(super) fn set(&self, annotation: Annotation, value: &str) {
        let mut known = self.0.lock();
        known.retain(|(name, _)| *name != annotation);
        if known.len() < MAX_NAMES && (1..=MAX_VALUE).contains(&value.len()) {
            known.push((annotation, value.into()));
        }
    }

    pub(super) fn all(&self) -> Vec<(Annotation, Arc<str>)> {
        self.0.lock().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: Annotation = Annotation::named("order.number");

    fn values(annotations: &Annotations) -> Vec<String> {
        annotations.all().into_iter().map(|(_, value)| value.to_string()).collect()
    }

    #[test]
    fn what_is_said_last_counts() {
        let annotations = Annotations::default();
        annotations.set(ORDER, "1");
        annotations.set(Annotation::named("file_name"), "a.txt");
        annotations.set(ORDER, "2");
        assert_eq!(values(&annotations), ["a.txt", "2"]);
    }

    #[test]
    fn names_and_values_are_bounded() {
        let annotations = Annotations::default();
        for name in ["a", "b", "c", "d", "e", "f", "g", "h", "i"] {
            annotations.set(Annotation::named(name), name);
        }
        assert_eq!(values(&annotations).join(""), "abcdefgh");
        annotations.set(Annotation::named("a"), &"x".repeat(MAX_VALUE + 1));
        assert_eq!(values(&annotations).join(""), "bcdefgh", "no part of a value, and not the one before either");
        annotations.set(Annotation::named("a"), "");
        annotations.set(Annotation::named("a"), &"x".repeat(MAX_VALUE));
        assert_eq!(values(&annotations).len(), MAX_NAMES);
    }

    #[test]
    fn what_says_whom_a_span_served_is_no_annotation() {
        for name in ["tenant.id", "tenant.tier", "enduser.id", "aws.xray.annotations", "", "order number", "ordér"] {
            assert!(std::panic::catch_unwind(|| Annotation::named(name)).is_err(), "{name:?}");
        }
    }
}
