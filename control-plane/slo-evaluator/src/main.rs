//! The function that evaluates objectives every five minutes, invoked by a schedule.

use std::time::Duration;

use aws_sdk_cloudwatchlogs::config::timeout::TimeoutConfig;
use control_plane_clickhouse::{Address, ClickHouse};
use lambda_http_client::{Roots, aws, fetch_secret};
use lambda_runtime::{Error, LambdaEvent, Runtime};
use slo::{Definitions, Rules};
use slo_evaluator::{Evaluator, Settings, settings::SpansStore};
use tenant_telemetry::{InvocationLayer, Telemetry};
use tower::{Layer, service_fn};

/// A page of an answer has megabytes.
const PAGE_WITHIN: Duration = Duration::from_secs(20);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let roots = Roots::from_env()?;
    let config = aws::config(roots).await;
    let telemetry = Telemetry::of_function(&config).await?;
    let settings = Settings::read(|name| std::env::var(name).ok())?;
    let address = match &settings.spans_store {
        None => None,
        Some(SpansStore::Given(address)) => Some(address.clone()),
        Some(SpansStore::At(arn)) => Some(fetch_secret(&config, roots, arn).await?),
    };
    let sums = address.map(|address| address.parse().map(|address: Address| ClickHouse::new(&address))).transpose()?;
    let patient = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(PAGE_WITHIN)
        .operation_timeout(2 * PAGE_WITHIN);
    let logs = aws_sdk_cloudwatchlogs::config::Builder::from(&config).timeout_config(patient.build());
    let evaluator = Evaluator {
        rules: Rules::new(Definitions::compiled()?, settings.excluded.clone()),
        settings,
        logs: aws_sdk_cloudwatchlogs::Client::from_conf(logs.build()),
        sums,
        dynamodb: aws_sdk_dynamodb::Client::new(&config),
        sns: aws_sdk_sns::Client::new(&config),
    };

    let handler = service_fn(move |event: LambdaEvent<serde_json::Value>| {
        let evaluator = evaluator.clone();
        async move {
            evaluator.run(event).await.map_err(|error| {
                tracing::error!(%error, "not evaluated");
                Error::from(error)
            })
        }
    });
    let handler = InvocationLayer::new("timer").layer(handler);
    Runtime::new(handler).layer(telemetry.export_layer()).run().await
}
