//! JSON, read once from front to back, without a limit of depth and without a tree of it in memory.
//!
//! Senders are strangers: one odd value must not cost everything beside it. So half a surrogate pair and bytes that are no UTF-8
//! become U+FFFD, a number of any size is its text, and `NaN` and `Infinity` are numbers, as Python writes them.
//! What is no JSON otherwise is refused: <https://www.rfc-editor.org/rfc/rfc8259>.

use std::{borrow::Cow, collections::BTreeSet};

/// Remarks that are kept; more of them tell nobody anything.
const MAX_REMARKS: usize = 8;

/// Where text stops being JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no JSON at byte {at}: {what}")]
pub(super) struct Broken {
    at: usize,
    what: &'static str,
}

/// A value, or the beginning of one: whoever gets `Object` or `Array` goes on with what is in it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token<'a> {
    Null,
    /// A number or a truth value, as it is written.
    Bare(&'a str),
    Text(Cow<'a, str>),
    Object,
    Array,
}

/// The text, and how far it is read; and what was remarked on the way.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    /// How deep the reader is within something that nests.
    pub(super) depth: usize,
    pub(super) remarks: BTreeSet<String>,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        // Editors and some platforms put a byte order mark first.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        Self { bytes, at: 0, depth: 0, remarks: BTreeSet::new() }
    }

    /// Says once that something was odd.
    pub(super) fn remark(&mut self, text: impl Into<String>) {
        if self.remarks.len() < MAX_REMARKS {
            self.remarks.insert(text.into());
        }
    }

    fn broken<T>(&self, what: &'static str) -> Result<T, Broken> {
        Err(Broken { at: self.at, what })
    }

    /// The next byte that is no blank.
    fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), Broken> {
        if self.peek() != Some(byte) {
            return self.broken(what);
        }
        self.at += 1;
        Ok(())
    }

    /// Nothing but blanks may follow.
    pub(super) fn end(&mut self) -> Result<(), Broken> {
        if self.peek().is_none() { Ok(()) } else { self.broken("something follows") }
    }

    /// The next value: a scalar whole, of an object or a list its bracket.
    pub(super) fn value(&mut self) -> Result<Token<'a>, Broken> {
        let token = match self.peek() {
            Some(b'{') => Token::Object,
            Some(b'[') => Token::Array,
            Some(b'"') => return self.string().map(Token::Text),
            Some(_) => return self.bare(),
            None => return self.broken("it ends too early"),
        };
        self.at += 1;
        Ok(token)
    }

    /// What stands without quotes.
    fn bare(&mut self) -> Result<Token<'a>, Broken> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'+' | b'-' | b'.'));
        let text =
            rest.get(..length.unwrap_or(rest.len())).and_then(|text| str::from_utf8(text).ok()).unwrap_or_default();
        // Rust's numbers may begin with a plus or a point, and be `inf`.
        let digit = |byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let is_number = || !text.starts_with(['+', '.']) && text.bytes().all(digit) && text.parse::<f64>().is_ok();
        let token = match text {
            "null" => Token::Null,
            "true" | "false" | "NaN" | "Infinity" | "-Infinity" => Token::Bare(text),
            _ if is_number() => Token::Bare(text),
            _ => return self.broken("a value is expected"),
        };
        self.at += text.len();
        Ok(token)
    }

    /// The members of an object whose bracket was read; `member` reads the value of each.
    pub(super) fn members(
        &mut self,
        mut member: impl FnMut(&mut Self, &str) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        self.items(b'}', "a comma or } is expected", |cursor| {
            let name = cursor.name()?;
            member(cursor, &name)
        })
    }

    /// The elements of a list whose bracket was read; `element` reads each.
    pub(super) fn elements(&mut self, element: impl FnMut(&mut Self) -> Result<(), Broken>) -> Result<(), Broken> {
        self.items(b']', "a comma or ] is expected", element)
    }

    fn items(
        &mut self,
        close: u8,
        what: &'static str,
        mut item: impl FnMut(&mut Self) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        let mut more = self.peek() != Some(close);
        while more {
            item(self)?;
            more = self.peek() == Some(b',');
            self.at += usize::from(more);
        }
        self.expect(close, what)
    }

    /// Passes over the rest of a value that has begun with `token`, however deep it is.
    pub(super) fn skip(&mut self, token: &Token<'_>) -> Result<(), Broken> {
        let mut open = Vec::new();
        let enter = |open: &mut Vec<bool>, token: &Token<'_>| match token {
            Token::Object => open.push(true),
            Token::Array => open.push(false),
            _ => {}
        };
        enter(&mut open, token);
        let mut fresh = true;
        while let Some(in_object) = open.last().copied() {
            if self.peek() == Some(if in_object { b'}' } else { b']' }) {
                self.at += 1;
                open.pop();
                fresh = false;
                continue;
            }
            if !fresh {
                self.expect(b',', "a comma or a closing bracket is expected")?;
            }
            if in_object {
                self.name()?;
            }
            let next = self.value()?;
            fresh = matches!(next, Token::Object | Token::Array);
            enter(&mut open, &next);
        }
        Ok(())
    }

    /// A member's name and its colon.
    fn name(&mut self) -> Result<Cow<'a, str>, Broken> {
        if self.peek() != Some(b'"') {
            return self.broken("a name in quotes is expected");
        }
        let name = self.string()?;
        self.expect(b':', "a colon is expected")?;
        Ok(name)
    }

    /// A string whose quote is next.
    fn string(&mut self) -> Result<Cow<'a, str>, Broken> {
        self.at += 1;
        let mut text = Vec::new();
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let Some(length) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')) else {
                return self.broken("a string does not end");
            };
            let (plain, stop) = rest.split_at(length);
            self.at += length + 1;
            // A string without escapes, as most are, is not copied.
            if stop.first() == Some(&b'"') && text.is_empty() {
                return Ok(String::from_utf8_lossy(plain));
            }
            text.extend_from_slice(plain);
            if stop.first() == Some(&b'"') {
                return Ok(String::from_utf8_lossy(&text).into_owned().into());
            }
            let letter = self.escape()?;
            text.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }

    /// What stands behind a backslash.
    fn escape(&mut self) -> Result<char, Broken> {
        let Some(letter) = self.bytes.get(self.at).copied() else { return self.broken("a string does not end") };
        self.at += 1;
        Ok(match letter {
            b'"' | b'\\' | b'/' => letter.into(),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.unit()?;
                let behind = self.at;
                // The other half of a pair, where one follows.
                if (0xd800..0xdc00).contains(&first) && self.bytes.get(behind..behind + 2) == Some(b"\\u") {
                    self.at += 2;
                    if let Some(Ok(letter)) = char::decode_utf16([first, self.unit()?]).next() {
                        return Ok(letter);
                    }
                    self.at = behind;
                }
                char::from_u32(first.into()).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => return self.broken("no escape of JSON"),
        })
    }

    fn unit(&mut self) -> Result<u16, Broken> {
        let mut unit = [0; 2];
        match self.bytes.get(self.at..self.at + 4).map(|digits| hex::decode_to_slice(digits, &mut unit)) {
            Some(Ok(())) => {
                self.at += 4;
                Ok(u16::from_be_bytes(unit))
            }
            _ => self.broken("\\u has four hexadecimal digits"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skipped(text: &str) -> Result<(), Broken> {
        let mut cursor = Cursor::new(text.as_bytes());
        let token = cursor.value()?;
        cursor.skip(&token)?;
        cursor.end()
    }

    /// Reads the same text member by member.
    fn walked(text: &str) -> Result<(), Broken> {
        fn walk(cursor: &mut Cursor<'_>) -> Result<(), Broken> {
            match cursor.value()? {
                Token::Object => cursor.members(|cursor, _| walk(cursor)),
                Token::Array => cursor.elements(walk),
                _ => Ok(()),
            }
        }
        let mut cursor = Cursor::new(text.as_bytes());
        walk(&mut cursor)?;
        cursor.end()
    }

    #[test]
    fn json_is_told_from_what_is_none() {
        for text in ["{}", " [ ] ", "{\"a\" : [1, -2.5e+3, {\"b\":null}], \"c\":true}", "\"x\"", "[[],[[]],{}]", "NaN"]
        {
            assert_eq!((skipped(text), walked(text)), (Ok(()), Ok(())), "{text}");
        }
        for text in [
            "",
            "{",
            "[",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{\"a\":1 \"b\":2}",
            "{a:1}",
            "{,}",
            "nul",
            "+1",
            "1 2",
            "\"x",
            "\"\\x\"",
            "\"\\u12g4\"",
            "[}",
            "{]",
            "--1",
            "1e",
            "]",
            "{} {}",
            "{'a':1}",
            "{\"a\":1,,\"b\":2}",
        ] {
            assert!(skipped(text).is_err() && walked(text).is_err(), "{text}");
        }
    }

    #[test]
    fn depth_is_no_danger() {
        let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert_eq!(skipped(&deep), Ok(()));
    }

    #[test]
    fn strings_are_read_whatever_is_in_them() {
        for (json, text) in [
            (&br#""a\"\\\/\b\f\n\r\t\u00e9""#[..], "a\"\\/\u{8}\u{c}\n\r\té"),
            (br#""\ud83d\ude00""#, "😀"),
            (br#""half \ud83d""#, "half \u{fffd}"),
            (br#""half \ude00 x""#, "half \u{fffd} x"),
            (br#""\ud83d\u0041""#, "\u{fffd}A"),
            (b"\"no \xff utf-8\"", "no \u{fffd} utf-8"),
            (b"\"\xe2\x82\xac\"", "€"),
        ] {
            assert_eq!(Cursor::new(json).value(), Ok(Token::Text(text.into())), "{json:?}");
        }
    }
}
