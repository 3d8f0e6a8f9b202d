//! The function behind account A's API.

use airline_events::TIERS;
use std::{sync::Arc, time::Duration};

use booking::{
    handlers::{create_booking, get_booking, list_bookings, quote},
    mileage_client::MileageClient,
    reservations::Reservations,
};
use http::{Method, Response};
use lambda_http::{Adapter, Body, Request, RequestExt};
use lambda_http_client::{HttpClient, Signer, aws};
use lambda_problem::{Problem, cors_layer, no_such_route, route};
use lambda_runtime::{Error, Runtime};
use tenancy::TenantContext;
use tenant_auth::{AuthLayer, JwtSettings, JwtVerifier, TenantRegistry};
use tenant_store::TenantTable;
use tenant_telemetry::{HttpLayer, Telemetry};
use tower::{Layer, ServiceExt, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let verifier = JwtVerifier::new(JwtSettings::cognito_from_env(TIERS)?, HttpClient::new(Duration::from_secs(2)));
    let set_up = async {
        let config = aws::config().await;
        Telemetry::of_function(&config).await.map(|telemetry| (config, telemetry))
    };
    let (set_up, ()) = tokio::join!(set_up, verifier.prefetch_keys());
    let (config, telemetry) = set_up?;

    let table = TenantTable::from_env(&config, "RESERVATIONS_TABLE")?;
    let reservations = Arc::new(Reservations::new(table.clone()));
    let signer = Signer::new(&config, "execute-api")?;
    let mileage = Arc::new(MileageClient::new(&std::env::var("MILEAGE_API_URL")?, signer));

    let auth = AuthLayer::new(verifier).asking(TenantRegistry::from_env(&config, TIERS).await?);
    // A quote reads nothing of a tenant's.
    let quotes = auth.clone().layer(service_fn(move |request| serve_quote(mileage.clone(), request)));
    let bookings = auth
        .beginning(table.preparing())
        .layer(service_fn(move |request| serve_booking(reservations.clone(), request)));
    let handler = service_fn(move |request: Request| {
        let (quotes, bookings) = (quotes.clone(), bookings.clone());
        async move {
            match (request.method(), route(&request).as_str()) {
                (&Method::GET, "/quotes") => quotes.oneshot(request).await,
                _ => bookings.oneshot(request).await,
            }
        }
    });
    let handler = cors_layer().layer(HttpLayer::new().showing_query(&["from", "to", "limit", "cursor"]).layer(handler));
    Runtime::new(Adapter::from(handler)).layer(telemetry.export_layer()).run_concurrent().await
}

async fn serve_quote(mileage: Arc<MileageClient>, request: Request) -> Result<Response<Body>, Problem> {
    quote(&mileage, &request).await
}

async fn serve_booking(reservations: Arc<Reservations>, request: Request) -> Result<Response<Body>, Problem> {
    let tenant = request.extensions().get::<TenantContext>().cloned().ok_or_else(Problem::internal)?;
    match (request.method(), route(&request).as_str()) {
        (&Method::POST, "/bookings") => create_booking(&reservations, &tenant, &request).await,
        (&Method::GET, "/bookings") => list_bookings(&reservations, &tenant, &request).await,
        (&Method::GET, "/bookings/{number}") => {
            let path = request.path_parameters_ref();
            get_booking(&reservations, &tenant, path.and_then(|path| path.first("number"))).await
        }
        _ => Err(no_such_route()),
    }
}
