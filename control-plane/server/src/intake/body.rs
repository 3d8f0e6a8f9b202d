//! From bytes to a request, and from an outcome to an answer in the sender's own encoding.

use std::{io::Read as _, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use flate2::read::MultiGzDecoder;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use prost::Message;
use serde_json::json;
use tokio::time::timeout;

use super::{
    MAX_BODY_BYTES, Refusal, Rejected,
    proto_json::{self, Read},
    signals::Signal,
};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";
/// Content codings one upon the other.
const MAX_CODINGS: usize = 2;
/// How long a body may take: as long as senders wait for an answer, and longer.
const ARRIVES_WITHIN: Duration = Duration::from_secs(30);
/// How much of a body that is too large is read and thrown away.
const MAX_DISCARDED_BYTES: usize = 4 * MAX_BODY_BYTES;

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
    /// The encoding of a request; the error is the one to answer in, where it is none that is read here.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Self> {
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match media_type.as_str() {
            PROTOBUF => Ok(Self::Protobuf),
            JSON => Ok(Self::Json),
            // A client with another content type is answered in JSON, unless it seems to speak protobuf.
            other => Err(if other.contains("protobuf") { Self::Protobuf } else { Self::Json }),
        }
    }

    pub(super) fn read<S: Signal>(self, headers: &HeaderMap, body: Bytes) -> Result<Read<S::Request>, Refusal> {
        let body = unpack(headers, body)?;
        let read = match self {
            Self::Protobuf => S::Request::decode(body)
                .map(|request| Read { request, remarks: Vec::new() })
                .map_err(|error| format!("no {}, which {} are sent in: {error}", S::REQUEST, S::WHAT)),
            Self::Json => proto_json::read(&body),
        };
        read.map_err(|error| (StatusCode::BAD_REQUEST, error))
    }

    pub(super) fn accept<S: Signal>(self, rejected: &Rejected) -> Response {
        let message = rejected.reasons();
        match self {
            Self::Json if message.is_empty() => self.answer(StatusCode::OK, b"{}".to_vec()),
            Self::Json => {
                // 64-bit numbers are strings in protobuf's JSON.
                let rejected = json!({ S::REJECTED: rejected.count.to_string(), "errorMessage": message });
                self.answer(StatusCode::OK, json!({ "partialSuccess": rejected }).to_string().into_bytes())
            }
            Self::Protobuf => {
                let rejected = i64::try_from(rejected.count).unwrap_or(i64::MAX);
                let partial = (!message.is_empty()).then_some((rejected, message));
                self.answer(StatusCode::OK, S::response(partial).encode_to_vec())
            }
        }
    }

    pub(super) fn refuse(self, status: StatusCode, message: &str) -> Response {
        // google.rpc.Code: INVALID_ARGUMENT, UNIMPLEMENTED, INTERNAL, UNAUTHENTICATED, or UNAVAILABLE for what may be tried again.
        let code = match status {
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => 12,
            StatusCode::INTERNAL_SERVER_ERROR => 13,
            StatusCode::SERVICE_UNAVAILABLE => 14,
            StatusCode::UNAUTHORIZED => 16,
            _ => 3,
        };
        let body = match self {
            Self::Protobuf => RpcStatus { code, message: message.to_owned() }.encode_to_vec(),
            Self::Json => json!({ "code": code, "message": message }).to_string().into_bytes(),
        };
        let mut response = self.answer(status, body);
        if status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            response.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
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

/// Reads a body of at most this many bytes.
///
/// The rest of a larger one is read too, up to [`MAX_DISCARDED_BYTES`]: a connection that closes while its sender still writes may take
/// the answer with it, and the sender would try the same request again.
pub(crate) async fn receive(body: Body, max: usize) -> Result<Bytes, Refusal> {
    let late = (StatusCode::REQUEST_TIMEOUT, format!("the body did not arrive within {} s", ARRIVES_WITHIN.as_secs()));
    timeout(ARRIVES_WITHIN, whole(body, max)).await.unwrap_or(Err(late))
}

async fn whole(mut body: Body, max: usize) -> Result<Bytes, Refusal> {
    let error = match Limited::new(&mut body, max).collect().await {
        Ok(collected) => return Ok(collected.to_bytes()),
        Err(error) => error,
    };
    if !error.is::<LengthLimitError>() {
        return Err((StatusCode::BAD_REQUEST, format!("the body did not arrive: {error}")));
    }
    let mut discarded = 0;
    while let Some(Ok(frame)) = body.frame().await
        && discarded < MAX_DISCARDED_BYTES
    {
        discarded += frame.data_ref().map_or(0, Bytes::len);
    }
    Err((StatusCode::PAYLOAD_TOO_LARGE, format!("a request has at most {} here", size(max))))
}

fn size(bytes: usize) -> String {
    if bytes < 1 << 20 { format!("{} KiB", bytes >> 10) } else { format!("{} MiB", bytes >> 20) }
}

/// Undoes the content codings, the last of them first: <https://www.rfc-editor.org/rfc/rfc9110#section-8.4>.
pub(super) fn unpack(headers: &HeaderMap, mut body: Bytes) -> Result<Bytes, Refusal> {
    let values = headers.get_all(header::CONTENT_ENCODING).iter().map(|value| value.to_str().unwrap_or("?"));
    let codings = values.flat_map(|value| value.split(',')).map(|coding| coding.trim().to_ascii_lowercase());
    let codings: Vec<String> = codings.filter(|coding| !matches!(coding.as_str(), "" | "identity")).collect();
    let wrong = |message: &str| Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, message.to_owned()));
    if codings.len() > MAX_CODINGS {
        return wrong("more content codings than anybody needs");
    }
    for coding in codings.iter().rev() {
        if !matches!(coding.as_str(), "gzip" | "x-gzip") {
            return wrong("content-encoding must be gzip or identity");
        }
        body = gunzip(&body)?;
    }
    Ok(body)
}

/// All members of a gzip body, one behind the other: <https://www.rfc-editor.org/rfc/rfc1952#section-2.2>.
pub(super) fn gunzip(body: &[u8]) -> Result<Bytes, Refusal> {
    let mut unpacked = Vec::new();
    let limit = MAX_BODY_BYTES as u64 + 1;
    match MultiGzDecoder::new(body).take(limit).read_to_end(&mut unpacked) {
        Err(error) => Err((StatusCode::BAD_REQUEST, format!("no gzip: {error}"))),
        Ok(size) if size > MAX_BODY_BYTES => Err((StatusCode::PAYLOAD_TOO_LARGE, "too large when unpacked".into())),
        Ok(_) => Ok(unpacked.into()),
    }
}
