//! A function that a queue invokes: each message has a span in its sender's trace, and its tenant; a stranger's is refused.

use lambda_runtime::{Error, Runtime, tower::Layer};
use serde::{Deserialize, Serialize};
use tenant_messages::{BelievedSources, TenantContext, each_message, tenant_message};
use tenant_telemetry::{InvocationLayer, Telemetry};

#[derive(Deserialize, Serialize)]
struct ParcelPacked {
    parcel: String,
    shop: String,
    plan: String,
}
tenant_message!("parcel.packed", 1, ParcelPacked { tenant_id: shop, tier: plan });

#[tokio::main]
async fn main() -> Result<(), Error> {
    let telemetry = Telemetry::from_env().await?;
    let handler = each_message(BelievedSources::from_env("BELIEVED_SOURCES")?, print);
    Runtime::new(InvocationLayer::new("pubsub").layer(handler)).layer(telemetry.export_layer()).run_concurrent().await
}

async fn print(packed: ParcelPacked, _: TenantContext) -> Result<(), Error> {
    eprintln!("label of parcel {} of {} ({})", packed.parcel, packed.shop, packed.plan);
    Ok(())
}
