//! The query of a request: each parameter once, and each of a known kind.

use std::collections::HashSet;

use axum::{
    extract::{FromRequestParts, Query},
    http::{StatusCode, request::Parts},
};
use serde::de::DeserializeOwned;

use super::given;
use crate::problem::Problem;

/// The parameters of a query; what is wrong with them is a problem document.
#[derive(Debug)]
pub(crate) struct Parameters<T>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let wrong = |detail: String| Problem::new(StatusCode::BAD_REQUEST, detail);
        let mut names = HashSet::new();
        for (name, _) in form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
            if !names.insert(name.clone()) {
                return Err(wrong(format!("{name}: given more than once")));
            }
        }
        let Query(parameters) = Query::try_from_uri(&parts.uri).map_err(|error| wrong(error.body_text()))?;
        Ok(Self(parameters))
    }
}

/// The value of a parameter that is one of a few; none if it is left out.
pub(crate) fn one_of<'a>(name: &str, field: &Option<String>, known: &[&'a str]) -> Result<Option<&'a str>, Problem> {
    let Some(value) = given(field) else { return Ok(None) };
    let found = known.iter().find(|known| **known == value).copied();
    let wrong = || Problem::new(StatusCode::BAD_REQUEST, format!("{name}: one of {}", known.join(", ")));
    found.map(Some).ok_or_else(wrong)
}
