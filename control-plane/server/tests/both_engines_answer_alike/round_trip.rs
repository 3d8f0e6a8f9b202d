//! What was sent is what is read: every type of a value, events, links, and in ClickHouse's tables each span, sender and scope whole.

use control_plane_model::{store::Scope, trace::TraceId};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value::Value},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span},
};
use prost::Message;
use serde_json::json;
use testkit::control_plane::{now_ns, text};

use crate::Both;

fn pair(key: &str, value: Option<Value>) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value }), ..KeyValue::default() }
}

/// A value of each type, and as what it is shown.
fn values() -> Vec<(Value, serde_json::Value)> {
    let list = |values: Vec<Value>| {
        Value::ArrayValue(ArrayValue {
            values: values.into_iter().map(|value| AnyValue { value: Some(value) }).collect(),
        })
    };
    let object = |values| Value::KvlistValue(KeyValueList { values });
    vec![
        (Value::StringValue("ü\0\"".into()), json!("ü\0\"")),
        (Value::StringValue(String::new()), json!("")),
        (Value::StringValue("42".into()), json!("42")),
        (Value::IntValue(42), json!(42)),
        (Value::IntValue(i64::MIN), json!(i64::MIN)),
        (Value::IntValue(i64::MAX), json!(i64::MAX)),
        (Value::DoubleValue(42.0), json!(42.0)),
        (Value::DoubleValue(-0.1), json!(-0.1)),
        (Value::DoubleValue(f64::NAN), json!("NaN")),
        (Value::DoubleValue(f64::NEG_INFINITY), json!("-Infinity")),
        (Value::BoolValue(false), json!(false)),
        (Value::BytesValue(vec![0, 255, 16]), json!("00ff10")),
        (list(vec![]), json!([])),
        (list(vec![Value::IntValue(1), list(vec![Value::BoolValue(true)])]), json!([1, [true]])),
        (object(vec![pair("a", Some(Value::IntValue(1))), pair("b", None)]), json!({ "a": 1, "b": null })),
    ]
}

fn sent() -> ExportTraceServiceRequest {
    let of_each = || values().into_iter().enumerate().map(|(n, (value, _))| pair(&format!("v{n:02}"), Some(value)));
    let start = (now_ns() - 60_000_000_000) as u64;
    let event = |name: &str| span::Event {
        time_unix_nano: start + 7,
        name: name.to_owned(),
        attributes: of_each().collect(),
        dropped_attributes_count: 3,
    };
    let link = |id: u8| span::Link {
        trace_id: vec![id; 16],
        span_id: vec![id; 8],
        trace_state: "a=b".into(),
        attributes: of_each().collect(),
        dropped_attributes_count: 4,
        flags: 0x301,
    };
    let span = Span {
        trace_id: vec![5; 16],
        span_id: vec![6; 8],
        trace_state: "a=b,ot=th:0".into(),
        parent_span_id: vec![7; 8],
        flags: 0x101,
        name: "all there is".into(),
        kind: 2,
        start_time_unix_nano: start,
        end_time_unix_nano: start + 1_234_567_891,
        attributes: of_each().collect(),
        dropped_attributes_count: 1,
        events: vec![event("first"), event("second")],
        dropped_events_count: 2,
        links: vec![link(8), link(9)],
        dropped_links_count: 5,
        status: Some(Status { message: "it broke".into(), code: 2 }),
    };
    let scope = InstrumentationScope {
        name: "booking".into(),
        version: "1.2.3".into(),
        attributes: of_each().collect(),
        dropped_attributes_count: 6,
    };
    let schema = "https://opentelemetry.io/schemas/1.42.0".to_owned();
    let scope_spans = vec![ScopeSpans { scope: Some(scope), spans: vec![span], schema_url: schema.clone() }];
    let attributes = [vec![text("service.name", "booking-api")], of_each().collect()].concat();
    let resource = Resource { attributes, dropped_attributes_count: 7, ..Resource::default() };
    let group = ResourceSpans { resource: Some(resource), scope_spans, schema_url: schema };
    ExportTraceServiceRequest { resource_spans: vec![group] }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_is_what_is_read() {
    let both = Both::start().await;
    let sent = sent();
    both.write(sent.clone()).await;
    for (engine, store) in both.stores() {
        let trace = store.trace(&Scope::All, TraceId::from_bytes(&[5; 16]).unwrap()).await.unwrap().unwrap();
        let span = &trace.spans[0];
        assert_eq!(
            (&*span.status, span.error.as_deref(), &*span.kind),
            ("ERROR", Some("it broke"), "SERVER"),
            "{engine}"
        );
        assert_eq!(
            (span.duration_ns, span.parent_span_id.as_deref()),
            (1_234_567_891, Some("0707070707070707")),
            "{engine}"
        );
        let names: Vec<_> =
            span.events.iter().map(|event| (&*event.name, event.time_unix_ns - span.start_unix_ns)).collect();
        assert_eq!(names, [("first", 7), ("second", 7)], "{engine}");
        let links: Vec<_> = span.links.iter().map(|link| (link.trace_id.len(), &*link.span_id)).collect();
        assert_eq!(links, [(32, "0808080808080808"), (32, "0909090909090909")], "{engine}");
        for (n, (_, shown)) in values().iter().enumerate() {
            let key = format!("v{n:02}");
            let of_span = [&span.attributes, &span.resource, &span.events[1].attributes, &span.links[1].attributes];
            for attributes in of_span {
                assert_eq!(attributes.get(&key), Some(shown), "{engine}, {key}");
            }
        }
    }
    // What no page shows is kept for whoever asks the tables, and for a copy.
    let group = &sent.resource_spans[0];
    let scope = ScopeSpans { spans: vec![], ..group.scope_spans[0].clone() };
    let columns = both.server.sql("SELECT hex(resource), hex(scope), hex(body) FROM spans").await;
    let kept: Vec<String> = columns.trim().split('\t').map(str::to_lowercase).collect();
    let hex = |message: Vec<u8>| message.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let span = &group.scope_spans[0].spans[0];
    let resource = group.resource.as_ref().unwrap();
    assert_eq!(kept, [hex(resource.encode_to_vec()), hex(scope.encode_to_vec()), hex(span.encode_to_vec())]);
}
