//! OTLP/HTTP: `POST /v1/traces` with binary protobuf, gzip or not.
//! <https://opentelemetry.io/docs/specs/otlp/#otlphttp>

use std::{io::Read, sync::Arc};

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::{
    collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse},
    common::v1::{KeyValue, any_value},
    trace::v1::{ResourceSpans, Span},
};
use prost::Message;

use crate::{
    server::App,
    store::{Row, StoreError},
    trace::TraceId,
};

/// The largest request, as sent and as unpacked: what a sender may send is bounded, and so is what it may make us hold.
pub const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

const PROTOBUF: &str = "application/x-protobuf";

/// `google.rpc.Status`, which OTLP answers errors with; this much of it is all that is needed.
#[derive(Clone, PartialEq, prost::Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

/// Takes spans. 200 means that they are on disk.
pub(crate) async fn export(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Response {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if content_type.split(';').next().map(str::trim) != Some(PROTOBUF) {
        return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send application/x-protobuf");
    }
    let body = match unpack(&headers, body) {
        Ok(body) => body,
        Err((status, message)) => return refuse(status, &message),
    };
    let request = match ExportTraceServiceRequest::decode(body) {
        Ok(request) => request,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let (rows, rejected) = rows(request);
    match app.writer.store(rows).await {
        Ok(()) => accept(rejected),
        Err(error @ StoreError::Busy) => refuse(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
        Err(error) => {
            eprintln!("spans not stored: {error}");
            refuse(StatusCode::SERVICE_UNAVAILABLE, "not stored")
        }
    }
}

fn unpack(headers: &HeaderMap, body: Bytes) -> Result<Bytes, (StatusCode, String)> {
    match headers.get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"identity") => Ok(body),
        Some(b"gzip") => {
            let mut unpacked = Vec::new();
            let limit = MAX_BODY_BYTES as u64 + 1;
            match GzDecoder::new(body.as_ref()).take(limit).read_to_end(&mut unpacked) {
                Err(error) => Err((StatusCode::BAD_REQUEST, error.to_string())),
                Ok(size) if size > MAX_BODY_BYTES => {
                    Err((StatusCode::PAYLOAD_TOO_LARGE, "too large when unpacked".into()))
                }
                Ok(_) => Ok(unpacked.into()),
            }
        }
        Some(_) => Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-encoding must be gzip or identity".into())),
    }
}

fn accept(rejected: i64) -> Response {
    let partial_success = (rejected > 0).then(|| ExportTracePartialSuccess {
        rejected_spans: rejected,
        error_message: "spans with an invalid trace id, span id or time were not taken".into(),
    });
    protobuf(StatusCode::OK, &ExportTraceServiceResponse { partial_success })
}

fn refuse(status: StatusCode, message: &str) -> Response {
    // google.rpc.Code: INVALID_ARGUMENT, or UNAVAILABLE for what may be tried again.
    let code = if status == StatusCode::SERVICE_UNAVAILABLE { 14 } else { 3 };
    let mut response = protobuf(status, &RpcStatus { code, message: message.into() });
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(1));
    }
    response
}

fn protobuf(status: StatusCode, message: &impl Message) -> Response {
    (status, [(header::CONTENT_TYPE, PROTOBUF)], message.encode_to_vec()).into_response()
}

/// The spans to store, and how many cannot be.
fn rows(request: ExportTraceServiceRequest) -> (Vec<Row>, i64) {
    let mut rows = Vec::new();
    let mut rejected = 0;
    for group in request.resource_spans {
        let sender = Sender::of(&group);
        for span in group.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            match sender.row(span) {
                Some(row) => rows.push(row),
                None => rejected += 1,
            }
        }
    }
    (rows, rejected)
}

/// What all spans of one resource have in common.
struct Sender {
    service: String,
    account: Option<String>,
    resource: Arc<[u8]>,
}

impl Sender {
    fn of(group: &ResourceSpans) -> Self {
        let resource = group.resource.clone().unwrap_or_default();
        Self {
            service: text(&resource.attributes, "service.name").unwrap_or_else(|| "unknown_service".into()),
            account: text(&resource.attributes, "cloud.account.id"),
            resource: resource.encode_to_vec().into(),
        }
    }

    fn row(&self, span: Span) -> Option<Row> {
        TraceId::from_bytes(&span.trace_id).ok()?;
        if span.span_id.len() != 8 || span.span_id == [0; 8] || !matches!(span.parent_span_id.len(), 0 | 8) {
            return None;
        }
        let start_ns = i64::try_from(span.start_time_unix_nano).ok()?;
        let end_ns = i64::try_from(span.end_time_unix_nano).ok()?;
        let body = span.encode_to_vec();
        Some(Row {
            account: text(&span.attributes, "cloud.account.id").or_else(|| self.account.clone()),
            tenant: text(&span.attributes, "tenant.id"),
            tier: text(&span.attributes, "tenant.tier"),
            service: self.service.clone(),
            kind: span.kind,
            status: span.status.as_ref().map_or(0, |status| status.code),
            start_ns,
            end_ns,
            resource: self.resource.clone(),
            body,
            parent_span_id: (!span.parent_span_id.is_empty()).then_some(span.parent_span_id),
            trace_id: span.trace_id,
            span_id: span.span_id,
            name: span.name,
        })
    }
}

fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let attribute = attributes.iter().find(|attribute| attribute.key == key)?;
    match attribute.value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(text.clone()),
        _ => None,
    }
}
