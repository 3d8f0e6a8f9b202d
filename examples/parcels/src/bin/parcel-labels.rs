//! Prints a label for each parcel that a believed queue tells of.

use lambda_http_client::aws;
use lambda_runtime::{Error, Runtime, tower::Layer};
use parcels::ParcelPacked;
use tenant_messages::{BelievedSources, TenantContext, each_message};
use tenant_telemetry::{InvocationLayer, Telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let telemetry = Telemetry::of_function(&aws::config().await).await?;
    let handler = each_message(BelievedSources::from_env("BELIEVED_SOURCES")?, print);
    let handler = InvocationLayer::new("pubsub").layer(handler);
    Runtime::new(handler).layer(telemetry.export_layer()).run_concurrent().await
}

async fn print(packed: ParcelPacked, _shop: TenantContext) -> Result<(), Error> {
    if packed.to.is_empty() {
        return Err(format!("parcel {} goes nowhere", packed.parcel).into());
    }
    tracing::info!(parcel = packed.parcel, to = packed.to, "label printed");
    Ok(())
}
