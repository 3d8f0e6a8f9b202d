//! What a function is told by its environment.

use std::env;

/// Variables that must be set and are not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("these environment variables must be set: {}", .0.join(", "))]
pub struct InvalidSettings(pub Vec<&'static str>);

/// The values of these variables, or the names of all that are missing: one start tells everything.
pub(crate) fn required<const N: usize>(names: [&'static str; N]) -> Result<[String; N], InvalidSettings> {
    let values = names.map(|name| env::var(name).ok().filter(|value| !value.is_empty()).ok_or(name));
    let missing: Vec<_> = values.iter().filter_map(|value| value.as_ref().err().copied()).collect();
    if missing.is_empty() { Ok(values.map(Result::unwrap_or_default)) } else { Err(InvalidSettings(missing)) }
}
