//! The function on the Lambda host, asking the control plane's tables in ClickHouse.

use std::time::Duration;

use control_plane::intake::by_trace;
use control_plane_clickhouse::{Address, ClickHouse};
use control_plane_model::store::SpanStore;
use lambda_host::function::{Config, Function};
use opentelemetry_proto::tonic::{collector::trace::v1::ExportTraceServiceRequest, trace::v1::Span};
use prost::Message;
use serde_json::{Value, json};
use slo::SLOT;
use slo_evaluator::{Error, slices::Slice, spans::Sums};
use testkit::{
    DEADLINE,
    clickhouse::ClickHouse as Server,
    control_plane::{now_ns, number, request_of, span},
    insights::Insights,
    program,
};
use tokio::time::Instant;

const NANOSECONDS: i64 = 1_000_000_000;
const SECRET: &str = "arn:aws:secretsmanager:us-east-1:333333333333:secret:spans-store-AbCdEf";

/// Twenty of acme's 400 requests fail, in every five minutes from the one before the last to the one under way; the sums of these are
/// not made.
async fn written(server: &Server) -> (ClickHouse, String, i64) {
    let database = format!("evaluated_{}_{}", std::process::id(), now_ns());
    let address = format!("{}/{database}", server.url.replace("http://", "clickhouse://"));
    let store = ClickHouse::new(&address.parse::<Address>().unwrap());
    store.migrate().await.unwrap();
    let closed = now_ns() / NANOSECONDS / SLOT * SLOT;
    for (index, slot) in [closed - 2 * SLOT, closed - SLOT, closed].into_iter().enumerate() {
        let start = u64::try_from(slot * NANOSECONDS).unwrap();
        let spans = (0..400).map(|n| {
            let mut served = span(7, index as u64 * 400 + n);
            served.attributes.push(number("http.response.status_code", if n < 20 { 500 } else { 200 }));
            Span { start_time_unix_nano: start + n, end_time_unix_nano: start + n + 100_000_000, ..served }
        });
        let request = ExportTraceServiceRequest::decode(request_of(spans.collect()).as_slice()).unwrap();
        store.write(by_trace(request, None, now_ns() / NANOSECONDS).0).await.unwrap();
    }
    (store, address, closed)
}

#[tokio::test]
async fn a_failing_tenant_is_told_of_by_the_control_plane_s_sums() {
    let server = Server::start();
    let (store, address, _) = written(&server).await;
    store.make_sums().await.unwrap();
    let aws = Insights::start(|query| panic!("Logs Insights was asked: {query:?}")).await;
    aws.state().secret = address;
    let env = [
        ("AWS_ENDPOINT_URL", aws.url.as_str()),
        ("STATE_TABLE", "slo-state-dev"),
        ("ALERT_TOPIC_ARN", "arn:aws:sns:us-east-1:333333333333:pages-dev"),
        ("SPANS_STORE_ARN", SECRET),
        ("SETTLE_SECONDS", "0"),
        ("OTEL_TRACES_EXPORTER", "none"),
    ];
    let config = Config::new(program("slo-evaluator"), "slo-evaluator-dev", &env);
    let mut function = Function::start(&config).await.unwrap();
    let outcome = function.invoke("{}", DEADLINE).await.unwrap();
    let report: Value = serde_json::from_slice(outcome.result.as_ref().unwrap()).unwrap();
    assert_eq!((&report["slots"], &report["requests"]), (&json!(1), &json!(400)), "{report}");
    let told: Value = serde_json::from_str(&aws.messages()[0]).unwrap();
    assert_eq!(told["alert"]["tenant"], "acme", "{told}");
    assert_eq!(told["evaluation"]["latest"]["error_rate"], 0.05, "{told}");
}

#[tokio::test]
async fn sums_that_are_not_made_are_waited_for() {
    let server = Server::start();
    let (store, _, closed) = written(&server).await;
    let slice = Slice { from: closed - SLOT, to: closed };
    let asked = |seconds| Sums {
        store: store.clone(),
        settle: 2 * SLOT,
        deadline: Instant::now() + Duration::from_secs(seconds),
    };
    assert!(matches!(asked(1).cells(slice).await, Err(Error::Deadline(_))));
    let sums = asked(60);
    let (cells, made) = tokio::join!(sums.cells(slice), store.make_sums());
    made.unwrap();
    assert_eq!(cells.unwrap().slot(closed - SLOT).unwrap()["acme"].cell.requests, 400);
}
