//! A local cloud whose functions reach AWS through a proxy that fails on purpose, and clients that do not give up.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use operator::reconcile::{self, Difference, Sources};
use parking_lot::Mutex;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::{Caller, Cloud, Proxy, Row, a_booking, caller::cancellation_of, record};

/// How long a client tries, and how long everything may take to agree again.
const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(80);

/// The local cloud behind the proxy.
pub struct FaultyCloud {
    /// The cloud.
    pub cloud: Cloud,
    /// In front of it, for its functions.
    pub proxy: Proxy,
    /// What is compared.
    pub sources: Sources,
    /// A user of each tenant.
    pub callers: Vec<Caller>,
    keys: Mutex<u64>,
}

/// A booking that got through.
#[derive(Debug, Clone)]
pub struct AnsweredBooking {
    /// Its number.
    pub booking_number: String,
    /// Whose it is.
    pub tenant: String,
    /// How many requests it took.
    pub attempts: usize,
    /// Whether it was cancelled then, and that got through too.
    pub cancelled: bool,
}

/// A reservation, or a cancellation, as it is stored.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Whose it is.
    pub tenant: String,
    /// The trace it was booked in, or cancelled.
    pub trace_id: String,
}

impl FaultyCloud {
    /// Starts both.
    pub async fn start() -> Self {
        let proxy = Proxy::start().await;
        let cloud = Cloud::start_for_failures(&["--functions-endpoint", &proxy.url]);
        proxy.forward_to(&cloud.outputs.aws_endpoint_url);
        let sources = Sources::of(&cloud.outputs).await;
        let mut callers = Vec::new();
        for index in 0..cloud.outputs.users.len() {
            callers.push(cloud.caller(index).await);
        }
        Self { cloud, proxy, sources, callers, keys: Mutex::new(0) }
    }

    /// Books as a careful client does: with an idempotency key, again and again until it is answered.
    pub async fn book_until_answered(&self, caller: &Caller, from: &str, to: &str) -> AnsweredBooking {
        let key = {
            let mut keys = self.keys.lock();
            *keys += 1;
            format!("booking-{keys}")
        };
        let (body, attempts) = persist(|| {
            let request = caller.booking(Method::POST, "/bookings").header("idempotency-key", &key);
            request.json(&a_booking(from, to))
        })
        .await;
        let booking_number = body["booking_number"].as_str().unwrap().to_owned();
        AnsweredBooking { booking_number, tenant: caller.user.tenant.clone(), attempts, cancelled: false }
    }

    /// Cancels as a careful client does, again and again until it is answered; the answer.
    pub async fn cancel(&self, caller: &Caller, booking: &mut AnsweredBooking) -> Value {
        let path = cancellation_of(&booking.booking_number);
        let (body, attempts) = persist(|| caller.booking(Method::POST, &path)).await;
        assert_eq!(body["status"], "cancelled", "{body}");
        booking.attempts += attempts;
        booking.cancelled = true;
        body
    }

    /// Reads as a careful client does, again and again until it is answered; the answer.
    pub async fn read(&self, request: impl Fn() -> RequestBuilder) -> Value {
        persist(request).await.0
    }

    /// Waits until nothing differs; fails if that takes too long.
    pub async fn settle(&self) {
        let started = Instant::now();
        loop {
            let differences = self.sources.reconcile().await.unwrap().differences;
            if differences.is_empty() {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "after {PATIENCE:?}: {differences:#?}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// What differs now, leaving out what is only under way.
    pub async fn differences(&self) -> Vec<Difference> {
        reconcile::settled(&self.sources, Duration::ZERO).await.unwrap().differences
    }

    /// Sends this many messages of the dead-letter queue once more.
    pub async fn redrive(&self, count: usize) {
        let outputs = &self.cloud.outputs;
        let bodies: Vec<String> = self
            .cloud
            .drain(&outputs.dead_letters_url, count)
            .await
            .into_iter()
            .filter_map(|message| message.body)
            .collect();
        self.send(&bodies).await;
    }

    /// Sends messages to account B's queue.
    pub async fn send(&self, bodies: &[String]) {
        let sqs = self.cloud.sqs().await;
        for batch in bodies.chunks(10) {
            let entry = |(id, body): (usize, &String)| {
                SendMessageBatchRequestEntry::builder().id(id.to_string()).message_body(body).build().unwrap()
            };
            let entries = batch.iter().enumerate().map(entry).collect();
            let send = sqs.send_message_batch().queue_url(&self.cloud.outputs.queue_url).set_entries(Some(entries));
            assert_eq!(send.send().await.unwrap().failed().len(), 0);
        }
    }

    /// Every reservation by its number.
    pub async fn reservations(&self) -> BTreeMap<String, Stored> {
        self.stored("BOOKING#").await
    }

    /// Every cancellation by the number of its booking.
    pub async fn cancellations(&self) -> BTreeMap<String, Stored> {
        self.stored("CANCELLATION#").await
    }

    async fn stored(&self, kind: &str) -> BTreeMap<String, Stored> {
        let outputs = &self.cloud.outputs;
        let items = self.cloud.items(&outputs.booking_account, &outputs.reservations_table).await;
        let stored = |item: &std::collections::HashMap<String, aws_sdk_dynamodb::types::AttributeValue>| {
            let text = |name: &str| item.get(name)?.as_s().ok().cloned();
            let _is_one = text("sk")?.strip_prefix(kind)?;
            let traceparent = item.get("trace")?.as_m().ok()?.get("traceparent")?.as_s().ok()?;
            let trace_id = traceparent.split('-').nth(1)?.to_owned();
            Some((text("booking_number")?, Stored { tenant: text("tenant_id")?, trace_id }))
        };
        items.iter().filter_map(stored).collect()
    }

    /// Tells what came of `bookings` under a fault, once all agrees: each was to be reserved once, and cancelled once if it was cancelled, in a
    /// trace of its own from the request to the ledger. `before` is what was reserved when it began.
    pub async fn judge(
        &self,
        fault: &str,
        injected: usize,
        before: &BTreeMap<String, Stored>,
        bookings: &[AnsweredBooking],
        recovery: Duration,
    ) -> Row {
        let new = |mut stored: BTreeMap<String, Stored>| {
            stored.retain(|number, _| !before.contains_key(number));
            stored
        };
        let (reserved, cancelled) = (new(self.reservations().await), new(self.cancellations().await));
        let (mut lost, mut duplicates) = (0, 0);
        for (stored, told) in [
            (&reserved, bookings.iter().map(|booking| &booking.booking_number).collect::<BTreeSet<_>>()),
            (
                &cancelled,
                bookings.iter().filter(|booking| booking.cancelled).map(|booking| &booking.booking_number).collect(),
            ),
        ] {
            lost += told.iter().filter(|number| !stored.contains_key(**number)).count();
            duplicates += stored.keys().filter(|number| !told.contains(number)).count();
        }
        let (mut traces_broken, mut traces_with_gaps) = (0, 0);
        for (number, stored) in reserved.iter().chain(&cancelled) {
            match self.trace_of(stored).await {
                Trace::Whole => {}
                Trace::Gap => traces_with_gaps += 1,
                Trace::Broken => {
                    traces_broken += 1;
                    eprintln!("{fault}: the trace {} of {number} is broken", stored.trace_id);
                }
            }
        }
        let row = Row {
            fault: fault.to_owned(),
            injected,
            requests: bookings.len(),
            lost,
            duplicates,
            traces_broken,
            traces_with_gaps,
            recovery_ms: u64::try_from(recovery.as_millis()).unwrap(),
        };
        record(row.clone());
        assert_eq!((row.lost, row.duplicates, row.traces_broken), (0, 0, 0), "{row:?}");
        row
    }

    async fn trace_of(&self, stored: &Stored) -> Trace {
        const WITHIN: Duration = Duration::from_secs(60);
        let (client, path) = (reqwest::Client::new(), format!("/api/traces/{}", stored.trace_id));
        let started = Instant::now();
        loop {
            let answer = self.cloud.outputs.ask_control_plane(&client, &path).send().await.unwrap();
            if let Ok(answer) = answer.error_for_status() {
                let trace: control_plane_model::trace::Trace = answer.json().await.unwrap();
                let others = trace.spans.iter().any(|span| span.tenant.as_deref() != Some(stored.tenant.as_str()));
                let posted = trace
                    .spans
                    .iter()
                    .any(|span| span.service == "mileage-accrual" && span.kind == "CONSUMER" && span.status != "ERROR");
                if others {
                    eprintln!("a span of nobody or somebody else: {trace:#?}");
                    return Trace::Broken;
                }
                if posted {
                    let known: BTreeSet<_> = trace.spans.iter().map(|span| &span.span_id).collect();
                    let has_parent = |span: &control_plane_model::trace::Span| {
                        span.parent_span_id.as_ref().is_none_or(|parent| known.contains(parent))
                    };
                    return if trace.spans.iter().all(has_parent) { Trace::Whole } else { Trace::Gap };
                }
            }
            if started.elapsed() > WITHIN {
                eprintln!("no miles in the trace of {stored:?}");
                return Trace::Broken;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Sets how long a deployed function may take, in seconds.
    pub async fn set_timeout(&self, account: &str, function: &str, seconds: u64) {
        let outputs = &self.cloud.outputs;
        let url = format!("{}/2015-03-31/functions/{function}/configuration", outputs.aws_endpoint_url);
        let credential = format!("{account}/20261121/{}/lambda/aws4_request", outputs.region);
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature={:064}", 0);
        let set = reqwest::Client::new().put(url).header("authorization", authorization);
        let answer = set.json(&serde_json::json!({ "Timeout": seconds })).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }
}

/// What a request is answered in the end, and how often it took.
async fn persist(request: impl Fn() -> RequestBuilder) -> (Value, usize) {
    let started = Instant::now();
    let mut attempts = 0;
    loop {
        attempts += 1;
        let answer = request().timeout(PATIENCE).send().await;
        let status = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
        let body: Value = match answer {
            Ok(answer) => answer.json().await.unwrap_or_default(),
            Err(_) => Value::Null,
        };
        if let 200 | 201 = status {
            return (body, attempts);
        }
        // 429: more at once than the tenant's quota allows.
        assert!(status == 0 || status == 429 || status >= 500, "a sound request was answered {status}: {body}");
        assert!(started.elapsed() < PATIENCE, "no answer within {PATIENCE:?}: {status} {body}");
        tokio::time::sleep(PAUSE).await;
    }
}

enum Trace {
    Whole,
    Gap,
    Broken,
}
