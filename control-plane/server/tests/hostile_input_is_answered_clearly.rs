//! Whatever comes, the answer is clear, nothing beside it is lost, and the pages still render.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{process::Command, time::Duration};

use opentelemetry_proto::tonic::{collector::trace::v1::ExportTraceServiceResponse, trace::v1::Span};
use prost::Message;
use testkit::control_plane::{Server, gzip, request_of, span, text};
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
        ("/api/traces/07070707070707070707070707070707/logs", 404),
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
