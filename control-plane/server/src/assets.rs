//! Files that pages need: their styles, their scripts and the icon.

use axum::{
    extract::Path,
    http::header,
    response::{IntoResponse, Response},
};
use maud::{Markup, html};

use crate::problem::Problem;

const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// All styles in one file: first what the others use.
const STYLE: &str = concat!(
    include_str!("assets/styles/tokens.css"),
    include_str!("assets/styles/base.css"),
    include_str!("assets/styles/map.css"),
    include_str!("assets/styles/charts.css"),
    include_str!("assets/styles/tenants.css"),
    include_str!("assets/styles/waterfall.css"),
);

/// By name: the type of a file, and what is in it.
const FILES: &[(&str, &str, &str)] = &[
    ("icon.svg", "image/svg+xml", include_str!("assets/icon.svg")),
    ("style.css", CSS, STYLE),
    ("htmx.js", JAVASCRIPT, include_str!("assets/vendor/htmx.min.js")),
    ("charts.js", JAVASCRIPT, include_str!("assets/scripts/charts.js")),
    ("texts.js", JAVASCRIPT, include_str!("assets/scripts/texts.js")),
    ("times.js", JAVASCRIPT, include_str!("assets/scripts/times.js")),
    ("uPlot.js", JAVASCRIPT, include_str!("assets/vendor/uPlot.iife.min.js")),
];

/// `GET /static/{name}`.
pub(crate) async fn file(Path(name): Path<String>) -> Response {
    let found = FILES.iter().find(|(known, ..)| *known == name);
    let Some((_, content_type, body)) = found else {
        return Problem::not_found("There is no such file.").into_response();
    };
    ([(header::CONTENT_TYPE, *content_type), (header::CACHE_CONTROL, "max-age=3600")], *body).into_response()
}

/// Where a file is found.
pub(crate) fn path(name: &str) -> String {
    format!("/static/{name}")
}

/// A script of [`FILES`], run once the page is read.
pub(crate) fn script(name: &str) -> Markup {
    html! { script src=(path(name)) defer {} }
}
