//! Which service's code handles a call: what it reads from a request, and where it puts context.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use opentelemetry::KeyValue;

use super::{
    call::{Call, CallSpan, text},
    dynamodb, eventbridge,
    json::Object,
    lambda, sns, sqs, step_functions,
};
use crate::semconv;

/// Starts the spans of a call and puts their context into the request, where the service has a place for it. A request that cannot be read has a span
/// nevertheless.
pub(super) fn start(call: &Call<'_>, request: &mut HttpRequest) -> Vec<CallSpan> {
    let spans = match (call.service, call.operation) {
        ("SNS", "Publish" | "PublishBatch") => sns::send(call, request),
        ("SQS", "SendMessage" | "SendMessageBatch") => sqs::send(call, request),
        ("EventBridge", "PutEvents") => eventbridge::send(call, request),
        ("SFN", "StartExecution" | "StartSyncExecution") => step_functions::start(call, request),
        ("Lambda", "Invoke" | "InvokeWithResponseStream") => lambda::invoke(call, request),
        _ => None,
    };
    spans.unwrap_or_else(|| vec![call.start(attributes(call, request))])
}

/// The attributes of a call that carries no context. The bucket of an S3 call is known only later, from its endpoint.
fn attributes(call: &Call<'_>, request: &HttpRequest) -> Vec<KeyValue> {
    let object = || Object::parse(text(request)?);
    match call.service {
        "DynamoDB" => dynamodb::attributes(request.body().bytes().unwrap_or_default()),
        "SNS" => text(request).map(sns::attributes).unwrap_or_default(),
        "SQS" => text(request).map(|body| sqs::attributes(call.operation, body)).unwrap_or_default(),
        "SFN" => object().map(|body| step_functions::attributes(&body)).unwrap_or_default(),
        "Secrets Manager" => {
            // A secret may be named by less than its ARN.
            let arn = object().and_then(|body| body.string("SecretId")).filter(|id| id.starts_with("arn:"));
            arn.map(|arn| KeyValue::new(semconv::AWS_SECRETSMANAGER_SECRET_ARN, arn)).into_iter().collect()
        }
        _ => Vec::new(),
    }
}
