//! Files that pages need: their styles, their scripts and the icon.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    extract::{Path, RawQuery},
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

/// The files: name, content type and content.
const FILES: &[(&str, &str, &str)] = &[
    ("icon.svg", "image/svg+xml", include_str!("assets/icon.svg")),
    ("style.css", CSS, STYLE),
    ("htmx.js", JAVASCRIPT, include_str!("assets/vendor/htmx.min.js")),
    ("busy.js", JAVASCRIPT, include_str!("assets/scripts/busy.js")),
    ("ask.js", JAVASCRIPT, include_str!("assets/scripts/ask.js")),
    ("axes.js", JAVASCRIPT, include_str!("assets/scripts/axes.js")),
    ("brush.js", JAVASCRIPT, include_str!("assets/scripts/brush.js")),
    ("charts.js", JAVASCRIPT, include_str!("assets/scripts/charts.js")),
    ("copy.js", JAVASCRIPT, include_str!("assets/scripts/copy.js")),
    ("critical-path.js", JAVASCRIPT, include_str!("assets/scripts/critical-path.js")),
    ("find-spans.js", JAVASCRIPT, include_str!("assets/scripts/find-spans.js")),
    ("map.js", JAVASCRIPT, include_str!("assets/scripts/map.js")),
    ("marks.js", JAVASCRIPT, include_str!("assets/scripts/marks.js")),
    ("span-panel.js", JAVASCRIPT, include_str!("assets/scripts/span-panel.js")),
    ("span-row.js", JAVASCRIPT, include_str!("assets/scripts/span-row.js")),
    ("span-tree.js", JAVASCRIPT, include_str!("assets/scripts/span-tree.js")),
    ("stretches.js", JAVASCRIPT, include_str!("assets/scripts/stretches.js")),
    ("svg.js", JAVASCRIPT, include_str!("assets/scripts/svg.js")),
    ("texts.js", JAVASCRIPT, include_str!("assets/scripts/texts.js")),
    ("times.js", JAVASCRIPT, include_str!("assets/scripts/times.js")),
    ("uPlot.js", JAVASCRIPT, include_str!("assets/vendor/uPlot.iife.min.js")),
    ("waterfall.js", JAVASCRIPT, include_str!("assets/scripts/waterfall.js")),
    ("zoom.js", JAVASCRIPT, include_str!("assets/scripts/zoom.js")),
];

/// The icon, for browsers that take no SVG and for a telephone's first screen: `icon.svg`, drawn 180 pixels wide.
const PICTURE: (&str, &str, &[u8]) = ("icon.png", "image/png", include_bytes!("assets/icon.png"));

/// The files' versions: name, and the query string that a page adds to get the current content.
static VERSIONS: LazyLock<Vec<(&str, String)>> = LazyLock::new(|| {
    let version = |body: &[u8]| format!("v={}", hex::encode(&digest(&SHA256, body).as_ref()[..8]));
    all().map(|(name, _, body)| (name, version(body))).collect()
});

fn all() -> impl Iterator<Item = (&'static str, &'static str, &'static [u8])> {
    FILES.iter().map(|(name, content_type, body)| (*name, *content_type, body.as_bytes())).chain([PICTURE])
}

/// `GET /static/{name}`. Under the address that [`path`] gives, a file stays as it is for good: what another version of a page asks for is not kept.
pub(crate) async fn file(Path(name): Path<String>, RawQuery(asked): RawQuery) -> Response {
    let Some((_, content_type, body)) = all().find(|(known, ..)| *known == name) else {
        return Problem::not_found("There is no such file.").into_response();
    };
    let kept = if asked.as_deref() == version(&name) { "public, max-age=31536000, immutable" } else { "no-cache" };
    ([(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, kept)], body).into_response()
}

/// Where a file is found, as it is now.
pub(crate) fn path(name: &str) -> String {
    format!("/static/{name}?{}", version(name).unwrap_or_default())
}

fn version(name: &str) -> Option<&'static str> {
    VERSIONS.iter().find(|(known, _)| *known == name).map(|(_, version)| version.as_str())
}

/// A script of [`FILES`], run once the page is read.
pub(crate) fn script(name: &str) -> Markup {
    html! { script src=(path(name)) defer {} }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_scripts_together_are_small() {
        let scripts = FILES.iter().filter(|(_, content_type, _)| *content_type == JAVASCRIPT);
        let bytes: usize = scripts.map(|(.., body)| body.len()).sum();
        assert!(bytes <= 200_000, "{bytes} bytes of scripts");
    }

    #[test]
    fn an_address_changes_with_its_file() {
        assert_ne!(version("style.css"), version("htmx.js"));
        assert!(all().all(|(name, ..)| version(name).is_some_and(|version| version.len() == "v=".len() + 16)));
    }
}
