//! X-Ray filter expressions find exactly the traces that match; what is no expression is told where it is none.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use control_plane_model::listing::SearchResult;
use serde_json::Value;
use testkit::control_plane::{Server, journey, request_by_service, truth};

/// Twelve bookings: 0, 3, 6, 9 are acme's, 1, 4, 7, 10 globex's, 2, 5, 8, 11 oceanic's; 0, 5 and 10 failed; 4 lacks its end; for 7 mileage-accrual
/// started.
async fn twelve() -> (Server, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    for n in 0..12 {
        let mut spans = journey(n, n % 5 == 0);
        if n == 4 {
            // Its sender's spans are lost: who handled the message hangs on nothing.
            spans.retain(|(service, _)| *service != "booking-publisher");
        }
        for (service, span) in &mut spans {
            let is_cold = n == 7 && *service == "mileage-accrual";
            span.attributes.push(truth("faas.coldstart", is_cold));
        }
        let body = request_by_service(&spans);
        assert_eq!(server.post("application/x-protobuf", body).await.status(), 200);
    }
    (server, dir)
}

async fn search(server: &Server, query: &[(&str, &str)]) -> SearchResult {
    let client = reqwest::Client::new();
    let answer = client.get(format!("{}/api/traces", server.url)).query(query).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{query:?}: {}", answer.text().await.unwrap());
    answer.json().await.unwrap()
}

/// Which of the twelve match.
async fn matching(server: &Server, filter: &str) -> BTreeSet<usize> {
    let found = search(server, &[("filter", filter)]).await;
    assert_eq!((found.matched, found.truncated), (found.traces.len(), false));
    let number = |id: String| usize::from_str_radix(&id, 16).unwrap() - 1;
    found.traces.iter().map(|trace| number(trace.trace_id.to_string())).collect()
}

#[tokio::test]
async fn each_part_of_the_language() {
    let (server, _dir) = twelve().await;
    let every = |step: usize, first: usize| (first..12).step_by(step).collect::<Vec<_>>();
    let all = every(1, 0);
    for (filter, expected) in [
        ("annotation[tenant.id] = \"oceanic\"", every(3, 2)),
        ("annotation.tenant_id = \"oceanic\" AND duration > 0.2", every(3, 2)),
        ("annotation.tenant_id = \"oceanic\" AND duration > 8", vec![]),
        ("annotation.tenant_id != \"oceanic\"", vec![0, 1, 3, 4, 6, 7, 9, 10]),
        ("annotation.tenant_tier BEGINSWITH \"prem\"", every(3, 2)),
        ("annotation[nothing]", vec![]),
        ("fault", vec![0, 5, 10]),
        ("ok !partial duration <3", vec![1, 2, 3, 6, 7, 8, 9, 11]),
        ("fault annotation[tenant.id] = \"acme\" OR annotation.tenant_id = \"globex\" fault", vec![0, 10]),
        ("service(id(name: \"booking-api\", type: \"AWS::Lambda::Function\"))", every(1, 0)),
        ("service(id(name: \"booking-api\", type: \"AWS::Lambda::Function\")) { fault }", vec![0, 5, 10]),
        ("service(id(type: \"AWS::SQS::Queue\"))", vec![0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11]),
        (
            "service(id(type: \"AWS::SNS::Topic\", name: \"booking-confirmed\"))",
            vec![0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11],
        ),
        (
            "edge(id(type: \"AWS::Lambda\", name: \"booking-api\"), id(type: \"AWS::DynamoDB::Table\", name: \"reservations\"))",
            every(1, 0),
        ),
        ("service(id(name: \"booking-api\", type: \"AWS::SNS\"))", vec![]),
        ("ok", vec![1, 2, 3, 4, 6, 7, 8, 9, 11]),
        ("fault = false", vec![1, 2, 3, 4, 6, 7, 8, 9, 11]),
        ("error", vec![]),
        ("coldstart", vec![7]),
        ("attribute[faas.coldstart] = true", vec![7]),
        ("service(\"mileage-accrual\") { coldstart }", vec![7]),
        ("service(\"booking-api\") { coldstart }", vec![]),
        ("coldstart = false AND http.status = 500", vec![0, 5, 10]),
        ("http.status = 500", vec![0, 5, 10]),
        ("http.status >= 200 AND http.status < 300", all.clone()),
        ("service(\"mileage-accrual\")", all.clone()),
        ("service(\"booking-api\") { fault }", vec![0, 5, 10]),
        ("service(\"mileage-api\") { fault }", vec![]),
        ("service(\"booking-publisher\")", vec![0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11]),
        ("service(id(name: \"ledger\", type: \"DynamoDB\"))", all.clone()),
        ("edge(\"booking-publisher\", \"booking-confirmed\")", vec![0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11]),
        ("edge(\"API Gateway\", \"booking-api\") { fault }", vec![0, 5, 10]),
        ("edge(\"booking-api\", \"ledger\")", vec![]),
        ("account.id = \"222222222222\"", all.clone()),
        ("account.id = \"333333333333\"", vec![]),
        ("partial", vec![4]),
        ("name = \"POST /bookings\"", all.clone()),
        ("http.method = \"PUT\"", vec![]),
        ("responsetime < 0.07", all.clone()),
        ("(fault OR annotation.tenant_id = \"acme\") AND NOT http.status = 500", vec![3, 6, 9]),
        ("", all),
    ] {
        assert_eq!(matching(&server, filter).await, expected.into_iter().collect(), "{filter}");
    }
}

#[tokio::test]
async fn order_window_and_fields_of_the_form() {
    let (server, _dir) = twelve().await;
    let newest = search(&server, &[("limit", "3")]).await;
    assert_eq!((newest.matched, newest.traces.len()), (12, 3));
    assert!(newest.traces.is_sorted_by_key(|trace| std::cmp::Reverse(trace.start_unix_ns)));
    let slowest = search(&server, &[("order", "slowest")]).await;
    assert!(slowest.traces.is_sorted_by_key(|trace| std::cmp::Reverse(trace.duration_ns)));
    assert_eq!(search(&server, &[("window", "1m")]).await.matched, 0, "they began ten minutes ago");
    let trace = &newest.traces[0];
    assert_eq!((trace.root.as_str(), trace.root_service.as_str(), trace.spans), ("POST /bookings", "booking-api", 9));
    assert_eq!(
        (&trace.tenants[..], &trace.accounts[..]),
        (&["oceanic".to_owned()][..], &["111111111111".to_owned(), "222222222222".to_owned()][..])
    );
    let form = [("filter", "fault"), ("tenant", "oceanic"), ("status", "fault"), ("slower_than_ms", "100")];
    let found = search(&server, &form).await;
    assert_eq!(found.matched, 1);
    assert!((found.latency.iter().map(|bin| bin.count).sum::<f64>() - 1.0).abs() < 1e-9);
}

#[tokio::test]
async fn what_is_wrong_is_told_by_column() {
    let (server, _dir) = twelve().await;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let get = async |path: &str, query: &[(&str, &str)]| {
        client.get(format!("{}{path}", server.url)).query(query).send().await.unwrap()
    };
    let answer = get("/api/traces", &[("filter", "duration > \"8\"")]).await;
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["content-type"].as_bytes()),
        (400, &b"application/problem+json"[..])
    );
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(
        (&problem["column"], problem["detail"].as_str()),
        (&12.into(), Some("filter expression, column 12: expected a number"))
    );
    for query in [("limit", "0"), ("limit", "x"), ("window", "soon"), ("from", "yesterday"), ("slower_than_ms", "-1")] {
        assert_eq!(get("/api/traces", &[query]).await.status(), 400, "{query:?}");
    }
    // On the page the form stays, with a mark under the column.
    let page = get("/traces", &[("filter", "fault AND")]).await;
    assert_eq!(page.status(), 400);
    let page = page.text().await.unwrap();
    assert!(page.contains("column 10") && page.contains("<form") && page.contains("fault AND\n         ^"), "{page}");
    // A trace id, in either form, leads to the trace.
    for id in ["00000000000000000000000000000001", "1-00000000-000000000000000000000001"] {
        let answer = get("/traces", &[("filter", id)]).await;
        assert_eq!(answer.headers()["location"], "/traces/00000000000000000000000000000001");
    }
}
