//! The function that posts miles for bookings, invoked by the queue.

use std::sync::Arc;

use lambda_http_client::aws;
use lambda_runtime::{Error, LambdaEvent, Runtime};
use mileage::{handlers::accrue, ledger::Ledger};
use tenant_store::TenantTable;
use tenant_telemetry::{BelievedSenders, InvocationLayer, Telemetry};
use tower::{Layer, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config().await;
    let telemetry = Telemetry::from_env(&config).await?;
    let ledger = Arc::new(Ledger::new(TenantTable::from_env(&config, "LEDGER_TABLE")?));
    let topics = BelievedSenders::from_env("BELIEVED_TOPICS");

    let handler = service_fn(move |event: LambdaEvent<serde_json::Value>| {
        let (ledger, topics) = (ledger.clone(), topics.clone());
        async move { accrue(ledger, &topics, event).await.map_err(Error::from) }
    });
    let handler = InvocationLayer::new("pubsub").layer(handler);
    Runtime::new(handler).layer(telemetry.export_layer()).run_concurrent().await
}
