//! The function that posts miles for bookings, invoked by the queue.

use std::sync::Arc;

use lambda_http_client::aws;
use lambda_runtime::{Error, LambdaEvent, Runtime};
use mileage::{handlers::accrue, ledger::Ledger};
use tenant_messages::BelievedSources;
use tenant_store::TenantTable;
use tenant_telemetry::{InvocationLayer, Telemetry};
use tower::{Layer, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config().await;
    let telemetry = Telemetry::of_function(&config).await?;
    let ledger = Arc::new(Ledger::new(TenantTable::from_env(&config, "LEDGER_TABLE")?));
    let believed = BelievedSources::from_env("BELIEVED_SOURCES")?;

    let handler = service_fn(move |event: LambdaEvent<serde_json::Value>| {
        let (ledger, believed) = (ledger.clone(), believed.clone());
        async move { accrue(ledger, &believed, event).await.map_err(Error::from) }
    });
    let handler = InvocationLayer::new("pubsub").layer(handler);
    Runtime::new(handler).layer(telemetry.export_layer()).run_concurrent().await
}
