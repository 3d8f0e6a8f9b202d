//! The function behind the API of new-service.

mod handler;

use airline_events::TIERS;
use lambda_http::Adapter;
use lambda_problem::cors_layer;
use lambda_runtime::{Error, Runtime};
use tenant_auth::ApiFunction;
use tenant_telemetry::HttpLayer;
use tower::{Layer, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let ApiFunction { telemetry, auth, .. } = ApiFunction::start(TIERS).await?;
    let handler = auth.layer(service_fn(handler::serve));
    let handler = cors_layer().layer(HttpLayer::new().layer(handler));
    Runtime::new(Adapter::from(handler)).layer(telemetry.export_layer()).run_concurrent().await
}
