//! What each route answers to nobody, to users of two tenants, to a viewer, to an operator and to a program with a key; a new route needs a row.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use reqwest::{Client, Method, StatusCode, redirect::Policy};
use serde_json::{Value, json};
use testkit::{
    control_plane::{Server, number, span, text},
    provider::{Provider, access},
};

const KEY: &str = "cpk_of-a-nightly-report";
/// Of [`KEY`], as `sha256sum` says it.
const KEY_SHA256: &str = "772c3c4984bc5612a88c666ee6db88b46de91a3e5ee9f9f5cae71d2b216b58b1";
const ACTING_KEY: &str = "cpk_of-a-program-that-acts";
const ACTING_KEY_SHA256: &str = "7bf9e2fe41be94b5f9d3bad7aefe9d91caace2c6a63a5b1c062b429c1467d488";
/// One for those who run the system, one for everybody.
const TRACE_LINKS: &str = "[[trace_link]]\nname = 'Backend'\nurl = 'https://backend.example/{trace_id}'\n\
                           [[trace_link]]\nname = 'Portal'\nurl = 'https://portal.example/{trace_id}'\ntenants = true";
/// The trace of acme, of globex, and one in which both were served.
const TRACES: [u8; 3] = [1, 2, 3];

/// Who asks: nobody, a user of acme, a user of globex, a viewer, an operator, a program that reads, a program that may act.
const WHO: [&str; 7] = ["nobody", "acme", "globex", "viewer", "operator", "service key", "operator's service key"];

/// Route, what is asked of it, and the status for each of [`WHO`].
const TABLE: &[(&str, &str, &str, [u16; 7])] = &[
    ("GET", "/", "/", [401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/traces", "/traces", [401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/traces/{id}", "/traces/01010101010101010101010101010101", [401, 200, 404, 200, 200, 200, 200]),
    ("GET", "/traces/{id}", "/traces/02020202020202020202020202020202", [401, 404, 200, 200, 200, 200, 200]),
    (
        "GET",
        "/traces/{id}/spans/{span}",
        "/traces/01010101010101010101010101010101/spans/0000000000000001",
        [401, 200, 404, 200, 200, 200, 200],
    ),
    (
        "GET",
        "/traces/{id}/spans/{span}",
        "/traces/03030303030303030303030303030303/spans/0000000000000001",
        [401, 200, 404, 200, 200, 200, 200],
    ),
    ("GET", "/find", "/find", [401, 400, 400, 400, 400, 400, 400]),
    ("GET", "/find", "/find?q=nobody", [401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/find", "/find?q=globex", [401, 200, 303, 303, 303, 303, 303]),
    ("GET", "/find", "/find?q=01010101010101010101010101010101", [401, 303, 200, 303, 303, 303, 303]),
    ("GET", "/groups", "/groups", [401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/groups", "/groups?by=tenant.id&tenant=globex", [401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/turned-away", "/turned-away", [401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/turned-away", "/turned-away?tenant=globex&reason=no_such_booking", [401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/investigations", "/investigations", [401, 403, 403, 200, 200, 200, 200]),
    ("GET", "/investigations", "/investigations?tenant=acme", [401, 403, 403, 200, 200, 200, 200]),
    ("GET", "/investigations/{id}", "/investigations/none", [401, 403, 403, 404, 404, 404, 404]),
    ("GET", "/api/investigations", "/api/investigations", [401, 403, 403, 200, 200, 200, 200]),
    ("GET", "/api/investigations/{id}", "/api/investigations/none", [401, 403, 403, 404, 404, 404, 404]),
    ("POST", "/investigations", "/investigations", [401, 403, 403, 403, 422, 403, 422]),
    ("POST", "/investigations/{id}/notes", "/investigations/none/notes", [401, 403, 403, 403, 422, 403, 422]),
    ("POST", "/investigations/{id}/close", "/investigations/none/close", [401, 403, 403, 403, 404, 403, 404]),
    ("POST", "/investigations/{id}/erase", "/investigations/none/erase", [401, 403, 403, 403, 404, 403, 404]),
    ("GET", "/tenants", "/tenants", [401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/tenant", "/tenant?id=acme", [401, 200, 404, 200, 200, 200, 200]),
    ("GET", "/tenant", "/tenant?id=nobody", [401, 404, 404, 404, 404, 404, 404]),
    ("GET", "/cost", "/cost", [401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/audit", "/audit", [401, 403, 403, 200, 200, 200, 200]),
    ("GET", "/api/audit", "/api/audit", [401, 403, 403, 200, 200, 200, 200]),
    ("GET", "/api/audit", "/api/audit?format=csv", [401, 403, 403, 200, 200, 200, 200]),
    ("GET", "/api/audit", "/api/audit?format=jsonl&order=oldest", [401, 403, 403, 200, 200, 200, 200]),
    ("GET", "/api/map", "/api/map", [401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/api/map", "/api/map?tenant=acme", [401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/api/traces", "/api/traces", [401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/api/traces", "/api/traces?tenant=globex", [401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/api/traces/{id}", "/api/traces/01010101010101010101010101010101", [401, 200, 404, 200, 200, 200, 200]),
    ("GET", "/api/traces/{id}", "/api/traces/02020202020202020202020202020202", [401, 404, 200, 200, 200, 200, 200]),
    ("GET", "/api/traces/{id}", "/api/traces/03030303030303030303030303030303", [401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/api/traces/{id}", "/api/traces/ffffffffffffffffffffffffffffffff", [401, 404, 404, 404, 404, 404, 404]),
    (
        "GET",
        "/api/traces/{id}/rows",
        "/api/traces/01010101010101010101010101010101/rows",
        [401, 200, 404, 200, 200, 200, 200],
    ),
    (
        "GET",
        "/api/traces/{id}/rows",
        "/api/traces/03030303030303030303030303030303/rows",
        [401, 200, 200, 200, 200, 200, 200],
    ),
    (
        "GET",
        "/api/traces/{id}/spans",
        "/api/traces/02020202020202020202020202020202/spans?find=globex",
        [401, 404, 200, 200, 200, 200, 200],
    ),
    (
        "GET",
        "/api/traces/{id}/spans",
        "/api/traces/03030303030303030303030303030303/spans",
        [401, 400, 400, 400, 400, 400, 400],
    ),
    ("GET", "/api/find", "/api/find", [401, 400, 400, 400, 400, 400, 400]),
    ("GET", "/api/find", "/api/find?q=globex", [401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/api/find", "/api/find?q=03030303030303030303030303030303", [401, 200, 200, 200, 200, 200, 200]),
    (
        "GET",
        "/api/traces/{id}/logs",
        "/api/traces/01010101010101010101010101010101/logs",
        [401, 200, 200, 200, 200, 200, 200],
    ),
    (
        "GET",
        "/traces/{id}/metrics",
        "/traces/01010101010101010101010101010101/metrics",
        [401, 403, 403, 200, 200, 200, 200],
    ),
    ("GET", "/service", "/service?service=booking-api", [401, 403, 403, 200, 200, 200, 200]),
    ("GET", "/api/metrics", "/api/metrics", [401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/api/metrics", "/api/metrics?service=booking-api&by=tenant.id", [401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/api/metrics", "/api/metrics?format=csv", [401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/api/groups", "/api/groups", [401, 400, 400, 400, 400, 400, 400]),
    ("GET", "/api/groups", "/api/groups?by=tenant.id", [401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/api/groups", "/api/groups?by=span.name&tenant=globex", [401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/api/turned-away", "/api/turned-away", [401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/api/turned-away", "/api/turned-away?format=csv&limit=5", [401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/api/turned-away", "/api/turned-away?tenant=globex", [401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/api/turned-away", "/api/turned-away?limit=0", [401, 400, 400, 400, 400, 400, 400]),
    (
        "GET",
        "/api/turned-away/unverified",
        "/api/turned-away/unverified?network=192.0.2.0/24&limit=5",
        [401, 403, 403, 200, 200, 200, 200],
    ),
    ("GET", "/why", "/why?filter=duration+%3E%3D+0&against=rest", [401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/why", "/why?tenant=acme&tier=basic&against=tier", [401, 403, 403, 200, 200, 200, 200]),
    ("GET", "/api/why", "/api/why", [401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/api/why", "/api/why?filter=duration+%3E%3D+0&against=rest", [401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/api/why", "/api/why?tenant=globex&against=before", [401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/api/why", "/api/why?tenant=acme&tier=basic&against=tier", [401, 403, 403, 200, 200, 200, 200]),
    ("GET", "/api/facets", "/api/facets", [401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/api/slo", "/api/slo", [401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/api/tenants/{id}", "/api/tenants/acme", [401, 200, 404, 200, 200, 200, 200]),
    ("GET", "/api/tenants/{id}", "/api/tenants/nobody", [401, 404, 404, 404, 404, 404, 404]),
    ("GET", "/api/tenants/{id}/callers", "/api/tenants/acme/callers", [401, 403, 403, 200, 200, 200, 200]),
    ("GET", "/api/alerts", "/api/alerts", [401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/api/alerts", "/api/alerts?tenant=acme", [401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/api/cost", "/api/cost", [401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/api/cost", "/api/cost?format=csv", [401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/jaeger/api/services", "/jaeger/api/services", [401, 200, 200, 200, 200, 200, 200]),
    (
        "GET",
        "/jaeger/api/services/{service}/operations",
        "/jaeger/api/services/booking-api/operations",
        [401, 200, 200, 200, 200, 200, 200],
    ),
    ("GET", "/jaeger/api/operations", "/jaeger/api/operations", [401, 400, 400, 400, 400, 400, 400]),
    (
        "GET",
        "/jaeger/api/operations",
        "/jaeger/api/operations?service=booking-api",
        [401, 200, 200, 200, 200, 200, 200],
    ),
    ("GET", "/jaeger/api/traces", "/jaeger/api/traces", [401, 400, 400, 400, 400, 400, 400]),
    ("GET", "/jaeger/api/traces", "/jaeger/api/traces?service=booking-api", [401, 200, 200, 200, 200, 200, 200]),
    (
        "GET",
        "/jaeger/api/traces/{id}",
        "/jaeger/api/traces/01010101010101010101010101010101",
        [401, 200, 404, 200, 200, 200, 200],
    ),
    ("GET", "/jaeger/api/dependencies", "/jaeger/api/dependencies", [401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/jaeger/api/metrics/{name}", "/jaeger/api/metrics/calls", [401, 501, 501, 501, 501, 501, 501]),
    ("GET", "/jaeger/api/v3/services", "/jaeger/api/v3/services", [401, 200, 200, 200, 200, 200, 200]),
    (
        "GET",
        "/jaeger/api/v3/operations",
        "/jaeger/api/v3/operations?service=booking-api",
        [401, 200, 200, 200, 200, 200, 200],
    ),
    ("GET", "/jaeger/api/v3/traces", "/jaeger/api/v3/traces", [401, 400, 400, 400, 400, 400, 400]),
    (
        "GET",
        "/jaeger/api/v3/traces",
        "/jaeger/api/v3/traces?query.startTimeMin=2000-01-01T00:00:00Z&query.startTimeMax=2100-01-01T00:00:00Z",
        [401, 200, 200, 200, 200, 200, 200],
    ),
    (
        "GET",
        "/jaeger/api/v3/traces/{id}",
        "/jaeger/api/v3/traces/02020202020202020202020202020202",
        [401, 404, 200, 200, 200, 200, 200],
    ),
    (
        "GET",
        "/jaeger/api/v3/trace-summaries",
        "/jaeger/api/v3/trace-summaries?query.startTimeMin=2000-01-01T00:00:00Z&query.startTimeMax=2100-01-01T00:00:00Z",
        [401, 200, 200, 200, 200, 200, 200],
    ),
    ("GET", "/api/sign-in", "/api/sign-in", [200; 7]),
    ("GET", "/static/{name}", "/static/style.css", [200; 7]),
    ("GET", "/static/{name}", "/static/nothing.css", [404; 7]),
    ("GET", "/sign-in", "/sign-in", [200; 7]),
    ("GET", "/sign-in/{issuer}", "/sign-in/staff", [303; 7]),
    ("GET", "/sign-in/{issuer}", "/sign-in/tenants", [303; 7]),
    ("GET", "/sign-in/{issuer}", "/sign-in/nobody", [400; 7]),
    ("GET", "/sign-in/callback", "/sign-in/callback", [400; 7]),
    // No registry of tenants is configured here.
    ("POST", "/tenants/{id}/suspend", "/tenants/acme/suspend", [401, 403, 403, 403, 404, 403, 404]),
    ("POST", "/tenants/{id}/resume", "/tenants/acme/resume", [401, 403, 403, 403, 404, 403, 404]),
    ("POST", "/tenants/{id}/tier", "/tenants/acme/tier", [401, 403, 403, 403, 404, 403, 404]),
    ("POST", "/tenants/{id}/quota", "/tenants/acme/quota", [401, 403, 403, 403, 404, 403, 404]),
    ("POST", "/tenants/{id}/access-lists", "/tenants/acme/access-lists", [401, 403, 403, 403, 404, 403, 404]),
    ("POST", "/sign-out", "/sign-out", [303; 7]),
];

/// A control plane with access configured, and a token or a key for each of [`WHO`].
struct Here {
    server: Server,
    client: Client,
    bearers: [Option<String>; 7],
    _dir: tempfile::TempDir,
}

impl Here {
    async fn new() -> Self {
        let (staff, tenants) = (Provider::start().await, Provider::start().await);
        let dir = tempfile::tempdir().unwrap();
        let key = format!(
            "[[access.service_key]]\nname = 'nightly report'\nrole = 'viewer'\nsha256 = '{KEY_SHA256}'\nexpires = '2100-01-01T00:00:00Z'\n\
             [[access.service_key]]\nname = 'acting'\nrole = 'operator'\nsha256 = '{ACTING_KEY_SHA256}'\nexpires = '2100-01-01T00:00:00Z'\n{TRACE_LINKS}"
        );
        let config = format!("{}\n{key}", access(&staff, &tenants));
        let server = Server::configured(dir.path(), &config);
        let of = |tenant: &str| {
            let claims =
                json!({ "sub": tenant, "custom:tenant-id": tenant, "custom:role": "admin", "groups": ["sre"] });
            Some(tenants.token(&claims))
        };
        let member = |group: &str| Some(staff.token(&json!({ "sub": group, "groups": [group] })));
        let bearers = [
            None,
            of("acme"),
            of("globex"),
            member("support"),
            member("sre"),
            Some(KEY.to_owned()),
            Some(ACTING_KEY.to_owned()),
        ];
        let [acme, globex, both] = TRACES;
        let globexs = |trace, n| {
            let attributes = vec![text("tenant.id", "globex"), text("tenant.tier", "standard")];
            opentelemetry_proto::tonic::trace::v1::Span { attributes, ..span(trace, n) }
        };
        let refused = |span: opentelemetry_proto::tonic::trace::v1::Span| {
            let mut attributes = span.attributes;
            attributes.extend([number("http.response.status_code", 404), text("problem.code", "no_such_booking")]);
            opentelemetry_proto::tonic::trace::v1::Span { attributes, ..span }
        };
        let refused = [refused(span(acme, 2)), refused(globexs(globex, 2))];
        let mut spans = vec![span(acme, 0), span(acme, 1), globexs(globex, 0), span(both, 0), globexs(both, 1)];
        spans.extend(refused);
        assert_eq!(server.send(spans).await.unwrap().status(), 200);
        let client = Client::builder().redirect(Policy::none()).build().unwrap();
        Self { server, client, bearers, _dir: dir }
    }

    async fn ask(&self, who: usize, method: &str, path: &str) -> (StatusCode, String) {
        let mut request = self.client.request(method.parse::<Method>().unwrap(), format!("{}{path}", self.server.url));
        if method == "POST" {
            let form = "application/x-www-form-urlencoded";
            request = request.header("content-type", form).header("origin", &self.server.url).body("");
        }
        if let Some(bearer) = &self.bearers[who] {
            request = request.bearer_auth(bearer);
        }
        let answer = request.send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    async fn json(&self, who: usize, path: &str) -> Value {
        serde_json::from_str(&self.ask(who, "GET", path).await.1).unwrap()
    }
}

#[tokio::test]
async fn each_route_answers_each_as_it_should() {
    let here = Here::new().await;
    let mut wrong = Vec::new();
    for (method, _, path, expected) in TABLE {
        for (who, expected) in expected.iter().enumerate() {
            let (status, body) = here.ask(who, method, path).await;
            if status != *expected {
                wrong.push(format!("{method} {path} for {}: {status}, not {expected}: {body:.200}", WHO[who]));
            }
            // Nothing of another tenant, whatever is asked for; but for what the question itself named.
            let others = [None, Some("globex"), Some("acme")].get(who).copied().flatten();
            if let Some(other) = others.filter(|other| !path.contains(other) && body.contains(other)) {
                wrong.push(format!("{method} {path} for {} names {other}", WHO[who]));
            }
            if who == 0 && *expected == 401 && !body.contains("\"status\":401") {
                wrong.push(format!("{method} {path}: no problem document: {body:.200}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_route_has_a_row() {
    let listed: BTreeSet<(String, &str)> =
        TABLE.iter().map(|(method, path, ..)| ((*method).to_owned(), *path)).collect();
    let routes = control_plane::server::routes();
    let there: BTreeSet<(String, &str)> = routes.iter().map(|row| (row.method.to_string(), row.path)).collect();
    assert_eq!(there, listed, "each route has its row in the table above");
}

#[test]
fn routes_that_ask_nobody_who_they_are_are_these() {
    fn sources(folder: &std::path::Path) -> String {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let text = |path: std::path::PathBuf| {
            if path.is_dir() { sources(&path) } else { std::fs::read_to_string(path).unwrap_or_default() }
        };
        entries.map(text).collect()
    }
    let all = sources(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let path = |rest: &str| rest.split('"').nth(1).unwrap_or_default().to_owned();
    let found: BTreeSet<String> = all.split(".route(").skip(1).map(path).collect();
    // Health for whoever watches the process, and the intake with keys of its own (senders_speak_for_their_account).
    let expected = ["/healthz", "/v1/access-logs", "/v1/logs", "/v1/metrics", "/v1/traces", "/v1/{*signal}"];
    assert_eq!(found, expected.map(str::to_owned).into());
    for other in ["route_service(", "nest(", "nest_service(", "axum::routing::any"] {
        assert!(!all.contains(other), "{other} makes routes that no row stands for");
    }
}

#[tokio::test]
async fn of_a_trace_that_tenants_share_each_sees_its_own_spans() {
    let here = Here::new().await;
    let spans = async |who: usize| {
        let trace = here.json(who, "/api/traces/03030303030303030303030303030303").await;
        let tenants = trace["spans"].as_array().unwrap().iter().map(|span| span["tenant"].as_str().unwrap().to_owned());
        tenants.collect::<Vec<_>>()
    };
    assert_eq!(spans(1).await, ["acme"]);
    assert_eq!(spans(2).await, ["globex"]);
    assert_eq!(spans(4).await, ["acme", "globex"]);
    let others =
        async |who: usize, trace: &str| here.json(who, &format!("/api/traces/{trace}")).await["others"].clone();
    assert_eq!(others(1, "03030303030303030303030303030303").await, true);
    assert_eq!(others(4, "03030303030303030303030303030303").await, Value::Null);
    assert_eq!(others(1, "01010101010101010101010101010101").await, Value::Null);
    let page = here.ask(1, "GET", "/traces/03030303030303030303030303030303").await.1;
    assert!(page.contains("Others took part"));
}

#[tokio::test]
async fn by_jaegers_api_a_tenant_reads_what_is_its_own() {
    let here = Here::new().await;
    let window = "query.startTimeMin=2000-01-01T00:00:00Z&query.startTimeMax=2100-01-01T00:00:00Z";
    let (acme, globex, both) = ("01".repeat(16), "02".repeat(16), "03".repeat(16));
    let ids = |traces: &Value, name: &str| {
        let all = traces.as_array().unwrap().iter();
        all.map(|trace| trace[name].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    let tenants = |spans: &Value| {
        let said = spans.as_array().unwrap().iter().map(|span| {
            let tags = span["tags"].as_array().or(span["attributes"].as_array()).unwrap();
            let tenant = tags.iter().find(|tag| tag["key"] == "tenant.id").unwrap();
            tenant["value"].as_str().or(tenant["value"]["stringValue"].as_str()).unwrap().to_owned()
        });
        said.collect::<Vec<_>>()
    };
    for (who, found, of_both, hidden) in [
        (1, vec![&acme], vec!["acme"], vec![&globex]),
        (2, vec![&globex], vec!["globex"], vec![&acme]),
        (4, vec![&acme, &globex, &both], vec!["acme", "globex"], vec![]),
    ] {
        let name = WHO[who];
        let found: BTreeSet<_> = found.into_iter().cloned().collect();
        let search = here.json(who, "/jaeger/api/traces?service=booking-api").await;
        assert_eq!(ids(&search["data"], "traceID"), found, "{name}");
        let summaries = here.json(who, &format!("/jaeger/api/v3/trace-summaries?{window}")).await;
        assert_eq!(ids(&summaries["summaries"], "traceId"), found, "{name}");
        let v3 = here.ask(who, "GET", &format!("/jaeger/api/v3/traces?{window}")).await.1;
        for id in [&acme, &globex, &both] {
            assert_eq!(v3.contains(id.as_str()), found.contains(id), "{name}: {id}");
        }
        // By its id, of a shared trace the tenant's own spans, and of another's nothing.
        let query = format!("traceID={acme}&traceID={globex}&traceID={both}");
        let by_ids = here.json(who, &format!("/jaeger/api/traces?{query}")).await;
        let missing = if hidden.is_empty() { BTreeSet::new() } else { ids(&by_ids["errors"], "traceID") };
        assert_eq!(missing, hidden.iter().map(|id| (*id).clone()).collect(), "{name}");
        let shared = by_ids["data"].as_array().unwrap().iter().find(|trace| trace["traceID"] == both.as_str()).unwrap();
        assert_eq!(tenants(&shared["spans"]), of_both, "{name}");
        let one = here.json(who, &format!("/jaeger/api/traces/{both}")).await;
        assert_eq!(tenants(&one["data"][0]["spans"]), of_both, "{name}");
        let v3 = here.json(who, &format!("/jaeger/api/v3/traces/{both}")).await;
        let groups = v3["result"]["resourceSpans"].as_array().unwrap().iter();
        let scopes = groups.flat_map(|group| group["scopeSpans"].as_array().unwrap());
        let told: Vec<_> = scopes.flat_map(|scope| tenants(&scope["spans"])).collect();
        assert_eq!(told, of_both, "{name}");
        for id in hidden {
            assert_eq!(here.ask(who, "GET", &format!("/jaeger/api/traces/{id}")).await.0, 404, "{name}");
            assert_eq!(here.ask(who, "GET", &format!("/jaeger/api/v3/traces/{id}")).await.0, 404, "{name}");
        }
    }
}

#[tokio::test]
async fn links_to_other_tools_are_for_staff_but_for_those_that_are_for_tenants() {
    let here = Here::new().await;
    let (backend, portal) = ("https://backend.example/", "https://portal.example/");
    for (who, name) in WHO.iter().enumerate().skip(1) {
        let trace = if who == 2 { "02" } else { "01" }.repeat(16);
        let answer = here.json(who, &format!("/api/traces/{trace}")).await;
        let links =
            answer["trace_links"].as_array().unwrap().iter().map(|link| link["url"].as_str().unwrap().to_owned());
        let expected = if who <= 2 { vec![portal] } else { vec![backend, portal] };
        let expected: Vec<_> = expected.into_iter().map(|base| format!("{base}{trace}")).collect();
        assert_eq!(links.collect::<Vec<_>>(), expected, "{name}");
    }
}

#[tokio::test]
async fn what_a_tenant_guesses_is_answered_as_what_is_not_there() {
    let here = Here::new().await;
    let there = here.ask(1, "GET", "/api/traces/02020202020202020202020202020202").await;
    assert_eq!(there, here.ask(1, "GET", "/api/traces/0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f").await);
    assert_eq!(here.ask(1, "GET", "/api/tenants/globex").await, here.ask(1, "GET", "/api/tenants/nobody").await);
    for path in ["/api/map", "/api/tenants/acme"] {
        let request =
            here.client.get(format!("{}{path}", here.server.url)).bearer_auth(here.bearers[1].as_ref().unwrap());
        assert!(!request.send().await.unwrap().headers().contains_key("server-timing"), "{path}");
    }
}

#[tokio::test]
async fn a_browser_is_led_to_the_sign_in_and_a_program_is_told() {
    let here = Here::new().await;
    let page = here.client.get(format!("{}/tenants?tier=basic", here.server.url)).header("accept", "text/html,*/*");
    let answer = page.send().await.unwrap();
    assert_eq!(answer.status(), 303);
    assert_eq!(answer.headers()["location"], "/sign-in?return_to=%2Ftenants%3Ftier%3Dbasic");
    let refreshed = here
        .client
        .get(format!("{}/tenants", here.server.url))
        .header("accept", "text/html")
        .header("hx-request", "true");
    let answer = refreshed.send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["hx-redirect"]),
        (401, &"/sign-in?return_to=%2Ftenants".parse().unwrap())
    );
    let api = here.client.get(format!("{}/api/map", here.server.url)).send().await.unwrap();
    assert_eq!((api.status().as_u16(), &api.headers()["www-authenticate"]), (401, &"Bearer".parse().unwrap()));
    assert_eq!(api.headers()["content-type"], "application/problem+json");
    assert_eq!(api.headers()["cache-control"], "no-store");
}

#[tokio::test]
async fn a_name_that_is_not_the_servers_is_not_answered() {
    let here = Here::new().await;
    let dir = tempfile::tempdir().unwrap();
    let open = Server::start(dir.path());
    for url in [&here.server.url, &open.url] {
        for path in ["/", "/api/map", "/sign-in"] {
            let rebound = here.client.get(format!("{url}{path}")).header("host", "evil.example");
            let rebound = rebound.bearer_auth(here.bearers[4].as_ref().unwrap());
            assert_eq!(rebound.send().await.unwrap().status(), 403, "{path}");
        }
    }
    assert_eq!(here.client.get(format!("{}/api/map", open.url)).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_command_brings_its_key_from_the_environment() {
    let here = Here::new().await;
    let map = |key: Option<&str>| {
        let mut command = std::process::Command::new(testkit::program("control-plane"));
        command.args(["map", "--url", &here.server.url]).envs(key.map(|key| ("CONTROL_PLANE_TOKEN", key)));
        command.output().unwrap()
    };
    assert!(map(Some(KEY)).status.success());
    for wrong in [None, Some("cpk_another")] {
        let refused = map(wrong);
        assert_eq!(refused.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&refused.stderr).contains("Sign in, or send a token"), "{refused:?}");
    }
}

#[tokio::test]
async fn a_refused_browser_reads_a_page_and_a_program_a_problem() {
    let here = Here::new().await;
    let (own, evil) = (here.server.url.clone(), "http://evil.example".to_owned());
    let refused = [
        ("GET", "/", "host", "evil.example", 403),
        ("POST", "/sign-out", "origin", &evil, 403),
        ("GET", "/nowhere", "origin", &own, 404),
        ("POST", "/tenants", "origin", &own, 405),
        ("GET", "/sign-in?return_to=a&return_to=b", "origin", &own, 400),
    ];
    for (method, path, name, value, status) in refused {
        for (accept, content_type) in [("text/html,*/*", "text/html"), ("*/*", "application/problem+json")] {
            let request = here.client.request(method.parse::<Method>().unwrap(), format!("{own}{path}"));
            let answer = request.header(name, value).header("accept", accept).body("").send().await.unwrap();
            assert_eq!(answer.status(), status, "{method} {path}");
            let told = answer.headers()["content-type"].to_str().unwrap().to_owned();
            // A sign-in happens in a browser alone.
            let expected = if path.starts_with("/sign-in?") { "text/html" } else { content_type };
            assert!(told.starts_with(expected), "{method} {path} for {accept}: {told}");
            assert!(answer.headers().contains_key("content-security-policy"), "{path}");
        }
    }
}

#[tokio::test]
async fn a_tenant_is_told_of_its_own_requests_that_were_refused() {
    let here = Here::new().await;
    let told = async |who: usize, query: &str| {
        let answer = here.json(who, &format!("/api/turned-away{query}")).await;
        let lines = answer["lines"].as_array().unwrap().iter();
        let lines: Vec<_> =
            lines.map(|line| (line["tenant"].as_str().unwrap().to_owned(), line["of"].clone())).collect();
        (answer["requests"].clone(), lines)
    };
    let (acme, globex) = (("acme".to_owned(), json!(4)), ("globex".to_owned(), json!(3)));
    assert_eq!(told(1, "").await, (json!(1), vec![acme.clone()]));
    assert_eq!(told(2, "").await, (json!(1), vec![globex.clone()]));
    assert_eq!(told(1, "?tenant=globex").await, (json!(0), vec![]), "nothing of another, also where it is named");
    assert_eq!(told(4, "").await, (json!(2), vec![acme, globex]));
    let csv = here.ask(1, "GET", "/api/turned-away?format=csv").await.1;
    assert_eq!(csv.lines().count(), 2, "{csv}");
    let page = here.ask(1, "GET", "/turned-away").await.1;
    assert!(page.contains("no_such_booking") && !page.contains("globex"), "{page}");
}
