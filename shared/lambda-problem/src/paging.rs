//! Paging of lists: `?limit=1..100&cursor=…`.

use std::str::FromStr;

use http::StatusCode;
use lambda_http::Request;

use super::{Problem, query};

const DEFAULT_LIMIT: u8 = 20;
const MAX_LIMIT: u8 = 100;

/// The page a request asks for: how many entries, and after which one. 400 where either is not valid, or there twice.
///
/// # Errors
///
/// A [`Problem`] of 400 that names the parameter: `invalid_parameter`, or `repeated_parameter`.
pub fn page<C: FromStr>(request: &Request) -> Result<(u8, Option<C>), Problem> {
    let limit = match query(request, "limit")? {
        None => DEFAULT_LIMIT,
        Some(text) => match text.parse() {
            Ok(limit @ 1..=MAX_LIMIT) => limit,
            _ => return Err(invalid("limit", "must be a number from 1 to 100")),
        },
    };
    let after = query(request, "cursor")?;
    let after = after.map(|text| text.parse().map_err(|_| invalid("cursor", "is not a cursor of this list")));
    Ok((limit, after.transpose()?))
}

fn invalid(name: &str, detail: &str) -> Problem {
    let sentence = format!("The query parameter {name} is not valid.");
    Problem::new(StatusCode::BAD_REQUEST, "invalid_parameter", sentence).with_field(name, detail)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use lambda_http::{Body, RequestExt};

    use super::*;

    fn asked(pairs: &[(&str, &[&str])]) -> Result<(u8, Option<u32>), (u16, &'static str, String)> {
        let many = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<String>>();
        let query: HashMap<String, Vec<String>> =
            pairs.iter().map(|(name, values)| ((*name).to_owned(), many(values))).collect();
        let request = Request::new(Body::Empty).with_query_string_parameters(query);
        page(&request).map_err(|problem| (problem.status().as_u16(), problem.code(), problem.errors()[0].field.clone()))
    }

    #[test]
    fn a_parameter_is_there_once_and_valid_or_the_answer_is_400() {
        assert_eq!(asked(&[]), Ok((DEFAULT_LIMIT, None)));
        assert_eq!(asked(&[("limit", &["7"]), ("cursor", &["3"])]), Ok((7, Some(3))));
        assert_eq!(asked(&[("another", &["1", "2"])]), Ok((DEFAULT_LIMIT, None)));
        for name in ["limit", "cursor"] {
            let refused = |code| Err((400, code, name.to_owned()));
            assert_eq!(asked(&[(name, &["x"])]), refused("invalid_parameter"));
            assert_eq!(asked(&[(name, &[""])]), refused("invalid_parameter"));
            assert_eq!(asked(&[(name, &["1", "2"])]), refused("repeated_parameter"));
            assert_eq!(asked(&[(name, &["1", "1"])]), refused("repeated_parameter"));
        }
    }
}
