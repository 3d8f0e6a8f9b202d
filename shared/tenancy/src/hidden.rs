//! Ids in the midst of texts: messages, names and addresses that were written before anybody knew that they would leave.

/// Bytes that an id has at least. A shorter one, such as a small number, stands in many texts that do not mean it.
const LEAST: usize = 6;
/// What stands for an id that leaves not at all.
const REDACTED: &str = "[redacted]";

/// Ids that must not leave as they are, and what stands for each of them in texts.
///
/// ```
/// use tenancy::HiddenIds;
///
/// let mut hidden = HiddenIds::default();
/// hidden.add("7T42H7MK", Some("5bdcc146".to_owned()));
/// hidden.add("auth0|65f1", None);
///
/// let told = hidden.replaced("no booking 7T42H7MK of auth0|65f1");
/// assert_eq!(told.as_deref(), Some("no booking 5bdcc146 of [redacted]"));
/// assert_eq!(hidden.replaced("no booking 7T42H7MK5"), None, "another number");
/// ```
#[derive(Debug, Clone, Default)]
pub struct HiddenIds(Vec<(String, String)>);

impl HiddenIds {
    /// One more id, which has its pseudonym in texts, or is redacted. Ids of fewer than six bytes are not looked for.
    pub fn add(&mut self, id: &str, pseudonym: Option<String>) {
        if id.len() >= LEAST {
            self.0.push((id.to_owned(), pseudonym.unwrap_or_else(|| REDACTED.to_owned())));
        }
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text with what stands for each id; `None` where it holds none of them, as a word of its own.
    pub fn replaced(&self, text: &str) -> Option<String> {
        let mut replaced: Option<String> = None;
        for (id, stand_in) in &self.0 {
            let text = replaced.as_deref().unwrap_or(text);
            if let Some(next) = with(text, id, stand_in) {
                replaced = Some(next);
            }
        }
        replaced
    }
}

fn with(text: &str, id: &str, stand_in: &str) -> Option<String> {
    let goes_on = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    let mut told = String::new();
    let mut rest = 0;
    for (at, _) in text.match_indices(id) {
        let (before, after) = (text.get(..at)?, text.get(at + id.len()..)?);
        if goes_on(before.chars().next_back()) || goes_on(after.chars().next()) {
            continue;
        }
        told += text.get(rest..at)?;
        told += stand_in;
        rest = at + id.len();
    }
    if rest == 0 {
        return None;
    }
    told += text.get(rest..)?;
    Some(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Option<String> {
        let mut hidden = HiddenIds::default();
        hidden.add("7T42H7MK", Some("p".to_owned()));
        hidden.add("user-1", None);
        hidden.add("12345", None);
        hidden.replaced(text)
    }

    #[test]
    fn ids_are_replaced_where_they_are_words() {
        for (text, expected) in [
            ("7T42H7MK", Some("p")),
            ("/bookings/7T42H7MK?again=7T42H7MK", Some("/bookings/p?again=p")),
            ("BOOKING#7T42H7MK of user-1.", Some("BOOKING#p of [redacted].")),
            ("é7T42H7MK 7T42H7MKé 7T42H7MK7T42H7MK", None),
            ("x7T42H7MK 7T42H7MK", Some("x7T42H7MK p")),
            ("12345 is too short to be looked for", None),
            ("", None),
        ] {
            assert_eq!(told(text).as_deref(), expected, "{text}");
        }
    }
}
