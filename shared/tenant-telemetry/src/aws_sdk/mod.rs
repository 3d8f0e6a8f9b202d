//! Spans for AWS SDK calls: CLIENT for calls, PRODUCER for each message that is sent.
//!
//! One interceptor on the shared SDK configuration traces every client built from it; handlers contain none of this. It reads what the
//! SDK has serialized, not the clients' types, so that it knows every service and depends on no client.
//!
//! | file | idea |
//! |---|---|
//! | `services` | the table of services |
//! | `call` | a call as it is handed over, and how its spans begin |
//! | `context` | what messages carry, and the room for it |
//! | `sns`, `sqs`, `eventbridge`, `step_functions`, `lambda` | where each carries it |
//! | `dynamodb`, `partiql`, `s3` | tables and buckets |
//! | `answer`, `xml` | errors, and what became of each message |
//! | `json` | JSON that is changed in one place |

mod answer;
mod call;
mod context;
mod dynamodb;
mod eventbridge;
mod json;
mod lambda;
mod partiql;
mod s3;
mod services;
mod sns;
mod sqs;
mod step_functions;
mod xml;

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{
            Intercept,
            context::{
                BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
                FinalizerInterceptorContextRef,
            },
        },
        orchestrator::{HttpRequest, HttpResponse, Metadata, OrchestratorError},
        retries::RequestAttempts,
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::{
    config_bag::{ConfigBag, Storable, StoreReplace},
    endpoint::Endpoint,
};
use aws_types::{endpoint_config::EndpointUrl, region::Region};
use opentelemetry::{Context, KeyValue, trace::TraceContextExt};
use parking_lot::Mutex;

use self::{
    answer::{Fate, Refusal},
    call::{Call, CallSpan},
};
use super::{layers::EndOnDrop, messages::fail_span, metrics::TimedOperation, outgoing, propagation, semconv};

/// The interceptor. Add it once: `aws_config::defaults(…).load().await.into_builder()…` or per client with
/// `config::Builder::interceptor`.
#[derive(Debug, Default, Clone)]
pub struct AwsSdkTracing {
    _private: (),
}

impl AwsSdkTracing {
    /// An interceptor that traces every call of a client.
    pub fn new() -> Self {
        Self::default()
    }
}

/// The contexts of the entries of one `PublishBatch`, `SendMessageBatch` or `PutEvents`, in the order of its entries. With it, each message is sent
/// in the trace it belongs to and not in that of the invocation that sends them all. Add it to the call with `.customize().interceptor(…)`.
#[derive(Debug)]
pub struct MessageContexts(Mutex<Vec<Context>>);

impl MessageContexts {
    /// Takes one context per entry.
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
        let contexts = std::mem::take(&mut *self.0.lock());
        cfg.interceptor_state().store_put(EntryContexts(contexts));
        Ok(())
    }
}

/// The spans of the call under way: one, or one per message of a batch.
#[derive(Debug)]
struct CallSpans {
    spans: Vec<CallSpan>,
    /// The call as metrics measure it, in the first of its spans.
    timed: Option<TimedOperation>,
}

impl Storable for CallSpans {
    type Storer = StoreReplace<Self>;
}

/// A call that is dropped before it is answered has been cancelled.
impl Drop for CallSpans {
    fn drop(&mut self) {
        let error_type = EndOnDrop::error_type();
        if let Some(timed) = &self.timed {
            timed.end(Some(error_type.into()));
        }
        for cx in self.spans.iter().map(|span| &span.cx).filter(|cx| cx.span().is_recording()) {
            fail_span(cx, error_type, "nobody waited for the answer");
            cx.span().end();
        }
    }
}

impl Intercept for AwsSdkTracing {
    fn name(&self) -> &'static str {
        "AwsSdkTracing"
    }

    /// Runs once per call, whatever the number of attempts, when the request is serialized and not signed yet.
    fn modify_before_retry_loop(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(metadata) = cfg.load::<Metadata>() else { return Ok(()) };
        let call = Call {
            service: metadata.service(),
            operation: metadata.name(),
            region: cfg.load::<Region>().map(|region| region.as_ref().to_owned()),
            current: Context::current(),
            contexts: cfg.load::<EntryContexts>().map(|contexts| contexts.0.as_slice()).unwrap_or_default(),
        };
        let spans = services::start(&call, context.request_mut());
        let timed = spans.first().and_then(|first| TimedOperation::call(&first.cx, call.service, call.operation));
        cfg.interceptor_state().store_put(CallSpans { spans, timed });
        Ok(())
    }

    /// SNS and SQS pass `X-Amzn-Trace-Id` on as `AWSTraceHeader`. The header is one for the whole request, so it is set only where all messages are
    /// of one trace. The signer leaves it out of the signature, since services on the way may rewrite it.
    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(CallSpans { spans, .. }) = cfg.load::<CallSpans>() else { return Ok(()) };
        let Some(first) = spans.first() else { return Ok(()) };
        // The endpoint is known by now, and is the same for each attempt.
        if cfg.load::<RequestAttempts>().is_none_or(|attempt| attempt.attempts() <= 1) {
            let known = of_endpoint(context.request(), cfg);
            spans.iter().for_each(|span| span.cx.span().set_attributes(known.clone()));
        }
        let trace_id = first.cx.span().span_context().trace_id();
        let one_trace = spans.iter().all(|span| span.cx.span().span_context().trace_id() == trace_id);
        if let Some(header) = propagation::xray_header(&first.cx).filter(|_| one_trace) {
            context.request_mut().headers_mut().insert(propagation::field::XRAY, header);
        }
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(CallSpans { spans, timed }) = cfg.load::<CallSpans>() else { return Ok(()) };
        let known = of_answer(context.response(), cfg.load::<RequestAttempts>());
        spans.iter().for_each(|span| span.cx.span().set_attributes(known.clone()));
        let failure = match (context.output_or_error(), context.response()) {
            (Some(Ok(_)), Some(response)) => tell_fates(spans, cfg.load::<Metadata>(), response),
            (Some(Err(error)), response) => tell_error(spans, error, response),
            _ => None,
        };
        if let Some(timed) = timed {
            timed.end(failure.map(Into::into));
        }
        spans.iter().for_each(|span| span.cx.span().end());
        Ok(())
    }
}

/// The attributes that a call's endpoint gives: the server and, for S3, the bucket.
fn of_endpoint(request: &HttpRequest, cfg: &ConfigBag) -> Vec<KeyValue> {
    let mut known = request.uri().parse().map(|uri| outgoing::server(&uri)).unwrap_or_default();
    if cfg.load::<Metadata>().is_some_and(|metadata| metadata.service() == "S3") {
        let configured = cfg.load::<EndpointUrl>().map(|url| url.0.as_str());
        let bucket = cfg.load::<Endpoint>().and_then(|endpoint| s3::bucket(endpoint.url(), configured));
        known.extend(bucket.map(|bucket| KeyValue::new(semconv::AWS_S3_BUCKET, bucket)));
    }
    known
}

/// The attributes that every answer gives: the request's ids, and how often it was sent again.
fn of_answer(response: Option<&HttpResponse>, attempts: Option<&RequestAttempts>) -> Vec<KeyValue> {
    let header = |name: &str| response.and_then(|response| response.headers().get(name)).map(str::to_owned);
    let id = header("x-amzn-requestid").or_else(|| header("x-amz-request-id"));
    let resent = attempts.map_or(0, |attempts| attempts.attempts().saturating_sub(1));
    [
        id.map(|id| KeyValue::new(semconv::AWS_REQUEST_ID, id)),
        header("x-amz-id-2").map(|id| KeyValue::new(semconv::AWS_EXTENDED_REQUEST_ID, id)),
        (resent > 0).then(|| KeyValue::new(semconv::HTTP_REQUEST_RESEND_COUNT, i64::from(resent))),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Records on the spans which messages were refused, or that the invoked function failed. Returns the function's failure, which is that of the call.
fn tell_fates(spans: &[CallSpan], metadata: Option<&Metadata>, response: &HttpResponse) -> Option<String> {
    let failure = response.headers().get("x-amz-function-error").map(str::to_owned);
    if let Some(kind) = &failure {
        spans.iter().for_each(|span| fail_span(&span.cx, kind.clone(), ""));
    }
    let body = response.body().bytes();
    let fates = metadata.zip(body).and_then(|(call, body)| answer::fates(call.service(), call.name(), body));
    let Some(fates) = fates else { return failure };
    for (index, span) in spans.iter().enumerate() {
        match fates.of(index, &span.id) {
            Some(Fate::Sent(id)) => {
                span.cx.span().set_attribute(KeyValue::new(semconv::MESSAGING_MESSAGE_ID, id.clone()));
            }
            Some(Fate::Refused { code, message }) => fail_span(&span.cx, code.clone(), message),
            None => {}
        }
    }
    failure
}

/// Records on the span why a call failed, if it counts as a failure.
fn tell_error<E>(spans: &[CallSpan], error: &OrchestratorError<E>, response: Option<&HttpResponse>) -> Option<String>
where
    E: std::fmt::Debug,
{
    let refusal = match response {
        Some(response) if error.is_operation_error() => Refusal::read(response),
        _ => Refusal::default(),
    };
    // A condition that does not hold is an answer: how a redelivery or a repeated request is told.
    let failure = (!refusal.is_unmet_condition)
        .then(|| refusal.code.clone().unwrap_or_else(|| transport_error(error).to_owned()));
    for span in spans {
        if let Some(code) = &refusal.code {
            span.cx.span().set_attribute(KeyValue::new(semconv::RPC_RESPONSE_STATUS_CODE, code.clone()));
        }
        if let Some(failure) = &failure {
            fail_span(&span.cx, failure.clone(), "");
        }
    }
    failure
}

fn transport_error<E>(error: &OrchestratorError<E>) -> &'static str
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
