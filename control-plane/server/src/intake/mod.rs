//! OTLP/HTTP: `POST /v1/traces`, binary protobuf or JSON, gzip or not.
//! <https://opentelemetry.io/docs/specs/otlp/#otlphttp>
//!
//! | file | idea |
//! |---|---|
//! | `body` | from bytes to a request, and what an answer looks like |
//! | `json`, `proto_json` | JSON whatever is in it, and a request written in it |
//! | `keys` | which account a sender may speak for |
//! | `spans` | which spans can be stored, by trace |

mod body;
mod json;
mod keys;
mod proto_json;
mod spans;

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::Response,
    routing::{any, post},
};
use control_plane_model::{
    complain::complain,
    store::{MAX_SPANS_PER_TRACE, SpanStore, StoreError},
};

pub use keys::Keys;
pub use spans::{Rejected, by_trace};

pub(crate) use self::body::receive;
use self::{body::Encoding, proto_json::Read};
use crate::forward::Forwarder;

/// The largest request, as sent and as unpacked: what a sender may send is bounded, and so is what it may make us hold.
pub const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// Why a request is not taken.
type Refusal = (StatusCode, String);

/// What requests share.
#[derive(Debug, Clone)]
pub(crate) struct Intake {
    pub(crate) spans: Arc<dyn SpanStore>,
    pub(crate) keys: Arc<Keys>,
    pub(crate) forwarders: Arc<[Forwarder]>,
}

/// Paths of the intake.
pub(crate) fn routes() -> Router<Intake> {
    Router::new().route("/v1/traces", post(export).fallback(not_served)).route("/v1/{*signal}", any(not_served))
}

/// What senders ask for that is not served, told in their own encoding: another method, or another signal.
async fn not_served(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let (Ok(encoding) | Err(encoding)) = Encoding::of(&headers);
    if uri.path() == "/v1/traces" {
        encoding.refuse(StatusCode::METHOD_NOT_ALLOWED, &format!("spans are sent with POST, not {method}"))
    } else {
        encoding.refuse(StatusCode::NOT_FOUND, "only traces are taken, on /v1/traces")
    }
}

/// Takes spans. 200 means that they are on disk.
async fn export(State(intake): State<Intake>, headers: HeaderMap, body: Body) -> Response {
    let body = receive(body, MAX_BODY_BYTES).await;
    let (Ok(encoding) | Err(encoding)) = Encoding::of(&headers);
    match take(&intake, &headers, body).await {
        Ok(rejected) => encoding.accept(&rejected),
        Err((status, message)) => encoding.refuse(status, &message),
    }
}

async fn take(intake: &Intake, headers: &HeaderMap, body: Result<Bytes, Refusal>) -> Result<Rejected, Refusal> {
    let unknown =
        |_| (StatusCode::UNSUPPORTED_MEDIA_TYPE, "send application/x-protobuf or application/json".to_owned());
    let encoding = Encoding::of(headers).map_err(unknown)?;
    let account = intake.keys.account(headers).map_err(|message| (StatusCode::UNAUTHORIZED, message.to_owned()))?;
    let Read { request, remarks } = encoding.read(headers, body?)?;
    let forwarded = (!intake.forwarders.is_empty()).then(|| Arc::new(request.clone()));
    let (traces, mut rejected) = by_trace(request, account.as_deref(), jiff::Timestamp::now().as_second());
    remarks.iter().for_each(|remark| rejected.add(0, remark));
    let stored = intake.spans.write(traces).await.map_err(|error| {
        let StoreError::Busy = error else {
            complain(format_args!("spans not stored: {error}"));
            return (StatusCode::SERVICE_UNAVAILABLE, "not stored".to_owned());
        };
        (StatusCode::SERVICE_UNAVAILABLE, error.to_string())
    })?;
    if stored.beyond > 0 {
        rejected.add(stored.beyond, &format!("a trace has at most {MAX_SPANS_PER_TRACE} spans"));
    }
    if let Some(request) = forwarded.filter(|_| stored.spans > 0) {
        intake.forwarders.iter().for_each(|forwarder| forwarder.offer(&request));
    }
    Ok(rejected)
}
