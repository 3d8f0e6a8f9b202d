//! Control characters made visible: names come from outside, and an escape sequence in one must not command a terminal.

use std::borrow::Cow;

use serde_json::Value;

/// Whether a terminal or a browser acts on a character, where a reader expects to see one: C0, DEL and C1, and what turns the
/// direction of writing round (<https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters>).
pub fn commands(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}')
}

/// Text of a line: control characters as JSON escapes them.
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, commands)
}

/// The same, of text that has lines.
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |letter| !matches!(letter, '\n' | '\r' | '\t') && commands(letter))
}

fn escaped(text: &str, is: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&is) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if is(letter) {
            escaped.push_str(&format!("\\u{:04x}", u32::from(letter)));
        } else {
            escaped.push(letter);
        }
    }
    escaped.into()
}

/// All text of an answer, names of fields included.
pub fn within(value: Value) -> Value {
    match value {
        Value::String(text) => line(&text).into_owned().into(),
        Value::Array(values) => values.into_iter().map(within).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (line(&name).into_owned(), within(value))).collect()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_commands_a_terminal() {
        for (text, shown) in [
            ("plain ä", "plain ä"),
            ("\x1b[2J", "\\u001b[2J"),
            ("\u{9b}31m", "\\u009b31m"),
            ("a\nb\tc", "a\\u000ab\\u0009c"),
            ("\x07\x7f", "\\u0007\\u007f"),
            ("\u{202e}evil", "\\u202eevil"),
        ] {
            assert_eq!(line(text), shown);
        }
        assert_eq!(lines("a\nb\x1b"), "a\nb\\u001b");
        assert_eq!(within(serde_json::json!({"\x1b": ["\x08", 1]})), serde_json::json!({"\\u001b": ["\\u0008", 1]}));
    }
}
