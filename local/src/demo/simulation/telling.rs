//! Spans as OTLP has them, and who sends them.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, ArrayValue, KeyValue, any_value::Value},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, span::SpanKind},
};

use crate::ministack::{SIMULATED_BOOKING_ACCOUNT, SIMULATED_MILEAGE_ACCOUNT};

/// A function that tells of what it does. A service of the local cloud has another name, so that the two do not mix on the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Service {
    BookingApi,
    BookingPublisher,
    Exports,
    MileageAccrual,
    MileageApi,
}

impl Service {
    fn name(self) -> &'static str {
        match self {
            Self::BookingApi => "simulated-booking-api",
            Self::BookingPublisher => "simulated-booking-publisher",
            Self::Exports => "simulated-exports",
            Self::MileageAccrual => "simulated-mileage-accrual",
            Self::MileageApi => "simulated-mileage-api",
        }
    }

    fn account(self) -> &'static str {
        match self {
            Self::BookingApi | Self::BookingPublisher | Self::Exports => SIMULATED_BOOKING_ACCOUNT,
            Self::MileageAccrual | Self::MileageApi => SIMULATED_MILEAGE_ACCOUNT,
        }
    }
}

/// Who sends spans: one deployment of a service in a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sender {
    pub(super) service: Service,
    pub(super) version: &'static str,
    pub(super) region: &'static str,
}

impl Sender {
    fn resource(self) -> Resource {
        // Each deployment publishes a version of the function.
        let published = self.version.rsplit('.').next().unwrap_or_default();
        Resource {
            attributes: vec![
                text("service.name", self.service.name()),
                text("service.version", self.version),
                text("faas.name", self.service.name()),
                text("faas.version", &format!("4{published}")),
                text("cloud.provider", "aws"),
                text("cloud.platform", "aws_lambda"),
                text("cloud.region", self.region),
                text("cloud.account.id", self.service.account()),
                text("simulated", "by make demo"),
            ],
            ..Resource::default()
        }
    }
}

/// A span, and who sends it.
#[derive(Debug)]
pub(super) struct SimulatedSpan {
    pub(super) sender: Sender,
    pub(super) span: Span,
}

impl SimulatedSpan {
    /// Whether it is a request or a message: what objectives count.
    pub(super) fn is_request(&self) -> bool {
        matches!(self.span.kind(), SpanKind::Server | SpanKind::Consumer)
    }
}

/// All of these, by who sends them.
pub(super) fn in_one_request(told: impl IntoIterator<Item = SimulatedSpan>) -> ExportTraceServiceRequest {
    let mut by_sender: BTreeMap<Sender, Vec<Span>> = BTreeMap::new();
    for SimulatedSpan { sender, span } in told {
        by_sender.entry(sender).or_default().push(span);
    }
    let resource_spans = by_sender.into_iter().map(|(sender, spans)| ResourceSpans {
        resource: Some(sender.resource()),
        scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    });
    ExportTraceServiceRequest { resource_spans: resource_spans.collect() }
}

/// An attribute that is a text.
pub(super) fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

/// An attribute that is a number.
pub(super) fn number(key: &str, value: i64) -> KeyValue {
    attribute(key, Value::IntValue(value))
}

/// An attribute that is a list of texts.
pub(super) fn list(key: &str, values: &[&str]) -> KeyValue {
    let value = |value: &&str| AnyValue { value: Some(Value::StringValue((*value).to_owned())) };
    attribute(key, Value::ArrayValue(ArrayValue { values: values.iter().map(value).collect() }))
}

/// An attribute.
pub(super) fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}
