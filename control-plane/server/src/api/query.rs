//! What a request asks for: the parameters of its query.

use std::collections::HashSet;

use axum::{extract::FromRequestParts, http::request::Parts};
use control_plane_model::{
    listing::Order,
    search::{Expression, quoted},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{problem::Problem, window::WindowQuery};

/// What `status` may be.
pub(crate) const STATUSES: [&str; 4] = ["ok", "fault", "error", "throttle"];

const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 500;

/// The parameters of a query, each given once; a blank one counts as left out. What is wrong with them is a problem document.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Self::read(parts.uri.query().unwrap_or_default())
    }
}

impl<T: DeserializeOwned> Query<T> {
    /// Reads parameters from a text such as `a=1&b=2`.
    pub(crate) fn read(query: &str) -> Result<Self, Problem> {
        let mut names = HashSet::new();
        let mut filled = form_urlencoded::Serializer::new(String::new());
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if !names.insert(name.clone()) {
                return Err(Problem::bad_request(format!("{name}: given more than once")));
            }
            if !value.trim().is_empty() {
                filled.append_pair(&name, value.trim());
            }
        }
        let filled = filled.finish();
        let parameters = serde_urlencoded::Deserializer::new(form_urlencoded::parse(filled.as_bytes()));
        // The error names the parameter.
        let parameters = serde_path_to_error::deserialize(parameters);
        parameters.map(Self).map_err(|error| Problem::bad_request(error.to_string()))
    }
}

/// The value of a parameter that is one of a few, or `None` if it is left out.
pub(crate) fn one_of<'a>(name: &str, field: &Option<String>, known: &[&'a str]) -> Result<Option<&'a str>, Problem> {
    let Some(value) = field else { return Ok(None) };
    let found = known.iter().find(|known| *known == value).copied();
    found.map(Some).ok_or_else(|| Problem::bad_request(format!("{name}: one of {}", known.join(", "))))
}

/// How many are asked for.
pub(crate) fn limit(text: &Option<String>) -> Result<usize, Problem> {
    let Some(text) = text else { return Ok(DEFAULT_LIMIT) };
    let limit = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    limit.ok_or_else(|| Problem::bad_request(format!("limit: from 1 to {MAX_LIMIT}")))
}

/// The query of the service map.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct MapFilter {
    pub(crate) tenant: Option<String>,
    pub(crate) tier: Option<String>,
    pub(crate) account: Option<String>,
    #[serde(flatten)]
    pub(crate) window: WindowQuery,
}

/// The query of a list of traces.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct TraceFilter {
    #[serde(flatten)]
    pub(crate) conditions: Conditions,
    pub(crate) order: Option<String>,
    /// Text, as it comes: a number within another structure is text to the decoder.
    pub(crate) limit: Option<String>,
    #[serde(flatten)]
    pub(crate) window: WindowQuery,
}

impl TraceFilter {
    pub(crate) fn order(&self) -> Result<Order, Problem> {
        let named = one_of("order", &self.order, &Order::ALL.map(Order::name))?;
        Ok(Order::ALL.into_iter().find(|order| Some(order.name()) == named).unwrap_or_default())
    }

    pub(crate) fn limit(&self) -> Result<usize, Problem> {
        limit(&self.limit)
    }
}

/// The fields of the form; all that are filled in must hold.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Conditions {
    /// A filter expression.
    pub(crate) filter: Option<String>,
    pub(crate) tenant: Option<String>,
    pub(crate) tier: Option<String>,
    pub(crate) service: Option<String>,
    pub(crate) account: Option<String>,
    /// `ok`, `fault`, `error`, `throttle`
    pub(crate) status: Option<String>,
    /// Requests are slow from this many milliseconds on.
    pub(crate) slower_than_ms: Option<String>,
}

impl Conditions {
    /// All of it as one expression; `None` if nothing is asked for. The filter is parsed by itself first, so that an error's
    /// column is that of what its author wrote.
    pub(crate) fn expression(&self) -> Result<Option<String>, Problem> {
        if let Some(filter) = &self.filter {
            filter.parse::<Expression>()?;
        }
        let fields = [
            self.tenant.as_deref().map(|tenant| format!("annotation[tenant.id] = {}", quoted(tenant))),
            self.tier.as_deref().map(|tier| format!("annotation[tenant.tier] = {}", quoted(tier))),
            self.service.as_deref().map(|service| format!("service({})", quoted(service))),
            self.account.as_deref().map(|account| format!("account.id = {}", quoted(account))),
            one_of("status", &self.status, &STATUSES)?.map(str::to_owned),
            self.slower_than()?.map(|seconds| format!("duration > {seconds}")),
        ];
        let mut parts: Vec<String> = fields.into_iter().flatten().collect();
        if let Some(filter) = &self.filter {
            parts.insert(0, if parts.is_empty() { filter.clone() } else { format!("({filter})") });
        }
        Ok(Some(parts.join(" AND ")).filter(|text| !text.is_empty()))
    }

    /// Requests are slow from this many seconds on.
    pub(super) fn slower_than(&self) -> Result<Option<f64>, Problem> {
        let Some(text) = &self.slower_than_ms else { return Ok(None) };
        let milliseconds = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
        let wrong = || Problem::bad_request("slower_than_ms: a number of milliseconds");
        Ok(Some(milliseconds.ok_or_else(wrong)? / 1e3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_become_one_expression() {
        let conditions = Conditions {
            filter: Some("fault OR error".into()),
            tenant: Some("a\"b".into()),
            slower_than_ms: Some("250".into()),
            ..Conditions::default()
        };
        let text = conditions.expression().unwrap().unwrap();
        assert_eq!(text, "(fault OR error) AND annotation[tenant.id] = \"a\\\"b\" AND duration > 0.25");
        assert!(text.parse::<Expression>().is_ok());
        assert_eq!(Conditions::default().expression().unwrap(), None);
        let broken = Conditions { filter: Some("fault OR".into()), ..conditions };
        assert!(broken.expression().unwrap_err().detail.contains("column 9"));
    }
}
