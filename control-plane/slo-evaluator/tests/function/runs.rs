//! Runs of the whole function against a stub of what it calls.

use std::time::Instant;

use serde_json::{Value, json};
use slo::{SLOT, SubjectState};
use slo_evaluator::{
    Error, Report,
    record::{Head, decode},
};
use testkit::insights::{Query, Sample, complete};

use crate::cloud::{Cloud, invocation};

const BEGIN: i64 = 1_790_000_100;

/// Right after the first so many five minutes have settled.
fn after(slots: i64) -> i64 {
    BEGIN + slots * SLOT + 120
}

/// Acme's requests fail at 5 % from the third five minutes on; globex is well; the canary fails always.
fn failing_acme(query: &Query) -> Vec<Value> {
    let slots = (query.from..query.to).step_by(SLOT as usize);
    let samples: Vec<Sample> = slots
        .flat_map(|slot| {
            let failed = if slot >= BEGIN + 2 * SLOT { 20 } else { 0 };
            [
                Sample { slot, tenant: "acme", requests: 400, failed },
                Sample { slot, tenant: "globex", requests: 900, failed: 0 },
                Sample { slot, tenant: "canary", requests: 30, failed: 30 },
            ]
        })
        .collect();
    vec![complete(&samples)]
}

async fn run(cloud: &Cloud, now: i64) -> Result<Report, Error> {
    cloud.evaluator.evaluate(&invocation(240), now).await
}

fn head(cloud: &Cloud) -> Head {
    let state = cloud.state();
    let item = &state.items[&("EVALUATOR".to_owned(), "HEAD".to_owned())];
    decode(&blob(item)).unwrap()
}

/// Every stored past, by key.
fn pasts(cloud: &Cloud) -> Vec<(String, SubjectState)> {
    let state = cloud.state();
    let tenants = state.items.iter().filter(|((pk, _), _)| pk.starts_with("TENANTS#"));
    tenants.map(|((_, sk), item)| (sk.clone(), decode(&blob(item)).unwrap())).collect()
}

fn blob(item: &Value) -> Vec<u8> {
    let text = item["state"]["B"].as_str().unwrap();
    aws_smithy_types::base64::decode(text).unwrap()
}

#[tokio::test]
async fn a_failing_tenant_is_told_of_with_its_numbers_and_traces() {
    let cloud = Cloud::start(failing_acme).await;
    for slots in 1..=4 {
        let report = run(&cloud, after(slots)).await.unwrap();
        assert_eq!((report.slots, report.requests), (1, 1_330));
        assert_eq!(report.evaluated, Some(BEGIN + slots * SLOT));
    }
    let state = cloud.state();
    // What was evaluated is not asked for again, and spans have had their time.
    let ranges: Vec<(i64, i64, (i64, i64))> =
        state.queries.iter().map(|query| (query.from, query.to, query.range)).collect();
    let expected = |slot: i64| (BEGIN + slot * SLOT, BEGIN + (slot + 1) * SLOT, (BEGIN + slot * SLOT, after(slot + 1)));
    assert_eq!(ranges, (0..4).map(expected).collect::<Vec<_>>());
    assert_eq!(
        state.queries[0].groups,
        [
            "arn:aws:logs:eu-west-1:111111111111:log-group:aws/spans",
            "arn:aws:logs:eu-west-1:222222222222:log-group:aws/spans"
        ]
    );

    let subject = "opened: acme (basic): 5.0 % of requests failed in 5 minutes (20 of 400)";
    let message = state.published.iter().find(|message| message["Subject"] == subject).unwrap();
    assert_eq!(message["TopicArn"], "arn:aws:sns:eu-west-1:333333333333:pages-dev");
    let attributes: Vec<(&str, &str)> = (1..=4)
        .map(|entry| {
            let field = |end: &str| message[&format!("MessageAttributes.entry.{entry}.{end}")].as_str();
            (field("Name"), field("Value.StringValue"))
        })
        .collect();
    for expected in [("event", "opened"), ("condition", "error_rate"), ("tenant_id", "acme"), ("tenant_tier", "basic")]
    {
        assert!(attributes.contains(&expected), "{attributes:?}");
    }
    let body: Value = serde_json::from_str(&message["Message"]).unwrap();
    assert_eq!(body["id"], format!("error_rate@{}:acme", BEGIN + 4 * SLOT));
    assert_eq!((&body["alert"]["requests"], &body["alert"]["failed"]), (&json!(400), &json!(20)));
    assert_eq!(body["evaluation"]["latest"]["error_rate"], 0.05);
    let traces = body["traces"].as_str().unwrap();
    assert!(traces.contains("#/traces?filter=annotation%5Btenant.id%5D%20%3D%20%22acme%22%20AND%20fault%20%3D%20true"));
    assert!(state.subjects().iter().all(|subject| subject.contains("acme")), "{:?}", state.subjects());
}

#[tokio::test]
async fn the_same_five_minutes_twice_change_nothing() {
    let cloud = Cloud::start(failing_acme).await;
    run(&cloud, after(1)).await.unwrap();
    run(&cloud, after(4)).await.unwrap();
    let before = cloud.traces();
    assert!(!before.1.is_empty());
    for now in [after(4), after(4) + 299, after(1), after(4)] {
        let report = run(&cloud, now).await.unwrap();
        assert_eq!((report.slots, report.told, report.evaluated), (0, 0, Some(BEGIN + 4 * SLOT)));
    }
    assert_eq!(cloud.traces(), before);
}

#[tokio::test]
async fn a_run_cut_off_anywhere_is_made_up_for() {
    let whole = Cloud::start(failing_acme).await;
    for slots in 1..=4 {
        run(&whole, after(slots)).await.unwrap();
    }
    // The calls of PutItem of one run: three tenants, the head, and the head again once alerts are told.
    for cut in 0..5 {
        let cloud = Cloud::start(failing_acme).await;
        for slots in 1..=3 {
            run(&cloud, after(slots)).await.unwrap();
        }
        let mut codes = vec![""; cut];
        codes.push("AccessDeniedException");
        cloud.fail("PutItem", &codes);
        let error = run(&cloud, after(4)).await.unwrap_err();
        assert!(matches!(error, Error::Service { call: "PutItem", .. }), "{error}");
        run(&cloud, after(4)).await.unwrap();
        assert_eq!((pasts(&cloud), head(&cloud)), (pasts(&whole), head(&whole)), "cut after {cut}");
        // Once, but for the cut between telling and storing that it was told.
        let mut messages = cloud.messages();
        let expected = whole.messages();
        if cut == 4 {
            assert!(messages.len() > expected.len());
            messages.dedup();
        }
        assert_eq!(messages, expected, "cut after {cut}");
    }
}

#[tokio::test]
async fn of_two_runs_at_once_one_tells() {
    let cloud = Cloud::start(failing_acme).await;
    for slots in 1..=3 {
        run(&cloud, after(slots)).await.unwrap();
    }
    let told = cloud.told();
    let mut other = invocation(240);
    other.request_id = "11111111-0000-4000-8000-000000000000".to_owned();
    let (first, second) = tokio::join!(run(&cloud, after(4)), cloud.evaluator.evaluate(&other, after(4)));
    for result in [&first, &second] {
        assert!(matches!(result, Ok(_) | Err(Error::Conflict(_))), "{result:?}");
    }
    run(&cloud, after(4)).await.unwrap();
    let state = cloud.state();
    let opened = state.published[told..].iter().filter(|message| message["Subject"].contains("requests failed"));
    assert_eq!(opened.count(), 1, "{first:?} {second:?}");
}

#[tokio::test]
async fn what_has_too_many_rows_is_asked_for_by_halves() {
    // Ten full pages for more than a minute; a minute has few rows.
    let cloud = Cloud::start(|query| {
        if query.to - query.from > 60 {
            return full();
        }
        vec![complete(&[Sample { slot: BEGIN, tenant: "acme", requests: 80, failed: 1 }])]
    })
    .await;
    let report = run(&cloud, after(1)).await.unwrap();
    assert_eq!((report.slots, report.requests), (1, 400));
    let mut minutes: Vec<(i64, i64)> =
        cloud.state().queries.iter().map(|query| (query.from - BEGIN, query.to - BEGIN)).collect();
    minutes.retain(|(from, to)| to - from == 60);
    assert_eq!(minutes, [(0, 60), (60, 120), (120, 180), (180, 240), (240, 300)]);
}

#[tokio::test]
async fn a_minute_with_too_many_rows_fails_and_evaluates_nothing() {
    let cloud = Cloud::start(|_| full()).await;
    let error = run(&cloud, after(1)).await.unwrap_err();
    assert!(matches!(error, Error::Truncated { rows: 100_000, .. }), "{error}");
    assert!(cloud.is_untouched());
}

/// As many rows as an answer can have, in pages; nobody reads what is in them.
fn full() -> Vec<Value> {
    let page =
        json!({ "status": "Complete", "results": vec![json!([]); 10_000], "nextToken": "more", "statistics": {} });
    vec![page]
}

#[tokio::test]
async fn failed_queries_evaluate_nothing() {
    for status in ["Failed", "Cancelled", "Timeout", "Unknown"] {
        let cloud =
            Cloud::start(move |_| vec![json!({ "status": "Running" }), json!({ "status": status, "results": [] })])
                .await;
        let error = run(&cloud, after(1)).await.unwrap_err();
        assert_eq!(error.to_string(), format!("query query-1 ended as {status}"));
        assert!(cloud.is_untouched());
        // The next run does it.
        cloud.answer(failing_acme);
        assert_eq!(run(&cloud, after(2)).await.unwrap().slots, 1);
    }
    let cloud = Cloud::start(failing_acme).await;
    cloud.fail("StartQuery", &["ResourceNotFoundException"]);
    let error = run(&cloud, after(1)).await.unwrap_err();
    assert_eq!(error.to_string(), "StartQuery: ResourceNotFoundException: as asked for");
}

#[tokio::test]
async fn pages_that_do_not_come_evaluate_nothing() {
    let mut first = complete(&[Sample { slot: BEGIN, tenant: "acme", requests: 80, failed: 1 }]);
    first["nextToken"] = json!("more");
    let cloud = Cloud::start(move |_| vec![first.clone(), json!({ "status": "Failed" })]).await;
    assert!(matches!(run(&cloud, after(1)).await.unwrap_err(), Error::Query { .. }));

    // The query found more records than its answer counts.
    cloud.answer(|_| {
        let mut answer = complete(&[Sample { slot: BEGIN, tenant: "acme", requests: 80, failed: 1 }]);
        answer["statistics"]["recordsMatched"] = json!(81.0);
        vec![answer]
    });
    assert!(matches!(run(&cloud, after(1)).await.unwrap_err(), Error::Incomplete { counted: 80, .. }));
    assert!(cloud.is_untouched());
}

#[tokio::test]
async fn throttling_and_crowds_are_waited_out() {
    let cloud = Cloud::start(failing_acme).await;
    cloud.fail("StartQuery", &["ThrottlingException", "LimitExceededException"]);
    cloud.fail("GetQueryResults", &["ThrottlingException", "ServiceUnavailable"]);
    assert_eq!(run(&cloud, after(1)).await.unwrap().slots, 1);
    assert_eq!(cloud.state().queries.len(), 1);
}

#[tokio::test]
async fn late_answers_are_waited_for_and_partial_ones_not_counted() {
    let cloud = Cloud::start(|query| {
        let mut partial = complete(&[Sample { slot: query.from, tenant: "acme", requests: 7, failed: 7 }]);
        partial["status"] = json!("Running");
        let mut answers = vec![json!({ "status": "Scheduled", "results": [] }), partial.clone(), partial];
        answers.extend(failing_acme(query));
        answers
    })
    .await;
    assert_eq!(run(&cloud, after(1)).await.unwrap().requests, 1_330);
    assert_eq!(cloud.state().polls, 4);
}

#[tokio::test]
async fn an_answer_that_never_comes_ends_before_the_invocation_does() {
    let cloud = Cloud::start(|query| {
        let mut partial = failing_acme(query);
        partial[0]["status"] = json!("Running");
        partial
    })
    .await;
    let began = Instant::now();
    let error = cloud.evaluator.evaluate(&invocation(3), after(1)).await.unwrap_err();
    assert!(matches!(error, Error::Deadline(_)), "{error}");
    assert!(began.elapsed().as_secs_f64() < 3.0);
    assert!(cloud.is_untouched());
}

#[tokio::test]
async fn late_spans_have_until_the_minutes_are_settled() {
    let cloud = Cloud::start(failing_acme).await;
    run(&cloud, after(1)).await.unwrap();
    assert_eq!(run(&cloud, after(2) - 1).await.unwrap().slots, 0);
    assert_eq!(cloud.state().queries.len(), 1);
    assert_eq!(run(&cloud, after(2)).await.unwrap().slots, 1);
}

#[tokio::test]
async fn what_cannot_be_told_is_told_by_the_next_run() {
    let cloud = Cloud::start(failing_acme).await;
    for slots in 1..=3 {
        run(&cloud, after(slots)).await.unwrap();
    }
    let before = cloud.told();
    cloud.fail("Publish", &["KMSAccessDenied"]);
    assert!(matches!(run(&cloud, after(4)).await.unwrap_err(), Error::Service { call: "Publish", .. }));
    assert_eq!((cloud.told(), head(&cloud).evaluated), (before, Some(BEGIN + 4 * SLOT)));
    let report = run(&cloud, after(4)).await.unwrap();
    assert!(report.slots == 0 && report.told > 0);
    assert!(head(&cloud).untold.is_empty());
}

#[tokio::test]
async fn an_evaluator_that_stood_still_catches_up_in_order() {
    let steady = Cloud::start(failing_acme).await;
    for slots in 1..=30 {
        run(&steady, after(slots)).await.unwrap();
    }
    let late = Cloud::start(failing_acme).await;
    run(&late, after(1)).await.unwrap();
    let report = run(&late, after(30)).await.unwrap();
    assert_eq!(report.slots, 29);
    // An hour at a time.
    assert_eq!(late.state().queries.len(), 1 + 3);
    assert_eq!((pasts(&late), head(&late)), (pasts(&steady), head(&steady)));
    assert_eq!(late.messages(), steady.messages());
}
