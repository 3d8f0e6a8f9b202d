//! Whatever comes, the answer is clear, nothing beside it is lost, and the pages still render.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{process::Command, time::Duration};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceResponse,
    common::v1::KeyValue,
    logs::v1::LogRecord,
    metrics::v1::{
        AggregationTemporality, ExponentialHistogram, ExponentialHistogramDataPoint, HistogramDataPoint, Metric,
        NumberDataPoint, Sum, Summary, SummaryDataPoint, exponential_histogram_data_point::Buckets, metric::Data,
    },
    trace::v1::Span,
};
use prost::Message;
use testkit::{
    control_plane::{Server, gzip, now_ns, request_of, span, text},
    signals::{gauge, histogram, logs_of, metrics_of, record, sender, sum, total, value},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

fn server() -> (Server, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (Server::start(dir.path()), dir)
}

async fn get(server: &Server, path: &str) -> (u16, String) {
    let answer = reqwest::get(format!("{}{path}", server.url)).await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// How many spans of a request were not taken, and why.
async fn rejected(server: &Server, spans: Vec<Span>) -> (i64, String) {
    let answer = server.send(spans).await.unwrap();
    assert_eq!(answer.status(), 200);
    let response = ExportTraceServiceResponse::decode(answer.bytes().await.unwrap()).unwrap();
    response.partial_success.map(|partial| (partial.rejected_spans, partial.error_message)).unwrap_or_default()
}

const TRACE: &str = "/traces/07070707070707070707070707070707";

#[tokio::test]
async fn markup_in_names_is_text() {
    let (server, _dir) = server();
    let mut hostile = span(7, 0);
    hostile.name = "<script>alert(1)</script>".into();
    hostile.attributes =
        vec![text("tenant.id", "\"><img src=x onerror=alert(1)>"), text("<b>", "<svg onload=alert(1)>")];
    hostile.trace_state = "<i>".into();
    server.send(vec![hostile]).await.unwrap();
    for path in
        ["/", "/traces", TRACE, "/traces?filter=%3Cimg%3E", "/?tenant=%22%3E%3Cimg+src%3Dx%3E", "/traces/%3Cimg%3E"]
    {
        let answer = reqwest::get(format!("{}{path}", server.url)).await.unwrap();
        let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        let page = answer.text().await.unwrap();
        assert!(
            !page.contains("<script>")
                && !page.contains("<img src=x")
                && !page.contains("<b>")
                && !page.contains("onload=\"")
                && !page.contains("<svg onload"),
            "{path}: {page}"
        );
    }
}

#[tokio::test]
async fn times_that_cannot_be() {
    let (server, _dir) = server();
    let mut old = span(7, 0);
    (old.start_time_unix_nano, old.end_time_unix_nano) = (0, 1_000);
    let mut future = span(7, 1);
    future.end_time_unix_nano += 86_400_000_000_000;
    let mut backwards = span(7, 2);
    backwards.end_time_unix_nano = backwards.start_time_unix_nano - 5;
    let (count, reason) = rejected(&server, vec![old, future, backwards, span(7, 3)]).await;
    assert_eq!((count, reason.as_str()), (1, "a span cannot be of the future"));
    let trace = server.trace(&[7; 16]).await.unwrap();
    assert_eq!(trace.spans.len(), 3, "the one from 1970 and the one that ended before it began are there");
    assert_eq!(get(&server, TRACE).await.0, 200);
    let (status, found) = get(&server, "/api/traces?from=0&to=2000-01-01T00:00:00Z").await;
    assert!(status == 200 && found.contains("07070707"), "{found}");
}

#[tokio::test]
async fn spans_that_are_too_large() {
    let (server, _dir) = server();
    let mut huge = span(7, 0);
    huge.attributes.push(text("blob", &"x".repeat(300_000)));
    let mut many = span(7, 1);
    many.attributes = (0..1_001).map(|n| text(&n.to_string(), "")).collect();
    let mut large = span(7, 2);
    large.attributes.push(text("blob", &"y".repeat(200_000)));
    let (count, reason) = rejected(&server, vec![huge, many, large, span(7, 3)]).await;
    assert_eq!((count, reason.as_str()), (2, "a span has at most 1000 attributes; a span has at most 256 kB"));
    assert_eq!(server.trace(&[7; 16]).await.unwrap().spans.len(), 2);
}

/// What a request of one signal was answered: how many were not taken, and why.
async fn answered(server: &Server, path: &str, request: impl Message) -> (i64, String) {
    let answer = server.post_to(path, "application/x-protobuf", request.encode_to_vec()).await;
    assert_eq!(answer.status(), 200);
    // Answers of all signals have one form.
    let response = ExportTraceServiceResponse::decode(answer.bytes().await.unwrap()).unwrap();
    response.partial_success.map(|partial| (partial.rejected_spans, partial.error_message)).unwrap_or_default()
}

#[tokio::test]
async fn points_that_cannot_be_are_told_and_cost_nothing_beside_them() {
    let (server, _dir) = server();
    let now = now_ns().unsigned_abs();
    let whole = || value(now, 1.0);
    let with = |attributes: Vec<KeyValue>| NumberDataPoint { attributes, ..whole() };
    let data = |data: Data| Metric { name: "m".into(), data: Some(data), ..Metric::default() };
    let of_sizes = |bounds: &[f64], counts: &[u64], count: u64| {
        let (explicit_bounds, bucket_counts) = (bounds.to_vec(), counts.to_vec());
        let point = HistogramDataPoint {
            time_unix_nano: now,
            count,
            sum: Some(1.0),
            bucket_counts,
            explicit_bounds,
            ..HistogramDataPoint::default()
        };
        histogram("m", AggregationTemporality::Delta, &[point])
    };
    let of_powers = |scale: i32, offset: i32, counts: &[u64]| {
        let positive = Some(Buckets { offset, bucket_counts: counts.to_vec() });
        let count = counts.iter().fold(0, |sum: u64, n| sum.wrapping_add(*n));
        let point = ExponentialHistogramDataPoint {
            time_unix_nano: now,
            count,
            sum: Some(1.0),
            scale,
            positive,
            ..ExponentialHistogramDataPoint::default()
        };
        data(Data::ExponentialHistogram(ExponentialHistogram { data_points: vec![point], aggregation_temporality: 1 }))
    };
    let summary =
        Summary { data_points: vec![SummaryDataPoint { time_unix_nano: now, ..SummaryDataPoint::default() }] };
    let many: Vec<f64> = (0..300).map(f64::from).collect();
    let cases = [
        (sum("m", &[value(now, f64::NAN)]), "finite number"),
        (sum("m", &[value(now, f64::NEG_INFINITY)]), "finite number"),
        (sum("m", &[value(now, 1e300)]), "finite number"),
        (gauge("m", &[NumberDataPoint { value: None, ..whole() }]), "has a value"),
        (gauge("m", &[value(0, 1.0)]), "says when it was measured"),
        (gauge("m", &[value(u64::MAX, 1.0)]), "of the future"),
        (gauge("m", &[value(now + 7_200_000_000_000, 1.0)]), "of the future"),
        (gauge("m", &[value(now - 90_000_000_000_000, 1.0)]), "at most a day old"),
        (gauge("m", &[value(1, 1.0)]), "at most a day old"),
        (gauge("", &[whole()]), "has a name"),
        (gauge(&"n".repeat(256), &[whole()]), "at most 255 bytes"),
        (Metric { unit: "u".repeat(64), ..gauge("m", &[whole()]) }, "at most 63"),
        (gauge("m", &[with((0..129).map(|n| text(&n.to_string(), "")).collect())]), "128 attributes"),
        (gauge("m", &[with(vec![text("blob", &"x".repeat(5_000))])]), "4 kB of attributes"),
        (data(Data::Sum(Sum { data_points: vec![whole()], ..Sum::default() })), "aggregation temporality"),
        (data(Data::Summary(summary)), "summaries are not taken"),
        (of_sizes(&[1.0, 1.0], &[1, 1, 1], 3), "rising bounds"),
        (of_sizes(&[2.0, 1.0], &[1, 1, 1], 3), "rising bounds"),
        (of_sizes(&[f64::INFINITY], &[1, 1], 2), "rising bounds"),
        (of_sizes(&[1.0], &[1, 1, 1], 3), "one bucket more"),
        (of_sizes(&[1.0], &[1, 1], 3), "as many as it counted"),
        (of_sizes(&[1.0], &[u64::MAX, 2], 1), "as many as it counted"),
        (of_sizes(&many, &[0; 301], 0), "200 buckets"),
        (of_sizes(&[], &[], u64::MAX), "2^40"),
        (of_powers(3, 0, &[u64::MAX, 1]), "2^40"),
    ];
    for (number, (metric, told)) in cases.into_iter().enumerate() {
        let beside = sum("beside", &[value(now + number as u64, 1.0)]);
        let (count, reason) = answered(&server, "/v1/metrics", metrics_of(&sender(), vec![metric, beside])).await;
        assert!(count == 1 && reason.contains(told), "{told}: {count}, {reason}");
    }
    // Odd, and taken: what says that it says nothing, any scale, numbers as they are at their ends.
    for metric in [
        gauge("m", &[NumberDataPoint { flags: 1, value: None, time_unix_nano: now, ..NumberDataPoint::default() }]),
        of_powers(i32::MAX, i32::MAX, &[1, 2]),
        of_powers(i32::MIN, i32::MIN, &[1, 2]),
        of_powers(0, 0, &[0; 100_000]),
        of_sizes(&[f64::MIN, f64::MAX], &[1, 1, 1], 3),
        Metric { name: "nothing".into(), ..Metric::default() },
        total("m", &[NumberDataPoint { start_time_unix_nano: u64::MAX, ..whole() }]),
        gauge("m", &[with(vec![text("", ""), text("tenant.id", "\"><img src=x>"), text("a", "1"), text("a", "2")])]),
    ] {
        let told = format!("{metric:?}").chars().take(200).collect::<String>();
        assert_eq!(answered(&server, "/v1/metrics", metrics_of(&sender(), vec![metric])).await.0, 0, "{told}");
    }
}

#[tokio::test]
async fn log_records_that_cannot_be_are_told_and_cost_nothing_beside_them() {
    let (server, _dir) = server();
    let whole = || record(7, 0, "a line");
    let cases = [
        (LogRecord { trace_id: vec![1; 15], ..whole() }, "a trace id is 16 bytes"),
        (LogRecord { span_id: vec![1; 3], ..whole() }, "a span id is 8 bytes"),
        (LogRecord { time_unix_nano: 0, ..whole() }, "says when it was written"),
        (LogRecord { time_unix_nano: u64::MAX, ..whole() }, "of the future"),
        (
            LogRecord { attributes: (0..1_001).map(|n| text(&n.to_string(), "")).collect(), ..whole() },
            "1000 attributes",
        ),
        (record(7, 0, &"x".repeat(300_000)), "256 kB"),
    ];
    for (record, told) in cases {
        let (count, reason) = answered(&server, "/v1/logs", logs_of(&sender(), vec![record, whole()])).await;
        assert!(count == 1 && reason.contains(told), "{told}: {count}, {reason}");
    }
    let of_no_trace = LogRecord { trace_id: vec![], span_id: vec![], ..whole() };
    let (count, remark) = answered(&server, "/v1/logs", logs_of(&[], vec![of_no_trace])).await;
    assert!(count == 0 && remark.contains("outside any trace"), "{count}, {remark}");
    let odd = LogRecord { severity_number: -7, body: None, ..whole() };
    assert_eq!(answered(&server, "/v1/logs", logs_of(&[], vec![odd])).await, (0, String::new()));
}

#[tokio::test]
async fn a_trace_of_ten_thousand_spans() {
    let (server, _dir) = server();
    // A chain as deep as it is long.
    let spans: Vec<Span> = (0..10_000)
        .map(|n| Span { parent_span_id: if n == 0 { vec![] } else { span(7, n - 1).span_id }, ..span(7, n) })
        .collect();
    for piece in spans.chunks(500) {
        assert_eq!(rejected(&server, piece.to_vec()).await.0, 0);
    }
    assert_eq!(server.trace(&[7; 16]).await.unwrap().spans.len(), 10_000);
    let (status, page) = get(&server, TRACE).await;
    assert_eq!(status, 200);
    assert!(page.len() < 3_000_000 && page.contains("operation 499") && page.contains("page=20"), "{}", page.len());
    let (_, last) = get(&server, &format!("{TRACE}?page=20")).await;
    assert!(last.contains("operation 9999"));
    let (_, chosen) = get(&server, &format!("{TRACE}?span={:016x}", 7_000)).await;
    assert!(
        chosen.contains("operation 6999") && chosen.contains("data-shows=\"0000000000001b58\""),
        "the page of the chosen span"
    );
}

#[tokio::test]
async fn a_trace_that_never_ends() {
    let (server, _dir) = server();
    let mut beyond = 0;
    for piece in 0..26 {
        let spans = (0..2_000).map(|n| Span { attributes: vec![], ..span(7, piece * 2_000 + n) }).collect();
        let (count, reason) = rejected(&server, spans).await;
        beyond += count;
        assert!(count == 0 || reason == "a trace has at most 50000 spans", "{reason}");
        // Beside it, others are served.
        assert_eq!(rejected(&server, vec![span(8, piece)]).await.0, 0);
    }
    assert_eq!(beyond, 2_000);
    assert_eq!(server.trace(&[8; 16]).await.unwrap().spans.len(), 26);
    assert_eq!(get(&server, TRACE).await.0, 200);
}

#[tokio::test]
async fn json_is_answered_in_json() {
    let (server, _dir) = server();
    let nonsense = server.post("application/json", b"{\"resourceSpans\": 1}".to_vec()).await;
    assert_eq!(
        (nonsense.status().as_u16(), nonsense.headers()["content-type"].as_bytes()),
        (400, &b"application/json"[..])
    );
    assert!(nonsense.text().await.unwrap().contains("\"message\""));
    let start = span(7, 0).start_time_unix_nano;
    let one = format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"js"}}}}]}},"scopeSpans":[{{"spans":[
            {{"traceId":"07070707070707070707070707070707","spanId":"0000000000000001","name":"a","kind":2,
              "startTimeUnixNano":"{start}","endTimeUnixNano":"{start}","attributes":[{{"key":"n","value":{{"intValue":7}}}}]}},
            {{"traceId":"00000000000000000000000000000000","spanId":"0000000000000002","name":"b","kind":1,
              "startTimeUnixNano":"{start}","endTimeUnixNano":"{start}"}}]}}]}}]}}"#
    );
    let answer = server.post("application/json", one.into_bytes()).await;
    assert_eq!(answer.status(), 200);
    let body: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(body["partialSuccess"]["rejectedSpans"], "1", "{body}");
    let trace = server.trace(&[7; 16]).await.unwrap();
    assert_eq!((trace.spans[0].service.as_str(), &trace.spans[0].attributes["n"]), ("js", &7.into()));
}

/// Parameters that are given twice, or are none of those there are.
#[tokio::test]
async fn parameters_are_checked() {
    let (server, _dir) = server();
    for (path, told) in [
        ("/api/map?tenant=a&tenant=b", "tenant: given more than once"),
        ("/api/map?window=1h&window=2h", "window: given more than once"),
        ("/api/traces?order=oldest", "order: one of newest, slowest, spans"),
        ("/api/traces?status=fine", "status: one of ok, fault, error, throttle"),
        ("/api/traces?limit=5&limit=5", "limit: given more than once"),
        ("/api/traces?limit=many", "limit: from 1 to 500"),
        ("/api/alerts?tenant=a&%74enant=b", "tenant: given more than once"),
        ("/api/tenants/acme?from=1&from=2", "from: given more than once"),
        ("/api/cost?format=xml", "format: one of json, csv"),
        ("/api/cost?format=csv&by=week", "by: one of service, day"),
        ("/api/cost?format=csv&format=csv", "format: given more than once"),
        ("/api/traces/%FF", ""),
        ("/api/traces/nonsense/logs", "a trace id is"),
    ] {
        let answer = reqwest::get(format!("{}{path}", server.url)).await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), answer.headers()["content-type"].as_bytes()),
            (400, &b"application/problem+json"[..]),
            "{path}"
        );
        assert!(answer.headers().contains_key("server-timing"), "{path}");
        let problem: serde_json::Value = answer.json().await.unwrap();
        assert!(problem["detail"].as_str().unwrap().contains(told), "{path}: {problem}");
    }
    for path in [
        "/?tenant=a&tenant=b",
        "/traces?order=x",
        "/traces?status=x",
        "/tenant?id=a&id=b",
        "/tenants?name=a&name=b",
        "/cost?window=1d&window=1d",
    ] {
        let (status, page) = get(&server, path).await;
        assert!(status == 400 && page.contains("role=\"alert\""), "{path}: {page}");
    }
    assert_eq!(get(&server, &format!("{TRACE}?page=x")).await.0, 400);
    for path in ["/nothing", "/api/nothing"] {
        let answer = reqwest::get(format!("{}{path}", server.url)).await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), answer.headers()["content-type"].as_bytes()),
            (404, &b"application/problem+json"[..])
        );
        assert!(answer.headers().contains_key("server-timing"));
    }
    let answer = reqwest::Client::new()
        .delete(format!("{}/api/map", server.url))
        .header("origin", &server.url)
        .send()
        .await
        .unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["content-type"].as_bytes()),
        (405, &b"application/problem+json"[..])
    );
}

#[tokio::test]
async fn pages_and_answers_to_nonsense() {
    let (server, _dir) = server();
    for (path, status) in [
        ("/traces/nonsense", 400),
        ("/traces/07070707070707070707070707070707", 404),
        ("/?window=x", 400),
        ("/traces?limit=999999", 400),
        ("/api/map?from=2&to=1", 400),
        ("/api/traces/07070707070707070707070707070707/logs", 200),
        ("/nothing", 404),
        ("/", 200),
        ("/traces", 200),
    ] {
        assert_eq!(get(&server, path).await.0, status, "{path}");
    }
    // 64 MB of nothing in 64 kB, and half a request.
    let bomb = gzip(&vec![0; 64 << 20]);
    let client = reqwest::Client::new();
    let post = client.post(format!("{}/v1/traces", server.url)).header("content-type", "application/x-protobuf");
    assert_eq!(post.header("content-encoding", "gzip").body(bomb).send().await.unwrap().status(), 413);
    let half = request_of(vec![span(7, 0)]);
    assert_eq!(server.post("application/x-protobuf", half[..half.len() / 2].to_vec()).await.status(), 400);
}

#[tokio::test]
async fn half_a_request_holds_up_nobody() {
    let (mut server, _dir) = server();
    let address = server.url.strip_prefix("http://").unwrap().to_owned();
    let half = async |method: &str, path: &str| {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\norigin: http://{address}\r\ncontent-length: 10\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    };
    let mut read = half("GET", "/traces").await;
    let mut answer = [0; 12];
    read.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200", "what is read needs no body");
    let _held = [half("POST", "/sign-out").await, half("POST", "/v1/traces").await];
    tokio::time::sleep(Duration::from_millis(200)).await;
    let told = Command::new("kill").arg(server.process.id().to_string()).status().unwrap();
    assert!(told.success());
    let ended = tokio::task::spawn_blocking(move || server.process.wait().unwrap());
    let ended = tokio::time::timeout(Duration::from_secs(60), ended).await.expect("the server ends").unwrap();
    assert!(ended.success(), "{ended}");
}
