//! Logs Insights, DynamoDB and SNS as far as slo-evaluator needs them, over HTTP: what is stored is checked as DynamoDB checks it,
//! and answers and faults are what a test asks for. The emulator of the local cloud runs no Logs Insights over spans.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use parking_lot::{Mutex, MutexGuard};
use serde_json::{Value, json};

/// A query that was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The slice its text asks for.
    pub from: i64,
    /// Its end.
    pub to: i64,
    /// The range it was given.
    pub range: (i64, i64),
    /// Log groups.
    pub groups: Vec<String>,
}

/// Items, messages and queries.
pub type Traces = (BTreeMap<(String, String), Value>, Vec<HashMap<String, String>>, Vec<Query>);

type Answering = Box<dyn FnMut(&Query) -> Vec<Value> + Send>;

/// What they know.
#[derive(Default)]
pub struct State {
    /// Queries that were started.
    pub queries: Vec<Query>,
    /// Times that results were asked for.
    pub polls: usize,
    /// Items by key.
    pub items: BTreeMap<(String, String), Value>,
    /// Messages that were published: fields of the form.
    pub published: Vec<HashMap<String, String>>,
    /// What the one secret holds.
    pub secret: String,
    /// Errors that the next calls of an action get.
    pub faults: HashMap<&'static str, VecDeque<&'static str>>,
    /// What a query is answered with, one poll after the other; the last one stays.
    answering: Option<Answering>,
    answers: HashMap<String, VecDeque<Value>>,
}

impl State {
    /// What was published of alerts: subjects.
    pub fn subjects(&self) -> Vec<&str> {
        self.published.iter().map(|message| message["Subject"].as_str()).collect()
    }
}

/// The services.
pub struct Insights {
    state: Arc<Mutex<State>>,
    /// Where they are: `http://…`, for `AWS_ENDPOINT_URL`.
    pub url: String,
}

impl Insights {
    /// Starts them; queries are answered by what is given.
    pub async fn start(answering: impl FnMut(&Query) -> Vec<Value> + Send + 'static) -> Self {
        let state = Arc::new(Mutex::new(State { answering: Some(Box::new(answering)), ..State::default() }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = state.clone();
        let router = Router::new().fallback(move |headers: HeaderMap, body: Bytes| {
            let shared = shared.clone();
            async move { answer(&mut shared.lock(), &headers, &body) }
        });
        let router = router.layer(axum::extract::DefaultBodyLimit::disable());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { state, url }
    }

    /// What they know.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// What is stored, published and asked.
    pub fn traces(&self) -> Traces {
        let state = self.state();
        (state.items.clone(), state.published.clone(), state.queries.clone())
    }

    /// Messages in the order they were published.
    pub fn messages(&self) -> Vec<String> {
        self.state().published.iter().map(|message| message["Message"].clone()).collect()
    }

    /// Whether nothing was stored or published.
    pub fn is_untouched(&self) -> bool {
        let state = self.state();
        state.items.is_empty() && state.published.is_empty()
    }

    /// How many messages were published.
    pub fn told(&self) -> usize {
        self.state().published.len()
    }

    /// Answers differently from now on.
    pub fn answer(&self, answering: impl FnMut(&Query) -> Vec<Value> + Send + 'static) {
        self.state().answering = Some(Box::new(answering));
    }

    /// The next calls of an action fail so; those with an empty code do not.
    pub fn fail(&self, action: &'static str, codes: &[&'static str]) {
        self.state().faults.insert(action, codes.iter().copied().collect());
    }
}

/// A row of an answer.
pub struct Sample {
    /// Beginning of the five minutes.
    pub slot: i64,
    /// Whose.
    pub tenant: &'static str,
    /// How many.
    pub requests: u64,
    /// How many of them failed.
    pub failed: u64,
}

/// A complete answer with these rows.
pub fn complete(samples: &[Sample]) -> Value {
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
        "GetSecretValue" => json!({ "SecretString": state.secret }),
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
