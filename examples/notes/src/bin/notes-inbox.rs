//! Keeps each note that a believed queue brings, among the notes of its tenant as a whole.

use lambda_http_client::aws;
use lambda_runtime::{Error, Runtime, tower::Layer};
use notes::{NoteSent, keep};
use tenant_messages::{BelievedSources, TenantContext, each_message};
use tenant_store::TenantTable;
use tenant_telemetry::{InvocationLayer, Telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::from_env().await?;
    let telemetry = Telemetry::of_function(&config).await?;
    let table = TenantTable::from_env(&config, "NOTES_TABLE")?;
    let keep = move |sent: NoteSent, tenant: TenantContext| {
        let items = table.of_tenant(&tenant);
        async move { keep(&items, &tenant, sent.id, sent.text).await.map(|_| ()) }
    };
    let handler =
        InvocationLayer::new("pubsub").layer(each_message(BelievedSources::from_env("BELIEVED_SOURCES")?, keep));
    Runtime::new(handler).layer(telemetry.export_layer()).run_concurrent().await
}
