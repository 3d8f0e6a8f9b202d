//! What a search form asks for, as a filter expression.

use control_plane_model::search::{Expression, quoted};
use serde::Deserialize;

use super::{given, one_of};

use crate::problem::Problem;

/// What `status` may be.
pub(crate) const STATUSES: [&str; 4] = ["ok", "fault", "error", "throttle"];

/// The fields of the form; all that are filled in must hold.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Conditions {
    /// A filter expression.
    pub(crate) filter: Option<String>,
    pub(crate) tenant: Option<String>,
    pub(crate) tier: Option<String>,
    pub(crate) service: Option<String>,
    pub(crate) account: Option<String>,
    /// `ok`, `fault`, `error`, `throttle`
    pub(crate) status: Option<String>,
    /// Milliseconds.
    pub(crate) slower_than_ms: Option<String>,
}

impl Conditions {
    /// All of it as one expression; `None` if nothing is asked for. The filter is parsed by itself first, so that an error's
    /// column is that of what its author wrote.
    pub(crate) fn expression(&self) -> Result<Option<String>, Problem> {
        let filter = given(&self.filter);
        if let Some(filter) = &filter {
            filter.parse::<Expression>()?;
        }
        let fields = [
            given(&self.tenant).map(|tenant| format!("annotation[tenant.id] = {}", quoted(&tenant))),
            given(&self.tier).map(|tier| format!("annotation[tenant.tier] = {}", quoted(&tier))),
            given(&self.service).map(|service| format!("service({})", quoted(&service))),
            given(&self.account).map(|account| format!("account.id = {}", quoted(&account))),
            one_of("status", &self.status, &STATUSES)?.map(str::to_owned),
            self.slower_than()?.map(|seconds| format!("duration > {seconds}")),
        ];
        let mut parts: Vec<String> = fields.into_iter().flatten().collect();
        if let Some(filter) = filter {
            parts.insert(0, if parts.is_empty() { filter } else { format!("({filter})") });
        }
        Ok(Some(parts.join(" AND ")).filter(|text| !text.is_empty()))
    }

    fn slower_than(&self) -> Result<Option<f64>, Problem> {
        let Some(text) = given(&self.slower_than_ms) else { return Ok(None) };
        let milliseconds = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
        let wrong = || Problem::new(axum::http::StatusCode::BAD_REQUEST, "slower_than_ms: a number of milliseconds");
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
        assert!(broken.expression().unwrap_err().detail().contains("column 9"));
    }
}
