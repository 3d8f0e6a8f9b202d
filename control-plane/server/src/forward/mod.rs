//! Spans passed on to other OTLP endpoints: bounded, retried, with tenants as each may know them.
//!
//! What is stored is offered to each forwarder and waits in its queue. A queue that is full drops what is offered, and says so
//! once a minute: a slow backend slows nobody here.

mod privacy;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use control_plane_model::complain::complain;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use reqwest::{Client, StatusCode, header};
use tokio::{sync::mpsc, time::Instant};

pub use privacy::Privacy;

use crate::delivery::{self, Patience};

/// Requests that may wait for a backend.
const MAX_WAITING: usize = 256;
/// The longest a backend may take.
const TIMEOUT: Duration = Duration::from_secs(10);
const PATIENCE: Patience = Patience {
    first_pause: Duration::from_millis(500),
    longest_pause: Duration::from_secs(30),
    give_up_after: Duration::from_secs(300),
};
/// Losses are told at most this often.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// Where spans are passed on to.
#[derive(Debug, Clone)]
pub struct ForwardDestination {
    /// The whole URL: `…/v1/traces`.
    pub url: String,
    /// Headers of each request.
    pub headers: BTreeMap<String, String>,
    /// What it gets of tenant and user ids.
    pub privacy: Privacy,
}

/// A queue to one destination.
#[derive(Debug)]
pub struct Forwarder {
    queue: mpsc::Sender<Arc<ExportTraceServiceRequest>>,
    dropped: Arc<AtomicU64>,
}

impl Forwarder {
    /// Begins to forward. It ends when the forwarder is dropped.
    pub fn start(destination: ForwardDestination) -> Result<Self, reqwest::Error> {
        let client = delivery::client(&destination.url, TIMEOUT)?;
        let (queue, waiting) = mpsc::channel(MAX_WAITING);
        let dropped = Arc::new(AtomicU64::new(0));
        tokio::spawn(run(client, destination, waiting, dropped.clone()));
        Ok(Self { queue, dropped })
    }

    /// Offers a request; one that finds no room is dropped and counted.
    pub fn offer(&self, request: &Arc<ExportTraceServiceRequest>) {
        if self.queue.try_send(request.clone()).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn run(
    client: Client,
    destination: ForwardDestination,
    mut waiting: mpsc::Receiver<Arc<ExportTraceServiceRequest>>,
    dropped: Arc<AtomicU64>,
) {
    let mut told: Option<Instant> = None;
    while let Some(request) = waiting.recv().await {
        let mut request = Arc::unwrap_or_clone(request);
        destination.privacy.apply(&mut request);
        let body = request.encode_to_vec();
        let outcome = deliver(&client, &destination, body).await;
        if outcome.is_err() {
            dropped.fetch_add(1, Ordering::Relaxed);
        }
        let lost = dropped.load(Ordering::Relaxed);
        if lost > 0 && told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            dropped.fetch_sub(lost, Ordering::Relaxed);
            told = Some(Instant::now());
            let reason = outcome.err().unwrap_or_else(|| "the queue was full".into());
            complain(format_args!("{lost} requests not forwarded to {}: {reason}", destination.url));
        }
    }
}

async fn deliver(client: &Client, destination: &ForwardDestination, body: Vec<u8>) -> Result<(), String> {
    // Those that OTLP says may be tried again: <https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes>.
    let again = |status: StatusCode| matches!(status.as_u16(), 429 | 502 | 503 | 504);
    delivery::deliver(PATIENCE, again, || {
        let request = client.post(&destination.url).header(header::CONTENT_TYPE, "application/x-protobuf");
        let request = destination.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        request.body(body.clone())
    })
    .await
}
