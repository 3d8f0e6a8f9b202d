//! What stands around every page: its head, the way to the others, and who has signed in.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use control_plane_access::Visitor;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::{assets, problem::Problem, visible, window::Place};

/// What this is called, wherever it says its name.
const NAME: &str = "Control plane";

/// The page that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tab {
    Map,
    Traces,
    Groups,
    TurnedAway,
    Tenants,
    Cost,
    Investigations,
    Audit,
}

/// A page with this title. The way to the others keeps the window of the one that was asked for.
pub(crate) fn page(visitor: &Visitor, place: &Place, title: &str, tab: Tab, content: &Markup) -> Markup {
    whole(Some((visitor, place, tab)), title, content)
}

/// A part of a page, for one that is open already. Names come from outside: what they hold is shown, not acted on.
pub(crate) fn part(content: &Markup) -> Markup {
    PreEscaped(visible::lines(&content.0).into_owned())
}

/// A page for whoever is not signed in.
pub(crate) fn outside(status: StatusCode, title: &str, content: &Markup) -> Response {
    (status, whole(None, title, content)).into_response()
}

/// A page for whoever gets nothing else, and where they may go from it.
pub(crate) fn failed(problem: &Problem, path: &str, link: &str) -> Response {
    let content = html! {
        (went_wrong(problem))
        p { a.button.primary href=(path) { (link) } }
    };
    outside(problem.status, title_of(problem.status), &content)
}

/// What happened, and what to do about it.
pub(crate) fn went_wrong(problem: &Problem) -> Markup {
    html! {
        div.problem.missing[problem.status == StatusCode::NOT_FOUND] {
            p role="alert" { (sentence(&problem.detail)) }
            @if let Some(next) = what_next(problem.status) { p { (next) } }
        }
    }
}

/// A sentence, whose end a problem document does without.
fn sentence(detail: &str) -> String {
    let is_whole = detail.ends_with(['.', '?', '!', ')', '"']) || detail.is_empty();
    if is_whole { detail.to_owned() } else { format!("{detail}.") }
}

/// What became of what was asked for, in words that are not HTTP's.
fn title_of(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => "This request cannot be answered",
        StatusCode::UNAUTHORIZED => "Sign in first",
        StatusCode::FORBIDDEN => "You may not do that",
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::CONFLICT => "Somebody was quicker",
        StatusCode::SERVICE_UNAVAILABLE => "Not available at the moment",
        status => status.canonical_reason().unwrap_or("Refused"),
    }
}

/// What the reader can do, where the problem itself does not say.
fn what_next(status: StatusCode) -> Option<&'static str> {
    match status {
        StatusCode::FORBIDDEN => Some("If you need it, ask whoever gives out roles here, or sign in as somebody else."),
        StatusCode::NOT_FOUND => Some("Check the address, or look for it in the search box at the top of any page."),
        StatusCode::SERVICE_UNAVAILABLE => Some("Nothing was lost. Load this page again in a few seconds."),
        _ => None,
    }
}

fn whole(inside: Option<(&Visitor, &Place, Tab)>, title: &str, content: &Markup) -> Markup {
    // Names come from outside: what they hold is shown, not acted on.
    let content = PreEscaped(visible::lines(&content.0));
    let title = visible::line(title);
    let way = |place: &Place, this: Tab, current: Tab, path: &str, name: &str| {
        html! { a href=(place.window().link(path, &())) aria-current=[(this == current).then_some("page")] { (name) } }
    };
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                // The script's own styles and eval are against the policy.
                meta name="htmx-config" content=r#"{"includeIndicatorStyles":false,"allowEval":false}"#;
                title { (title) " · " (NAME) }
                link rel="icon" href=(assets::path("icon.png")) type="image/png" sizes="180x180";
                link rel="icon" href=(assets::path("icon.svg")) type="image/svg+xml" sizes="any";
                link rel="apple-touch-icon" href=(assets::path("icon.png"));
                link rel="stylesheet" href=(assets::path("style.css"));
                (assets::script("htmx.js"))
                (assets::script("busy.js"))
                (assets::script("times.js"))
            }
            body {
                header.top { div {
                    a.skip href="#main" { "To the content" }
                    @let first = inside.map_or_else(|| "/".to_owned(), |(_, place, _)| place.window().link("/", &()));
                    a.brand href=(first) { img src=(assets::path("icon.svg")) alt="" width="24" height="24"; (NAME) }
                    @if let Some((visitor, place, current)) = inside {
                        nav aria-label="Pages" {
                            (way(place, Tab::Map, current, "/", "Service map"))
                            (way(place, Tab::Tenants, current, "/tenants", "Tenants"))
                            (way(place, Tab::Traces, current, "/traces", "Traces"))
                            (way(place, Tab::Groups, current, "/groups", "Group by"))
                            (way(place, Tab::TurnedAway, current, "/turned-away", "Turned away"))
                            (way(place, Tab::Cost, current, "/cost", "Cost"))
                            @if visitor.scope().tenant().is_none() {
                                (way(place, Tab::Investigations, current, "/investigations", "Investigations"))
                                (way(place, Tab::Audit, current, "/audit", "Audit"))
                            }
                        }
                        form.find role="search" method="get" action="/find" {
                            input name="q" aria-label="Find" spellcheck="false" autocomplete="off" maxlength="4096" required
                                placeholder="Trace, booking, tenant, company, user or filter";
                            @for (name, value) in place.window().parameters() { input type="hidden" name=(name) value=(value); }
                            button { "Find" }
                        }
                        button.quiet #zone type="button" disabled { "Times in UTC" }
                        @if let Some(csrf) = visitor.csrf() {
                            form.visitor method="post" action="/sign-out" {
                                span { (visible::line(&visitor.principal().name)) " (" (visitor.principal().role.name()) ")" }
                                input type="hidden" name="csrf" value=(csrf);
                                button { "Sign out" }
                            }
                        }
                    }
                } }
                main id="main" class=[inside.is_none().then_some("outside")] { h1 { (title) } (content) }
            }
        }
    }
}
