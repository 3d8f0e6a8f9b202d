//! `GET /find?q=`: to what people have in hand, or what it was taken for where it leads nowhere.

use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use super::{frame::answer, search, waterfall};
use crate::{
    api::{FindAnswer, FindQuery, Hit, Query, TenantName, TracesHit, View, WindowQuery, find},
    layout::Tab,
    problem::Problem,
    text::count,
};

const TITLE: &str = "Find";

pub(super) async fn page(view: View, query: Result<Query<FindQuery>, Problem>) -> Response {
    let window = view.place.window();
    let found = match async { find(&view, &query?.0).await }.await {
        Ok(found) => found,
        Err(problem) => return answer(&view, TITLE, Tab::Traces, async { Err(problem) }).await,
    };
    match leads_to(&found, window) {
        Some(path) => Redirect::to(&path).into_response(),
        None => answer(&view, TITLE, Tab::Traces, async { Ok(listed(&view, &found, window)) }).await,
    }
}

/// The one page of what was found, where there is one.
fn leads_to(answer: &FindAnswer, window: &WindowQuery) -> Option<String> {
    match answer.found.as_ref()? {
        Hit::Trace(hit) => Some(window.link(&format!("/traces/{}", hit.trace.trace_id), &())),
        Hit::Tenants(tenants) => match &tenants[..] {
            [one] => Some(tenant(one, window)),
            _ => None,
        },
        // An expression of the asker's own: the search has more to say of it.
        Hit::Traces(hit) if hit.window.is_none() => Some(all(hit, window)),
        Hit::Traces(_) => None,
    }
}

fn tenant(named: &TenantName, window: &WindowQuery) -> String {
    window.link("/tenant", &[("id", &named.tenant)])
}

/// The search for them: over all that is kept, or where the asker is.
fn all(hit: &TracesHit, window: &WindowQuery) -> String {
    let filter = [("filter", &hit.filter)];
    match &hit.window {
        Some(window) => WindowQuery { window: Some(window.clone()), ..WindowQuery::default() }.link("/traces", &filter),
        None => window.link("/traces", &filter),
    }
}

fn listed(view: &View, answer: &FindAnswer, window: &WindowQuery) -> Markup {
    html! {
        @match &answer.found {
            None => {
                div.empty-state {
                    p role="status" { "Nothing was found for " strong { (answer.asked) } "." }
                    p { "Look for part of it among the " a href=(window.link("/traces", &())) { "traces" } " or the " a href=(window.link("/tenants", &())) { "tenants" } ", or choose a longer window." }
                }
            },
            Some(Hit::Tenants(tenants)) => {
                p role="status" { (count(tenants.len())) " companies are called " strong { (answer.asked) } ", or their names begin so." }
                ul { @for named in tenants { li {
                    a href=(tenant(named, window)) { (named.company.as_deref().unwrap_or(&named.tenant)) } " " code { (named.tenant) }
                } } }
            },
            Some(Hit::Traces(hit)) => (traces(view, answer, hit, window)),
            Some(Hit::Trace(_)) => {},
        }
        section aria-label="What was tried" {
            h2 { "Where it was looked for" }
            dl.facts.tried { @for tried in &answer.tried { div { dt { (tried.what) } dd { (tried.outcome) } } } }
        }
    }
}

fn traces(view: &View, answer: &FindAnswer, hit: &TracesHit, window: &WindowQuery) -> Markup {
    html! {
        p role="status" { (count(hit.traces.matched)) " traces have " strong { (answer.asked) } ": " a href=(all(hit, window)) { "search among them" } "." }
        @if let Some(largest) = &hit.largest {
            @let id = largest.trace_id.to_string();
            h2 { "The one with the most spans is " a href=(window.link(&format!("/traces/{id}"), &())) { (id) } }
            (waterfall::ending_of(&largest.ending, window, &id))
        }
        (search::table(view, "Traces, scrollable", &hit.traces.traces, window))
    }
}
