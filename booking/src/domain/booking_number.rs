//! Booking numbers: eight random characters.

use std::{fmt, str::FromStr};

use airline_events::Booking;
use serde::{Deserialize, Serialize};

use super::random::{RandomnessUnavailable, random_text};

const LENGTH: usize = 8;

/// Text that cannot be a booking number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a booking number is eight characters of Crockford base 32")]
pub struct InvalidBookingNumber;

/// Names a reservation: eight random characters of Crockford base 32, 40 bits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BookingNumber(String);

impl BookingNumber {
    /// Draws a new number at random.
    pub fn random() -> Result<Self, RandomnessUnavailable> {
        random_text::<LENGTH>().map(Self)
    }

    /// The number as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BookingNumber {
    type Err = InvalidBookingNumber;
    fn from_str(text: &str) -> Result<Self, InvalidBookingNumber> {
        // What is published, others hold to this pattern.
        if Booking::NUMBER.allows(text) { Ok(Self(text.to_owned())) } else { Err(InvalidBookingNumber) }
    }
}

impl TryFrom<String> for BookingNumber {
    type Error = InvalidBookingNumber;
    fn try_from(text: String) -> Result<Self, InvalidBookingNumber> {
        text.parse()
    }
}

impl From<BookingNumber> for String {
    fn from(number: BookingNumber) -> String {
        number.0
    }
}

impl fmt::Display for BookingNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::random::ALPHABET, *};

    #[test]
    fn every_character_that_is_drawn_is_one_of_the_contract() {
        for text in ALPHABET.chunks(LENGTH).map(|chunk| std::str::from_utf8(chunk).unwrap()) {
            assert_eq!(text.parse::<BookingNumber>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn a_random_number_is_a_valid_number() {
        let number = BookingNumber::random().unwrap();
        assert_eq!(number.as_str().parse(), Ok(number.clone()));
        assert_ne!(BookingNumber::random().unwrap(), number);
    }

    #[test]
    fn what_crockford_left_out_is_refused() {
        for text in ["", "1234567", "123456789", "ABCDEFGI", "abcdefgh", "ABCDEFG\u{e9}"] {
            assert_eq!(text.parse::<BookingNumber>(), Err(InvalidBookingNumber), "{text:?}");
        }
    }
}
