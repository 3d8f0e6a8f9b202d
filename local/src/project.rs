//! What project.toml says about the functions.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

const PROJECT: &str = include_str!("../../project.toml");

#[derive(serde::Deserialize)]
struct Project {
    stacks: BTreeMap<String, Stack>,
    functions: BTreeMap<String, Function>,
}

#[derive(serde::Deserialize)]
struct Function {
    template: String,
}

#[derive(serde::Deserialize)]
struct Stack {
    #[serde(default)]
    service: bool,
}

/// The names of the stacks that `make new-service` made; each has a template and an API of its own by that name.
///
/// # Errors
///
/// If project.toml, as it was when this was built, cannot be read.
pub fn services() -> Result<Vec<String>> {
    let services = read()?.stacks.into_iter().filter(|(_, stack)| stack.service);
    Ok(services.map(|(name, _)| name).collect())
}

/// The names of the functions that a template has.
///
/// # Errors
///
/// If project.toml, as it was when this was built, cannot be read.
pub fn functions_of(template: &str) -> Result<Vec<String>> {
    let of_template = read()?.functions.into_iter().filter(|(_, function)| function.template == template);
    Ok(of_template.map(|(name, _)| name).collect())
}

fn read() -> Result<Project> {
    toml::from_str(PROJECT).context("cannot read project.toml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_template_has_its_own_functions() {
        assert_eq!(
            functions_of("booking").unwrap(),
            ["booking-api", "booking-publisher", "invitation-mail", "registration-api"]
        );
        assert_eq!(functions_of("mileage").unwrap(), ["mileage-accrual", "mileage-api"]);
        assert!(functions_of("portal").unwrap().is_empty());
    }
}
