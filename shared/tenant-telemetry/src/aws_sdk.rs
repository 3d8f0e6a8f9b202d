//! Spans for AWS SDK calls: CLIENT for calls, PRODUCER for each message that is published.
//!
//! One interceptor on the shared SDK configuration traces every client built from it; handlers contain none of this.

use std::sync::Mutex;

use aws_sdk_dynamodb::{
    error::ProvideErrorMetadata,
    operation::{
        delete_item::{DeleteItemError, DeleteItemInput},
        get_item::{GetItemError, GetItemInput},
        put_item::{PutItemError, PutItemInput},
        query::{QueryError, QueryInput},
        transact_write_items::{TransactWriteItemsError, TransactWriteItemsInput},
        update_item::{UpdateItemError, UpdateItemInput},
    },
};
use aws_sdk_sns::{
    operation::{
        publish::{PublishError, PublishInput, PublishOutput},
        publish_batch::{PublishBatchError, PublishBatchInput, PublishBatchOutput},
    },
    types::MessageAttributeValue,
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{
            Intercept,
            context::{
                BeforeDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut,
                BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextMut, Error,
                FinalizerInterceptorContextRef, Input,
            },
        },
        orchestrator::Metadata,
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use opentelemetry::{
    Array, Context, KeyValue, StringValue, Value,
    propagation::Injector,
    trace::{SpanBuilder, SpanKind, TraceContextExt},
};

use super::{Work, messages::fail_span, propagation, semconv, start};

/// The interceptor. Add it once: `aws_config::defaults(…).load().await.into_builder()…` or per client with
/// `config::Builder::interceptor`.
#[derive(Debug, Default, Clone)]
pub struct AwsSdkTracing {
    _private: (),
}

impl AwsSdkTracing {
    /// The interceptor.
    pub fn new() -> Self {
        Self::default()
    }
}

/// The contexts of the entries of one `PublishBatch`, in the order of its entries: each message is sent in the trace it
/// belongs to, not in that of the invocation which happens to carry them all. Add it to the call with
/// `.customize().interceptor(…)`.
#[derive(Debug)]
pub struct MessageContexts(Mutex<Vec<Context>>);

impl MessageContexts {
    /// One context per entry.
    pub fn new(contexts: Vec<Context>) -> Self {
        Self(Mutex::new(contexts))
    }
}

#[derive(Debug)]
struct EntryContexts(Vec<Context>);

impl Storable for EntryContexts {
    type Storer = StoreReplace<Self>;
}

impl Intercept for MessageContexts {
    fn name(&self) -> &'static str {
        "MessageContexts"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let contexts = std::mem::take(&mut *self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
        cfg.interceptor_state().store_put(EntryContexts(contexts));
        Ok(())
    }
}

/// The spans of the call under way: one, or one per message of a batch with the id of its entry. The ids are kept here: once a call is
/// serialised, its input is gone.
#[derive(Debug)]
struct CallSpans {
    spans: Vec<Context>,
    entries: Vec<String>,
}

impl Storable for CallSpans {
    type Storer = StoreReplace<Self>;
}

impl Intercept for AwsSdkTracing {
    fn name(&self) -> &'static str {
        "AwsSdkTracing"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let (service, operation) = match cfg.load::<Metadata>() {
            Some(metadata) => (metadata.service().to_owned(), metadata.name().to_owned()),
            None => return Ok(()),
        };
        let current = Context::current();
        let input = context.input_mut();
        let mut ids = Vec::new();
        let spans = if let Some(publish) = input.downcast_mut::<PublishInput>() {
            let cx = start_send(&current, publish.topic_arn.as_deref().unwrap_or_default(), &operation);
            inject(&cx, publish.message_attributes.get_or_insert_default());
            vec![cx]
        } else if let Some(batch) = input.downcast_mut::<PublishBatchInput>() {
            let contexts = cfg.load::<EntryContexts>().map(|contexts| contexts.0.as_slice()).unwrap_or_default();
            let topic = batch.topic_arn.clone().unwrap_or_default();
            let entries = batch.publish_batch_request_entries.get_or_insert_default().iter_mut();
            let send = entries.enumerate().map(|(index, entry)| {
                let cx = start_send(contexts.get(index).unwrap_or(&current), &topic, &operation);
                inject(&cx, entry.message_attributes.get_or_insert_default());
                ids.push(entry.id.clone());
                cx
            });
            send.collect()
        } else {
            vec![start_call(&current, &service, &operation, input)]
        };
        cfg.interceptor_state().store_put(CallSpans { spans, entries: ids });
        Ok(())
    }

    /// SNS hands `X-Amzn-Trace-Id` on to SQS as `AWSTraceHeader`. It is one header for the whole request, so it is set only where
    /// all its messages are of one trace. The signer leaves it out of the signature: services on the way may write it anew.
    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(CallSpans { spans, .. }) = cfg.load::<CallSpans>() else { return Ok(()) };
        let Some(first) = spans.first() else { return Ok(()) };
        // The endpoint is known by now.
        if let Ok(uri) = context.request().uri().parse::<http::Uri>() {
            let server = super::outgoing::server(&uri);
            spans.iter().for_each(|cx| cx.span().set_attributes(server.clone()));
        }
        let trace_id = first.span().span_context().trace_id();
        let one_trace = spans.iter().all(|cx| cx.span().span_context().trace_id() == trace_id);
        if let Some(header) = propagation::xray_header(first).filter(|_| one_trace) {
            context.request_mut().headers_mut().insert(propagation::field::XRAY, header);
        }
        Ok(())
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.response().headers();
        let request_id = headers.get("x-amzn-requestid").or_else(|| headers.get("x-amz-request-id"));
        if let (Some(id), Some(CallSpans { spans, .. })) = (request_id, cfg.load::<CallSpans>()) {
            for cx in spans {
                cx.span().set_attribute(KeyValue::new(semconv::AWS_REQUEST_ID, id.to_owned()));
            }
        }
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(CallSpans { spans, entries }) = cfg.load::<CallSpans>() else { return Ok(()) };
        match context.output_or_error() {
            Some(Ok(output)) => {
                if let Some(output) = output.downcast_ref::<PublishOutput>() {
                    for cx in spans {
                        set_message_id(cx, output.message_id());
                    }
                } else if let Some(output) = output.downcast_ref::<PublishBatchOutput>() {
                    finish_batch(spans.iter().zip(entries), output);
                }
            }
            Some(Err(error)) => {
                let service_error = error.as_operation_error();
                let code = service_error.and_then(error_code).or_else(|| named_in_headers(context));
                for (cx, code) in spans.iter().zip(code.iter().cycle()) {
                    cx.span().set_attribute(KeyValue::new(semconv::RPC_RESPONSE_STATUS_CODE, code.clone()));
                }
                // A condition that does not hold is an answer: how a redelivery or a repeated request is told.
                if !service_error.is_some_and(|error| is_unmet_condition(error, code.as_deref())) {
                    let kind = code.unwrap_or_else(|| transport_error(error).to_owned());
                    for cx in spans {
                        fail_span(cx, kind.clone(), "");
                    }
                }
            }
            None => {}
        }
        for cx in spans {
            cx.span().end();
        }
        Ok(())
    }
}

fn transport_error<E>(error: &aws_smithy_runtime_api::client::orchestrator::OrchestratorError<E>) -> &'static str
where
    E: std::fmt::Debug,
{
    if error.is_timeout_error() {
        "timeout"
    } else if error.is_connector_error() {
        "connection"
    } else {
        "_OTHER"
    }
}

/// Each entry's own outcome: its message id, or why it was refused.
fn finish_batch<'a>(entries: impl Iterator<Item = (&'a Context, &'a String)>, output: &PublishBatchOutput) {
    for (cx, entry) in entries {
        if let Some(sent) = output.successful().iter().find(|sent| sent.id() == Some(entry)) {
            set_message_id(cx, sent.message_id());
        } else if let Some(failed) = output.failed().iter().find(|failed| failed.id() == entry) {
            fail_span(cx, failed.code().to_owned(), failed.message().unwrap_or_default());
        }
    }
}

fn set_message_id(cx: &Context, id: Option<&str>) {
    if let Some(id) = id {
        cx.span().set_attribute(KeyValue::new(semconv::MESSAGING_MESSAGE_ID, id.to_owned()));
    }
}

fn start_send(cx: &Context, topic_arn: &str, operation: &str) -> Context {
    let topic = topic_arn.rsplit(':').next().unwrap_or_default();
    let builder = SpanBuilder::from_name(format!("send {topic}")).with_kind(SpanKind::Producer).with_attributes([
        KeyValue::new(semconv::MESSAGING_SYSTEM, "aws.sns"),
        KeyValue::new(semconv::MESSAGING_OPERATION_TYPE, "send"),
        KeyValue::new(semconv::MESSAGING_OPERATION_NAME, "send"),
        KeyValue::new(semconv::MESSAGING_DESTINATION_NAME, topic.to_owned()),
        KeyValue::new(semconv::AWS_SNS_TOPIC_ARN, topic_arn.to_owned()),
        KeyValue::new(semconv::RPC_SYSTEM, "aws-api"),
        KeyValue::new(semconv::RPC_SYSTEM_NAME, "aws-api"),
        KeyValue::new(semconv::RPC_SERVICE, "SNS"),
        KeyValue::new(semconv::RPC_METHOD, format!("SNS/{operation}")),
    ]);
    start(builder, cx)
}

fn start_call(cx: &Context, service: &str, operation: &str, input: &Input) -> Context {
    let service = service.split(' ').next().unwrap_or(service);
    let mut attributes = vec![
        KeyValue::new(semconv::RPC_SYSTEM, "aws-api"),
        KeyValue::new(semconv::RPC_SYSTEM_NAME, "aws-api"),
        KeyValue::new(semconv::RPC_SERVICE, service.to_owned()),
        KeyValue::new(semconv::RPC_METHOD, format!("{service}/{operation}")),
    ];
    if service == "DynamoDB" {
        attributes.push(KeyValue::new(semconv::DB_SYSTEM_NAME, "aws.dynamodb"));
        let tables = tables(input);
        if !tables.is_empty() {
            attributes.push(KeyValue::new(semconv::AWS_DYNAMODB_TABLE_NAMES, Value::Array(Array::String(tables))));
        }
    }
    let builder = SpanBuilder::from_name(format!("{service}.{operation}"))
        .with_kind(SpanKind::Client)
        .with_attributes(attributes);
    start(builder, cx)
}

/// The tables a DynamoDB call names, each once.
fn tables(input: &Input) -> Vec<StringValue> {
    let mut names: Vec<&str> = if let Some(write) = input.downcast_ref::<TransactWriteItemsInput>() {
        let items = write.transact_items().iter();
        let table = |item: &'_ aws_sdk_dynamodb::types::TransactWriteItem| -> Option<String> {
            let put = item.put().map(|put| put.table_name().to_owned());
            let update = || item.update().map(|update| update.table_name().to_owned());
            let check = || item.condition_check().map(|check| check.table_name().to_owned());
            let delete = || item.delete().map(|delete| delete.table_name().to_owned());
            put.or_else(update).or_else(check).or_else(delete)
        };
        let mut tables: Vec<String> = items.filter_map(table).collect();
        tables.sort();
        tables.dedup();
        return tables.into_iter().map(StringValue::from).collect();
    } else {
        let get = input.downcast_ref::<GetItemInput>().and_then(GetItemInput::table_name);
        let put = || input.downcast_ref::<PutItemInput>().and_then(PutItemInput::table_name);
        let query = || input.downcast_ref::<QueryInput>().and_then(QueryInput::table_name);
        let update = || input.downcast_ref::<UpdateItemInput>().and_then(UpdateItemInput::table_name);
        let delete = || input.downcast_ref::<DeleteItemInput>().and_then(DeleteItemInput::table_name);
        get.or_else(put).or_else(query).or_else(update).or_else(delete).into_iter().collect()
    };
    names.sort_unstable();
    names.into_iter().map(|name| StringValue::from(name.to_owned())).collect()
}

/// The service's own error code, such as `TransactionCanceledException`.
fn error_code(error: &Error) -> Option<String> {
    let code = |meta: &dyn ProvideErrorMetadata| meta.code().map(str::to_owned);
    None.or_else(|| error.downcast_ref::<TransactWriteItemsError>().and_then(|error| code(error)))
        .or_else(|| error.downcast_ref::<GetItemError>().and_then(|error| code(error)))
        .or_else(|| error.downcast_ref::<PutItemError>().and_then(|error| code(error)))
        .or_else(|| error.downcast_ref::<UpdateItemError>().and_then(|error| code(error)))
        .or_else(|| error.downcast_ref::<DeleteItemError>().and_then(|error| code(error)))
        .or_else(|| error.downcast_ref::<QueryError>().and_then(|error| code(error)))
        .or_else(|| error.downcast_ref::<PublishError>().and_then(|error| code(error)))
        .or_else(|| error.downcast_ref::<PublishBatchError>().and_then(|error| code(error)))
}

/// The same of a service whose client this crate does not depend on: `x-amzn-errortype: UsernameExistsException:`.
fn named_in_headers(context: &FinalizerInterceptorContextRef<'_>) -> Option<String> {
    let code = context.response()?.headers().get("x-amzn-errortype")?.split(':').next()?;
    (!code.is_empty()).then(|| code.to_owned())
}

/// Whether a write was refused for nothing but its own conditions, of which one is that a user is new.
fn is_unmet_condition(error: &Error, code: Option<&str>) -> bool {
    match error.downcast_ref() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            let mut codes = cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code());
            codes.all(|code| matches!(code, "None" | "ConditionalCheckFailed"))
        }
        _ => matches!(code, Some("ConditionalCheckFailedException" | "UsernameExistsException")),
    }
}

/// Trace context and baggage as String attributes of one message.
fn inject(cx: &Context, attributes: &mut std::collections::HashMap<String, MessageAttributeValue>) {
    let tenant = cx.get::<Work>().and_then(|work| work.tenant().cloned());
    propagation::inject(cx, tenant.as_ref(), &mut Attributes(attributes));
}

struct Attributes<'a>(&'a mut std::collections::HashMap<String, MessageAttributeValue>);

impl Injector for Attributes<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let Ok(value) = MessageAttributeValue::builder().data_type("String").string_value(value).build() {
            self.0.insert(key.to_owned(), value);
        }
    }
}
