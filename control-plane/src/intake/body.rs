//! From bytes to a request, and from an outcome to an answer in the sender's own encoding.

use std::io::Read;

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use serde_json::json;

use super::{MAX_BODY_BYTES, Rejected};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// `google.rpc.Status`, which OTLP answers errors with; this much of it is all that is needed.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

/// How a request is written, and so its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Protobuf,
    Json,
}

impl Encoding {
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let content_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        match content_type.split(';').next().map(str::trim)? {
            PROTOBUF => Some(Self::Protobuf),
            JSON => Some(Self::Json),
            _ => None,
        }
    }

    pub(super) fn read(
        self,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<ExportTraceServiceRequest, (StatusCode, String)> {
        let body = unpack(headers, body)?;
        let broken = |error: String| (StatusCode::BAD_REQUEST, error);
        match self {
            Self::Protobuf => ExportTraceServiceRequest::decode(body).map_err(|error| broken(error.to_string())),
            Self::Json => serde_json::from_slice(&body).map_err(|error| broken(error.to_string())),
        }
    }

    pub(super) fn accept(self, rejected: &Rejected) -> Response {
        let message = rejected.reasons();
        match self {
            Self::Json if rejected.spans == 0 => self.answer(StatusCode::OK, b"{}".to_vec()),
            Self::Json => {
                // 64-bit numbers are strings in protobuf's JSON.
                let rejected = json!({ "rejectedSpans": rejected.spans.to_string(), "errorMessage": message });
                self.answer(StatusCode::OK, json!({ "partialSuccess": rejected }).to_string().into_bytes())
            }
            Self::Protobuf => {
                let partial_success = (rejected.spans > 0).then(|| ExportTracePartialSuccess {
                    rejected_spans: i64::try_from(rejected.spans).unwrap_or(i64::MAX),
                    error_message: message,
                });
                self.answer(StatusCode::OK, ExportTraceServiceResponse { partial_success }.encode_to_vec())
            }
        }
    }

    pub(super) fn refuse(self, status: StatusCode, message: &str) -> Response {
        // google.rpc.Code: INVALID_ARGUMENT, UNAUTHENTICATED, or UNAVAILABLE for what may be tried again.
        let code = match status {
            StatusCode::SERVICE_UNAVAILABLE => 14,
            StatusCode::UNAUTHORIZED => 16,
            _ => 3,
        };
        let body = match self {
            Self::Protobuf => RpcStatus { code, message: message.to_owned() }.encode_to_vec(),
            Self::Json => json!({ "code": code, "message": message }).to_string().into_bytes(),
        };
        let mut response = self.answer(status, body);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(1));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }

    fn answer(self, status: StatusCode, body: Vec<u8>) -> Response {
        let content_type = match self {
            Self::Protobuf => PROTOBUF,
            Self::Json => JSON,
        };
        (status, [(header::CONTENT_TYPE, content_type)], body).into_response()
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
