//! Every attribute that a function sends has a name of OpenTelemetry's semantic conventions, or is one of our own that tenant-telemetry's
//! README lists. docs/telemetry.md lists every metric, with its unit. Resources and scopes say which version of the conventions that is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use lambda_host::{
    aws::Aws,
    payloads::{self, Message, bookings_confirmed},
    sink::{Behaviour, Sink, Span},
};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use serde_json::{Value, json};
use testkit::{BookingApi, DEADLINE, Setup, booking_publisher, mileage_accrual, mileage_api};

const REGISTRY: &str = include_str!("../cases/semconv-attributes.txt");
const NAMES: &str = include_str!("../../shared/tenant-telemetry/README.md");
const METRICS: &str = include_str!("../../docs/telemetry.md");
const STREAM: &str = include_str!("../../booking/src/handlers/payloads/stream.json");

/// The names in the first column of the table below this heading.
fn documented(heading: &str) -> BTreeSet<&'static str> {
    let (_, section) =
        NAMES.split_once(heading).unwrap_or_else(|| panic!("tenant-telemetry/README.md has no {heading}"));
    let rows = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let cells = rows.take_while(|line| line.starts_with('|')).filter_map(|line| line.split('|').nth(1));
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect()
}

/// Somebody asks for a booking by its number.
fn of_booking(resource: &str, authorization: &str) -> String {
    let mut event: Value = serde_json::from_str(&payloads::get(resource, authorization)).unwrap();
    event["pathParameters"] = json!({ "number": "7T42H7MK" });
    event.to_string()
}

async fn of_functions(sink: &Sink) -> Vec<Span> {
    let url = sink.url();
    let env = || vec![("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()), ("OTEL_METRICS_EXPORTER", "otlp")];
    let setup = || Setup { env: env(), ..Setup::default() };
    let mut api = BookingApi::start(setup()).await;
    api.book().await;
    let token = api.aws.token("acme", "basic", "user").unwrap();
    for (resource, query) in
        [("/quotes", json!({ "from": ["LHR"], "to": ["JFK"] })), ("/bookings", json!({ "limit": ["1"] }))]
    {
        let mut event: Value = serde_json::from_str(&payloads::get(resource, &format!("Bearer {token}"))).unwrap();
        event["multiValueQueryStringParameters"] = query;
        event["multiValueHeaders"]["x-debug"] = json!(["true"]);
        api.function.invoke(event.to_string(), DEADLINE).await.unwrap();
    }
    let authorization = format!("Bearer {token}");
    api.function.invoke(of_booking("/bookings/{number}", &authorization), DEADLINE).await.unwrap();
    api.function.idle().await.unwrap();
    let aws: &Aws = &api.aws;
    let mut publisher = booking_publisher(aws, setup()).await;
    publisher.invoke(STREAM, DEADLINE).await.unwrap().result.unwrap();
    publisher.idle().await.unwrap();
    let mut accrual = mileage_accrual(aws, setup()).await;
    let traceparent = "00-6b01275c56c1ddfef50d217aeb3329a1-b7ad6b7169203331-01";
    let good = Message { booking_number: "7T42H7MK", tenant: "acme", tier: "basic", traceparent };
    let bad = Message { booking_number: "7T42H7MK", tenant: "acme", tier: "platinum", traceparent };
    accrual.invoke(bookings_confirmed(&[good, bad]), DEADLINE).await.unwrap().result.unwrap();
    accrual.idle().await.unwrap();
    let mut mileage = mileage_api(aws, setup()).await;
    mileage.invoke(payloads::get("/mileage", &authorization), DEADLINE).await.unwrap();
    mileage.invoke(of_booking("/mileage/{number}", &authorization), DEADLINE).await.unwrap();
    mileage.idle().await.unwrap();
    sink.spans()
}

/// A metric by name and unit, and the attributes of its points.
type Metrics = BTreeMap<(String, String), BTreeSet<String>>;

/// The table of metrics in docs/telemetry.md.
fn metrics_documented() -> Metrics {
    let (_, section) = METRICS.split_once("## Metrics\n").unwrap();
    let rows = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let rows = rows.take_while(|line| line.starts_with('|'));
    let row = |line: &str| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let quoted = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        let names = quoted(cells[1]);
        let (unit, attributes) = (quoted(cells[2]).concat(), quoted(cells[4]));
        names
            .into_iter()
            .map(move |name| ((name, unit.clone()), attributes.iter().cloned().collect()))
            .collect::<Vec<_>>()
    };
    rows.flat_map(row).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_is_documented_and_its_exemplars_lead_to_spans() {
    let sink = Sink::otlp(Behaviour::Ok).await.unwrap();
    let spans = of_functions(&sink).await;
    let ids: BTreeSet<_> = spans.iter().map(|span| (&span.trace_id, &span.span_id)).collect();
    let documented = metrics_documented();
    let mut sent = Metrics::new();
    for point in sink.points() {
        let histogram = point.sum.is_some();
        assert_eq!(point.exemplars.len(), usize::from(histogram), "all is sampled: {point:?}");
        for exemplar in &point.exemplars {
            assert!(ids.contains(&(&exemplar.trace_id, &exemplar.span_id)), "{point:?}");
            assert!(exemplar.value <= point.sum.unwrap() + f64::EPSILON, "{point:?}");
        }
        let attributes = sent.entry((point.metric, point.unit)).or_default();
        attributes.extend(point.attributes.into_keys());
    }
    for (metric, attributes) in &sent {
        let listed = documented.get(metric).unwrap_or_else(|| panic!("docs/telemetry.md does not have {metric:?}"));
        assert!(attributes.is_subset(listed), "{metric:?}: {attributes:?}");
    }
    // Nothing runs out of time, nothing comes twice, and no tenant is asked for.
    let unsent: Vec<_> =
        documented.keys().filter(|metric| !sent.contains_key(*metric)).map(|(name, _)| name.as_str()).collect();
    assert_eq!(unsent, ["faas.timeouts", "messaging.client.redelivered.messages"]);
    assert!(sent.values().all(|attributes| !attributes.contains("tenant.id")), "{sent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_name_is_known_and_what_is_required_is_there() {
    let sink = Sink::otlp(Behaviour::Ok).await.unwrap();
    let spans = of_functions(&sink).await;
    let registry: BTreeMap<_, _> = REGISTRY
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once(' ').unwrap_or((line, "")))
        .collect();
    assert!(registry.len() > 500, "{} names", registry.len());
    let (ours, old) = (documented("### Names of our own"), documented("### Deprecated names"));

    let names = sink.attribute_names();
    let unknown: Vec<_> = names
        .iter()
        .map(String::as_str)
        .filter(|name| match registry.get(name) {
            Some(&"deprecated") => !old.contains(name),
            Some(_) => false,
            None => !ours.contains(name),
        })
        .collect();
    assert_eq!(unknown, Vec::<&str>::new());
    assert!(names.contains("tenant.wait.duration"), "events are looked at too: {names:?}");
    assert_eq!(sink.schema_urls(), BTreeSet::from(["https://opentelemetry.io/schemas/1.44.0".to_owned()]));

    let named = |name: &str| {
        let found = spans.iter().find(|span| span.name.starts_with(name));
        &found.unwrap_or_else(|| panic!("no span {name}")).attributes
    };
    let about_a_booking = [
        "POST /bookings",
        "GET /bookings/{number}",
        "process reservations",
        "process mileage-bookings",
        "GET /mileage/{number}",
    ];
    for name in about_a_booking {
        let mut of_name = spans.iter().filter(|span| span.name.starts_with(name));
        assert!(of_name.any(|span| span.attributes.contains_key("booking.number")), "{name}");
    }
    let stream =
        spans.iter().find(|span| span.attributes.get("faas.trigger").is_some_and(|is| is == "datasource")).unwrap();
    assert_eq!(stream.attributes["faas.document.operation"], "insert");
    assert!(stream.attributes["faas.document.collection"].starts_with("reservations"), "{stream:?}");
    assert_eq!(stream.attributes["faas.document.time"], "2026-11-21T05:10:06Z");
    let quote = named("GET /quotes");
    assert_eq!(quote["url.query"], "from=LHR&to=JFK");
    let call = spans.iter().find(|span| span.name == "GET" && span.kind == SpanKind::Client).unwrap();
    assert_eq!(call.attributes["url.full"], "http://127.0.0.1:9/miles?from=LHR&to=JFK");
    assert_eq!(
        (call.attributes["server.address"].as_str(), call.attributes["server.port"].as_str()),
        ("127.0.0.1", "9")
    );
    for span in [named("DynamoDB.TransactWriteItems"), named("send ")] {
        assert_eq!((span["rpc.system"].as_str(), span["rpc.system.name"].as_str()), ("aws-api", "aws-api"));
        assert!(span.contains_key("rpc.service") && span.contains_key("server.port"), "{span:?}");
        assert!(span.contains_key("cloud.region") && span.contains_key("aws.request_id"), "{span:?}");
    }
}
