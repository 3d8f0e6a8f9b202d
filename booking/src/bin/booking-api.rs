//! The function behind account A's API.

use std::sync::Arc;

use booking::{
    handlers::{cancel_booking, create_booking, get_booking, list_bookings, quote},
    mileage_client::MileageClient,
    reservations::Reservations,
    settings::BookingApi,
};
use function_settings::Variables;
use http::{Method, Response};
use lambda_http::{Adapter, Body, Request, RequestExt};
use lambda_http_client::Signer;
use lambda_problem::{Problem, cors_layer, no_such_route, route};
use lambda_runtime::{Error, Runtime};
use tenancy::TenantContext;
use tenant_auth::ApiFunction;
use tenant_store::TenantTable;
use tenant_telemetry::HttpLayer;
use tower::{Layer, ServiceExt, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let settings = BookingApi::read(&Variables::of_process())?;
    let roots = settings.api.telemetry.roots();
    let ApiFunction { config, telemetry, auth, .. } = ApiFunction::start(settings.api).await?;

    let table = TenantTable::new(&config, &settings.reservations_table, &settings.tenant_role_arn);
    let reservations = Arc::new(Reservations::new(table.clone()));
    let signer = Signer::new(&config, "execute-api")?;
    let mileage = Arc::new(MileageClient::new(&settings.mileage_api_url, roots, signer));

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
    let http = HttpLayer::new().showing_query(&["from", "to", "limit", "cursor"]);
    let handler = cors_layer(settings.allowed_origin).layer(http.layer(handler));
    Runtime::new(Adapter::from(handler)).layer(telemetry.export_layer()).run_concurrent().await
}

async fn serve_quote(mileage: Arc<MileageClient>, request: Request) -> Result<Response<Body>, Problem> {
    quote(&mileage, &request).await
}

async fn serve_booking(reservations: Arc<Reservations>, request: Request) -> Result<Response<Body>, Problem> {
    let tenant = request.extensions().get::<TenantContext>().cloned().ok_or_else(Problem::internal)?;
    let path = request.path_parameters_ref();
    let number = path.and_then(|path| path.first("number"));
    match (request.method(), route(&request).as_str()) {
        (&Method::POST, "/bookings") => create_booking(&reservations, &tenant, &request).await,
        (&Method::GET, "/bookings") => list_bookings(&reservations, &tenant, &request).await,
        (&Method::GET, "/bookings/{number}") => get_booking(&reservations, &tenant, number).await,
        (&Method::POST, "/bookings/{number}/cancellation") => cancel_booking(&reservations, &tenant, number).await,
        _ => Err(no_such_route()),
    }
}
