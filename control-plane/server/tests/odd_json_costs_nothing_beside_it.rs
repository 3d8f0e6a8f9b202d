//! OTLP as ProtoJSON says it: whatever one value is, the spans beside it are stored; what cannot be read is told, never dropped silently.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, path::Path};

use control_plane_model::trace::Span;
use serde_json::{Value, json};
use testkit::{
    control_plane::{Server, now_ns},
    signals::{SIGNALS, Signal},
};

/// When the cases were written: 2026-11-25 09:00 UTC.
const WRITTEN_NS: i64 = 1_795_597_200_000_000_000;
const TRACE: [u8; 16] = *b"\x5b\x8e\xff\xf7\x98\x03\x81\x03\xd2\x69\xb6\x33\x81\x3f\xc6\x0c";

fn server() -> (Server, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (Server::start(dir.path()), dir)
}

/// A case, a minute ago.
fn case(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/otlp-json").join(name);
    shifted(&std::fs::read_to_string(path).unwrap())
}

fn shifted(text: &str) -> String {
    let shift = now_ns() - 60_000_000_000 - WRITTEN_NS;
    // Digits of times of that hour.
    let mut shifted = String::new();
    for piece in text.split('"') {
        let time = piece.parse::<i64>().ok().filter(|time| time.abs_diff(WRITTEN_NS) < 3_600_000_000_000);
        shifted += &time.map_or_else(|| piece.to_owned(), |time| (time + shift).to_string());
        shifted.push('"');
    }
    shifted.pop();
    shifted
}

async fn post(server: &Server, body: impl Into<Vec<u8>>) -> (u16, Value) {
    let answer = server.post("application/json", body.into()).await;
    assert_eq!(answer.headers()["content-type"], "application/json");
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn each_case_has_its_right_outcome() {
    let (server, _dir) = server();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/otlp-json");
    let mut names: Vec<String> =
        folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    for name in &names {
        assert_eq!(post(&server, case(name)).await, (200, json!({})), "{name}");
    }
    let trace = server.trace(&TRACE).await.unwrap();
    let spans: BTreeMap<&str, &Span> = trace.spans.iter().map(|span| (&span.span_id[14..], span)).collect();
    assert_eq!(
        (spans.len(), names.len()),
        (10, 10),
        "every case is stored, and the upper-case ids are of the same trace"
    );
    assert_eq!(spans["16"].attributes["x"], "NaN");
    assert_eq!(spans["1b"].attributes["x"], json!([]));
    assert_eq!(spans["18"].attributes["x"], json!(9_007_199_254_740_993_i64));
    assert_eq!(spans["13"].attributes["x"], Value::Null);
    assert!(spans["f0"].attributes.is_empty() && spans["f0"].parent_span_id.is_none());
    assert_eq!(spans["75"].parent_span_id, None);
    assert_eq!(spans["77"].duration_ns, 0);
    assert_eq!(spans["79"].tenant.as_deref(), Some("42"));
    assert_eq!((spans["74"].tenant.as_deref(), spans["74"].tier.as_deref()), (Some("acme"), Some("premium")));
    assert_eq!(spans["76"].span_id, "eee19b7ec3c1b176");
}

/// A request with a whole span and one with these members besides ids and times.
fn beside(more: &str) -> String {
    let start = now_ns() - 60_000_000_000;
    let span = |id: u8, more: &str| {
        format!(
            r#"{{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"00000000000000{id:02x}","name":"n",
                "startTimeUnixNano":"{start}","endTimeUnixNano":"{start}"{more}}}"#
        )
    };
    format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{},{}]}}]}}]}}"#, span(1, ""), span(2, more))
}

/// An attribute `x`, as it is answered.
#[tokio::test]
async fn values_are_as_given_or_absent() {
    for (value, expected) in [
        (r#"{"doubleValue":"Infinity"}"#, json!("Infinity")),
        (r#"{"doubleValue":"-Infinity"}"#, json!("-Infinity")),
        (r#"{"doubleValue":NaN}"#, json!("NaN")),
        (r#"{"doubleValue":1e999}"#, json!("Infinity")),
        (r#"{"doubleValue":"1.5"}"#, json!(1.5)),
        (r#"{"doubleValue":2}"#, json!(2.0)),
        (r#"{"intValue":7}"#, json!(7)),
        (r#"{"intValue":"-9223372036854775808"}"#, json!(i64::MIN)),
        (r#"{"intValue":1.0}"#, json!(1)),
        (r#"{"intValue":"1e3"}"#, json!(1000)),
        (r#"{"boolValue":false}"#, json!(false)),
        (r#"{"stringValue":""}"#, json!("")),
        (r#"{"stringValue":"\ud83d"}"#, json!("\u{fffd}")),
        (r#"{"stringValue":null}"#, Value::Null),
        (r#"{"bytesValue":"3q2+7w=="}"#, json!("deadbeef")),
        (r#"{"bytesValue":"3q2-7w"}"#, json!("deadbeef")),
        (r#"{"arrayValue":{"values":[]}}"#, json!([])),
        (r#"{"arrayValue":{"values":null}}"#, json!([])),
        (r#"{"arrayValue":{"values":[{"intValue":"1"},{},null,{"stringValue":"a"}]}}"#, json!([1, null, null, "a"])),
        (r#"{"kvlistValue":{}}"#, json!({})),
        (
            r#"{"kvlistValue":{"values":[{"key":"a","value":{"boolValue":true}},{"key":"b"}]}}"#,
            json!({"a": true, "b": null}),
        ),
        (r#"{}"#, Value::Null),
        ("null", Value::Null),
        (r#"{"futureValue":{"deep":[[[{}]]]}}"#, Value::Null),
        (r#"{"futureValue":1,"intValue":"3","another":[]}"#, json!(3)),
    ] {
        let (server, _dir) = server();
        let body = beside(&format!(r#","attributes":[{{"key":"x","value":{value}}}]"#));
        assert_eq!(post(&server, body).await, (200, json!({})), "{value}");
        let trace = server.trace(&TRACE).await.unwrap();
        let span = trace.spans.iter().find(|span| span.span_id.ends_with('2')).unwrap();
        assert_eq!(span.attributes["x"], expected, "{value}");
    }
}

/// Stored both, and told what was odd.
#[tokio::test]
async fn what_is_odd_is_told_and_costs_nothing_else() {
    let deep = format!("{}{{}}{}", r#"{"arrayValue":{"values":["#.repeat(200), "]}}".repeat(200));
    let deep = format!(r#","attributes":[{{"key":"x","value":{deep}}}]"#);
    let (server, _dir) = server();
    for (more, told) in [
        (r#","futureField":{"a":[1,{"b":"]}"}]}"#, ""),
        (r#","kind":"SPAN_KIND_SERVER","status":{"code":"STATUS_CODE_ERROR"}"#, ""),
        (r#","kind":99,"status":{"code":-1,"message":null}"#, ""),
        (r#","events":[null],"links":[null,{}]"#, ""),
        (r#","name":null,"traceState":null,"flags":null"#, ""),
        (r#","attributes":[null,{"key":null},{}]"#, ""),
        (r#","attributes":{"x":1}"#, "attributes: a list is expected"),
        (r#","attributes":[1,"x"]"#, "attributes: an object is expected"),
        (r#","attributes":[{"key":"x","value":"bare"}]"#, "value: an object is expected"),
        (r#","attributes":[{"key":"x","value":{"intValue":"many"}}]"#, "a intValue is none"),
        (r#","attributes":[{"key":"x","value":{"intValue":"9223372036854775808"}}]"#, "a intValue is none"),
        (r#","attributes":[{"key":"x","value":{"string_value":"a"}}]"#, "stringValue, not string_value"),
        (r#","parent_span_id":"0000000000000001""#, "parentSpanId, not parent_span_id"),
        (r#","droppedAttributesCount":-1"#, "droppedAttributesCount: a whole number"),
        (r#","status":"ok""#, "status: an object is expected"),
        (&deep, "attributes nest at most"),
    ] {
        let (status, answer) = post(&server, beside(more)).await;
        let partial = &answer["partialSuccess"];
        let message = partial["errorMessage"].as_str().unwrap_or_default();
        assert!(status == 200 && message.contains(told) && message.is_empty() == told.is_empty(), "{more}: {answer}");
        assert!(told.is_empty() || partial["rejectedSpans"] == "0", "{answer}");
        assert_eq!(server.trace(&TRACE).await.unwrap().spans.len(), 2, "{more}");
    }
}

/// One span of two cannot be stored.
#[tokio::test]
async fn ids_that_are_none_cost_their_span_only() {
    let (server, _dir) = server();
    for (more, told) in [
        (r#","traceId":"W47/95gDgQPSabYzgT/GDA==""#, "not base64"),
        (r#","spanId":"7uGbfsPBsRs=""#, "not base64"),
        (r#","spanId":"sixteen letters!""#, "not base64"),
        (r#","parentSpanId":"7uGbfsPBsRs=""#, "not base64"),
        (r#","traceId":"5b8e""#, "32 hexadecimal digits"),
        (r#","traceId":null"#, "32 hexadecimal digits"),
        (r#","spanId":12"#, "not base64"),
        (r#","startTimeUnixNano":"18446744073709551615""#, "future"),
    ] {
        let (status, answer) = post(&server, beside(more)).await;
        let partial = &answer["partialSuccess"];
        assert!(status == 200 && partial["rejectedSpans"] == "1", "{more}: {answer}");
        assert!(partial["errorMessage"].as_str().unwrap().contains(told), "{more}: {answer}");
        assert_eq!(server.trace(&TRACE).await.unwrap().spans.len(), 1, "{more}");
    }
}

/// A metric and a log record beside one that has these members besides a name and a time.
#[tokio::test]
async fn points_and_log_records_are_read_as_leniently() {
    let (server, _dir) = server();
    let now = now_ns() - 60_000_000_000;
    let of_metrics = |data: &str| {
        let data = data.replace("$now", &now.to_string());
        format!(
            r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"name":"beside","gauge":{{"dataPoints":[
                {{"timeUnixNano":"{now}","asInt":"1"}}]}}}},{{"name":"m",{data}}}]}}]}}]}}"#
        )
    };
    let of_logs = |more: &str| {
        let trace = r#","traceId":"5b8efff798038103d269b633813fc60c""#;
        let own = if more.contains("\"traceId\"") { "" } else { trace };
        format!(
            r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"timeUnixNano":"{now}","body":{{"stringValue":"beside"}}{trace}}},
                {{"timeUnixNano":{now}{own}{more}}}]}}]}}]}}"#
        )
    };
    // What it is, how many are not taken, and what is told.
    for (path, body, rejected, told) in [
        ("/v1/metrics", of_metrics(r#""gauge":{"dataPoints":[{"timeUnixNano":"$now","asDouble":"1.5"}]}"#), 0, ""),
        ("/v1/metrics", of_metrics(r#""gauge":{"dataPoints":[{"timeUnixNano":$now,"asInt":7,"flags":null}]}"#), 0, ""),
        (
            "/v1/metrics",
            of_metrics(r#""gauge":{"dataPoints":[null,{"timeUnixNano":"$now","asDouble":NaN}]}"#),
            1,
            "finite",
        ),
        (
            "/v1/metrics",
            of_metrics(r#""gauge":{"dataPoints":[{"timeUnixNano":"$now","asInt":"many"}]}"#),
            1,
            "a number is expected",
        ),
        ("/v1/metrics", of_metrics(r#""gauge":{"dataPoints":[{"timeUnixNano":"$now"}]}"#), 1, "has a value"),
        ("/v1/metrics", of_metrics(r#""gauge":{"dataPoints":{}}"#), 0, "dataPoints: a list is expected"),
        ("/v1/metrics", of_metrics(r#""gauge":null,"future":{"a":[1]}"#), 0, ""),
        (
            "/v1/metrics",
            of_metrics(
                r#""sum":{"aggregationTemporality":"AGGREGATION_TEMPORALITY_DELTA","isMonotonic":true,
                "dataPoints":[{"timeUnixNano":"$now","asDouble":1,"exemplars":[{"traceId":"not hex","asDouble":1}]}]}"#,
            ),
            0,
            "not base64",
        ),
        ("/v1/metrics", of_metrics(r#""sum":{"dataPoints":[{"timeUnixNano":"$now","asDouble":1}]}"#), 1, "temporality"),
        (
            "/v1/metrics",
            of_metrics(
                r#""histogram":{"aggregationTemporality":1,"dataPoints":[{"timeUnixNano":"$now","count":"3","sum":4,
                "bucketCounts":["1",2],"explicitBounds":["0.5"],"min":null}]}"#,
            ),
            0,
            "",
        ),
        (
            "/v1/metrics",
            of_metrics(
                r#""histogram":{"aggregationTemporality":1,"dataPoints":[{"timeUnixNano":"$now","count":"3","sum":4,
                "bucketCounts":[1,"two"],"explicitBounds":[1]}]}"#,
            ),
            1,
            "bucketCounts: a whole number",
        ),
        (
            "/v1/metrics",
            of_metrics(
                r#""exponentialHistogram":{"aggregationTemporality":2,"dataPoints":[{"timeUnixNano":"$now","count":2,
                "sum":4,"scale":-1,"zeroCount":"1","zeroThreshold":0,"positive":{"offset":"-3","bucketCounts":["1"]}}]}"#,
            ),
            0,
            "",
        ),
        (
            "/v1/metrics",
            of_metrics(r#""summary":{"dataPoints":[{"quantileValues":[{}]}]}"#),
            1,
            "summaries are not taken",
        ),
        ("/v1/metrics", of_metrics(r#""gauge":{"data_points":[]}"#), 0, "dataPoints, not data_points"),
        ("/v1/logs", of_logs(r#","severityNumber":"SEVERITY_NUMBER_WARN","severityText":null"#), 0, ""),
        ("/v1/logs", of_logs(r#","traceId":"""#), 0, "outside any trace"),
        ("/v1/logs", of_logs(r#","severityNumber":99,"body":{"kvlistValue":{"values":[{"key":"a"}]}}"#), 0, ""),
        ("/v1/logs", of_logs(r#","body":"bare""#), 0, "value: an object is expected"),
        ("/v1/logs", of_logs(r#","traceId":"W47/95gDgQPSabYzgT/GDA==""#), 1, "not base64"),
        ("/v1/logs", of_logs(r#","trace_id":"5b8efff798038103d269b633813fc60c""#), 0, "traceId, not trace_id"),
        ("/v1/logs", of_logs(r#","attributes":{"x":1}"#), 0, "attributes: a list is expected"),
    ] {
        let answer = server.post_to(path, "application/json", body.clone().into()).await;
        assert_eq!(answer.status(), 200, "{body}");
        let answer: Value = answer.json().await.unwrap();
        let Signal { rejected: called, .. } = SIGNALS.into_iter().find(|signal| signal.path == path).unwrap();
        let partial = &answer["partialSuccess"];
        let message = partial["errorMessage"].as_str().unwrap_or_default();
        assert!(message.contains(told) && message.is_empty() == told.is_empty(), "{body}: {answer}");
        assert!(told.is_empty() || partial[called].as_str() == Some(rejected.to_string().as_str()), "{body}: {answer}");
    }
}

/// What is sent to one path is of one signal.
#[tokio::test]
async fn what_is_of_another_signal_is_refused_with_the_reason() {
    let (server, _dir) = server();
    for Signal { path, list, .. } in SIGNALS {
        for other in SIGNALS.into_iter().filter(|other| other.path != path) {
            let body = format!("{{\"{}\":[{{}}]}}", other.list);
            let answer = server.post_to(path, "application/json", body.into()).await;
            assert_eq!(answer.status(), 400, "{path}");
            let answer: Value = answer.json().await.unwrap();
            let told = format!("{} are of another signal: here they are {list}", other.list);
            assert!(answer["message"].as_str().unwrap().contains(&told), "{path}: {answer}");
        }
        for (body, told) in
            [("[]", format!("an object with {list}")), ("{\"x\":1}", format!("there are no {list} in it"))]
        {
            let answer = server.post_to(path, "application/json", body.into()).await;
            let message = answer.json::<Value>().await.unwrap()["message"].as_str().unwrap().to_owned();
            assert!(message.contains(&told), "{path}: {message}");
        }
    }
}

#[tokio::test]
async fn what_is_no_request_is_refused_with_the_reason() {
    let (server, _dir) = server();
    for (body, told) in [
        ("[]", "an object with resourceSpans"),
        ("null", "an object with resourceSpans"),
        ("\"resourceSpans\"", "an object with resourceSpans"),
        ("", "it ends too early"),
        ("{\"resourceSpans\":[}", "no JSON at byte 18"),
        ("{\"resourceSpans\":[]} x", "something follows"),
        ("{\"resourceLogs\":[{\"scopeLogs\":[]}]}", "resourceLogs are of another signal"),
        ("{\"resourceMetrics\":[]}", "resourceMetrics are of another signal"),
        ("{\"resource_spans\":[{\"scope_spans\":[]}]}", "resourceSpans, not resource_spans"),
        ("{\"resourceSpans\":[{\"scope_spans\":[{\"spans\":[]}]}]}", "scopeSpans, not scope_spans"),
        ("{\"resourceSpans\":[{\"scopeSpans\":[{\"logRecords\":[{}]}]}]}", "logRecords are of another signal"),
        ("{\"resourceSpans\":{}}", "a list is expected"),
        ("{\"spans\":[]}", "there are no resourceSpans in it"),
    ] {
        let (status, answer) = post(&server, body).await;
        assert_eq!(status, 400, "{body}: {answer}");
        assert!(answer["message"].as_str().unwrap().contains(told), "{body}: {answer}");
    }
    for nothing in ["{}", "{\"resourceSpans\":[]}", "{\"resourceSpans\":null}", "\u{feff}{\"resourceSpans\":[null,{}]}"]
    {
        assert_eq!(post(&server, nothing).await, (200, json!({})), "{nothing}");
    }
}
