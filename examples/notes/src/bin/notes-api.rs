//! `POST /notes` takes a note of a user, `GET /notes` answers with the user's latest ones.

use http::{Method, StatusCode};
use lambda_http::{Adapter, Body, Error, Request, RequestExt, RequestPayloadExt, Response, tower::Layer};
use lambda_problem::{Problem, json, no_such_route, page, route};
use lambda_runtime::{Runtime, service_fn};
use notes::{Note, TIERS, keep};
use serde::Deserialize;
use tenant_auth::{ApiFunction, TenantContext};
use tenant_store::{StoreError, TenantTable};
use tenant_telemetry::HttpLayer;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let ApiFunction { config, telemetry, auth, .. } = ApiFunction::from_env(TIERS).await?;
    let table = TenantTable::from_env(&config, "NOTES_TABLE")?;
    let auth = auth.beginning(table.preparing());
    let handler = auth.layer(service_fn(move |request| serve(table.clone(), request)));
    let handler = HttpLayer::new().showing_query(&["limit", "cursor"]).layer(handler);
    Runtime::new(Adapter::from(handler)).layer(telemetry.export_layer()).run_concurrent().await
}

#[derive(Deserialize)]
struct Taken {
    text: String,
}

async fn serve(table: TenantTable, request: Request) -> Result<Response<Body>, Problem> {
    let tenant = request.extensions().get::<TenantContext>().ok_or_else(Problem::internal)?;
    let items = table.of_user(tenant).map_err(StoreError::from).map_err(problem)?;
    match (request.method(), route(&request).as_str()) {
        (&Method::POST, "/notes") => {
            let taken: Option<Taken> = request.json().unwrap_or_default();
            let Taken { text } =
                taken.ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "no_note", "A note has a `text`."))?;
            // Lambda names each invocation, and the same one again where it is retried.
            let id = request.lambda_context().request_id;
            json(StatusCode::CREATED, &keep(&items, tenant, id, text).await.map_err(problem)?)
        }
        (&Method::GET, "/notes") => {
            let (limit, after) = page(&request)?;
            let page = items.list::<Note>(limit, after).await.map_err(problem)?;
            json(
                StatusCode::OK,
                &serde_json::json!({ "notes": page.items, "next_cursor": page.next.map(|next| next.to_string()) }),
            )
        }
        _ => Err(no_such_route()),
    }
}

fn problem(error: StoreError) -> Problem {
    tracing::error!(%error, "notes");
    match error {
        StoreError::NoUser(_) => Problem::new(StatusCode::FORBIDDEN, "no_user", "Only a user can have notes."),
        StoreError::Unavailable(_) => {
            Problem::unavailable("notes_unavailable", "Notes cannot be reached at the moment.")
        }
        _ => Problem::internal(),
    }
}
