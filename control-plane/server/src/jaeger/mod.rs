//! Jaeger's query API, so that Jaeger's own page and Grafana's data source read what is kept here, under the access rules of everything else.
//!
//! It is below `/jaeger`, the base path that both can be given: its `/api/traces` would be ours otherwise. Errors are in the forms that Jaeger's clients
//! understand, not problem documents.
//!
//! | file | idea |
//! |---|---|
//! | `parameters` | the parameters of a request, and which traces match them |
//! | `reading` | from there to the traces, names and edges that are kept |
//! | `spans` | a trace in Jaeger's own JSON |
//! | `summary` | what a list of traces says of one |
//! | `v3` | version 3: OTLP's JSON |
//! | `unversioned` | the older API, which Jaeger's page asks for traces and dependencies, and Grafana for everything |

mod parameters;
mod reading;
mod spans;
mod summary;
mod unversioned;
mod v3;

use std::{
    convert::Infallible,
    iter::{once, repeat},
};

use axum::{
    body::Body,
    http::header,
    response::{IntoResponse, Response},
};
use control_plane_access::{May, Routes};
use futures_util::stream;

use crate::{access::refuse, api::Sources};

/// Paths of Jaeger's API.
pub(crate) fn routes() -> Routes<Sources> {
    Routes::new(refuse)
        .get(May::SignedIn, "/jaeger/api/v3/services", v3::services)
        .get(May::SignedIn, "/jaeger/api/v3/operations", v3::operations)
        .get(May::SignedIn, "/jaeger/api/v3/traces", v3::traces)
        .get(May::SignedIn, "/jaeger/api/v3/traces/{id}", v3::trace)
        .get(May::SignedIn, "/jaeger/api/v3/trace-summaries", v3::trace_summaries)
        .get(May::SignedIn, "/jaeger/api/services", unversioned::services)
        .get(May::SignedIn, "/jaeger/api/services/{service}/operations", unversioned::operations_of)
        .get(May::SignedIn, "/jaeger/api/operations", unversioned::operations)
        .get(May::SignedIn, "/jaeger/api/traces", unversioned::traces)
        .get(May::SignedIn, "/jaeger/api/traces/{id}", unversioned::trace)
        .get(May::SignedIn, "/jaeger/api/dependencies", unversioned::dependencies)
        .get(May::SignedIn, "/jaeger/api/metrics/{name}", unversioned::metrics)
}

/// An answer of JSON in which a list has been written already, item by item; each item is let go once it is sent.
fn with_list(before: String, items: Vec<String>, after: String) -> Response {
    let commas = once(None).chain(repeat(Some(",".to_owned())));
    let items = commas.zip(items).flat_map(|(comma, item)| comma.into_iter().chain(once(item)));
    let all = once(before).chain(items).chain(once(after));
    let body = Body::from_stream(stream::iter(all.map(Ok::<_, Infallible>)));
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}
