//! Every question that a store can be asked, and answers in a form that can be compared.

use std::collections::{BTreeMap, BTreeSet};

use control_plane_analysis::groups::{self as grouped, Grouping, Groups};
use control_plane_model::{
    catalog::Node,
    listing::{Order, Search},
    map::{MapNode, MapQuery, ServiceMap, Stats},
    part::{Part, PartQuery},
    sample::{Sample, SampleQuery, StoredTrace},
    search::Expression,
    store::{Detail, RequestQuery, Scope, SpanStore, SumsOf},
    trace::{Summary, TraceId},
};
use futures_util::TryStreamExt;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};
use testkit::control_plane::now_ns;

use crate::{refusals, spans::TENANTS};

const FILTERS: &[&str] = &[
    "ok",
    "error",
    "fault",
    "throttle",
    "partial",
    "fault = false",
    "ok !partial duration < 3",
    "fault OR throttle",
    "coldstart AND !fault",
    "!(fault OR error)",
    "duration > 2",
    "duration >= 0.06",
    "duration = 0",
    "duration < 1 AND fault",
    "responsetime > 1",
    "responsetime <= 0.06",
    "http.status = 500",
    "http.status != 500",
    "http.status >= 400 AND http.status < 500",
    "http.url CONTAINS \"book\"",
    "http.url = \"/a?b=\\\"c\\\"\"",
    "http.method = \"POST\"",
    "http.method != \"GET\"",
    "user = \"o'neil\"",
    "user BEGINSWITH \"a\"",
    "name = \"GET /bookings\"",
    "name ENDSWITH \"accrual\"",
    "account.id = \"111111111111\"",
    "account.id != \"111111111111\"",
    "annotation.tenant_id = \"acme\"",
    "annotation[tenant.id] = \"acme\" AND fault",
    "annotation[tenant.id] != \"acme\"",
    "annotation[tenant.id] = \"42\"",
    "annotation[tenant.id] = 42",
    "annotation[tenant.id] = \"nobody\"",
    "annotation[tenant.id] = \"x' OR 1=1; DROP TABLE spans; --\"",
    "annotation.tenant_tier BEGINSWITH \"prem\"",
    "annotation.plan",
    "annotation.plan = \"gold\"",
    "annotation.seats_booked > 4",
    "annotation[nothing]",
    "annotation[messaging.system] = \"kafka\"",
    "annotation.messaging_destination_name != \"accrual\" AND attribute[plan]",
    "attribute[db.system.name] = \"aws.dynamodb\"",
    "attribute[plan] = \"gold\" OR fault",
    "!attribute[messaging.system]",
    "attribute[http.response.status_code] >= 500 AND duration > 0.01",
    "attribute[http.response.status_code] = \"404\"",
    "attribute.nan = \"Infinity\"",
    "attribute[bytes]",
    "attribute[aws.dynamodb.table_names] CONTAINS \"reserv\"",
    "attribute[exception.message] ENDSWITH \"'\"",
    "attribute[service.version] = \"1.3\"",
    "attribute[span.name] = \"GET /bookings\"",
    "attribute[span.name] BEGINSWITH \"process\" AND duration > 1",
    "attribute[sampling.estimated] = true",
    "attribute[\"x' OR 1=1; --\"]",
    "service(\"booking-api\")",
    "service(\"booking-api\") { fault }",
    "service(\"booking-api\") { coldstart }",
    "service() { http.status = 500 }",
    "service() { duration > 5 }",
    "service()",
    "service(\"booking-api\") { fault AND responsetime > 1 }",
    "service(\"it's\") { http.status = 404 }",
    "service(\"a`b\") OR service(\"it's\")",
    "!service(\"booking-api\")",
    "service(\"reservations\")",
    "service(id(type: \"AWS::SQS::Queue\"))",
    "service(id(name: \"accrual\", type: \"AWS::SQS::Queue\")) { fault }",
    "service(id(account.id: \"222222222222\"))",
    "edge(\"booking-api\", \"api.example.com\")",
    "edge(\"booking-api\", \"mileage-api\") { error }",
    "edge(\"API Gateway\", \"booking-api\")",
    "edge(\"clients\", \"it's\")",
    "edge(\"booking-confirmed\", \"accrual\")",
];

const NS: i64 = 1_000_000_000;

/// What there is to ask about.
pub(crate) struct Questions {
    traces: BTreeSet<Vec<u8>>,
    /// Of so many filters one is asked for.
    one_in: usize,
    /// As many people ask.
    scopes: usize,
    briefly: bool,
    /// When, nanoseconds since 1970: the same for both engines.
    now: i64,
}

impl Questions {
    /// The traces of these spans, and one that is not there.
    pub(crate) fn of(spans: &[(&'static str, Span)]) -> Self {
        let ids = spans.iter().map(|(_, span)| span.trace_id.clone());
        Self { traces: ids.chain([vec![0xee; 16]]).collect(), one_in: 1, scopes: 4, briefly: false, now: now_ns() }
    }

    /// A tenth of the questions.
    pub(crate) fn briefly(&self) -> Self {
        Self { traces: self.traces.clone(), one_in: 8, scopes: 1, briefly: true, ..*self }
    }

    /// A fourth of the filters and the maps, for two people, and all other questions.
    pub(crate) fn partly(&self) -> Self {
        Self { traces: self.traces.clone(), one_in: 4, scopes: 2, ..*self }
    }
}

pub(crate) type Answers = BTreeMap<String, Value>;

/// The answers to all questions, by question.
pub(crate) async fn answers(store: &dyn SpanStore, asked: &Questions) -> Answers {
    let mut found = Answers::new();
    let scopes =
        [Scope::All, Scope::Tenant("acme".into()), Scope::Tenant(TENANTS[2].into()), Scope::Tenant(String::new())];
    for scope in scopes.iter().take(asked.scopes) {
        for id in &asked.traces {
            let id = TraceId::from_bytes(id).unwrap();
            found.insert(format!("{scope:?} trace {id}"), json!(store.trace(scope, id).await.unwrap()));
            let stored = store.stored_trace(scope, id).await.unwrap();
            found.insert(format!("{scope:?} trace {id} as it was sent"), json!(stored.as_ref().map(as_sent)));
            // The first trace is the one that most link to.
            for limit in if id.as_bytes().first() == Some(&1) { vec![1, 100] } else { vec![100] } {
                let linked = store.linked_from(scope, id, limit).await.unwrap();
                found.insert(format!("{scope:?} {limit} links to {id}"), json!(linked));
            }
        }
        let ids: Vec<TraceId> = asked.traces.iter().map(|id| TraceId::from_bytes(id).unwrap()).collect();
        let mut together = store.stored_traces(scope, &ids).await.unwrap();
        together.sort_by_key(|trace| trace.trace_id);
        let together: Vec<_> = together.iter().map(as_sent).collect();
        found.insert(format!("{scope:?} all traces as they were sent"), json!(together));
        search(store, scope, asked, &mut found).await;
        samples(store, scope, asked, &mut found).await;
        groups(store, scope, asked, &mut found).await;
        map(store, scope, asked, &mut found).await;
        parts(store, scope, asked, &mut found).await;
        requests(store, scope, asked, &mut found).await;
        refusals::asked(store, scope, asked.now, &mut found).await;
        costs(store, scope, asked, &mut found).await;
        if !asked.briefly {
            // The embedded engine's may be two seconds old.
            found.insert(format!("{scope:?} facets"), json!(store.facets(scope).await.unwrap()));
        }
        for (from, to) in [(0, asked.now), (asked.now - 40 * 86_400 * NS, asked.now - 86_400 * NS)] {
            let versions = store.versions(scope, from / NS, to / NS).await.unwrap();
            found.insert(format!("{scope:?} versions from {from} to {to}"), json!(versions));
        }
        // Some name what is no tenant: a service, a tier.
        for tenant in
            TENANTS.iter().take(6).chain(&["nobody", "x", "42", "booking-api", "111111111111", "basic", "tenant.id"])
        {
            let knows = store.knows_tenant(scope, tenant).await.unwrap();
            found.insert(format!("{scope:?} knows {tenant:?}"), json!(knows));
        }
    }
    found.insert("has requests".into(), json!(store.has_requests().await.unwrap()));
    found
}

async fn search(store: &dyn SpanStore, scope: &Scope, asked: &Questions, answers: &mut Answers) {
    let now = asked.now;
    let windows = [(0, now), (now - 3_600_000_000_000, now), (now - 11 * 86_400_000_000_000, now - 86_400_000_000_000)];
    let several = match asked.one_in {
        1 if *scope == Scope::All => 3,
        4 if *scope == Scope::All => 2,
        _ => 1,
    };
    let filters = FILTERS.iter().step_by(asked.one_in).map(|filter| ((*filter).to_owned(), several));
    let combined = combinations(if *scope == Scope::All { 40 / asked.one_in } else { 0 });
    let filters = filters.chain(combined.into_iter().map(|filter| (filter, 1))).chain([(String::new(), several)]);
    for (filter, windows_asked) in filters {
        let expression = parsed(&filter);
        for (window, (from_ns, to_ns)) in windows.into_iter().take(windows_asked).enumerate() {
            let expression = expression.clone();
            let query = Search { from_ns, to_ns, expression, order: Order::ALL[window], limit: 1_000 };
            let found = store.search(scope, query).await.unwrap();
            let traces: BTreeMap<_, _> = found.traces.iter().map(|trace| (trace.trace_id, trace)).collect();
            let traces: Vec<_> = traces.values().collect();
            // How many were looked at is the engine's own business.
            let answer = json!({
                "matched": found.matched, "traces": traces, "latency": found.latency, "truncated": found.truncated, "lookup": found.lookup,
            });
            answers.insert(format!("{scope:?} search {filter} in window {window}"), answer);
        }
    }
    for filter in ["", "fault", "annotation[tenant.id] = \"acme\""] {
        for order in Order::ALL {
            let query = Search { from_ns: 0, to_ns: now, expression: parsed(filter), order, limit: 3 };
            let found = store.search(scope, query).await.unwrap();
            // Of those that are alike in all this any may be listed.
            let rank = |trace: &Summary| match order {
                Order::Newest => json!(trace.start_unix_ns),
                Order::Slowest => json!([trace.duration_ns, trace.start_unix_ns]),
                Order::MostSpans => json!([trace.spans, trace.start_unix_ns]),
            };
            let answer = json!([found.matched, found.traces.iter().map(rank).collect::<Vec<_>>()]);
            answers.insert(format!("{scope:?} first three of {filter}, {} first", order.name()), answer);
        }
    }
}

async fn samples(store: &dyn SpanStore, scope: &Scope, asked: &Questions, answers: &mut Answers) {
    for (filter, limit) in [
        ("", 1_000),
        ("fault", 1_000),
        ("attribute[plan] = \"gold\"", 3),
        // Of one trace, by several of its spans.
        ("attribute[messaging.system] = \"kafka\" AND attribute[db.system.name] = \"aws.dynamodb\"", 1_000),
        ("annotation[rpc.system]", 1_000),
        ("annotation[tenant.id] = \"acme\"", 7),
        ("", 5),
        ("", 0),
    ] {
        let query = SampleQuery { from_ns: 0, to_ns: asked.now, expression: parsed(filter), limit };
        let answer = sampled(store, scope, query).await;
        answers.insert(format!("{scope:?} sample of {limit} of {filter}"), answer);
    }
}

/// What spans say of an attribute: on the spans, on their senders, in lists, of all traces and of a few.
async fn groups(store: &dyn SpanStore, scope: &Scope, asked: &Questions, answers: &mut Answers) {
    for (by, limit) in [
        ("span.name", 1_000),
        ("tenant.id", 1_000),
        ("service.name", 1_000),
        ("aws.xray.annotations", 1_000),
        ("http.response.status_code", 3),
    ] {
        let (from_ns, to_ns) = (asked.now - 86_400 * NS, asked.now);
        let query = SampleQuery { from_ns, to_ns, expression: None, limit };
        let traces: Vec<StoredTrace> = store.sample(scope, query).await.unwrap().traces.try_concat().await.unwrap();
        let by = by.to_owned();
        let mut grouping = Grouping::new(grouped::GroupsQuery {
            by: by.clone(),
            tenant: None,
            service: None,
            from_ns,
            to_ns,
            width: 3_600,
        });
        traces.iter().for_each(|trace| grouping.add(trace));
        // Which of the traces are read for the names of attributes is by the order in which they come.
        let groups = Groups { attributes: Vec::new(), ..grouping.groups(grouped::Order::Most, 1.0, None) };
        answers.insert(format!("{scope:?} groups of {limit} by {by}"), json!(groups));
    }
}

/// A sample, its spans in one order always.
pub(crate) async fn sampled(store: &dyn SpanStore, scope: &Scope, query: SampleQuery) -> Value {
    let limit = query.limit;
    let Sample { matched, truncated, lookup, traces } = store.sample(scope, query).await.unwrap();
    let traces: Vec<StoredTrace> = traces.try_concat().await.unwrap();
    assert!(traces.len() <= limit && traces.iter().all(|trace| !trace.parts.is_empty()));
    let received: usize = traces.iter().flat_map(|trace| &trace.parts).map(|part| part.spans.len()).sum();
    let traces: BTreeMap<_, _> = traces.iter().map(|trace| (trace.trace_id, as_sent(trace))).collect();
    json!({ "matched": matched, "truncated": truncated, "lookup": lookup, "spans": received, "traces": traces })
}

/// The spans of a trace, each with who sent it, and in which scope.
fn as_sent(trace: &StoredTrace) -> BTreeSet<String> {
    let parts = trace.parts.iter();
    let spans =
        parts.flat_map(|part| part.spans.iter().map(|span| format!("{:?} {:x} {span:x}", part.resource, part.scope)));
    spans.collect()
}

fn parsed(filter: &str) -> Option<Expression> {
    (!filter.is_empty()).then(|| filter.parse().unwrap_or_else(|error| panic!("{filter}: {error}")))
}

/// So many of these filters, put together; the same ones each time.
fn combinations(count: usize) -> Vec<String> {
    let mut random = fastrand::Rng::with_seed(3);
    let mut one = move || {
        let filter = FILTERS[random.usize(..FILTERS.len())];
        let (not, or) = (["", "", "!"][random.usize(..3)], [" AND ", " OR "][random.usize(..2)]);
        (format!("{not}({filter})"), or)
    };
    let mut combined = || {
        let ((a, first), (b, second), (c, _)) = (one(), one(), one());
        if second == first { format!("{a}{first}{b}") } else { format!("{a}{first}({b}{second}{c})") }
    };
    (0..count).map(|_| combined()).collect()
}

pub(crate) async fn map(store: &dyn SpanStore, scope: &Scope, asked: &Questions, answers: &mut Answers) {
    let now = asked.now / 1_000_000_000;
    let tenants = [None, Some("acme"), Some(TENANTS[2]), Some("nobody"), Some("")];
    let narrower = [
        (None, None),
        (Some("basic"), None),
        (None, Some("111111111111")),
        (Some("it's"), Some("222222222222")),
        (Some("gone"), None),
    ];
    let several = if *scope == Scope::All && !asked.briefly { 6 } else { 1 };
    let days = |days: i64| days * 86_400;
    // Two of them begin or end amid hours that are over.
    let windows =
        [(1_800, 0), (days(4), 0), (days(34), 0), (3_600, 0), (days(4), days(3) + 930), (days(3) + 930, days(2))];
    let windows = windows.into_iter().take(several);
    let queries = windows.flat_map(|(back, until)| {
        tenants.into_iter().flat_map(move |tenant| narrower.map(|(tier, account)| (back, until, tenant, tier, account)))
    });
    for (back, until, tenant, tier, account) in queries.step_by(asked.one_in).collect::<Vec<_>>() {
        let query = MapQuery {
            from: now - back,
            to: now - until,
            tenant: tenant.map(str::to_owned),
            tier: tier.map(str::to_owned),
            account: account.map(str::to_owned),
        };
        let question = format!("{scope:?} map of {tenant:?} {tier:?} {account:?} for {back} to {until} s ago");
        answers.insert(question, named(&store.map(scope, query).await.unwrap()));
    }
}

/// Some nodes and some edges of the map of some windows, and what is on no map.
async fn parts(store: &dyn SpanStore, scope: &Scope, asked: &Questions, answers: &mut Answers) {
    let now = asked.now / NS;
    let windows = [1_800, 4 * 86_400, 34 * 86_400];
    for back in windows.into_iter().take(if asked.briefly { 1 } else { 3 }) {
        let (from, to) = (now - back, now);
        let map = store.map(&Scope::All, MapQuery { from, to, ..MapQuery::default() }).await.unwrap();
        let nodes: BTreeMap<u32, Node> = map.nodes.iter().map(|node| (node.id, of(node))).collect();
        let edges = map.edges.iter().map(|edge| Part::Edge(nodes[&edge.source].clone(), nodes[&edge.target].clone()));
        let nobody = Node { kind: "service".to_owned(), ..Node::default() };
        let of = nodes.values().cloned().chain([nobody]).map(Part::Node).chain(edges);
        let of: Vec<Part> = of.collect();
        let one_in = (of.len() / if asked.briefly { 3 } else { 12 }).max(1);
        for (at, of) in of.into_iter().enumerate().step_by(one_in) {
            let one = |choice: [Option<&str>; 5]| choice[at / one_in % 5].map(str::to_owned);
            let (tenant, tier) =
                (one([None, None, Some("acme"), None, Some("nobody")]), one([None, None, None, Some("basic"), None]));
            let question = format!("{scope:?} {of:?} of {tenant:?} {tier:?} for {back} s");
            let query = PartQuery { from, to, tenant, tier, of };
            let sums = store.part(scope, query).await.unwrap();
            let over_time: Vec<_> = sums.over_time.iter().map(|(at, cell)| (at, Stats::of(cell, 60))).collect();
            let tenants: Vec<_> = sums.tenants.iter().map(|(name, cell)| (name, Stats::of(cell, 60))).collect();
            let window = [sums.from, sums.to, sums.tenants_from];
            answers.insert(question, json!({ "window": window, "over_time": over_time, "tenants": tenants }));
        }
    }
}

fn of(node: &MapNode) -> Node {
    Node { kind: node.kind.clone(), account: node.account.clone().unwrap_or_default(), name: node.name.clone() }
}

/// A map by names: numbers are an engine's own.
pub(crate) fn named(map: &ServiceMap) -> Value {
    let name = |id: u32| {
        let node = map.nodes.iter().find(|node| node.id == id).unwrap();
        format!("{} {:?} {}", node.kind, node.account, node.name)
    };
    let nodes: BTreeMap<_, _> = map.nodes.iter().map(|node| (name(node.id), &node.stats)).collect();
    let edges = map.edges.iter().map(|edge| (format!("{} -> {}", name(edge.source), name(edge.target)), &edge.stats));
    json!({ "nodes": nodes, "edges": edges.collect::<BTreeMap<_, _>>() })
}

async fn requests(store: &dyn SpanStore, scope: &Scope, asked: &Questions, answers: &mut Answers) {
    let now = asked.now / 1_000_000_000;
    let tenant = |name: &str| SumsOf::Tenant(name.to_owned());
    for of in [SumsOf::Each, SumsOf::Together, tenant("acme"), tenant(TENANTS[3]), tenant("nobody"), tenant("")] {
        for back in [3_600, 7 * 86_400, 36 * 86_400] {
            for detail in [Detail::Latencies, Detail::Counts, Detail::HourlyCounts] {
                let query = RequestQuery { from: (now - back) / 300 * 300, to: now, of: of.clone(), detail };
                let batches: Vec<Vec<slo::Row>> =
                    store.request_rows(scope, query).await.unwrap().try_collect().await.unwrap();
                let rows: Vec<_> = batches.into_iter().flatten().collect();
                assert!(rows.is_sorted_by_key(|row| row.cell.start), "rows come in the order of time");
                answers.insert(format!("{scope:?} requests of {of:?} for {back} s, {detail:?}"), sorted(rows));
            }
        }
    }
}

pub(crate) async fn costs(store: &dyn SpanStore, scope: &Scope, asked: &Questions, answers: &mut Answers) {
    let now = asked.now / 1_000_000_000;
    for back in [0, 4 * 86_400, 36 * 86_400] {
        let rows = store.costs(scope, now - back, now).await.unwrap();
        answers.insert(format!("{scope:?} costs for {back} s"), sorted(rows));
        for named in [&[][..], &["acme", "nobody"], &[TENANTS[2], "", "acme", "globex"]] {
            let named: Vec<String> = named.iter().map(|name| (*name).to_owned()).collect();
            let mut days = store.daily_costs(scope, now - back, now, &named).await.unwrap();
            let key = |used: &slo::DailyUse| (used.start, used.tenant.clone(), used.service.clone());
            days.sort_by_key(key);
            answers.insert(format!("{scope:?} daily costs of {named:?} for {back} s"), json!(days));
        }
    }
}

fn sorted(mut rows: Vec<slo::Row>) -> Value {
    rows.sort_by(|a, b| (a.cell.start, &a.key).cmp(&(b.cell.start, &b.key)));
    rows.iter().map(|row| json!({ "key": *row.key, "cell": row.cell })).collect()
}

/// Where two answers differ; sums of floating point may by their last digits.
pub(crate) fn different(expected: &Value, found: &Value) -> Option<String> {
    match (expected, found) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64()?, b.as_f64()?);
            ((a - b).abs() > 1e-9 * a.abs().max(b.abs())).then(|| format!("{a} is {b}"))
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().find_map(|(at, (a, b))| Some(format!("[{at}] {}", different(a, b)?)))
        }
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            a.iter().find_map(|(key, a)| Some(format!("{key} {}", different(a, &b[key])?)))
        }
        _ => (expected != found).then(|| format!("{expected} is {found}")),
    }
}
