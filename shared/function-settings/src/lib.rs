//! Reads a function's environment variables once, at its start, into a struct of yours. Every variable that is missing or invalid is reported, not
//! only the first.
//!
//! | item | what it is |
//! |---|---|
//! | [`Variables`] | where values come from: the process's environment, or a test |
//! | [`Reader`] | reads values of a kind, and keeps the mistakes |
//! | [`InvalidSettings`] | all of them |
//!
//! ```
//! use function_settings::{InvalidSettings, Variables};
//!
//! /// The settings of this function.
//! struct Settings {
//!     /// `RESERVATIONS_TABLE`: the table of reservations.
//!     table: String,
//!     /// `MAILS_PER_ADDRESS_AND_DAY`: mails that an address gets within a day.
//!     mails_each_day: u32,
//! }
//!
//! impl Settings {
//!     fn read(variables: &Variables) -> Result<Self, InvalidSettings> {
//!         variables.read(|read| Self {
//!             table: read.text("RESERVATIONS_TABLE"),
//!             mails_each_day: read.number("MAILS_PER_ADDRESS_AND_DAY"),
//!         })
//!     }
//! }
//!
//! // A function says `Settings::read(&Variables::of_process())?`.
//! let wrong = Variables::from_fn(|name| (name == "MAILS_PER_ADDRESS_AND_DAY").then(|| "three".to_owned()));
//! let error = Settings::read(&wrong).err().unwrap().to_string();
//! assert_eq!(error, "settings: RESERVATIONS_TABLE is not set; MAILS_PER_ADDRESS_AND_DAY=\"three\" is not a whole number");
//! ```
//!
//! # Errors
//!
//! [`Variables::read`] gives the settings only if there was no mistake. A `main` that returns the error prints it as one sentence.
//!
//! # Guarantees
//!
//! - An empty variable counts as one that is not set: a template cannot leave one out as easily as empty.
//! - A wrong number or ARN is quoted in the error. Other values are not, since they may be secret.
//! - A value with a mistake is empty, and does not leave [`Variables::read`].

mod reader;

use std::fmt;

pub use reader::Reader;

/// Every mistake in a function's environment.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("settings: {}", .0.join("; "))]
pub struct InvalidSettings(pub Vec<String>);

/// A `main` that returns an error prints it with `Debug`, so this is the sentence that operators read.
impl fmt::Debug for InvalidSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Finds the value of a variable by its name.
type Lookup = dyn Fn(&str) -> Option<String>;

/// Where the values of variables come from.
pub struct Variables(Box<Lookup>);

impl Variables {
    /// The environment of this process.
    pub fn of_process() -> Self {
        Self::from_fn(|name| std::env::var(name).ok())
    }

    /// Variables from elsewhere, such as a test.
    pub fn from_fn(value: impl Fn(&str) -> Option<String> + 'static) -> Self {
        Self(Box::new(value))
    }

    /// Builds settings from these variables. A mistake does not end `settings` early: it reads every variable, so that all mistakes are found.
    ///
    /// # Errors
    ///
    /// [`InvalidSettings`] with every mistake, in the order in which the variables were read.
    pub fn read<T>(&self, settings: impl FnOnce(&mut Reader<'_>) -> T) -> Result<T, InvalidSettings> {
        let mut reader = Reader::new(&*self.0);
        let settings = settings(&mut reader);
        let mistakes = reader.into_mistakes();
        if mistakes.is_empty() { Ok(settings) } else { Err(InvalidSettings(mistakes)) }
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variables").finish_non_exhaustive()
    }
}
