//! What a tenant is answered is what a store would answer that holds this tenant alone: not one byte of an answer depends on others.

use control_plane_model::{
    listing::{Order, Search},
    map::MapQuery,
    sample::SampleQuery,
    store::{Detail, RequestQuery, Scope, SpanStore, SumsOf},
    trace::TraceId,
};
use futures_util::{StreamExt, TryStreamExt};
use opentelemetry_proto::tonic::{common::v1::any_value::Value as Any, trace::v1::Span};
use serde_json::{Value, json};
use testkit::{
    control_plane::{span, text},
    traffic::{Plan, Traffic},
};

use crate::{
    Both,
    questions::{different, sampled},
    spans,
};

const OWN: &str = "tenant-3";
const TENANTS: u32 = 50;
const TRACES: u32 = 1_200;
const QUESTIONS: usize = 1_000;
/// Questions under way.
const AT_ONCE: usize = 4;
const NS: i64 = 1_000_000_000;

fn is_own(span: &Span) -> bool {
    let value = span.attributes.iter().find(|attribute| attribute.key == "tenant.id");
    let value = value.and_then(|attribute| attribute.value.as_ref()?.value.clone());
    value == Some(Any::StringValue(OWN.to_owned()))
}

/// A question, and how it is put.
#[derive(Debug, Clone)]
enum Question {
    Trace(TraceId),
    Search { filter: String, from: i64, to: i64, order: Order, limit: usize },
    Sample { filter: String, from: i64, to: i64, limit: usize },
    Map { from: i64, to: i64, tenant: Option<String>, tier: Option<String>, account: Option<String> },
    Requests { from: i64, to: i64, of: SumsOf },
    Costs { from: i64, to: i64 },
    DailyCosts { from: i64, to: i64, tenants: Vec<String> },
    Knows(String),
    Facets,
}

impl Question {
    /// One at random, about the traces of everybody, from `begin` to `end`, Unix seconds.
    fn random(random: &mut fastrand::Rng, traces: &[TraceId], (begin, end): (i64, i64)) -> Self {
        let from = random.i64(begin - 600..end);
        let to = random.i64(from + 1..end + 600);
        let anybody = |random: &mut fastrand::Rng| format!("tenant-{}", random.u32(..TENANTS + 2));
        match random.u8(..20) {
            0..5 => Self::Trace(traces[random.usize(..traces.len())]),
            5..10 => {
                let services = ["booking-api", "mileage-api", "mileage-accrual", "accrual", "nobody"];
                let service = services[random.usize(..services.len())];
                let filter = match random.u8(..10) {
                    0 => String::new(),
                    1 => "fault".into(),
                    2 => "!fault AND duration > 0.1".into(),
                    3 => format!("annotation[tenant.id] = \"{}\"", anybody(random)),
                    4 => format!("annotation[tenant.id] != \"{}\"", anybody(random)),
                    5 => format!("service(\"{service}\")"),
                    6 => format!("service(\"{service}\") {{ fault }}"),
                    7 => ["annotation[tenant.tier] = \"basic\" OR error", "attribute[server.address] OR fault"]
                        [random.usize(..2)]
                    .into(),
                    8 => "edge(\"booking-api\", \"API Gateway\")".into(),
                    _ => ["http.status = 500", "annotation[messaging.system] = \"aws_sqs\""][random.usize(..2)].into(),
                };
                let (order, limit) = (Order::ALL[random.usize(..3)], [1, 3, 500][random.usize(..3)]);
                match random.u8(..3) {
                    0 => Self::Sample { filter, from, to, limit },
                    _ => Self::Search { filter, from, to, order, limit },
                }
            }
            10..13 => {
                let tenant = random.bool().then(|| anybody(random));
                let tier = random.bool().then(|| ["basic", "standard", "premium"][random.usize(..3)].to_owned());
                let account = (random.u8(..4) == 0).then(|| "111111111111".to_owned());
                Self::Map { from, to, tenant, tier, account }
            }
            13..16 => {
                let of = match random.u8(..3) {
                    0 => SumsOf::Each,
                    1 => SumsOf::Together,
                    _ => SumsOf::Tenant(if random.bool() { OWN.into() } else { anybody(random) }),
                };
                Self::Requests { from, to, of }
            }
            16 if random.bool() => Self::Costs { from, to },
            16 => {
                let tenants = [OWN.to_owned(), anybody(random)].into_iter().skip(random.usize(..2)).collect();
                Self::DailyCosts { from, to, tenants }
            }
            17..19 => Self::Knows(anybody(random)),
            _ => Self::Facets,
        }
    }

    async fn ask(&self, store: &dyn SpanStore) -> Value {
        let own = Scope::Tenant(OWN.into());
        match self.clone() {
            Self::Trace(id) => json!(store.trace(&own, id).await.unwrap()),
            Self::Search { filter, from, to, order, limit } => {
                let expression = (!filter.is_empty()).then(|| filter.parse().unwrap());
                let search = Search { from_ns: from * NS, to_ns: to * NS, expression, order, limit };
                json!(store.search(&own, search).await.unwrap())
            }
            Self::Sample { filter, from, to, limit } => {
                let expression = (!filter.is_empty()).then(|| filter.parse().unwrap());
                sampled(store, &own, SampleQuery { from_ns: from * NS, to_ns: to * NS, expression, limit }).await
            }
            Self::Map { from, to, tenant, tier, account } => {
                json!(store.map(&own, MapQuery { from, to, tenant, tier, account }).await.unwrap())
            }
            Self::Requests { from, to, of } => {
                let rows =
                    store.request_rows(&own, RequestQuery { from, to, of, detail: Detail::Latencies }).await.unwrap();
                let rows: Vec<_> = rows.try_collect::<Vec<_>>().await.unwrap().concat();
                let mut rows: Vec<String> = rows.iter().map(|row| format!("{row:?}")).collect();
                rows.sort();
                json!(rows)
            }
            Self::Costs { from, to } => {
                let mut rows: Vec<String> =
                    store.costs(&own, from, to).await.unwrap().iter().map(|row| format!("{row:?}")).collect();
                rows.sort();
                json!(rows)
            }
            Self::DailyCosts { from, to, tenants } => {
                let mut days = store.daily_costs(&own, from, to, &tenants).await.unwrap();
                days.sort_by_key(|used| (used.start, used.tenant.clone(), used.service.clone()));
                json!(days)
            }
            Self::Knows(tenant) => json!(store.knows_tenant(&own, &tenant).await.unwrap()),
            Self::Facets => json!(store.facets(&own).await.unwrap()),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_is_answered_as_if_it_were_alone() {
    let (shared, alone) = (Both::start().await, Both::start().await);
    let end = jiff::Timestamp::now().as_second() - 60;
    let begin = end - 7_200;
    let mut traffic =
        Traffic::new(Plan { seed: 16, tenants: TENANTS, traces: TRACES, from: begin, seconds: end - begin });
    let mut ids = Vec::new();
    loop {
        let batch = traffic.batch(300);
        if batch.is_empty() {
            break;
        }
        ids.extend(batch.iter().map(|(_, span)| TraceId::from_bytes(&span.trace_id).unwrap()));
        shared.write(spans::request(&batch)).await;
        let own: Vec<_> = batch.into_iter().filter(|(_, span)| is_own(span)).collect();
        if !own.is_empty() {
            alone.write(spans::request(&own)).await;
        }
    }
    for both in [&shared, &alone] {
        both.clickhouse.make_sums().await.unwrap();
    }
    // Facets may be two seconds old.
    tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
    let mut random = fastrand::Rng::with_seed(16);
    let questions: Vec<_> = (0..QUESTIONS).map(|_| Question::random(&mut random, &ids, (begin, end))).collect();
    for ((engine, among_others), (_, by_itself)) in shared.stores().into_iter().zip(alone.stores()) {
        let (mut something, mut differences) = (0, Vec::new());
        let asked = questions.iter().map(|question| async move {
            let (found, expected) = tokio::join!(question.ask(among_others), question.ask(by_itself));
            (question, found, expected)
        });
        let mut answers = futures_util::stream::iter(asked).buffered(AT_ONCE);
        while let Some((question, found, expected)) = answers.next().await {
            let holds = |value: &Value| value.as_array().is_some_and(|rows| !rows.is_empty());
            something += usize::from(holds(&found) || found.as_object().is_some_and(|found| found.values().any(holds)));
            if let Some(difference) = different(&expected, &found) {
                differences.push(format!("{question:?}\n    {difference}"));
            }
        }
        let shown = differences.iter().take(8).map(String::as_str).collect::<Vec<_>>().join("\n");
        assert!(differences.is_empty(), "{engine}: {} of {QUESTIONS} differ\n{shown}", differences.len());
        assert!(something > QUESTIONS / 4, "{engine}: only {something} answers hold anything");
    }
}

/// Others' activity does not make a tenant that is idle forget what its requests named.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_tenant_is_told_what_it_named_last() {
    let both = Both::start().await;
    let days = |days: u64, tenant: &str, trace: u8| {
        let span = span(trace, 0);
        let ago = days * 86_400_000_000_000;
        Span {
            attributes: vec![text("tenant.id", tenant), text("tenant.tier", "basic")],
            start_time_unix_nano: span.start_time_unix_nano - ago,
            end_time_unix_nano: span.end_time_unix_nano - ago,
            ..span
        }
    };
    both.write(spans::request(&[("booking-api", days(5, OWN, 1)), ("mileage-api", days(0, "other", 2))])).await;
    both.clickhouse.make_sums().await.unwrap();
    for (engine, store) in both.stores() {
        let facets = store.facets(&Scope::Tenant(OWN.into())).await.unwrap();
        assert_eq!((facets.services, facets.tiers), (vec!["booking-api".into()], vec!["basic".into()]), "{engine}");
    }
}
