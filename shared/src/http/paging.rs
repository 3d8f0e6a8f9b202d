//! Paging of lists: `?limit=1..100&cursor=…`.

use std::str::FromStr;

use http::StatusCode;
use lambda_http::{Request, RequestExt};

use super::Problem;

const DEFAULT_LIMIT: u8 = 20;
const MAX_LIMIT: u8 = 100;

/// The page a request asks for: how many entries, and after which one. 400 where either is not valid.
pub fn page<C: FromStr>(request: &Request) -> Result<(u8, Option<C>), Problem> {
    let query = request.query_string_parameters_ref();
    let get = |name| query.and_then(|query| query.first(name));
    let limit = match get("limit") {
        None => DEFAULT_LIMIT,
        Some(text) => match text.parse() {
            Ok(limit @ 1..=MAX_LIMIT) => limit,
            _ => return Err(invalid("limit", "must be a number from 1 to 100")),
        },
    };
    let after = get("cursor").map(|text| text.parse().map_err(|_| invalid("cursor", "is not a cursor of this list")));
    Ok((limit, after.transpose()?))
}

fn invalid(name: &str, detail: &str) -> Problem {
    let sentence = format!("The query parameter {name} is not valid.");
    Problem::new(StatusCode::BAD_REQUEST, "invalid_parameter", sentence).with_field(name, detail)
}
