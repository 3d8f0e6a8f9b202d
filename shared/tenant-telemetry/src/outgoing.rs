//! The CLIENT span of an HTTP call that is not an AWS SDK call, and the trace context that the call carries.

use std::time::Instant;

use http::{HeaderMap, HeaderValue, Response, Uri};
use lambda_http_client::{HttpClient, HttpClientError};
use opentelemetry::{
    Context, KeyValue,
    trace::{FutureExt as _, SpanBuilder, SpanKind, TraceContextExt},
};
use opentelemetry_http::HeaderInjector;

use super::{Work, fail_span, propagation, semconv, start};

/// Sends a request in a CLIENT span. `sign` gets the request with trace context and baggage already on it, for schemes that
/// sign headers; SigV4 leaves out `X-Amzn-Trace-Id`, which stands beside `traceparent`, since API Gateway would start a trace of
/// its own without it.
///
/// # Errors
///
/// [`SendError`] is the error of `sign`, or why there was no response. A response with status 4xx or 5xx is no error, though its span has failed.
pub async fn send<E>(
    client: &HttpClient,
    mut request: http::Request<bytes::Bytes>,
    sign: impl FnOnce(&mut http::Request<bytes::Bytes>) -> Result<(), E>,
) -> Result<Response<bytes::Bytes>, SendError<E>> {
    let cx = open(&request);
    let tenant = Work::current().tenant().cloned();
    let mut headers = HeaderMap::new();
    propagation::inject(&cx, tenant.as_ref(), &mut HeaderInjector(&mut headers));
    if let Some(header) = propagation::xray_header(&cx).and_then(|header| HeaderValue::try_from(header).ok()) {
        headers.insert(propagation::field::XRAY, header);
    }
    request.headers_mut().extend(headers);
    let result = match sign(&mut request) {
        Ok(()) => client.send(request).with_context(cx.clone()).await.map_err(SendError::Http),
        Err(error) => Err(SendError::Sign(error)),
    };
    match &result {
        Ok(response) => {
            let status = response.status();
            cx.span().set_attribute(KeyValue::new(semconv::HTTP_RESPONSE_STATUS_CODE, i64::from(status.as_u16())));
            // Semantic conventions: for a client, 4xx is an error too.
            if status.is_client_error() || status.is_server_error() {
                fail_span(&cx, status.as_str().to_owned(), "");
            }
        }
        Err(SendError::Http(HttpClientError::Timeout(_))) => fail_span(&cx, "timeout", ""),
        Err(_) => fail_span(&cx, "_OTHER", ""),
    }
    cx.span().end();
    result
}

/// Records on the current span how long it waited for something that later requests also use, such as a tenant's session. It is an event and not a
/// span, so that a request has the same spans whether or not it came first.
pub fn record_wait(what: &'static str, started: Instant, answered: bool) {
    let seconds = started.elapsed().as_secs_f64();
    let attributes = vec![
        KeyValue::new(semconv::TENANT_WAIT_DURATION, seconds),
        KeyValue::new(semconv::TENANT_WAIT_ANSWERED, answered),
    ];
    Context::map_current(|cx| cx.span().add_event(what, attributes));
}

/// Why there is no response.
#[derive(Debug)]
pub enum SendError<E> {
    /// The request could not be signed.
    Sign(E),
    /// The HTTP call failed.
    Http(HttpClientError),
}

fn open(request: &http::Request<bytes::Bytes>) -> Context {
    let uri = request.uri();
    let method = request.method().to_string();
    let mut attributes =
        vec![KeyValue::new(semconv::HTTP_REQUEST_METHOD, method.clone()), KeyValue::new(semconv::URL_FULL, full(uri))];
    attributes.extend(server(uri));
    let builder = SpanBuilder::from_name(method).with_kind(SpanKind::Client).with_attributes(attributes);
    start(builder, &Context::current())
}

/// The URL without a user's name and password.
fn full(uri: &Uri) -> String {
    let url = uri.to_string();
    match uri.authority().and_then(|authority| authority.as_str().rsplit_once('@')) {
        Some((secret, _)) => url.replacen(secret, "REDACTED:REDACTED", 1),
        None => url,
    }
}

/// `server.address` and `server.port` of a URL; the port is that of its scheme where it names none.
pub(super) fn server(uri: &Uri) -> Vec<KeyValue> {
    let port = uri.port_u16().or(match uri.scheme_str() {
        Some("https") => Some(443),
        Some("http") => Some(80),
        _ => None,
    });
    let address = uri.host().map(|host| KeyValue::new(semconv::SERVER_ADDRESS, host.to_owned()));
    address.into_iter().chain(port.map(|port| KeyValue::new(semconv::SERVER_PORT, i64::from(port)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_its_server_and_no_password() {
        for (url, port, shown) in [
            ("https://api.example/dev/miles?from=LHR", 443, "https://api.example/dev/miles?from=LHR"),
            ("http://127.0.0.1:4566/x", 4566, "http://127.0.0.1:4566/x"),
            ("http://user:word@api.example/", 80, "http://REDACTED:REDACTED@api.example/"),
        ] {
            let uri: Uri = url.parse().unwrap();
            let host = uri.host().unwrap().to_owned();
            let server = [KeyValue::new(semconv::SERVER_ADDRESS, host), KeyValue::new(semconv::SERVER_PORT, port)];
            assert_eq!((super::server(&uri), full(&uri)), (server.to_vec(), shown.to_owned()));
        }
    }
}
