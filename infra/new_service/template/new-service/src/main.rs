//! The function behind the API of new-service.

mod handler;
mod settings;

use function_settings::Variables;
use lambda_http::Adapter;
use lambda_problem::cors_layer;
use lambda_runtime::{Error, Runtime};
use tenant_auth::ApiFunction;
use tenant_telemetry::HttpLayer;
use tower::{Layer, service_fn};

use self::settings::Settings;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let settings = Settings::read(&Variables::of_process())?;
    let ApiFunction { telemetry, auth, .. } = ApiFunction::start(settings.api).await?;
    let handler = auth.layer(service_fn(handler::serve));
    let handler = cors_layer(settings.allowed_origin).layer(HttpLayer::new().layer(handler));
    Runtime::new(Adapter::from(handler)).layer(telemetry.export_layer()).run_concurrent().await
}
