//! The function that publishes reservations, invoked by their table's stream.

use booking::handlers::Publisher;
use lambda_http_client::aws;
use lambda_runtime::{Error, LambdaEvent, Runtime};
use tenant_telemetry::{AwsSdkTracing, InvocationLayer, Telemetry, stream_document};
use tower::{Layer, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config().await;
    let telemetry = Telemetry::of_function(&config).await?;
    let sns = aws_sdk_sns::config::Builder::from(&config).interceptor(AwsSdkTracing::new());
    let sqs = aws_sdk_sqs::config::Builder::from(&config).interceptor(AwsSdkTracing::new());
    let publisher = Publisher {
        sns: aws_sdk_sns::Client::from_conf(sns.build()),
        sqs: aws_sdk_sqs::Client::from_conf(sqs.build()),
        topic_arn: std::env::var("BOOKING_TOPIC_ARN")?,
        parking_queue_url: std::env::var("PARKING_QUEUE_URL")?,
    };

    let handler = service_fn(move |event: LambdaEvent<serde_json::Value>| {
        let publisher = publisher.clone();
        async move { publisher.publish(event).await.map_err(Error::from) }
    });
    let handler = InvocationLayer::new("datasource").describing(stream_document).layer(handler);
    Runtime::new(handler).layer(telemetry.export_layer()).run_concurrent().await
}
