//! An AWS that keeps what it is asked and answers what it was told to, and what spans said of it.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::body::SdkBody;
use opentelemetry::{
    Context,
    trace::{SpanContext, Status, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use opentelemetry_sdk::trace::SpanData;
use serde_json::Value;
use tenancy::TenantLabel;
use tenant_telemetry::bench;

/// What a client sent.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Sent {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn form(&self) -> BTreeMap<String, String> {
        form_urlencoded::parse(self.body.as_bytes()).into_owned().collect()
    }
}

/// Answers in their order, then no more, and keeps what was asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Aws {
    answers: Arc<Mutex<VecDeque<HttpResponse>>>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl HttpConnector for Aws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let headers: HashMap<_, _> =
            request.headers().iter().map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        let body = request.body().bytes().map(|body| String::from_utf8(body.to_vec()).unwrap()).unwrap_or_default();
        if let Some(length) = headers.get("content-length") {
            assert_eq!(length, &body.len().to_string());
        }
        assert!(!headers["authorization"].contains("x-amzn-trace-id"), "services on the way write it anew");
        self.sent.lock().unwrap().push(Sent { headers, body });
        match self.answers.lock().unwrap().pop_front() {
            Some(answer) => HttpConnectorFuture::ready(Ok(answer)),
            None => HttpConnectorFuture::new(std::future::pending()),
        }
    }
}

impl Aws {
    pub(crate) fn answer(self, status: u16, headers: &[(&'static str, &'static str)], body: impl ToString) -> Self {
        let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body.to_string()));
        for (name, value) in headers {
            response.headers_mut().insert(*name, *value);
        }
        self.answers.lock().unwrap().push_back(response);
        self
    }

    pub(crate) fn config(&self) -> SdkConfig {
        let connector = SharedHttpConnector::new(self.clone());
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .credentials_provider(aws_sdk_sns::config::SharedCredentialsProvider::new(
                aws_sdk_sns::config::Credentials::new("AKID", "secret", None, None, "test"),
            ))
            .retry_config(RetryConfig::standard().with_initial_backoff(std::time::Duration::from_millis(1)))
            .sleep_impl(aws_sdk_sns::config::SharedAsyncSleep::new(NoSleep))
            .build()
    }

    pub(crate) fn sent(&self) -> Sent {
        let mut sent = self.sent.lock().unwrap();
        assert_eq!(sent.len(), 1, "{sent:?}");
        sent.remove(0)
    }
}

#[derive(Debug)]
struct NoSleep;

impl aws_sdk_sns::config::AsyncSleep for NoSleep {
    fn sleep(&self, _: std::time::Duration) -> aws_sdk_sns::config::Sleep {
        aws_sdk_sns::config::Sleep::new(std::future::ready(()))
    }
}

/// A client of this configuration with the interceptor.
macro_rules! client {
    ($service:ident, $aws:expr) => {
        $service::Client::from_conf(
            $service::config::Builder::from(&$aws.config()).interceptor(tenant_telemetry::AwsSdkTracing::new()).build(),
        )
    };
}

/// The spans of a call but for the one around it, by their names in the order they ended.
pub(crate) async fn told<F: Future>(call: impl FnOnce(Context) -> F) -> (F::Output, Vec<SpanData>) {
    let tenant = TenantLabel {
        tenant_id: "acme".parse().unwrap(),
        tier: "basic".parse().unwrap(),
        user_id: Some("user".parse().unwrap()),
    };
    bench::spans_of(&tenant, call).await
}

pub(crate) async fn one<F: Future>(call: impl FnOnce(Context) -> F) -> (F::Output, SpanData) {
    let (output, mut spans) = told(call).await;
    assert_eq!(spans.len(), 1, "{spans:?}");
    (output, spans.remove(0))
}

pub(crate) fn attributes(span: &SpanData) -> BTreeMap<&str, String> {
    let all: BTreeMap<_, _> =
        span.attributes.iter().map(|attribute| (attribute.key.as_str(), attribute.value.to_string())).collect();
    assert_eq!(all.len(), span.attributes.len(), "each name once: {:?}", span.attributes);
    all
}

/// Asserts what is common to all, and that the span has these attributes besides and no others.
pub(crate) fn assert_told(span: &SpanData, method: &str, host: &str, more: &[(&str, &str)]) {
    let mut all = attributes(span);
    let service = method.split('/').next().unwrap();
    for (name, value) in [
        ("rpc.system", "aws-api"),
        ("rpc.system.name", "aws-api"),
        ("rpc.service", service),
        ("rpc.method", method),
        ("cloud.region", "eu-west-1"),
        ("server.address", host),
        ("server.port", "443"),
        ("aws.request_id", "req"),
    ] {
        assert_eq!(all.remove(name).as_deref(), Some(value), "{name} of {span:?}");
    }
    assert_eq!(all, more.iter().map(|(name, value)| (*name, (*value).to_owned())).collect());
}

pub(crate) fn traceparent(span: &SpanData) -> String {
    format!("00-{}-{}-01", span.span_context.trace_id(), span.span_context.span_id())
}

pub(crate) fn xray(span: &SpanData) -> String {
    let id = span.span_context.trace_id().to_string();
    format!("Root=1-{}-{};Parent={};Sampled=1", &id[..8], &id[8..], span.span_context.span_id())
}

pub(crate) fn failed(span: &SpanData) -> bool {
    matches!(span.status, Status::Error { .. })
}

/// A context in a trace of its own.
pub(crate) fn elsewhere(cx: &Context, trace: u128) -> Context {
    let span = SpanContext::new(TraceId::from(trace), 7.into(), TraceFlags::SAMPLED, true, TraceState::NONE);
    cx.with_remote_span_context(span)
}

pub(crate) const ID: (&str, &str) = ("x-amzn-requestid", "req");
pub(crate) const BAGGAGE: &str = "tenant.id=acme,tenant.tier=basic";
