//! The function behind the API of new-service.

mod handler;

use std::time::Duration;

use airline_events::TIERS;
use lambda_http::Adapter;
use lambda_http_client::{HttpClient, aws};
use lambda_problem::cors_layer;
use lambda_runtime::{Error, Runtime};
use tenant_auth::{AuthLayer, JwtSettings, JwtVerifier, TenantRegistry};
use tenant_telemetry::{HttpLayer, Telemetry};
use tower::{Layer, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let verifier = JwtVerifier::new(JwtSettings::cognito_from_env(TIERS)?, HttpClient::new(Duration::from_secs(2)));
    let set_up = async {
        let config = aws::config().await;
        Telemetry::from_env(&config).await.map(|telemetry| (config, telemetry))
    };
    let (set_up, ()) = tokio::join!(set_up, verifier.prefetch_keys());
    let (config, telemetry) = set_up?;

    let auth = AuthLayer::new(verifier).asking(TenantRegistry::from_env(&config, TIERS).await?);
    let handler = auth.layer(service_fn(handler::serve));
    let handler = cors_layer().layer(HttpLayer::new().layer(handler));
    Runtime::new(Adapter::from(handler)).layer(telemetry.export_layer()).run_concurrent().await
}
