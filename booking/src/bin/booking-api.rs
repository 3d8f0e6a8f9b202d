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
use opentelemetry::metrics::Counter;
use tenancy::TenantContext;
use tenant_auth::ApiFunction;
use tenant_quota::{BookingQuota, QuotaLayer};
use tenant_store::TenantTable;
use tenant_telemetry::HttpLayer;
use tower::{Layer, service_fn};

struct App {
    reservations: Reservations,
    bookings: Counter<u64>,
    daily: BookingQuota,
    mileage: MileageClient,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let settings = BookingApi::read(&Variables::of_process())?;
    let roots = settings.api.telemetry.roots();
    let ApiFunction { config, telemetry, auth, .. } = ApiFunction::start(settings.api).await?;

    let table = TenantTable::new(&config, &settings.reservations_table, &settings.tenant_role_arn);
    let signer = Signer::new(&config, "execute-api")?;
    let app = Arc::new(App {
        reservations: Reservations::new(table.clone()),
        bookings: telemetry.meter("booking").u64_counter("booking.bookings").with_unit("{booking}").build(),
        daily: BookingQuota::new(table.clone()),
        mileage: MileageClient::new(&settings.mileage_api_url, roots, signer),
    });

    let quota = QuotaLayer::new(table.clone(), settings.tier_quotas);
    let handler = quota.layer(service_fn(move |request| serve(app.clone(), request)));
    let handler = auth.beginning(table.preparing()).layer(handler);
    let http = HttpLayer::new().showing_query(&["from", "to", "limit", "cursor"]);
    let handler = cors_layer(settings.allowed_origin).layer(http.layer(handler));
    Runtime::new(Adapter::from(handler)).layer(telemetry.export_layer()).run_concurrent().await
}

async fn serve(app: Arc<App>, request: Request) -> Result<Response<Body>, Problem> {
    let tenant = request.extensions().get::<TenantContext>().cloned().ok_or_else(Problem::internal)?;
    let path = request.path_parameters_ref();
    let number = path.and_then(|path| path.first("number"));
    match (request.method(), route(&request).as_str()) {
        (&Method::GET, "/quotes") => quote(&app.mileage, &request).await,
        (&Method::POST, "/bookings") => {
            create_booking(&app.reservations, &app.daily, &app.bookings, &tenant, &request).await
        }
        (&Method::GET, "/bookings") => list_bookings(&app.reservations, &tenant, &request).await,
        (&Method::GET, "/bookings/{number}") => get_booking(&app.reservations, &tenant, number).await,
        (&Method::POST, "/bookings/{number}/cancellation") => cancel_booking(&app.reservations, &tenant, number).await,
        _ => Err(no_such_route()),
    }
}
