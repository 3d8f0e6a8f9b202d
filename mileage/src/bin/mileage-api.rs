//! The function behind account B's API.

use std::sync::Arc;

use function_settings::Variables;
use http::{Response, StatusCode};
use lambda_http::{Adapter, Body, Request, RequestExt};
use lambda_problem::{Problem, cors_layer, no_such_route, route};
use lambda_runtime::{Error, Runtime};
use mileage::{
    handlers::{balance, distance, posting},
    ledger::Ledger,
    settings::MileageApi,
};
use tenancy::TenantContext;
use tenant_auth::ApiFunction;
use tenant_quota::QuotaLayer;
use tenant_store::TenantTable;
use tenant_telemetry::HttpLayer;
use tower::{Layer, ServiceExt, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let settings = MileageApi::read(&Variables::of_process())?;
    let ApiFunction { config, telemetry, auth, .. } = ApiFunction::start(settings.api).await?;

    let table = TenantTable::new(&config, &settings.ledger_table, &settings.tenant_role_arn);
    let ledger = Arc::new(Ledger::new(table.clone()));

    let quota = QuotaLayer::new(table.clone(), settings.tier_quotas);
    let for_tenants = quota.layer(service_fn(move |request| serve_tenant(ledger.clone(), request)));
    let for_tenants = auth.beginning(table.preparing()).layer(for_tenants);
    let handler = service_fn(move |request: Request| {
        let for_tenants = for_tenants.clone();
        async move {
            match route(&request).as_str() {
                // No token: API Gateway has checked the caller's IAM signature.
                "/miles" => distance(&request).await,
                _ => for_tenants.oneshot(request).await,
            }
        }
    });
    let http = HttpLayer::new()
        .believing_accounts(settings.believed_accounts)
        .showing_query(&["from", "to", "limit", "cursor"]);
    let handler = cors_layer(settings.allowed_origin).layer(http.layer(handler));
    Runtime::new(Adapter::from(handler)).layer(telemetry.export_layer()).run_concurrent().await
}

async fn serve_tenant(ledger: Arc<Ledger>, request: Request) -> Result<Response<Body>, Problem> {
    let tenant = request.extensions().get::<TenantContext>().cloned().ok_or_else(Problem::internal)?;
    match route(&request).as_str() {
        "/mileage" => balance(&ledger, &tenant, &request).await,
        "/mileage/{number}" => {
            let number = request.path_parameters_ref().and_then(|path| path.first("number"));
            let missing =
                || Problem::new(StatusCode::NOT_FOUND, "no_such_booking", "There is no booking with this number.");
            posting(&ledger, &tenant, number.ok_or_else(missing)?).await
        }
        _ => Err(no_such_route()),
    }
}
