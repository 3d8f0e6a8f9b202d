//! Text to tokens.

use super::ExpressionError;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A keyword or name: letters, digits, `_`, `.`, `-`.
    Word(String),
    Text(String),
    Number(f64),
    /// `=`, `!=`, `<`, `<=`, `>`, `>=`, `!`, `(`, `)`, `{`, `}`, `[`, `]`, `,`, `:`, `&&`, `||`
    Sign(&'static str),
}

/// A token, and the column it begins in.
pub(super) type Placed = (Token, usize);

const SIGNS: [&str; 17] = ["!=", "<=", ">=", "&&", "||", "=", "<", ">", "!", "(", ")", "{", "}", "[", "]", ",", ":"];

pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, ExpressionError> {
    let letters: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(letter) = letters.get(at).copied() {
        let column = at + 1;
        if letter.is_whitespace() {
            at += 1;
        } else if letter == '"' || letter == '\'' {
            let (text, end) = string(&letters, at)?;
            tokens.push((Token::Text(text), column));
            at = end;
        } else if let Some(sign) = SIGNS.into_iter().find(|sign| begins(&letters, at, sign)) {
            tokens.push((Token::Sign(sign), column));
            at += sign.len();
        } else if is_word(letter) {
            // Names of annotations hold more than words do.
            let in_key = matches!(tokens.last(), Some((Token::Sign("["), _)));
            let belongs = |letter: &char| is_word(*letter) || (in_key && matches!(letter, ':' | '/'));
            let end = letters.iter().skip(at).position(|letter| !belongs(letter)).map_or(letters.len(), |n| at + n);
            let word: String = letters.iter().take(end).skip(at).collect();
            let number =
                word.parse::<f64>().ok().filter(|_| word.starts_with(|c: char| c.is_ascii_digit() || c == '-'));
            tokens.push((number.map_or(Token::Word(word), Token::Number), column));
            at = end;
        } else {
            return Err(ExpressionError::at(column, format!("{letter:?} is not expected here")));
        }
    }
    Ok(tokens)
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | '.' | '-')
}

fn begins(letters: &[char], at: usize, sign: &str) -> bool {
    letters.iter().skip(at).take(sign.len()).copied().eq(sign.chars())
}

/// The string that begins at `start`, and where it has ended. A backslash stands before what is meant as it is.
fn string(letters: &[char], start: usize) -> Result<(String, usize), ExpressionError> {
    let quote = letters.get(start);
    let mut text = String::new();
    let mut at = start + 1;
    loop {
        match letters.get(at) {
            None => {
                return Err(ExpressionError::at(start + 1, "this string does not end"));
            }
            letter if letter == quote => return Ok((text, at + 1)),
            Some('\\') => {
                text.extend(letters.get(at + 1));
                at += 2;
            }
            Some(letter) => {
                text.push(*letter);
                at += 1;
            }
        }
    }
}
