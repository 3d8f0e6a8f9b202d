//! A function that somebody invokes who is trusted to say for whom: spans name that tenant, and nothing else is used.

use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn, tower::Layer};
use serde_json::{Value, json};
use tenant_telemetry::{InvocationLayer, Telemetry, TenantLabel, Work};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let telemetry = Telemetry::from_env().await?;
    let handler = InvocationLayer::new("other").layer(service_fn(postage));
    Runtime::new(handler).layer(telemetry.export_layer()).run_concurrent().await
}

async fn postage(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let text = |name: &str| event.payload[name].as_str().unwrap_or_default();
    let (tenant_id, tier) = (text("tenant").parse()?, text("tier").parse()?);
    Work::current().serve(TenantLabel { tenant_id, tier, user_id: None });
    let grams = event.payload["grams"].as_u64().ok_or("no grams")?;
    Ok(json!({ "cents": 85 + grams / 10 }))
}
