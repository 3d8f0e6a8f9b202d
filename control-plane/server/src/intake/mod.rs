//! OTLP/HTTP: `POST /v1/traces`, `/v1/metrics` and `/v1/logs`, binary protobuf or JSON, gzip or not.
//! <https://opentelemetry.io/docs/specs/otlp/#otlphttp>
//!
//! | file | idea |
//! |---|---|
//! | `body` | from bytes to a request, and what an answer looks like |
//! | `json`, `proto_json` | JSON whatever is in it, and a request written in it |
//! | `keys` | which account a sender may speak for |
//! | `signals` | what is sent where, and what is done with it |
//! | `spans`, `points`, `logs` | which spans, points and log records can be stored |
//! | `data_point` | values and histograms, whatever form they have |
//! | `access_logs` | which requests were refused before anybody was known |
//! | `cardinality` | how many series there may be |
//! | `rejected` | what was not taken, and why |

mod access_logs;
mod body;
mod cardinality;
mod data_point;
mod json;
mod keys;
mod logs;
mod points;
mod proto_json;
mod rejected;
mod signals;
mod spans;

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, StatusCode},
    response::Response,
    routing::{MethodRouter, any, post},
};
use control_plane_model::{
    complain::complain,
    log_records::LogStore,
    metrics::MetricStore,
    store::{SpanStore, StoreError},
};
use parking_lot::Mutex;
use tenancy::PseudonymKey;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::{JoinError, spawn_blocking},
};

pub use keys::Keys;
pub use logs::records;
pub use points::by_stream;
pub use proto_json::{logs_of_json, metrics_of_json, traces_of_json};
pub use rejected::Rejected;
pub use spans::by_trace;

pub(crate) use self::body::receive;
use self::{
    access_logs::NamedNetworks,
    body::Encoding,
    cardinality::Cardinality,
    proto_json::Read,
    signals::{Logs, Metrics, Signal, Traces},
};
use crate::forward::Forwarder;

/// The largest request, as sent and as unpacked: what a sender may send is bounded, and so is what it may make us hold.
pub const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// Requests of each signal that are read at once: of half a million points this takes a second, and what is read takes many times the memory
/// of what was sent.
const READERS: usize = 2;
/// How many requests wait for that. One more is answered with 503.
const MAX_WAITING: usize = 128;

/// Why a request is not taken.
type Refusal = (StatusCode, String);

/// What all requests of the intake share.
#[derive(Debug, Clone)]
pub(crate) struct Intake {
    spans: Arc<dyn SpanStore>,
    metrics: Arc<dyn MetricStore>,
    log_records: Arc<dyn LogStore>,
    keys: Arc<Keys>,
    forwarders: Arc<[Forwarder]>,
    cardinality: Arc<Mutex<Cardinality>>,
    named: Arc<Mutex<NamedNetworks>>,
    /// What addresses of access logs are hashed with.
    address_key: Option<Arc<PseudonymKey>>,
    turns: [Turns; 4],
}

impl Intake {
    /// Stores what comes with one of these keys, and passes spans on.
    pub(crate) fn new(
        (spans, metrics, log_records): (Arc<dyn SpanStore>, Arc<dyn MetricStore>, Arc<dyn LogStore>),
        keys: Keys,
        address_key: Option<PseudonymKey>,
        forwarders: Arc<[Forwarder]>,
    ) -> Self {
        let (keys, turns) = (Arc::new(keys), std::array::from_fn(|_| Turns::new()));
        let (cardinality, named, address_key) = (Arc::default(), Arc::default(), address_key.map(Arc::new));
        Self { spans, metrics, log_records, keys, forwarders, cardinality, named, address_key, turns }
    }
}

/// Whose turn it is to be read: each signal has turns of its own, so that a flood of one holds up no other.
#[derive(Debug, Clone)]
struct Turns {
    reading: Arc<Semaphore>,
    /// Limits the requests that are read or wait.
    all: Arc<Semaphore>,
}

/// A turn, until it is dropped.
type Turn = [OwnedSemaphorePermit; 2];

impl Turns {
    fn new() -> Self {
        let of = |turns| Arc::new(Semaphore::new(turns));
        Self { reading: of(READERS), all: of(READERS + MAX_WAITING) }
    }

    /// Waits for a turn, where not too many do.
    async fn next(&self) -> Result<Turn, Refusal> {
        let busy = || (StatusCode::SERVICE_UNAVAILABLE, StoreError::Busy.to_string());
        let place = self.all.clone().try_acquire_owned().map_err(|_| busy())?;
        let turn = self.reading.clone().acquire_owned().await.map_err(|_| busy())?;
        Ok([place, turn])
    }
}

/// Paths of the intake.
pub(crate) fn routes() -> Router<Intake> {
    Router::new()
        .route("/v1/traces", taking::<Traces>())
        .route("/v1/metrics", taking::<Metrics>())
        .route("/v1/logs", taking::<Logs>())
        .route("/v1/access-logs", post(access_logs::deliver))
        .route("/v1/{*signal}", any(not_served))
}

fn taking<S: Signal>() -> MethodRouter<Intake> {
    post(export::<S>).fallback(other_method::<S>)
}

/// What senders ask for that is not served, told in their own encoding: another method.
async fn other_method<S: Signal>(method: Method, headers: HeaderMap) -> Response {
    let (Ok(encoding) | Err(encoding)) = Encoding::of(&headers);
    encoding.refuse(StatusCode::METHOD_NOT_ALLOWED, &format!("{} are sent with POST, not {method}", S::WHAT))
}

/// Or another signal.
async fn not_served(headers: HeaderMap) -> Response {
    let (Ok(encoding) | Err(encoding)) = Encoding::of(&headers);
    let taken = "traces, metrics and logs are taken, on /v1/traces, /v1/metrics and /v1/logs";
    encoding.refuse(StatusCode::NOT_FOUND, taken)
}

/// Takes a request. 200 means that it is on disk.
async fn export<S: Signal>(State(intake): State<Intake>, headers: HeaderMap, body: Body) -> Response {
    let body = receive(body, MAX_BODY_BYTES).await;
    let (Ok(encoding) | Err(encoding)) = Encoding::of(&headers);
    match take::<S>(&intake, &headers, body).await {
        Ok(rejected) => encoding.accept::<S>(&rejected),
        Err((status, message)) => encoding.refuse(status, &message),
    }
}

async fn take<S: Signal>(
    intake: &Intake,
    headers: &HeaderMap,
    body: Result<Bytes, Refusal>,
) -> Result<Rejected, Refusal> {
    let unknown =
        |_| (StatusCode::UNSUPPORTED_MEDIA_TYPE, "send application/x-protobuf or application/json".to_owned());
    let encoding = Encoding::of(headers).map_err(unknown)?;
    let account = intake.keys.account(headers).map_err(|message| (StatusCode::UNAUTHORIZED, message.to_owned()))?;
    let body = body?;
    let (taken, mut rejected) = {
        let (intake, headers) = (intake.clone(), headers.clone());
        let turn = intake.turns[S::NUMBER].next().await?;
        let reading = move || {
            let _turn = turn;
            let Read { request, remarks } = encoding.read::<S>(&headers, body)?;
            let now = jiff::Timestamp::now().as_second();
            let (taken, mut rejected) = S::take(&intake, request, account.as_deref(), now);
            remarks.iter().for_each(|remark| rejected.add(0, remark));
            Ok::<_, Refusal>((taken, rejected))
        };
        let failed = |error: JoinError| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
        spawn_blocking(reading).await.map_err(failed)??
    };
    S::store(intake, taken, &mut rejected).await.map_err(|error| {
        let StoreError::Busy = error else {
            complain(format_args!("{} not stored: {error}", S::WHAT));
            return (StatusCode::SERVICE_UNAVAILABLE, "not stored".to_owned());
        };
        (StatusCode::SERVICE_UNAVAILABLE, error.to_string())
    })?;
    Ok(rejected)
}

#[cfg(test)]
mod tests {
    use control_plane_embedded::{Embedded, Retention};
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn one_more_than_may_wait_is_told_to_come_back() {
        let turns = Turns::new();
        let held: Vec<_> = (0..READERS).map(|_| turns.next().now_or_never().unwrap().unwrap()).collect();
        let mut waiting: Vec<_> = (0..MAX_WAITING).map(|_| Box::pin(turns.next())).collect();
        assert!(waiting.iter_mut().all(|one| one.now_or_never().is_none()));
        assert_eq!(turns.next().await.unwrap_err().0, StatusCode::SERVICE_UNAVAILABLE);
        drop(held);
        assert!(waiting.remove(0).await.is_ok());
    }

    #[tokio::test]
    async fn a_flood_of_one_signal_holds_up_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(Embedded::open(&dir.path().join("test.sqlite"), Retention::default()).unwrap());
        let intake = Intake::new((store.clone(), store.clone(), store), Keys::default(), None, Arc::from([]));
        let metrics = &intake.turns[Metrics::NUMBER];
        let _held: Vec<_> = (0..READERS).map(|_| metrics.next().now_or_never().unwrap().unwrap()).collect();
        let mut waiting: Vec<_> = (0..MAX_WAITING).map(|_| Box::pin(metrics.next())).collect();
        assert!(waiting.iter_mut().all(|one| one.now_or_never().is_none()));
        let named = [("host", "localhost"), ("content-type", "application/x-protobuf")];
        let named = named.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let headers: HeaderMap = named.into_iter().collect();
        let state = || State(intake.clone());
        assert_eq!(export::<Metrics>(state(), headers.clone(), Body::empty()).await.status(), 503);
        assert_eq!(export::<Traces>(state(), headers.clone(), Body::empty()).await.status(), 200);
        assert_eq!(export::<Logs>(state(), headers, Body::empty()).await.status(), 200);
    }

    #[test]
    fn each_signal_has_its_turns() {
        assert_eq!([Traces::NUMBER, Metrics::NUMBER, Logs::NUMBER, access_logs::NUMBER], [0, 1, 2, 3]);
    }
}
