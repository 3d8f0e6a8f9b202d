//! What operators investigate, and of what they saved, what matches now.

mod markdown;

use axum::{
    Json,
    http::header,
    response::{IntoResponse, Response},
};
use control_plane_model::{search::quoted, trace::TraceId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Answer, Id, Query, RefusalFilter, TraceFilter, TurnedAway, View, WindowQuery,
    query::{Conditions, one_of},
};
use crate::{investigations::Investigation, problem::Problem};

/// Traces and lines of refusals that an answer names.
const NAMED: usize = 100;

/// The query of the list of investigations.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct InvestigationsQuery {
    /// Only investigations that name this tenant in their title, their page or a note.
    pub(crate) tenant: Option<String>,
}

/// The format of the answer.
#[derive(Debug, Deserialize)]
pub(super) struct Form {
    format: Option<String>,
}

/// What the page of a tenant is about.
#[derive(Debug, Deserialize)]
struct OfTenant {
    id: Option<String>,
    #[serde(flatten)]
    window: WindowQuery,
}

/// An investigation, and what of its page matches now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InvestigationAnswer {
    /// What was saved and written.
    #[serde(flatten)]
    pub investigation: Investigation,
    /// What there is of it now.
    pub matches: Matches,
}

/// What matches a saved page now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Matches {
    /// When this was looked up.
    pub at: Timestamp,
    /// Spans of before this are not kept any more; Unix seconds.
    pub kept_from: i64,
    /// Traces that match the page's filter.
    pub traces: MatchedTraces,
    /// Requests that were refused, or `None` where the page does not ask for them.
    pub refusals: Option<MatchedRefusals>,
}

/// Traces that match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchedTraces {
    /// How many.
    pub matched: usize,
    /// Whether there are more than were looked at.
    pub truncated: bool,
    /// A hundred of them at most.
    pub trace_ids: Vec<TraceId>,
}

/// Requests that were refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MatchedRefusals {
    /// How many.
    pub requests: u64,
    /// Whether there are more lines.
    pub more: bool,
    /// Refused requests by tenant, user, service and reason, at most a hundred lines.
    pub lines: Vec<TurnedAway>,
}

impl Matches {
    /// Whether some of the window is no longer kept.
    pub fn is_partial(&self, investigation: &Investigation) -> bool {
        investigation.from < self.kept_from
    }
}

/// `GET /api/investigations`, the latest first.
pub(super) async fn list(view: View, Query(which): Query<InvestigationsQuery>) -> Answer<Vec<Investigation>> {
    listed(&view, &which).await.map(Json)
}

/// Investigations, the latest first.
pub(crate) async fn listed(view: &View, which: &InvestigationsQuery) -> Result<Vec<Investigation>, Problem> {
    let mut all = view.investigations()?.list().await?;
    all.retain(|investigation| which.tenant.as_ref().is_none_or(|tenant| investigation.mentions(tenant)));
    Ok(all)
}

/// `GET /api/investigations/{id}`, as JSON or, for people, as Markdown.
pub(super) async fn one(view: View, Id(id): Id, Query(asked): Query<Form>) -> Result<Response, Problem> {
    let format = one_of("format", &asked.format, &["json", "markdown"])?;
    let investigation = view.investigations()?.get(&id).await?;
    let matches = matches(&view, &investigation).await?;
    let answer = InvestigationAnswer { investigation, matches };
    if format != Some("markdown") {
        return Ok(Json(answer).into_response());
    }
    Ok(([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], markdown::written(&answer)).into_response())
}

async fn matches(view: &View, investigation: &Investigation) -> Result<Matches, Problem> {
    let (traces, refusals) = asked(&investigation.page)?;
    let refused = async {
        let Some(filter) = &refusals else { return Ok(None) };
        let found = view.turned_away(filter).await?;
        Ok(Some(MatchedRefusals { requests: found.requests, more: found.more, lines: found.lines }))
    };
    let (found, refusals) = tokio::try_join!(view.traces(&traces), refused)?;
    let at = Timestamp::now();
    Ok(Matches {
        at,
        kept_from: at.as_second() - view.finding().kept_hours * 3_600,
        traces: MatchedTraces {
            matched: found.matched,
            truncated: found.truncated,
            trace_ids: found.traces.iter().map(|trace| trace.trace_id).collect(),
        },
        refusals,
    })
}

/// What the page asks for that was saved: traces, and refusals where it is about a tenant or about whom it turned away.
fn asked(page: &str) -> Result<(TraceFilter, Option<RefusalFilter>), Problem> {
    let (path, query) = page.split_once('?').unwrap_or((page, ""));
    let limit = Some(NAMED.to_string());
    let refusals = match path {
        "/turned-away" => Some(RefusalFilter { format: None, limit: limit.clone(), ..Query::read(query)?.0 }),
        "/tenant" => {
            let OfTenant { id: tenant, window } = Query::read(query)?.0;
            Some(RefusalFilter { tenant, window, limit: limit.clone(), ..RefusalFilter::default() })
        }
        _ => None,
    };
    let traces: TraceFilter = match &refusals {
        Some(refusals) if path == "/turned-away" => refused_traces(refusals),
        Some(RefusalFilter { tenant, window, .. }) => {
            let conditions = Conditions { tenant: tenant.clone(), ..Conditions::default() };
            TraceFilter { conditions, window: window.clone(), ..TraceFilter::default() }
        }
        None => Query::read(query)?.0,
    };
    Ok((TraceFilter { limit, ..traces }, refusals))
}

/// The search for the traces in which somebody was refused.
fn refused_traces(filter: &RefusalFilter) -> TraceFilter {
    let RefusalFilter { tenant, user, reason, service, window, .. } = filter.clone();
    // A service that says no reason is asked for the status alone.
    let status = reason.as_ref().and_then(|reason| reason.parse::<u16>().ok());
    let reason = reason.filter(|_| status.is_none());
    let answered = status.map_or_else(
        || "http.status >= 400 AND http.status < 500".to_owned(),
        |status| format!("http.status = {status}"),
    );
    let parts = [
        user.map(|user| format!("user = {}", quoted(&user))),
        Some(match service {
            Some(service) => format!("service({}) {{ {answered} }}", quoted(&service)),
            None => answered,
        }),
        reason.map(|reason| format!("attribute[problem.code] = {}", quoted(&reason))),
    ];
    let filter = Some(parts.into_iter().flatten().collect::<Vec<_>>().join(" AND "));
    let conditions = Conditions { filter, tenant, ..Conditions::default() };
    TraceFilter { conditions, window, ..TraceFilter::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expression that traces have to match, and whether refusals are asked for.
    fn of(page: &str) -> (Option<String>, bool) {
        let (traces, refusals) = asked(page).unwrap();
        assert_eq!((traces.limit.as_deref(), traces.window.from.as_deref()), (Some("100"), Some("1")), "{page}");
        let refused = refusals.as_ref().map(|refusals| (refusals.limit.as_deref(), refusals.window.from.as_deref()));
        assert!(refused.is_none_or(|refused| refused == (Some("100"), Some("1"))), "{page}");
        (traces.conditions.expression().unwrap(), refusals.is_some())
    }

    #[test]
    fn what_was_saved_is_asked_for_again() {
        let expected = r#"annotation[tenant.id] = "acme""#;
        assert_eq!(of("/tenant?id=acme&from=1&to=2"), (Some(expected.to_owned()), true));
        assert_eq!(of("/traces?tenant=acme&order=slowest&limit=7&from=1&to=2"), (Some(expected.to_owned()), false));
        assert_eq!(of("/why?against=before&moment=1&from=1&to=2"), (None, false));
        let (filter, refusals) = of(
            "/turned-away?tenant=acme&user=e%22ve&reason=no_such_booking&service=booking-api&from=1&to=2&format=csv",
        );
        let expected = r#"(user = "e\"ve" AND service("booking-api") { http.status >= 400 AND http.status < 500 } AND attribute[problem.code] = "no_such_booking") AND annotation[tenant.id] = "acme""#;
        assert_eq!((filter.as_deref(), refusals), (Some(expected), true));
        assert_eq!(of("/turned-away?reason=404&from=1&to=2"), (Some("http.status = 404".to_owned()), true));
        assert!(asked("/traces?tenant=a&tenant=b").is_err());
    }
}
