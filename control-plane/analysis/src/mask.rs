//! The shape of a message: what differs from one failure to the next is left out, so that alike ones are one.

/// Letters of a message that are looked at.
const LENGTH: usize = 300;
/// From this length on, a word with a digit in it is an id: a booking number, a request's id, a hash.
const ID: usize = 6;

/// A message without its numbers and ids: `#` stands for digits, `…` for UUIDs, hexadecimal numbers and words of letters and digits such as booking
/// numbers.
pub fn masked(message: &str) -> String {
    let message: String = message.chars().take(LENGTH).collect();
    let mut shape = String::with_capacity(message.len());
    let mut rest = message.as_str();
    while let Some(letter) = rest.chars().next() {
        if let Some(length) = uuid(rest) {
            shape.push('…');
            rest = rest.get(length..).unwrap_or_default();
        } else if letter.is_alphanumeric() {
            let length = rest.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(rest.len());
            let (word, after) = rest.split_at(length);
            shape += &masked_word(word);
            rest = after;
        } else {
            shape.push(letter);
            rest = rest.get(letter.len_utf8()..).unwrap_or_default();
        }
    }
    shape
}

/// The length of the UUID that a text begins with.
fn uuid(text: &str) -> Option<usize> {
    const LENGTH: usize = 36;
    let start = text.get(..LENGTH)?;
    let is_digit = |(at, letter): (usize, char)| match at {
        8 | 13 | 18 | 23 => letter == '-',
        _ => letter.is_ascii_hexdigit(),
    };
    let ends = !text.get(LENGTH..)?.starts_with(|letter: char| letter.is_alphanumeric());
    (ends && start.char_indices().all(is_digit)).then_some(LENGTH)
}

fn masked_word(word: &str) -> String {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let letters = word.chars().count();
    if digits == 0 {
        return word.to_owned();
    }
    if digits < letters && letters >= ID {
        return "…".to_owned();
    }
    // Digits in a row are one number: of 9 and 10 both are made the same.
    let mut shape = String::with_capacity(word.len());
    for letter in word.chars() {
        match letter {
            _ if !letter.is_ascii_digit() => shape.push(letter),
            _ if !shape.ends_with('#') => shape.push('#'),
            _ => {}
        }
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_one_failure_to_the_next_is_left_out() {
        for (message, shape) in [
            ("timeout after 3000 ms", "timeout after # ms"),
            ("timeout after 900 ms", "timeout after # ms"),
            ("booking P1KR9N43 has no miles", "booking … has no miles"),
            ("no item 8f507cfc-1f2e-4b6c-9f0e-5a1f2c3d4e5f in reservations-v2", "no item … in reservations-v#"),
            ("RequestId: QK5V2I3O8HPNN4V4B9CD, HTTP/1.1 503", "RequestId: …, HTTP/#.# #"),
            ("user deadbeef0001 of 10.0.0.17:8080", "user … of #.#.#.#:#"),
            ("the table did not answer", "the table did not answer"),
            ("größe 12 €", "größe # €"),
            ("8f507cfc-1f2e-4b6c-9f0e-5a1f2c3d4e5fx", "…-#f#e-#b#c-#f#e-…"),
            ("", ""),
        ] {
            assert_eq!(masked(message), shape, "{message}");
        }
        assert_eq!(masked(&"x".repeat(10_000)).len(), LENGTH);
    }
}
