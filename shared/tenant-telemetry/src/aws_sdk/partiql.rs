//! Which table a PartiQL statement is about.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.html>

/// Finds the table after `FROM`, `INTO` or a leading `UPDATE`. Text in single quotes is data and skipped.
pub(super) fn table(statement: &str) -> Option<&str> {
    let mut rest = statement;
    let mut first = true;
    loop {
        let (token, after) = next(rest)?;
        let names = |word: &str| matches!(token, Token::Word(found) if found.eq_ignore_ascii_case(word));
        if names("FROM") || names("INTO") || (first && names("UPDATE")) {
            return match next(after)?.0 {
                Token::Word(name) | Token::Name(name) => Some(name),
                Token::Data => None,
            };
        }
        (rest, first) = (after, false);
    }
}

enum Token<'a> {
    Word(&'a str),
    /// A quoted name, without its double quotes.
    Name(&'a str),
    Data,
}

fn next(text: &str) -> Option<(Token<'_>, &str)> {
    let text = text.trim_start();
    let quoted = |quote| {
        let (inside, after) = text.get(1..)?.split_once(quote)?;
        Some((inside, after))
    };
    // Names with other characters stand in double quotes; after a dot comes an index.
    let letter = |found: char| found.is_ascii_alphanumeric() || found == '_';
    match text.chars().next()? {
        '\'' => quoted('\'').map(|(_, after)| (Token::Data, after)),
        '"' => quoted('"').map(|(name, after)| (Token::Name(name), after)),
        found if letter(found) => {
            let (word, after) = text.split_at(text.find(|found| !letter(found)).unwrap_or(text.len()));
            Some((Token::Word(word), after))
        }
        other => Some((Token::Data, &text[other.len_utf8()..])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_taken_for_no_table() {
        for (statement, named) in [
            ("SELECT * FROM \"my-table\".\"by-date\" WHERE x = ?", Some("my-table")),
            ("select a, 'from b' from c", Some("c")),
            ("INSERT INTO orders VALUE {'from': 'x'}", Some("orders")),
            ("UPDATE \"orders\" SET x = 'into y'", Some("orders")),
            ("DELETE FROM orders WHERE x = 'it''s'", Some("orders")),
            ("EXISTS(SELECT * FROM a.b WHERE x = 1)", Some("a")),
            ("SELECT 'é' FROM", None),
            ("FROM 'x'", None),
            ("'open", None),
            ("é", None),
            ("", None),
        ] {
            assert_eq!(table(statement), named, "{statement}");
        }
    }
}
