//! Email addresses of people who are to sign in.

use std::fmt;

/// SMTP's limit for a path, RFC 5321 §4.5.3.1, less its two brackets.
const MAX_BYTES: usize = 254;
const MAX_LOCAL_PART_BYTES: usize = 64;
const MAX_LABEL_BYTES: usize = 63;

/// An address as browsers accept it in a form (<https://html.spec.whatwg.org/#valid-e-mail-address>), with a domain that has a dot,
/// in lower case: one person however they write it. Whether it can be reached, only mail tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// Reads an address; spaces around it are left out.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        let valid = text.len() <= MAX_BYTES
            && text.split_once('@').is_some_and(|(local, domain)| is_local_part(local) && is_domain(domain));
        if valid { Ok(Self(text.to_ascii_lowercase())) } else { Err("must be an email address") }
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_local_part(text: &str) -> bool {
    let atom = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&byte);
    // Mail systems refuse an empty atom, which browsers let pass.
    text.len() <= MAX_LOCAL_PART_BYTES && text.split('.').all(|part| !part.is_empty() && part.bytes().all(atom))
}

fn is_domain(text: &str) -> bool {
    let label = |part: &str| {
        (1..=MAX_LABEL_BYTES).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    text.contains('.') && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_however_it_is_written() {
        for text in ["ada@example.com", "Ada@Example.COM", "  ada@example.com "] {
            assert_eq!(EmailAddress::parse(text).unwrap().as_str(), "ada@example.com");
        }
        for text in ["a.b+c@sub.example.co", "o'hara@example.ie", &format!("{}@example.com", "x".repeat(64))] {
            assert!(EmailAddress::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long_local = format!("{}@example.com", "x".repeat(65));
        let long = format!("a@{}example.com", "label.".repeat(42));
        for text in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@example",
            "ada@@example.com",
            "ada@example..com",
            "ada@-example.com",
            ".ada@example.com",
            "ada..l@example.com",
            "ada l@example.com",
            "ada@exa mple.com",
            "ada@example.com\nbcc: b",
            "ada@exämple.com",
            "\"ada\"@example.com",
            "ada@[127.0.0.1]",
            "Ada <ada@example.com>",
            &long_local,
            &long,
        ] {
            assert!(EmailAddress::parse(text).is_err(), "{text:?}");
        }
    }
}
