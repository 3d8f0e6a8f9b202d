//! The outcome of an invocation. The layer around the handler records it, and it is counted once the response has been sent.

use std::{
    borrow::Cow,
    sync::Arc,
    time::{Duration, Instant},
};

use opentelemetry::{
    Context, KeyValue,
    trace::{SpanContext, TraceContextExt},
};
use parking_lot::Mutex;

use super::timed::UnderWay;
use crate::semconv;

/// The failure of an invocation that ran out of time.
pub(crate) const TIMEOUT: &str = "timeout";

/// The outcome of one invocation. It travels in the OpenTelemetry context, as the invocation's work does, if metrics are exported.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    record: Arc<Mutex<Option<InvocationRecord>>>,
    pub(crate) under_way: UnderWay,
}

/// What is known of an invocation.
#[derive(Debug)]
pub(super) struct InvocationRecord {
    pub(super) span: SpanContext,
    pub(super) trigger: &'static str,
    pub(super) cold: bool,
    pub(super) init: Option<Duration>,
    pub(super) request: Option<HttpRequest>,
    began: Instant,
    ended: Option<Ended>,
}

#[derive(Debug)]
pub(super) struct Ended {
    pub(super) took: Duration,
    /// `error.type`, where it failed.
    pub(super) error: Option<Cow<'static, str>>,
    /// The status of the response, if it was HTTP.
    pub(super) status: Option<u16>,
}

/// What metrics say about an HTTP request: only values of which there are few.
#[derive(Debug, Clone)]
pub(crate) struct HttpRequest {
    method: &'static str,
    route: Option<String>,
    scheme: &'static str,
}

/// What is known when an invocation begins.
#[derive(Debug)]
pub(crate) struct InvocationStart {
    /// The FaaS trigger of semantic conventions.
    pub(crate) trigger: &'static str,
    /// Whether it is the first of its process.
    pub(crate) cold: bool,
    /// How long the process had taken to be ready, in its first invocation.
    pub(crate) init: Option<Duration>,
    /// The request, if API Gateway invoked the function.
    pub(crate) request: Option<HttpRequest>,
}

impl Outcome {
    /// Records that the handler begins, in the span of `cx`.
    pub(crate) fn begin(&self, cx: &Context, begun: InvocationStart) {
        let InvocationStart { trigger, cold, init, request } = begun;
        let span = cx.span().span_context().clone();
        *self.record.lock() =
            Some(InvocationRecord { span, trigger, cold, init, request, began: Instant::now(), ended: None });
    }

    /// Records that the handler has ended. Only the first call counts.
    pub(crate) fn end(&self, error: Option<Cow<'static, str>>, status: Option<u16>) {
        if let Some(record) = &mut *self.record.lock() {
            let ended = || Ended { took: record.began.elapsed(), error, status };
            record.ended.get_or_insert_with(ended);
        }
    }

    /// Gives the handler up: it and the operations that it has under way have failed with `error_type`, unless they have ended.
    pub(crate) fn give_up(&self, error_type: &'static str) {
        self.under_way.give_up(error_type);
        self.end(Some(error_type.into()), None);
    }

    /// Takes what is known of the invocation. There is nothing if no layer has recorded anything.
    pub(super) fn take(&self) -> Option<InvocationRecord> {
        self.under_way.close();
        self.record.lock().take()
    }
}

impl InvocationRecord {
    /// How it ended; a handler that has not is taken to have been given up.
    pub(super) fn ended(&mut self) -> Ended {
        let given_up = || Ended { took: self.began.elapsed(), error: Some("cancelled".into()), status: None };
        self.ended.take().unwrap_or_else(given_up)
    }
}

impl HttpRequest {
    /// Makes it of a request. `route` must be the template that API Gateway matched, not a path.
    pub(crate) fn new(method: &http::Method, route: Option<String>, scheme: Option<&str>) -> Self {
        // A caller may send any method: those that semantic conventions know are told apart.
        const METHODS: [&str; 9] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "TRACE"];
        let method = METHODS.into_iter().find(|known| *known == method.as_str()).unwrap_or("_OTHER");
        let scheme = if scheme == Some("http") { "http" } else { "https" };
        Self { method, route, scheme }
    }

    /// The attributes of `http.server.request.duration`, `tenant` among them where it is named.
    pub(super) fn attributes(self, ended: &Ended, tenant: Option<KeyValue>) -> Vec<KeyValue> {
        let mut attributes = Vec::with_capacity(6);
        attributes.extend(ended.error.clone().map(|error| KeyValue::new(semconv::ERROR_TYPE, error)));
        attributes.push(KeyValue::new(semconv::HTTP_REQUEST_METHOD, self.method));
        attributes
            .extend(ended.status.map(|status| KeyValue::new(semconv::HTTP_RESPONSE_STATUS_CODE, i64::from(status))));
        attributes.extend(self.route.map(|route| KeyValue::new(semconv::HTTP_ROUTE, route)));
        attributes.extend(tenant);
        attributes.push(KeyValue::new(semconv::URL_SCHEME, self.scheme));
        attributes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun() -> Outcome {
        let outcome = Outcome::default();
        outcome.begin(&Context::new(), InvocationStart { trigger: "http", cold: false, init: None, request: None });
        outcome
    }

    #[test]
    fn an_invocation_is_counted_once_as_what_it_came_to_first() {
        let outcome = begun();
        outcome.end(Some(TIMEOUT.into()), None);
        outcome.end(None, Some(201));
        let ended = outcome.take().unwrap().ended();
        assert_eq!((ended.error.as_deref(), ended.status), (Some("timeout"), None));
        // The handler goes on after its time, and may end yet.
        outcome.end(None, Some(201));
        assert!(outcome.take().is_none());
    }

    #[test]
    fn a_handler_of_which_no_end_is_known_has_failed() {
        assert_eq!(begun().take().unwrap().ended().error.as_deref(), Some("cancelled"));
        assert!(Outcome::default().take().is_none(), "nothing began");
    }

    #[test]
    fn whatever_a_caller_sends_there_are_few_methods_and_no_paths() {
        let ended = Ended { took: Duration::ZERO, error: None, status: Some(404) };
        let request = HttpRequest::new(&"BREW".parse().unwrap(), None, None);
        let attributes = request.attributes(&ended, None);
        let expected = [
            KeyValue::new("http.request.method", "_OTHER"),
            KeyValue::new("http.response.status_code", 404),
            KeyValue::new("url.scheme", "https"),
        ];
        assert_eq!(attributes, expected);
    }
}
