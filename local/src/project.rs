//! What project.toml says about the functions.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

const PROJECT: &str = include_str!("../../project.toml");

#[derive(serde::Deserialize)]
struct Project {
    functions: BTreeMap<String, Function>,
}

#[derive(serde::Deserialize)]
struct Function {
    template: String,
}

/// The names of the functions that a template has.
///
/// # Errors
///
/// If project.toml, as it was when this was built, cannot be read.
pub fn functions_of(template: &str) -> Result<Vec<String>> {
    let project: Project = toml::from_str(PROJECT).context("cannot read project.toml")?;
    let of_template = project.functions.into_iter().filter(|(_, function)| function.template == template);
    Ok(of_template.map(|(name, _)| name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_template_has_its_own_functions() {
        assert_eq!(functions_of("booking").unwrap(), ["booking-api", "booking-publisher", "registration-api"]);
        assert_eq!(functions_of("mileage").unwrap(), ["mileage-accrual", "mileage-api"]);
        assert!(functions_of("portal").unwrap().is_empty());
    }
}
