//! Splits the text of a filter expression into tokens.

use super::ExpressionError;

#[derive(Debug, PartialEq)]
pub(super) enum Token<'a> {
    /// A keyword or name: letters, digits, `_`, `.`, `-`.
    Word(&'a str),
    /// What stands in quotes.
    Text(String),
    Number(f64),
    /// One of [`SIGNS`].
    Sign(&'static str),
}

/// What begins with another stands before it.
const SIGNS: [&str; 17] = ["!=", "<=", ">=", "&&", "||", "=", "<", ">", "!", "(", ")", "{", "}", "[", "]", ",", ":"];

/// Tokens, and the byte that each begins at.
pub(super) fn tokens(text: &str) -> Result<Vec<(Token<'_>, usize)>, ExpressionError> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(letter) = rest.chars().next() {
        let at = text.len() - rest.len();
        let (token, length) = if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            (Token::Sign(sign), sign.len())
        } else if matches!(letter, '"' | '\'') {
            let string = string(rest).ok_or_else(|| ExpressionError::at(text, at, "this string does not end"))?;
            (Token::Text(string.0), string.1)
        } else if is_word(letter) {
            // Names of annotations hold more than words do.
            let in_key = matches!(tokens.last(), Some((Token::Sign("["), _)));
            let belongs = |letter: char| if in_key { is_in_key(letter) } else { is_word(letter) };
            let word = &rest[..rest.find(|letter| !belongs(letter)).unwrap_or(rest.len())];
            let number = word.parse().ok().filter(|_| word.starts_with(|c: char| c.is_ascii_digit() || c == '-'));
            (number.map_or(Token::Word(word), Token::Number), word.len())
        } else {
            return Err(ExpressionError::at(text, at, format!("{letter:?} is not expected here")));
        };
        tokens.push((token, at));
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// Whether a key is one word between the brackets of `attribute[…]`.
pub(super) fn is_key(text: &str) -> bool {
    text.starts_with(char::is_alphabetic) && text.chars().all(is_in_key)
}

fn is_in_key(letter: char) -> bool {
    is_word(letter) || matches!(letter, ':' | '/')
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | '.' | '-')
}

/// What stands in the quotes that a text begins with, and how many bytes that and the quotes take. A backslash stands before what is
/// meant as it is.
fn string(quoted: &str) -> Option<(String, usize)> {
    let mut letters = quoted.char_indices();
    let (_, quote) = letters.next()?;
    let mut text = String::new();
    loop {
        match letters.next()? {
            (at, letter) if letter == quote => return Some((text, at + 1)),
            (_, '\\') => text.push(letters.next()?.1),
            (_, letter) => text.push(letter),
        }
    }
}
