//! Replaces ids within texts: error messages, names and addresses whose author did not know that they would be exported.

/// Bytes of an id that is looked for in every text. A shorter one, such as a small number, stands in many texts that do not mean it.
const LONG: usize = 6;
/// What replaces an id for which there is no pseudonym.
const REDACTED: &str = "[redacted]";

/// Ids that must not leave as they are, and what stands for each of them in texts.
///
/// ```
/// use tenancy::HiddenIds;
///
/// let mut hidden = HiddenIds::default();
/// hidden.add("7T42H7MK", Some("5bdcc146".to_owned()));
/// hidden.add("auth0|65f1", None);
/// hidden.add("42", None);
///
/// let told = hidden.replaced("no booking 7T42H7MK of auth0|65f1 in 42 ms");
/// assert_eq!(told.as_deref(), Some("no booking 5bdcc146 of [redacted] in 42 ms"));
/// assert_eq!(hidden.replaced_in_address("/orders/42").as_deref(), Some("/orders/[redacted]"));
/// assert_eq!(hidden.replaced("no booking 7T42H7MK5"), None, "another number");
/// ```
#[derive(Debug, Clone, Default)]
pub struct HiddenIds {
    /// Each id with its replacement. The longest comes first, since one id may contain another.
    ids: Vec<(String, String)>,
}

impl HiddenIds {
    /// Adds an id, which texts then show as its pseudonym or, without one, as redacted.
    pub fn add(&mut self, id: &str, pseudonym: Option<String>) {
        if id.is_empty() {
            return;
        }
        let longer = self.ids.partition_point(|(other, _)| other.len() >= id.len());
        self.ids.insert(longer, (id.to_owned(), pseudonym.unwrap_or_else(|| REDACTED.to_owned())));
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The text with what stands for each id of six bytes or more; `None` where it holds none of them, as a word of its own.
    pub fn replaced(&self, text: &str) -> Option<String> {
        self.replaced_of(text, LONG)
    }

    /// The same for a URL, or a part of one, in which shorter ids are looked for too.
    pub fn replaced_in_address(&self, address: &str) -> Option<String> {
        self.replaced_of(address, 0)
    }

    fn replaced_of(&self, text: &str, least: usize) -> Option<String> {
        let mut told = String::new();
        let (mut at, mut kept_from) = (0, 0);
        while let Some((before, rest)) = text.split_at_checked(at).filter(|(_, rest)| !rest.is_empty()) {
            let is_here = |(id, _): &&(String, String)| {
                id.len() >= least && rest.strip_prefix(id.as_str()).is_some_and(|after| ends(after) && begins(before))
            };
            let Some((id, stand_in)) = self.ids.iter().find(is_here) else {
                at += rest.chars().next().map_or(1, char::len_utf8);
                continue;
            };
            told += text.get(kept_from..at)?;
            told += stand_in;
            at += id.len();
            kept_from = at;
        }
        if kept_from == 0 {
            return None;
        }
        told += text.get(kept_from..)?;
        Some(told)
    }
}

/// Whether a word may begin after this: no letter or digit is before it, unless that belongs to an escaped sign, as in `%2F` and `\n`.
fn begins(before: &str) -> bool {
    let mut letters = before.chars().rev();
    let Some(last) = letters.next().filter(|last| last.is_alphanumeric()) else { return true };
    match (letters.next(), letters.next()) {
        (Some('\\'), _) => true,
        (Some(first), Some('%')) => first.is_ascii_hexdigit() && last.is_ascii_hexdigit(),
        _ => false,
    }
}

fn ends(after: &str) -> bool {
    !after.starts_with(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Option<String> {
        let mut hidden = HiddenIds::default();
        hidden.add("7T42H7MK", Some("p".to_owned()));
        hidden.add("user-1", None);
        hidden.add("user-1-of-7T42H7MK", Some("longer".to_owned()));
        hidden.add("12345", None);
        hidden.add("", None);
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
            ("user-1-of-7T42H7MK", Some("longer")),
            ("?next=%2F7T42H7MK&key=B%237T42H7MK%2F", Some("?next=%2Fp&key=B%23p%2F")),
            (r#""a\n7T42H7MK\n""#, Some(r#""a\np\n""#)),
            ("a2F7T42H7MK %zF7T42H7MK", None),
            ("12345 is too short to be looked for", None),
            ("", None),
        ] {
            assert_eq!(told(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn short_ids_are_replaced_in_addresses() {
        let mut hidden = HiddenIds::default();
        hidden.add("42", None);
        assert_eq!(
            hidden.replaced_in_address("/orders/42/items/421?of=42").as_deref(),
            Some("/orders/[redacted]/items/421?of=[redacted]")
        );
        assert_eq!(hidden.replaced("in 42 ms"), None);
    }
}
