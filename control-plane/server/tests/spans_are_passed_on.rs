//! Spans go on to other OTLP endpoints with the tenants these may know, again after a failure, and hold up nobody.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, ArrayValue, KeyValue, any_value::Value},
    trace::v1::{
        Status,
        span::{Event, Link},
    },
};
use prost::Message;
use testkit::control_plane::{Server, span, text};

/// A backend: how often it still fails, and what it took.
#[derive(Clone, Default)]
struct Backend {
    failures: Arc<Mutex<u32>>,
    taken: Arc<Mutex<Vec<(HeaderMap, ExportTraceServiceRequest)>>>,
}

impl Backend {
    async fn start(failures: u32) -> (Self, String) {
        let backend = Self { failures: Arc::new(Mutex::new(failures)), ..Self::default() };
        let take = |State(backend): State<Self>, headers: HeaderMap, body: Bytes| async move {
            let mut failures = backend.failures.lock().unwrap();
            if *failures > 0 {
                *failures -= 1;
                return StatusCode::SERVICE_UNAVAILABLE;
            }
            let request = ExportTraceServiceRequest::decode(body).unwrap();
            backend.taken.lock().unwrap().push((headers, request));
            StatusCode::OK
        };
        let router = Router::new().route("/v1/traces", post(take)).with_state(backend.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (backend, url)
    }

    async fn taken(&self, count: usize) -> Vec<(HeaderMap, ExportTraceServiceRequest)> {
        for _ in 0..1_200 {
            let taken = self.taken.lock().unwrap().clone();
            if taken.len() >= count {
                return taken;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{count} requests did not come");
    }
}

/// The values of an attribute in all spans of a request.
fn values(request: &ExportTraceServiceRequest, key: &str) -> Vec<String> {
    let spans = request.resource_spans.iter().flat_map(|group| &group.scope_spans).flat_map(|scope| &scope.spans);
    let attributes = spans.flat_map(|span| &span.attributes).filter(|attribute| attribute.key == key);
    let text = |value: Option<Value>| match value {
        Some(Value::StringValue(text)) => text,
        other => format!("{other:?}"),
    };
    attributes.map(|attribute| text(attribute.value.clone().and_then(|any| any.value))).collect()
}

#[tokio::test]
async fn each_backend_gets_what_it_may() {
    let (plain, plain_url) = Backend::start(2).await;
    let (vendor, vendor_url) = Backend::start(0).await;
    let (nobody, nobody_url) = Backend::start(0).await;
    let config = format!(
        "[[forward]]\nurl = \"{plain_url}\"\n
         [[forward]]\nurl = \"{vendor_url}\"\nheaders = {{ api-key = \"secret\" }}\ntenant_ids = \"hmac\"\nhmac_key = \"k\"\n
         [[forward]]\nurl = \"{nobody_url}\"\ntenant_ids = \"drop\"\n
         [[forward]]\nurl = \"http://127.0.0.1:9/v1/traces\"\n"
    );
    let dir = tempfile::tempdir().unwrap();
    let server = Server::configured(dir.path(), &config);
    let mut sent = span(7, 0);
    let named = ["tenant.id", "tenant.tier", "order.number"].map(|name| text("", name).value.unwrap()).to_vec();
    let named = Value::ArrayValue(ArrayValue { values: named });
    sent.attributes.extend([
        text("enduser.id", "amelia"),
        text("client.network", "203.0.113.0/24"),
        text("order.number", "7T42H7MK"),
        text("url.path", "/orders/7T42H7MK"),
        text("http.target", "/orders/7T42H7MK?user=amelia"),
        KeyValue {
            key: "aws.xray.annotations".into(),
            value: Some(AnyValue { value: Some(named) }),
            ..KeyValue::default()
        },
    ]);
    // Texts that were written before anybody knew that they would leave.
    sent.name = "GET /orders/7T42H7MK".into();
    sent.status = Some(Status { message: "no order 7T42H7MK of amelia".into(), code: 2 });
    sent.events.push(Event {
        name: "exception of 7T42H7MK".into(),
        attributes: vec![text("exception.message", "order 7T42H7MK: not found")],
        ..Event::default()
    });
    let attributes = vec![text("order", "ORDER#7T42H7MK")];
    sent.links.push(Link { trace_id: vec![1; 16], span_id: vec![2; 8], attributes, ..Link::default() });
    assert_eq!(server.send(vec![sent.clone()]).await.unwrap().status(), 200);
    // Sent again, it is not new, and goes nowhere.
    assert_eq!(server.send(vec![sent]).await.unwrap().status(), 200);

    let (_, request) = &plain.taken(1).await[0];
    assert_eq!(
        (values(request, "tenant.id"), values(request, "enduser.id")),
        (vec!["acme".into()], vec!["amelia".into()])
    );
    assert_eq!((values(request, "order.number"), values(request, "url.path").len()), (vec!["7T42H7MK".into()], 1));
    let (headers, request) = &vendor.taken(1).await[0];
    assert_eq!(headers["api-key"], "secret");
    // printf acme | openssl dgst -sha256 -hmac k
    assert_eq!(values(request, "tenant.id"), ["eb2d29123bbb2a25be7ff91749165d7a"]);
    assert_eq!(values(request, "tenant.tier"), ["basic"]);
    assert_eq!(values(request, "order.number")[0].len(), 32);
    let number = &values(request, "order.number")[0];
    assert_eq!(values(request, "url.path"), [format!("/orders/{number}")]);
    assert!(!format!("{request:?}").contains("amelia") && !format!("{request:?}").contains("7T42H7MK"), "{request:?}");
    let [network] = &values(request, "client.network")[..] else { panic!("{request:?}") };
    assert!(network.len() == 32 && !format!("{request:?}").contains("203.0.113"), "{request:?}");
    let (_, request) = &nobody.taken(1).await[0];
    for name in ["tenant.id", "enduser.id", "client.network", "order.number"] {
        assert!(values(request, name).is_empty(), "{name}");
    }
    assert_eq!(values(request, "url.path"), ["/orders/[redacted]"]);
    assert!(!format!("{request:?}").contains("amelia") && !format!("{request:?}").contains("7T42H7MK"), "{request:?}");
    assert_eq!(values(request, "tenant.tier"), ["basic"]);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(vendor.taken.lock().unwrap().len(), 1);
}
