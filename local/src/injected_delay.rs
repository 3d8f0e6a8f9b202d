//! A downstream call made slow on purpose, for the demo: account B's API answers late, once, and the trace says why.
//!
//! The front door stands where API Gateway stands on AWS, so that is where the delay is put. Its span is labelled as injected,
//! and hangs under the call that waits for it.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Result;
use aws_lc_rs::rand;
use axum::http::HeaderMap;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, KeyValue, any_value::Value},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, span::SpanKind},
};
use parking_lot::Mutex;
use prost::Message;

use crate::ministack::MILEAGE_ACCOUNT;

/// The span's name, as the waterfall shows it.
pub const SPAN_NAME: &str = "delay injected by make demo";

/// Delays the next call of a path.
#[derive(Debug, Clone)]
pub struct InjectedDelay {
    armed: Arc<Mutex<Option<(String, Duration)>>>,
    client: reqwest::Client,
    control_plane_url: String,
}

impl InjectedDelay {
    /// No delay so far. Spans of delays go to this control plane.
    pub fn new(control_plane_url: &str) -> Self {
        Self { armed: Arc::default(), client: reqwest::Client::new(), control_plane_url: control_plane_url.to_owned() }
    }

    /// The next call whose path begins so waits so long.
    pub fn arm(&self, path: &str, delay: Duration) {
        *self.armed.lock() = Some((path.to_owned(), delay));
    }

    /// Waits, if this call is the one.
    pub async fn hold(&self, path: &str, headers: &HeaderMap) {
        let delay = {
            let mut armed = self.armed.lock();
            armed.take_if(|(prefix, _)| path.starts_with(prefix.as_str()))
        };
        let Some((_, delay)) = delay else { return };
        let start = SystemTime::now();
        tokio::time::sleep(delay).await;
        if let Some(Err(error)) = report(headers, start).map(|body| self.send(body)) {
            eprintln!("the injected delay has no span: {error}");
        }
    }

    /// Sends the span beside the call.
    fn send(&self, body: Result<Vec<u8>>) -> Result<()> {
        let url = format!("{}/v1/traces", self.control_plane_url);
        let request = self.client.post(url).header("content-type", "application/x-protobuf").body(body?);
        tokio::spawn(async move {
            if let Err(error) = request.send().await.and_then(reqwest::Response::error_for_status) {
                eprintln!("the injected delay has no span: {error}");
            }
        });
        Ok(())
    }
}

/// The span of the delay that began at `start` and ends now; `None` if the caller sent no `traceparent`.
fn report(headers: &HeaderMap, start: SystemTime) -> Option<Result<Vec<u8>>> {
    let traceparent = headers.get("traceparent")?.to_str().ok()?;
    let mut parts = traceparent.split('-').skip(1);
    let (trace_id, parent) = (hex(parts.next()?)?, hex(parts.next()?)?);
    Some(span(trace_id, parent, start))
}

fn span(trace_id: Vec<u8>, parent_span_id: Vec<u8>, start: SystemTime) -> Result<Vec<u8>> {
    let mut span_id = [0; 8];
    rand::fill(&mut span_id)?;
    let nanoseconds = |time: SystemTime| anyhow::Ok(u64::try_from(time.duration_since(UNIX_EPOCH)?.as_nanos())?);
    let span = Span {
        trace_id,
        span_id: span_id.to_vec(),
        parent_span_id,
        name: SPAN_NAME.to_owned(),
        kind: SpanKind::Internal as i32,
        start_time_unix_nano: nanoseconds(start)?,
        end_time_unix_nano: nanoseconds(SystemTime::now())?,
        attributes: vec![text("demo.fault", "a fault of the demo, not of the network")],
        ..Span::default()
    };
    let resource = Resource {
        attributes: vec![text("service.name", "local-front-door"), text("cloud.account.id", MILEAGE_ACCOUNT)],
        ..Resource::default()
    };
    let group = ResourceSpans {
        resource: Some(resource),
        scope_spans: vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    };
    Ok(ExportTraceServiceRequest { resource_spans: vec![group] }.encode_to_vec())
}

fn text(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok());
    digits.collect()
}
