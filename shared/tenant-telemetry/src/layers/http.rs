//! The span of an HTTP request behind API Gateway, and the final form of its response.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Instant,
};

use http::{HeaderValue, Response};
use lambda_http::{Body, IntoResponse, Request, RequestExt, request::RequestContext};
use lambda_problem::{Problem, ProblemCode, matched_route, route};
use opentelemetry::{
    KeyValue,
    trace::{FutureExt as _, TraceContextExt},
};
use tower::{BoxError, Layer, Service};

use super::{Beginning, EndOnDrop, end_invocation, start_invocation};
use crate::{
    messages::fail_span,
    metrics::HttpRequest,
    propagation::{self, BelievedSenders, Inbound, Thresholds, field},
    sampling::Forced,
    semconv,
    tracer::x_debug_admits,
};

/// Opens the SERVER span `{method} {route}`, turns an error into the response of its [`Problem`], adds the response header `traceparent`, and logs
/// one line per request with the id of its invocation. If the answer was a problem, the span and the line have its code as `problem.code`.
///
/// Put it around any service that answers `lambda_http` with a response, such as an axum `Router`. The span ends when the whole body is there; a body
/// that streams is collected first. The route is the one that API Gateway matched.
#[derive(Debug, Clone, Default)]
pub struct HttpLayer {
    settings: Arc<Settings>,
}

#[derive(Debug, Clone, Default)]
struct Settings {
    believed_accounts: BelievedSenders,
    query_parameters: &'static [&'static str],
}

impl HttpLayer {
    /// Makes a layer that records no query parameters and believes no account.
    pub fn new() -> Self {
        Self::default()
    }

    /// Believes the sampling thresholds of callers that API Gateway has authorised by IAM and that belong to one of these accounts.
    pub fn believing_accounts(mut self, accounts: BelievedSenders) -> Self {
        Arc::make_mut(&mut self.settings).believed_accounts = accounts;
        self
    }

    /// Names the query parameters that spans may record in `url.query`. Other parameters are left out, since a caller may send anything, even a
    /// secret.
    pub fn showing_query(mut self, parameters: &'static [&'static str]) -> Self {
        Arc::make_mut(&mut self.settings).query_parameters = parameters;
        self
    }
}

impl<S> Layer<S> for HttpLayer {
    type Service = HttpService<S>;
    fn layer(&self, inner: S) -> HttpService<S> {
        HttpService { inner, settings: self.settings.clone() }
    }
}

/// The service [`HttpLayer`] makes.
#[derive(Debug, Clone)]
pub struct HttpService<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S> Service<Request> for HttpService<S>
where
    S: Service<Request>,
    S::Response: IntoResponse + Send,
    S::Error: Into<Problem> + Send,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(|error| BoxError::from(error.into()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let started = Instant::now();
        let method = request.method().to_string();
        let route = route(&request);
        let invocation_id = request.lambda_context_ref().map(|lambda| lambda.request_id.clone());
        let cx = span_of(&request, &method, &route, &self.settings);
        let entered = cx.clone().attach();
        let inner = self.inner.call(request);
        drop(entered);
        let span = cx.clone();
        let response = async move {
            let guard = EndOnDrop(cx.clone());
            let mut response = match inner.await {
                Ok(answer) => answer.into_response().await,
                Err(error) => {
                    let problem: Problem = error.into();
                    if problem.status().is_server_error() {
                        tracing::error!(%problem, "request failed");
                    }
                    problem.into_response()
                }
            };
            let problem_code = response.extensions().get::<ProblemCode>().map(|code| code.0);
            finish(&cx, &mut response);
            tracing::info!(
                http.request.method = method,
                http.route = route,
                http.response.status_code = response.status().as_u16(),
                problem.code = problem_code,
                faas.invocation_id = invocation_id,
                duration_ms = started.elapsed().as_secs_f64() * 1e3,
                "request served"
            );
            drop(guard);
            Ok(response)
        };
        Box::pin(response.with_context(span))
    }
}

fn span_of(request: &Request, method: &str, route: &str, settings: &Settings) -> opentelemetry::Context {
    static COLD: AtomicBool = AtomicBool::new(true);
    let lambda = request.lambda_context_ref().cloned().unwrap_or_default();
    // Lambda's own, or where the host has none, as the gateway sent it.
    let from_gateway = || request.headers().get(field::XRAY).and_then(|value| value.to_str().ok());
    let xray = lambda.xray_trace_id.as_deref().or_else(from_gateway);
    let inbound = Inbound::of_headers(request.headers(), thresholds(request, settings));
    let parent = propagation::parent(xray, inbound);
    let scheme = request.uri().scheme_str().unwrap_or("https").to_owned();
    let query = query(request, settings.query_parameters);
    let attributes = [
        KeyValue::new(semconv::HTTP_REQUEST_METHOD, method.to_owned()),
        KeyValue::new(semconv::HTTP_ROUTE, route.to_owned()),
        KeyValue::new(semconv::URL_PATH, request.raw_http_path().to_owned()),
        KeyValue::new(semconv::URL_SCHEME, scheme),
    ]
    .into_iter()
    .chain((!query.is_empty()).then(|| KeyValue::new(semconv::URL_QUERY, query)));
    let cold = COLD.swap(false, Ordering::Relaxed);
    let _forced = (asks_for_trace(request) && x_debug_admits())
        .then(|| opentelemetry::Context::current_with_value(Forced).attach());
    let request = HttpRequest::new(request.method(), matched_route(request), request.uri().scheme_str());
    let beginning = Beginning { lambda: &lambda, trigger: "http", cold_start: cold, request: Some(request) };
    start_invocation(format!("{method} {route}"), parent, beginning, attributes)
}

/// API Gateway names the account of a caller only where it has checked an IAM signature.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html>
fn thresholds(request: &Request, settings: &Settings) -> Thresholds {
    let account = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV1(context)) => context.identity.account_id.as_deref(),
        _ => None,
    };
    settings.believed_accounts.thresholds(account)
}

/// The query of a request, reduced to these parameters.
fn query(request: &Request, parameters: &[&str]) -> String {
    let sent = request.query_string_parameters_ref();
    let mut query = form_urlencoded::Serializer::new(String::new());
    for name in parameters {
        for value in sent.and_then(|sent| sent.all(name)).unwrap_or_default() {
            query.append_pair(name, value);
        }
    }
    query.finish()
}

/// Whether the caller sent `X-Debug: true`.
fn asks_for_trace(request: &Request) -> bool {
    request.headers().get("x-debug").is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"))
}

fn finish(cx: &opentelemetry::Context, response: &mut Response<Body>) {
    let span = cx.span();
    let status = response.status();
    span.set_attribute(KeyValue::new(semconv::HTTP_RESPONSE_STATUS_CODE, i64::from(status.as_u16())));
    if let Some(ProblemCode(code)) = response.extensions().get() {
        span.set_attribute(KeyValue::new(semconv::PROBLEM_CODE, *code));
    }
    // Semantic conventions: a 4xx is the caller's error, not this span's.
    let error = status.is_server_error().then(|| status.as_str().to_owned());
    if let Some(error) = &error {
        fail_span(cx, error.clone(), "");
    }
    end_invocation(cx, error.map(Into::into), Some(status.as_u16()));
    let mut headers = std::collections::HashMap::new();
    propagation::inject(cx, None, &mut headers);
    if let Some(value) = headers.get(field::TRACEPARENT).and_then(|value| HeaderValue::from_str(value).ok()) {
        response.headers_mut().insert(field::TRACEPARENT, value);
    }
    span.end();
}
