//! Which texts a contract allows: one definition for the code that reads them and for the schema that is published.

use std::fmt;

/// So many characters of a class. The class is written as in a regular expression: characters and ranges of ASCII, `-` at the end
/// for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pattern {
    class: &'static str,
    shortest: usize,
    longest: usize,
}

impl Pattern {
    /// `shortest` to `longest` characters of `class`.
    pub const fn new(class: &'static str, shortest: usize, longest: usize) -> Self {
        Self { class, shortest, longest }
    }

    /// Whether the pattern allows this text.
    pub fn allows(&self, text: &str) -> bool {
        (self.shortest..=self.longest).contains(&text.len()) && text.bytes().all(|byte| self.has(byte))
    }

    /// The pattern as a regular expression (ECMA 262) for JSON Schema's `pattern`.
    pub fn regex(&self) -> String {
        let Self { class, shortest, longest } = self;
        if shortest == longest {
            format!("^[{class}]{{{longest}}}$")
        } else {
            format!("^[{class}]{{{shortest},{longest}}}$")
        }
    }

    fn has(&self, byte: u8) -> bool {
        let mut rest = self.class.as_bytes();
        loop {
            rest = match rest {
                [from, b'-', to, rest @ ..] if (*from..=*to).contains(&byte) => return true,
                [_, b'-', _, rest @ ..] => rest,
                [one, ..] if *one == byte => return true,
                [_, rest @ ..] => rest,
                [] => return false,
            }
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { class, shortest, longest } = self;
        if shortest == longest {
            write!(f, "{longest} characters of {class}")
        } else {
            write!(f, "{shortest} to {longest} characters of {class}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_the_length_and_only_characters_of_the_class() {
        let pattern = Pattern::new("0-9A-HJK_-", 2, 3);
        for text in ["00", "9AH", "JK_", "_-", "--"] {
            assert!(pattern.allows(text), "{text:?}");
        }
        for text in ["", "0", "0000", "I0", "a0", "0/", "0:", "0 ", "0\n", "00\n", "é", "Ａ0"] {
            assert!(!pattern.allows(text), "{text:?}");
        }
        assert_eq!(pattern.regex(), "^[0-9A-HJK_-]{2,3}$");
        assert_eq!(Pattern::new("A-Z", 3, 3).regex(), "^[A-Z]{3}$");
    }
}
