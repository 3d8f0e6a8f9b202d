//! Jaeger's query API, so that Jaeger's own page and Grafana's data source read what is kept here, under the access rules of everything else.
//!
//! It is below `/jaeger`, the base path that both can be given: its `/api/traces` would be ours otherwise. Errors are in the forms that Jaeger's clients
//! understand, not problem documents.
//!
//! | file | idea |
//! |---|---|
//! | `asked` | what a request asks for, and which traces meet it |
//! | `reading` | from there to the traces, names and edges that are kept |
//! | `spans` | a trace in Jaeger's own JSON |
//! | `summary` | what a list of traces says of one |
//! | `v3` | version 3: OTLP's JSON |
//! | `unversioned` | the older API, which Jaeger's page asks for traces and dependencies, and Grafana for everything |

mod asked;
mod reading;
mod spans;
mod summary;
mod unversioned;
mod v3;

use control_plane_access::{May, Routes};

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
