//! The next token, and where an error is.

use super::{super::ExpressionError, Parsed, Parser, Token};

impl<'a> Parser<'a> {
    /// The token with this index.
    pub(super) fn token(&self, at: usize) -> Option<&Token<'a>> {
        self.tokens.get(at).map(|(token, _)| token)
    }

    /// An error that points at a token, or at the end of the text.
    pub(super) fn error(&self, at: usize, message: impl Into<String>) -> ExpressionError {
        let byte = self.tokens.get(at).map_or(self.text.len(), |(_, byte)| *byte);
        ExpressionError::at(self.text, byte, message)
    }

    /// The error that the next token is not what was expected.
    pub(super) fn expected<T>(&self, what: &str) -> Parsed<T> {
        Err(self.error(self.at, format!("expected {what}")))
    }

    /// Remembers that the control plane cannot answer what begins at a token, though X-Ray can.
    pub(super) fn refuse_by_name(&mut self, at: usize, message: impl Into<String>) {
        let error = ExpressionError { is_xrays: true, ..self.error(at, message) };
        self.only_in_xray.get_or_insert(error);
    }

    /// Whether the next token is this sign or word, which is then read.
    pub(super) fn takes(&mut self, what: &str) -> bool {
        let found = match self.token(self.at) {
            Some(Token::Sign(sign)) => *sign == what,
            Some(Token::Word(word)) => word.eq_ignore_ascii_case(what),
            _ => false,
        };
        self.at += usize::from(found);
        found
    }

    /// Reads whichever of these signs or words is next, and returns its value.
    pub(super) fn one_of<T: Copy>(&mut self, known: &[(&str, T)]) -> Option<T> {
        known.iter().find(|(name, _)| self.takes(name)).map(|(_, value)| *value)
    }

    /// Reads this sign or word, which must be next.
    pub(super) fn expect(&mut self, sign: &str) -> Parsed<()> {
        if self.takes(sign) { Ok(()) } else { self.expected(&format!("{sign:?}")) }
    }

    /// Reads a string in quotes, which must be next.
    pub(super) fn text(&mut self) -> Parsed<String> {
        let Some(Token::Text(text)) = self.token(self.at) else { return self.expected("a string in quotes") };
        let text = text.clone();
        self.at += 1;
        Ok(text)
    }
}
