//! OTLP/HTTP: `POST /v1/traces`, binary protobuf or JSON, gzip or not.
//! <https://opentelemetry.io/docs/specs/otlp/#otlphttp>
//!
//! | file | idea |
//! |---|---|
//! | `body` | from bytes to a request, and what an answer looks like |
//! | `keys` | which account a sender may speak for |
//! | `spans` | which spans can be stored, by trace |

mod body;
mod keys;
mod spans;

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};

pub use keys::Keys;
pub use spans::{Rejected, by_trace};

use self::body::Encoding;
use crate::{
    server::App,
    store::{MAX_SPANS_PER_TRACE, StoreError},
};

/// The largest request, as sent and as unpacked: what a sender may send is bounded, and so is what it may make us hold.
pub const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// Takes spans. 200 means that they are on disk.
pub(crate) async fn export(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(encoding) = Encoding::of(&headers) else {
        let message = "send application/x-protobuf or application/json";
        return Encoding::Protobuf.refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, message);
    };
    let account = match app.keys.account(&headers) {
        Ok(account) => account,
        Err(message) => return encoding.refuse(StatusCode::UNAUTHORIZED, message),
    };
    let request = match encoding.read(&headers, body) {
        Ok(request) => request,
        Err((status, message)) => return encoding.refuse(status, &message),
    };
    let forwarded = (!app.forwarders.is_empty()).then(|| Arc::new(request.clone()));
    let now = jiff::Timestamp::now().as_second();
    let (traces, mut rejected) = by_trace(request, account.as_deref(), now);
    match app.writer.store(traces).await {
        Ok(stored) => {
            if stored.beyond > 0 {
                let reason = format!("a trace has at most {MAX_SPANS_PER_TRACE} spans");
                rejected.add(stored.beyond, &reason);
            }
            if let Some(request) = forwarded.filter(|_| stored.spans > 0) {
                app.forwarders.iter().for_each(|forwarder| forwarder.offer(&request));
            }
            encoding.accept(&rejected)
        }
        Err(error @ StoreError::Busy) => encoding.refuse(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
        Err(error) => {
            eprintln!("spans not stored: {error}");
            encoding.refuse(StatusCode::SERVICE_UNAVAILABLE, "not stored")
        }
    }
}
