//! Answers in the shape of GetQueryResults, as the SDK's client hands them over, against sums made by hand.

use serde_json::Value;
use slo::Cell;
use slo_evaluator::{
    Error,
    answer::{Answer, Cells, Row},
    logs::Logs,
    slices::Slice,
};
use tokio::time::{Duration, Instant};

use crate::cloud::Cloud;

const SLICE: Slice = Slice { from: 1_790_000_100, to: 1_790_000_400 };

fn recorded(name: &str) -> Value {
    let path = format!("{}/tests/recorded/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn answer(recorded: &Value) -> Answer {
    let field =
        |field: &Value| (field["field"].as_str().unwrap().to_owned(), field["value"].as_str().unwrap().to_owned());
    let row = |row: &Value| -> Row { row.as_array().unwrap().iter().map(field).collect() };
    Answer {
        rows: recorded["results"].as_array().unwrap().iter().map(row).collect(),
        matched: recorded["statistics"]["recordsMatched"].as_f64(),
    }
}

fn logs(cloud: &Cloud) -> Logs {
    Logs {
        client: cloud.evaluator.logs.clone(),
        groups: vec!["arn:aws:logs:eu-west-1:111111111111:log-group:aws/spans".to_owned()],
        settle: 120,
        deadline: Instant::now() + Duration::from_secs(60),
    }
}

#[test]
fn cells_are_the_sums_of_rows() {
    let mut cells = Cells::default();
    cells.add(SLICE, &answer(&recorded("five_minutes"))).unwrap();
    let slot = cells.slot(SLICE.from).unwrap();
    assert_eq!(slot.keys().collect::<Vec<_>>(), ["acme", "globex", "initech"]);

    let acme = &slot["acme"].cell;
    assert_eq!((acme.requests, acme.failed, acme.weight, acme.estimated), (425, 14, 425.0, 0));
    assert_eq!(acme.histogram.bins(), [(208, 31.0), (212, 187.0), (215, 204.0), (240, 3.0)]);
    assert_eq!(slot["acme"].tier(), "basic");
    let initech: &Cell = &slot["initech"].cell;
    // 58 requests stand for ten each; of seven it is not known.
    assert_eq!((initech.requests, initech.failed, initech.weight, initech.estimated), (65, 1, 587.0, 7));
    assert_eq!((initech.start, initech.width), (SLICE.from, 300));
}

#[tokio::test]
async fn pages_are_one_answer() {
    let cloud = Cloud::start(|_| vec![recorded("running"), recorded("page_1"), recorded("page_2")]).await;
    let paged = logs(&cloud).cells(SLICE).await.unwrap();
    let mut whole = Cells::default();
    whole.add(SLICE, &answer(&recorded("five_minutes"))).unwrap();
    assert_eq!(paged, whole);
}

#[tokio::test]
async fn a_part_of_an_answer_is_none() {
    let cloud = Cloud::start(|_| vec![recorded("running"), recorded("failed")]).await;
    assert!(matches!(logs(&cloud).cells(SLICE).await, Err(Error::Query { .. })));
    // A running query's rows, were they taken for all.
    let error = Cells::default().add(SLICE, &answer(&recorded("running"))).unwrap_err();
    assert_eq!(error.to_string(), "the query matched 800 records, its answer has 423");
}
