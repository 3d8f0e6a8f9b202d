//! What benchmarks measure, fuzzers feed and tests look at, and nobody else may call.

use std::{collections::HashMap, future::Future};

use opentelemetry::{
    Context, KeyValue,
    trace::{FutureExt as _, SpanBuilder, SpanKind, TraceContextExt, Tracer, TracerProvider},
};
use opentelemetry_sdk::{
    Resource,
    trace::{SdkTracer, SdkTracerProvider, SpanData},
};
use tenancy::{TenantIds, TenantLabel};

use super::{
    Work, exporter,
    ids::XrayIdGenerator,
    metrics::{HttpRequest, InvocationStart, Metrics, Recorder, TenantNames, TimedOperation},
    privacy::{DenyList, Policy, Pseudonyms},
    processor::TenantSpanProcessor,
    propagation::{self, Inbound, Thresholds},
    tracer::TRACER,
};

/// A tracer whose spans are buffered for a tenant.
#[derive(Debug)]
pub struct Spans {
    processor: TenantSpanProcessor,
    tracer: SdkTracer,
    pseudonyms: Pseudonyms,
    _provider: SdkTracerProvider,
}

impl Default for Spans {
    fn default() -> Self {
        let processor = TenantSpanProcessor::default();
        let provider = SdkTracerProvider::builder()
            .with_id_generator(XrayIdGenerator::default())
            .with_span_processor(processor.clone())
            .build();
        let tracer = provider.tracer("bench");
        Self { processor, tracer, pseudonyms: Pseudonyms::default(), _provider: provider }
    }
}

impl Spans {
    /// Starts and ends so many spans with these attributes for one tenant, and puts the tenant on each.
    pub fn of_an_invocation(&self, tenant: &TenantLabel, attributes: &[KeyValue], spans: usize) -> Vec<SpanData> {
        let work = Work::default();
        work.serve(tenant.clone());
        let cx = Context::new().with_value(work.clone());
        for _ in 0..spans {
            let builder =
                SpanBuilder::from_name("operation").with_kind(SpanKind::Client).with_attributes(attributes.to_vec());
            let span = cx.with_span(self.tracer.build_with_context(builder, &cx));
            span.span().end();
        }
        let denied = DenyList::default();
        let policy = Policy { ids: TenantIds::Plain, pseudonyms: &self.pseudonyms, denied: &denied };
        self.processor.drain(&work).into_iter().map(|ended| policy.stamp(ended)).collect()
    }

    /// The context of a span that has begun and is kept, of an invocation of its own.
    pub fn begun(&self) -> Context {
        let cx = Context::new().with_value(Work::default());
        cx.with_span(self.tracer.build_with_context(SpanBuilder::from_name("request").with_kind(SpanKind::Server), &cx))
    }
}

/// Metrics of a process that nobody receives.
#[derive(Debug)]
pub struct Measurements {
    metrics: Metrics,
    recorder: &'static Recorder,
    pseudonyms: Pseudonyms,
    ids: TenantIds,
}

impl Default for Measurements {
    /// As they are without a setting: they name no tenant.
    fn default() -> Self {
        Self::new(TenantNames::None, TenantIds::Plain)
    }
}

impl Measurements {
    /// Those that name as many tenants as they may, by pseudonym.
    pub fn naming_tenants() -> Self {
        Self::new(TenantNames::Top(100), TenantIds::Hmac)
    }

    fn new(tenants: TenantNames, ids: TenantIds) -> Self {
        let attributes = ["service.name", "service.namespace", "cloud.account.id", "faas.name", "faas.instance"];
        let attributes = attributes.map(|name| KeyValue::new(name, "a value of some length"));
        let metrics = Metrics::new(Resource::builder_empty().with_attributes(attributes).build(), tenants);
        // As the process's own, which is never dropped.
        let recorder = Box::leak(Box::new(metrics.recorder()));
        let pseudonyms = Pseudonyms::default();
        pseudonyms.set_key(b"a key of some length");
        Self { metrics, recorder, pseudonyms, ids }
    }

    /// All that metrics cost in an invocation by API Gateway that makes so many different calls of AWS: what is recorded in it, and what is
    /// gathered, stamped and encoded after it, without compression, which is off by default. How many bytes that is.
    pub fn of_an_invocation(&self, cx: &Context, tenant: &TenantLabel, calls: usize) -> usize {
        const METHODS: [&str; 4] = ["GetItem", "TransactWriteItems", "UpdateItem", "PublishBatch"];
        let outcome = self.recorder.begin();
        let request = HttpRequest::new(&http::Method::POST, Some("/bookings".to_owned()), Some("https"));
        outcome.begin(cx, InvocationStart { trigger: "http", cold: false, init: None, request: Some(request) });
        let in_invocation = cx.with_value(outcome.under_way.clone());
        for operation in METHODS.iter().cycle().take(calls) {
            TimedOperation::call_by(self.recorder, &in_invocation, "DynamoDB", operation).end(None);
        }
        outcome.end(None, Some(201));
        self.recorder.invocation(&outcome, Some(tenant));
        let mut encoded = 0;
        let denied = DenyList::default();
        let policy = Policy { ids: self.ids, pseudonyms: &self.pseudonyms, denied: &denied };
        self.metrics.gather(|mut request| {
            policy.stamp_metrics(&mut request, None);
            encoded = exporter::encoded(&request).map_or(0, |request| request.len());
        });
        encoded
    }
}

/// Writes the context into message attributes and reads it back; whether a parent was found.
pub fn inject_and_extract(cx: &Context, tenant: &TenantLabel) -> bool {
    let mut attributes = HashMap::new();
    propagation::inject(cx, Some(tenant), &mut attributes);
    let inbound = Inbound::of_carrier(&attributes, Thresholds::Believed);
    propagation::parent(None, inbound).span.is_some()
}

/// Reads trace context as a request carries it; whether a parent or a root was found.
pub fn extract(xray: &str, traceparent: &str, tracestate: &str, baggage: &str) -> bool {
    let pairs = [("traceparent", traceparent), ("tracestate", tracestate), ("baggage", baggage)];
    let carrier: HashMap<String, String> = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let inbound = Inbound::of_carrier(&carrier, Thresholds::Believed);
    let parent = propagation::parent(Some(xray), inbound);
    if let Some(value) = propagation::baggage_value(baggage, super::semconv::TENANT_ID) {
        assert!(value.bytes().all(|byte| byte.is_ascii_graphic()), "baggage that is no token: {value:?}");
    }
    let found = parent.span.is_some() || parent.root.is_some();
    let span = parent.span.clone();
    let cx = parent.context(Context::new());
    if let Some(span) = span {
        // What was read can be written, and is read alike.
        let written = propagation::xray_header(&cx);
        let again = propagation::parent(written.as_deref(), Inbound::default());
        let same = again.span.map(|again| again.trace_id()).or(again.root);
        assert_eq!(same, Some(span.trace_id()), "{written:?}");
        let mut out = HashMap::new();
        propagation::inject(&cx, None, &mut out);
        let again = propagation::parent(None, Inbound::of_carrier(&out, Thresholds::Believed)).context(Context::new());
        let mut same = HashMap::new();
        propagation::inject(&again, None, &mut same);
        assert_eq!(out, same);
    }
    found
}

/// Runs `what` for a tenant, as in an invocation, and gives the spans that ended in it. `what` gets the context it runs in. Do not use
/// it together with `Telemetry`: there is one tracer in a process.
pub async fn spans_of<F: Future>(tenant: &TenantLabel, what: impl FnOnce(Context) -> F) -> (F::Output, Vec<SpanData>) {
    TRACER.get_or_init(|| {
        let provider = SdkTracerProvider::builder()
            .with_id_generator(XrayIdGenerator::default())
            .with_span_processor(TenantSpanProcessor::default())
            .build();
        provider.tracer("test")
    });
    let work = Work::default();
    work.serve(tenant.clone());
    let cx = super::start(SpanBuilder::from_name("test"), &Context::new().with_value(work.clone()));
    let output = what(cx.clone()).with_context(cx).await;
    (output, work.take_spans().into_iter().map(|ended| ended.item).collect())
}
