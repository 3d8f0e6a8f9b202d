//! Logs, DynamoDB and SNS as far as the function needs them, over HTTP: what is stored is checked as DynamoDB checks it, and
//! answers, faults and crowds are what a test asks for.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, SystemTime},
};

use aws_sdk_dynamodb::config::{Credentials, Region, retry::RetryConfig};
use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use lambda_runtime::Context;
use serde_json::{Value, json};
use slo_evaluator::{Evaluator, Rules, Settings};

/// A query that was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Query {
    /// The slice its text asks for.
    pub(crate) from: i64,
    /// Its end.
    pub(crate) to: i64,
    /// The range it was given.
    pub(crate) range: (i64, i64),
    /// Log groups.
    pub(crate) groups: Vec<String>,
}

/// Items, messages and queries.
pub(crate) type Traces = (BTreeMap<(String, String), Value>, Vec<HashMap<String, String>>, Vec<Query>);

type Answering = Box<dyn FnMut(&Query) -> Vec<Value> + Send>;

/// What the stub knows.
#[derive(Default)]
pub(crate) struct State {
    /// Queries that were started.
    pub(crate) queries: Vec<Query>,
    /// Times that results were asked for.
    pub(crate) polls: usize,
    /// Items by key.
    pub(crate) items: BTreeMap<(String, String), Value>,
    /// Messages that were published: fields of the form.
    pub(crate) published: Vec<HashMap<String, String>>,
    /// Errors that the next calls of an action get.
    pub(crate) faults: HashMap<&'static str, VecDeque<&'static str>>,
    /// What a query is answered with, one poll after the other; the last one stays.
    answering: Option<Answering>,
    answers: HashMap<String, VecDeque<Value>>,
}

impl State {
    /// What was published of alerts: subjects.
    pub(crate) fn subjects(&self) -> Vec<&str> {
        self.published.iter().map(|message| message["Subject"].as_str()).collect()
    }
}

/// The stub, and a function that talks to it.
pub(crate) struct Cloud {
    state: Arc<Mutex<State>>,
    /// The function.
    pub(crate) evaluator: Evaluator,
}

impl Cloud {
    /// Starts it; queries are answered by what is given.
    pub(crate) async fn start(answering: impl FnMut(&Query) -> Vec<Value> + Send + 'static) -> Self {
        let state = Arc::new(Mutex::new(State { answering: Some(Box::new(answering)), ..State::default() }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let shared = state.clone();
        let router = Router::new().fallback(move |headers: HeaderMap, body: Bytes| {
            let shared = shared.clone();
            async move { answer(&mut shared.lock().unwrap(), &headers, &body) }
        });
        let router = router.layer(axum::extract::DefaultBodyLimit::disable());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { state, evaluator: evaluator(&endpoint) }
    }

    /// What the stub knows.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// What is stored, published and asked.
    pub(crate) fn traces(&self) -> Traces {
        let state = self.state();
        (state.items.clone(), state.published.clone(), state.queries.clone())
    }

    /// Messages in the order they were published.
    pub(crate) fn messages(&self) -> Vec<String> {
        self.state().published.iter().map(|message| message["Message"].clone()).collect()
    }

    /// Whether nothing was stored or published.
    pub(crate) fn is_untouched(&self) -> bool {
        let state = self.state();
        state.items.is_empty() && state.published.is_empty()
    }

    /// How many messages were published.
    pub(crate) fn told(&self) -> usize {
        self.state().published.len()
    }

    /// Answers differently from now on.
    pub(crate) fn answer(&self, answering: impl FnMut(&Query) -> Vec<Value> + Send + 'static) {
        self.state().answering = Some(Box::new(answering));
    }

    /// The next calls of an action fail so; those with an empty code do not.
    pub(crate) fn fail(&self, action: &'static str, codes: &[&'static str]) {
        self.state().faults.insert(action, codes.iter().copied().collect());
    }
}

/// An invocation with so many seconds.
pub(crate) fn invocation(seconds: u64) -> Context {
    let mut context = Context::default();
    context.request_id = "8e2b1f2e-3f0a-4b50-9c57-0d1f6c3c1b11".to_owned();
    context.invoked_function_arn = "arn:aws:lambda:eu-west-1:333333333333:function:slo-evaluator-dev".to_owned();
    let deadline = SystemTime::now() + Duration::from_secs(seconds);
    context.deadline = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as u64;
    context
}

/// A row of an answer.
pub(crate) struct Sample {
    /// Beginning of the five minutes.
    pub(crate) slot: i64,
    /// Whose.
    pub(crate) tenant: &'static str,
    /// How many.
    pub(crate) requests: u64,
    /// How many of them failed.
    pub(crate) failed: u64,
}

/// A complete answer with these rows.
pub(crate) fn complete(samples: &[Sample]) -> Value {
    let rows: Vec<Value> = samples.iter().map(row).collect();
    let matched: u64 = samples.iter().map(|sample| sample.requests).sum();
    json!({
        "queryLanguage": "CWLI", "status": "Complete", "results": rows,
        "statistics": { "recordsMatched": matched, "recordsScanned": matched * 3, "bytesScanned": 1_000 },
    })
}

fn row(sample: &Sample) -> Value {
    let (requests, failed) = (sample.requests.to_string(), sample.failed.to_string());
    let duration = (sample.requests * 100_000_000).to_string();
    let fields = [
        ("slot", sample.slot.to_string()),
        ("tenant", sample.tenant.to_owned()),
        ("tier", "basic".to_owned()),
        ("latency", "212".to_owned()),
        ("estimated", "0".to_owned()),
        ("requests", requests.clone()),
        ("records", requests.clone()),
        ("failures", failed.clone()),
        ("duration_ns", duration.clone()),
        ("weights", requests),
        ("weighted_failures", failed),
        ("weighted_duration_ns", duration),
    ];
    fields.map(|(field, value)| json!({ "field": field, "value": value })).to_vec().into()
}

fn evaluator(endpoint: &str) -> Evaluator {
    let settings = Settings {
        table: "slo-state-dev".to_owned(),
        topic: "arn:aws:sns:eu-west-1:333333333333:pages-dev".to_owned(),
        accounts: vec!["111111111111".to_owned(), "222222222222".to_owned()],
        log_group: "aws/spans".to_owned(),
        excluded: Some("canary".to_owned()),
        settle: 120,
    };
    macro_rules! client {
        ($sdk:ident) => {
            $sdk::Client::from_conf(
                $sdk::Config::builder()
                    .behavior_version_latest()
                    .region(Region::new("eu-west-1"))
                    .credentials_provider(Credentials::new("test", "test", None, None, "test"))
                    .retry_config(RetryConfig::disabled())
                    .endpoint_url(endpoint)
                    .build(),
            )
        };
    }
    Evaluator {
        rules: Rules::compiled(settings.excluded.as_deref()).unwrap(),
        settings,
        logs: client!(aws_sdk_cloudwatchlogs),
        dynamodb: client!(aws_sdk_dynamodb),
        sns: client!(aws_sdk_sns),
    }
}

fn answer(state: &mut State, headers: &HeaderMap, body: &Bytes) -> Response {
    let target = headers.get("x-amz-target").map_or("SNS.Publish", |value| value.to_str().unwrap());
    let (_, action) = target.split_once('.').unwrap();
    let fault = state.faults.iter_mut().find(|(of, _)| **of == action).and_then(|(_, codes)| codes.pop_front());
    if let Some(code) = fault.filter(|code| !code.is_empty()) {
        return refused(action, code);
    }
    if action == "Publish" {
        let form = form_urlencoded::parse(body).into_owned().collect();
        state.published.push(form);
        let xml = "<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>";
        return ([("content-type", "text/xml")], xml).into_response();
    }
    let request: Value = serde_json::from_slice(body).unwrap();
    let reply = match action {
        "StartQuery" => start_query(state, &request),
        "GetQueryResults" => query_results(state, &request),
        "GetItem" => state.items.get(&key(&request["Key"])).map_or(json!({}), |item| json!({ "Item": item })),
        "Query" => items(state, &request),
        "PutItem" if !put_item(state, &request) => return refused(action, "ConditionalCheckFailedException"),
        "PutItem" => json!({}),
        other => panic!("{other} is not expected"),
    };
    ([("content-type", "application/x-amz-json-1.1")], reply.to_string()).into_response()
}

fn refused(action: &str, code: &str) -> Response {
    if action == "Publish" {
        let xml = format!("<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code></Error></ErrorResponse>");
        return (StatusCode::BAD_REQUEST, [("content-type", "text/xml")], xml).into_response();
    }
    let body = json!({ "__type": code, "message": "as asked for" }).to_string();
    (StatusCode::BAD_REQUEST, [("content-type", "application/x-amz-json-1.1")], body).into_response()
}

fn start_query(state: &mut State, request: &Value) -> Value {
    let text = request["queryString"].as_str().unwrap();
    let after = |operator: &str| -> i64 {
        let (_, rest) = text.split_once(&format!("1000000000 {operator} ")).unwrap();
        rest.split(|letter: char| !letter.is_ascii_digit()).next().unwrap().parse().unwrap()
    };
    assert_eq!(request["limit"], 100_000);
    let groups = request["logGroupIdentifiers"].as_array().unwrap();
    let query = Query {
        from: after(">="),
        to: after("<"),
        range: (request["startTime"].as_i64().unwrap(), request["endTime"].as_i64().unwrap()),
        groups: groups.iter().map(|group| group.as_str().unwrap().to_owned()).collect(),
    };
    let answers = state.answering.as_mut().unwrap()(&query);
    state.queries.push(query);
    let id = format!("query-{}", state.queries.len());
    state.answers.insert(id.clone(), answers.into());
    json!({ "queryId": id })
}

fn query_results(state: &mut State, request: &Value) -> Value {
    assert_eq!(request["maxItems"], 10_000);
    state.polls += 1;
    let answers = state.answers.get_mut(request["queryId"].as_str().unwrap()).unwrap();
    if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0].clone() }
}

fn key(item: &Value) -> (String, String) {
    let text = |name: &str| item[name]["S"].as_str().unwrap().to_owned();
    (text("pk"), text("sk"))
}

/// One item a page, so that pages are gone through.
fn items(state: &State, request: &Value) -> Value {
    assert_eq!(request["ConsistentRead"], true);
    let partition = request["ExpressionAttributeValues"][":pk"]["S"].as_str().unwrap();
    let after = request.get("ExclusiveStartKey").map(key);
    let mut found =
        state.items.iter().filter(|(key, _)| key.0 == partition && after.as_ref().is_none_or(|after| *key > after));
    match found.next() {
        None => json!({ "Items": [] }),
        Some((_, item)) => json!({ "Items": [item], "LastEvaluatedKey": { "pk": item["pk"], "sk": item["sk"] } }),
    }
}

/// Puts the item if its condition holds.
fn put_item(state: &mut State, request: &Value) -> bool {
    let (item, values) = (&request["Item"], &request["ExpressionAttributeValues"]);
    let key = key(item);
    let holds = match (state.items.get(&key), request["ConditionExpression"].as_str().unwrap()) {
        (None, condition) => condition.starts_with("attribute_not_exists(pk) OR"),
        (Some(old), condition) => {
            let is_version = condition.starts_with("version = :version OR") && old["version"] == values[":version"];
            assert!(condition.ends_with("OR (version = :next AND run = :run)"));
            is_version || (old["version"] == values[":next"] && old["run"] == values[":run"])
        }
    };
    if holds {
        state.items.insert(key, item.clone());
    }
    holds
}
