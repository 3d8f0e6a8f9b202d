//! Whatever text a span is full of, it is found by that text, and is nothing but text.

use control_plane_model::{
    listing::{Order, Search},
    map::MapQuery,
    otlp::up_to,
    store::{Detail, RequestQuery, Scope, SpanStore, SumsOf},
    trace::TraceId,
};
use futures_util::TryStreamExt;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, ArrayValue, any_value::Value},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span},
};
use testkit::control_plane::{now_ns, text};

use crate::Both;

/// Names longer than this are cut, at the border of a letter.
const MAX_NAME_BYTES: usize = 256;

fn texts() -> Vec<String> {
    let short = [
        "'",
        "\"",
        "`",
        "\\",
        "\\'",
        "\\N",
        "''",
        "\0",
        "\t\r\n",
        " ",
        ";",
        "--",
        "/*",
        "?",
        "??",
        "{}",
        "{tenant:String}",
        "{{",
        "%00",
        "$1",
        ":x",
        "@tenant.id",
        "NULL",
        "\u{feff}",
        "\u{202e}abc",
        "é\u{301}",
        "\u{1f6eb}",
        "a' OR '1'='1",
        "x'; DROP TABLE spans; --",
        "') FORMAT Null; INSERT INTO spans VALUES (",
        "\n\n--boundary\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\nSELECT 1",
        "<script>",
        "&amp;",
        "..",
        "0",
        "-1",
        "1e999",
        "true",
    ];
    let long = ["a".repeat(256), "b".repeat(257), "c".repeat(20_000), "€".repeat(200), "'".repeat(300)];
    short.into_iter().map(str::to_owned).chain(long).collect()
}

/// A span that has the text wherever a name may stand, and calls what is named so.
fn request(index: usize, name: &str) -> ExportTraceServiceRequest {
    let start = (now_ns() - 600_000_000_000) as u64;
    let annotations =
        Value::ArrayValue(ArrayValue { values: vec![AnyValue { value: Some(Value::StringValue("note".into())) }] });
    let mut attributes: Vec<_> =
        ["tenant.id", "tenant.tier", "cloud.account.id", "enduser.id", "url.path", "http.request.method", "note", name]
            .into_iter()
            .map(|key| text(key, name))
            .collect();
    attributes.push(text("faas.trigger", "http"));
    attributes.push(opentelemetry_proto::tonic::common::v1::KeyValue {
        key: "aws.xray.annotations".into(),
        value: Some(AnyValue { value: Some(annotations) }),
        ..Default::default()
    });
    let id = |n: u8| (index as u64 * 4 + u64::from(n)).to_be_bytes().to_vec();
    let span = |n: u8, kind, attributes: Vec<_>| Span {
        trace_id: (index as u128 + 1).to_be_bytes().to_vec(),
        span_id: id(n),
        parent_span_id: if n > 1 { id(1) } else { Vec::new() },
        name: name.to_owned(),
        kind,
        start_time_unix_nano: start,
        end_time_unix_nano: start + 1_000_000,
        attributes,
        ..Span::default()
    };
    let own = || ["tenant.id", "tenant.tier", "cloud.account.id"].map(|key| text(key, name)).to_vec();
    let message = ["messaging.system", "messaging.destination.name"].map(|key| text(key, name));
    let spans = vec![span(1, 2, attributes), span(2, 4, [own(), message.to_vec()].concat())];
    let resource = Resource { attributes: vec![text("service.name", name)], ..Resource::default() };
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let group = ResourceSpans { resource: Some(resource), scope_spans, ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![group] }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// How many questions were answered.
async fn found(engine: &str, store: &dyn SpanStore, index: usize, sent: &str) -> usize {
    let name = up_to(sent, MAX_NAME_BYTES);
    let short: String = name.chars().take(40).collect();
    let what = format!("{engine}, {short:?}, {} bytes", sent.len());
    let id = TraceId::from_bytes(&(index as u128 + 1).to_be_bytes()).unwrap();
    let own = Scope::Tenant(name.to_owned());
    let trace = store.trace(&own, id).await.unwrap().unwrap_or_else(|| panic!("{what}: no trace"));
    assert_eq!(trace.spans.len(), 2, "{what}");
    let mut names = vec![trace.spans[0].name.clone(), trace.spans[0].service.clone()];
    names.extend(
        [&trace.spans[0].tenant, &trace.spans[0].tier, &trace.spans[0].account].map(|name| name.clone().unwrap()),
    );
    assert!(names.iter().all(|found| found == name), "{what}: {names:?}");
    assert_eq!(trace.spans[0].attributes["note"], sent, "{what}");
    let now = now_ns();
    let value = quoted(name);
    let filters = [
        format!("annotation[tenant.id] = {value}"),
        format!("annotation[tenant.tier] = {value}"),
        format!("annotation.note = {value}"),
        format!("user = {value}"),
        format!("name = {value}"),
        format!("http.url = {value}"),
        format!("http.method = {value}"),
        format!("account.id = {value}"),
        format!("service({value})"),
        format!("service(id(account.id: {value}, name: {value}))"),
        format!("edge({value}, {value})"),
        format!("edge(\"API Gateway\", {value})"),
    ];
    // Each by itself of some, all of them at once of all.
    let all = filters.join(" AND ");
    let filters: Vec<&String> = filters.iter().filter(|_| index.is_multiple_of(12)).chain([&all]).collect();
    for filter in &filters {
        let expression = Some(filter.parse().unwrap_or_else(|error| panic!("{what}, {filter}: {error}")));
        let search =
            Search { from_ns: now - 3_600_000_000_000, to_ns: now, expression, order: Order::Newest, limit: 9 };
        for scope in [&Scope::All, &own] {
            let found = store.search(scope, search.clone()).await.unwrap();
            let ids: Vec<_> = found.traces.iter().map(|trace| trace.trace_id).collect();
            assert_eq!(ids, [id], "{what}: {filter}");
        }
    }
    let some = || Some(name.to_owned());
    let window = MapQuery { from: now / 1_000_000_000 - 3_600, to: now / 1_000_000_000, ..MapQuery::default() };
    for query in [
        MapQuery { tenant: some(), ..window.clone() },
        MapQuery { tier: some(), ..window.clone() },
        MapQuery { account: some(), ..window.clone() },
        MapQuery { tenant: some(), tier: some(), account: some(), ..window },
    ] {
        let map = store.map(&Scope::All, query).await.unwrap();
        assert_eq!(map.edges.iter().map(|edge| edge.stats.count).sum::<i64>(), 3, "{what}: {map:?}");
        assert!(map.nodes.iter().any(|node| node.kind == name && node.name == name), "{what}: {map:?}");
    }
    assert!(store.knows_tenant(&Scope::All, name).await.unwrap(), "{what}");
    let query = RequestQuery {
        from: now / 1_000_000_000 - 3_600,
        to: now / 1_000_000_000,
        of: SumsOf::Tenant(name.into()),
        detail: Detail::Latencies,
    };
    let rows: Vec<_> = store.request_rows(&own, query).await.unwrap().try_concat().await.unwrap();
    assert!(rows.len() == 1 && rows[0].cell.requests == 1 && rows[0].key.operation == name, "{what}: {rows:?}");
    let costs = store.costs(&own, now / 1_000_000_000 - 3_600, now / 1_000_000_000).await.unwrap();
    assert!(costs.len() == 1 && costs[0].key.service == name, "{what}: {costs:?}");
    filters.len() * 2 + 9
}

#[tokio::test(flavor = "multi_thread")]
async fn text_is_text_whatever_it_holds() {
    let both = Both::start().await;
    let texts = texts();
    for (index, name) in texts.iter().enumerate() {
        both.write(request(index, name)).await;
    }
    both.clickhouse.make_sums().await.unwrap();
    let mut questions = 0;
    for (engine, store) in both.stores() {
        for (index, name) in texts.iter().enumerate() {
            questions += found(engine, store, index, name).await;
        }
        let facets = store.facets(&Scope::All).await.unwrap();
        let mut expected: Vec<&str> = texts.iter().map(|text| up_to(text, MAX_NAME_BYTES)).collect();
        expected.sort_unstable();
        for names in [&facets.tenants, &facets.tiers, &facets.accounts, &facets.services] {
            assert_eq!(names, &expected, "{engine}");
        }
    }
    eprintln!("{} texts: {questions} questions", texts.len());
}
