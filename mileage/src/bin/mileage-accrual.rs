//! The function that posts miles for bookings, invoked by the queue.

use std::sync::Arc;

use function_settings::Variables;
use lambda_http_client::aws;
use lambda_runtime::{Error, LambdaEvent, Runtime};
use mileage::{handlers::accrue, ledger::Ledger, settings::MileageAccrual};
use tenant_messages::BelievedSources;
use tenant_store::TenantTable;
use tenant_telemetry::{InvocationLayer, Telemetry};
use tower::{Layer, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let settings = MileageAccrual::read(&Variables::of_process())?;
    let config = aws::config(settings.telemetry.roots()).await;
    let telemetry = Telemetry::start_function(settings.telemetry, &config).await?;
    let table = TenantTable::new(&config, &settings.ledger_table, &settings.tenant_role_arn);
    let miles = telemetry.meter("mileage").u64_counter("mileage.miles").with_unit("{mile}").build();
    let ledger = Arc::new(Ledger::new(table));
    let believed: BelievedSources = settings.believed_sources.into_iter().collect();

    let handler = service_fn(move |event: LambdaEvent<serde_json::Value>| {
        let (ledger, believed, miles) = (ledger.clone(), believed.clone(), miles.clone());
        async move { accrue(ledger, &believed, &miles, event).await.map_err(Error::from) }
    });
    let handler = InvocationLayer::new("pubsub").layer(handler);
    Runtime::new(handler).layer(telemetry.export_layer()).run_concurrent().await
}
