//! Operators suspend, resume and re-tier tenants from a tenant's page: with a reason, of what they were shown, and never without a record of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use control_plane_audit::{Audit, Filter, Outcome};
use control_plane_embedded::{Embedded, Retention};
use futures_util::future::join_all;
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{
    browser::{Browser, csrf, location},
    control_plane::{Server, span, text},
    dynamodb::Table,
    provider::{Provider, access},
};

const REGISTRY: &str = "tenants";
/// A program with the role of an operator, and the SHA-256 of its key.
const KEY: &str = "cpk_of-a-nightly-report";
const KEY_SHA256: &str = "772c3c4984bc5612a88c666ee6db88b46de91a3e5ee9f9f5cae71d2b216b58b1";

/// What stands between the control plane and DynamoDB does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weather {
    /// Nothing.
    Clear,
    /// No call is answered.
    Away,
    /// A change is made, and its answer lost.
    AnswerLost,
    /// A change is refused.
    Denied,
}

#[derive(Clone)]
struct Way {
    table: String,
    weather: Arc<AtomicU8>,
}

impl Way {
    async fn start(table: &Table) -> (Self, String) {
        let way = Self { table: table.url.clone(), weather: Arc::new(AtomicU8::new(Weather::Clear as u8)) };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let pass =
            |State(way): State<Self>, headers: HeaderMap, body: Bytes| async move { way.pass(headers, body).await };
        let router = Router::new().fallback(pass).with_state(way.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (way, url)
    }

    fn turns(&self, weather: Weather) {
        self.weather.store(weather as u8, Ordering::SeqCst);
    }

    async fn pass(&self, mut headers: HeaderMap, body: Bytes) -> Response {
        let weather = self.weather.load(Ordering::SeqCst);
        let is_change = headers["x-amz-target"].to_str().unwrap().ends_with("UpdateItem");
        let long = Duration::from_secs(60);
        if weather == Weather::Away as u8 {
            tokio::time::sleep(long).await;
        }
        let json = [("content-type", "application/x-amz-json-1.0")];
        if is_change && weather == Weather::Denied as u8 {
            let refusal = json!({ "__type": "com.amazon.coral.service#AccessDeniedException", "message": "not you" });
            return (StatusCode::BAD_REQUEST, json, refusal.to_string()).into_response();
        }
        headers.remove("host");
        let answer = Client::new().post(&self.table).headers(headers).body(body).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        if is_change && weather == Weather::AnswerLost as u8 {
            tokio::time::sleep(long).await;
        }
        (status, json, text).into_response()
    }
}

/// A control plane with its registry, in which acme, globex and quiet are; quiet has sent no spans.
struct Here {
    server: Server,
    staff: Provider,
    tenants: Provider,
    table: Table,
    way: Way,
    dir: TempDir,
}

impl Here {
    async fn new() -> Self {
        let (staff, tenants, table) = (Provider::start().await, Provider::start().await, Table::start().await);
        let request = json!({
            "TableName": REGISTRY,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{ "AttributeName": "tenant_id", "AttributeType": "S" }],
            "KeySchema": [{ "AttributeName": "tenant_id", "KeyType": "HASH" }],
        });
        table.ask("CreateTable", &request).await;
        for (id, company) in [("acme", "Acme Air"), ("globex", "Globex & Sons"), ("quiet", "Quiet Air")] {
            let entry = [
                ("tenant_id", id),
                ("company_name", company),
                ("tier", "basic"),
                ("status", "active"),
                ("created_at", "2026-01-01T00:00:00.000Z"),
            ];
            let item: serde_json::Map<_, _> =
                entry.into_iter().map(|(name, value)| (name.to_owned(), json!({ "S": value }))).collect();
            table.ask("PutItem", &json!({ "TableName": REGISTRY, "Item": item })).await;
        }
        let (way, url) = Way::start(&table).await;
        let dir = tempfile::tempdir().unwrap();
        let config = format!(
            "{}\n[[access.service_key]]\nname = 'billing'\nrole = 'operator'\nsha256 = '{KEY_SHA256}'\nexpires = '2100-01-01T00:00:00Z'\n\
             [tenants]\ntable = '{REGISTRY}'\ntiers = ['basic', 'premium']",
            access(&staff, &tenants)
        );
        let server = Server::with_environment(dir.path(), &config, &table.environment(&url));
        let attributes = vec![text("tenant.id", "globex"), text("tenant.tier", "basic")];
        let globexs = opentelemetry_proto::tonic::trace::v1::Span { attributes, ..span(2, 0) };
        assert_eq!(server.send(vec![span(1, 0), globexs]).await.unwrap().status(), 200);
        Self { server, staff, tenants, table, way, dir }
    }

    /// A browser in which somebody of these groups signed in, at acme's page, and what their forms bring along.
    async fn staff(&self, name: &str, group: &str) -> (Browser, String) {
        self.staff.user(json!({ "sub": name, "email": format!("{name}@staff.example"), "groups": [group] }));
        let mut browser = Browser::new(&self.server);
        let page = browser.sign_in("staff", "/tenant?id=acme").await.text().await.unwrap();
        (browser, csrf(&page))
    }

    /// What the table has of a tenant.
    async fn item(&self, id: &str) -> Value {
        let key = json!({ "TableName": REGISTRY, "Key": { "tenant_id": { "S": id } } });
        self.table.ask("GetItem", &key).await["Item"].clone()
    }

    async fn is(&self, id: &str, attribute: &str, value: &str) -> bool {
        self.item(id).await[attribute]["S"] == value
    }

    /// What was recorded of tenants, the latest last: what, how it ended, by whom, why, before and after.
    async fn recorded(mut self) -> Vec<String> {
        self.server.kill();
        let store = self.dir.path().join(control_plane_embedded::FILE);
        let store = Arc::new(Embedded::open(&store, Retention::default()).unwrap());
        let filter = Filter { what: Some("tenant".into()), ..Filter::default() };
        let found = Audit::new(store).list(&filter, None, 100).await.unwrap().records;
        let line = |said: &control_plane_audit::Event| {
            let outcome = match said.outcome {
                Outcome::Begun => "begun",
                Outcome::Done => "done",
                Outcome::Refused => "refused",
                Outcome::Failed => "failed",
            };
            let value = |value: &Option<Value>| value.as_ref().unwrap().to_string();
            let (about, why) = (said.about.as_ref().unwrap().name(), said.why.as_deref().unwrap());
            let (before, after) = (value(&said.before), value(&said.after));
            format!("{} {about} {outcome} by {}: {why}, {before} → {after}", said.what.name(), said.who.name)
        };
        found.iter().rev().map(|found| line(&found.said.as_ref().unwrap().event)).collect()
    }

    /// A form of a program with a key.
    async fn program(&self, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let request = Client::new().post(format!("{}{path}", self.server.url)).bearer_auth(KEY);
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let answer =
            request.header("content-type", "application/x-www-form-urlencoded").body(form).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

#[tokio::test]
async fn an_operator_suspends_resumes_and_sets_the_tier_each_with_its_record() {
    let here = Here::new().await;
    let (mut ada, csrf) = here.staff("ada", "sre").await;
    let page = ada.open("/tenant?id=acme").await.text().await.unwrap();
    assert!(page.contains("Acme Air") && page.contains("active") && page.contains("/tenants/acme/suspend"), "{page}");
    assert!(!page.contains("/tenants/acme/resume"), "{page}");

    let origin = here.server.url.clone();
    let reason = "%3Cscript%3Ealert(1)%3C%2Fscript%3E+unpaid";
    let answer = ada.post("/tenants/acme/suspend", &origin, format!("csrf={csrf}&reason={reason}")).await;
    let back = location(&answer);
    assert_eq!(back, "/tenant?id=acme#registry");
    assert!(here.is("acme", "status", "suspended").await && here.is("globex", "status", "active").await);
    let page = ada.open(&back).await.text().await.unwrap();
    assert!(page.contains("suspended") && page.contains("/tenants/acme/resume"), "{page}");
    assert!(page.contains("by ada@staff.example: &lt;script&gt;alert(1)&lt;/script&gt; unpaid"), "{page}");
    assert!(!page.contains("/tenants/acme/suspend"), "{page}");

    let form = format!("csrf={csrf}&reason=grown&shown=basic&tier=premium");
    assert_eq!(location(&ada.post("/tenants/acme/tier", &origin, form).await), back);
    let answer = ada.post("/tenants/acme/resume", &origin, format!("csrf={csrf}&reason=paid")).await;
    assert_eq!(location(&answer), back);
    assert!(here.is("acme", "status", "active").await && here.is("acme", "tier", "premium").await);
    assert!(here.is("acme", "change_reason", "paid").await && here.is("acme", "changed_by", "ada@staff.example").await);

    let both = |what: &str, rest: &str| {
        ["begun", "done"].map(|end| format!("tenant.{what} acme {end} by ada@staff.example: {rest}"))
    };
    let expected = [
        both("suspend", r#"<script>alert(1)</script> unpaid, {"status":"active"} → {"status":"suspended"}"#),
        both("set_tier", r#"grown, {"tier":"basic"} → {"tier":"premium"}"#),
        both("resume", r#"paid, {"status":"suspended"} → {"status":"active"}"#),
    ];
    assert_eq!(here.recorded().await, expected.concat());
}

#[tokio::test]
async fn a_form_that_is_wrong_changes_nothing() {
    let here = Here::new().await;
    let (mut ada, csrf) = here.staff("ada", "sre").await;
    let before = here.item("acme").await;
    let (own, long) = (here.server.url.clone(), "x".repeat(501));
    let with = |rest: &str| format!("csrf={csrf}&{rest}");
    let cases = [
        (403, "/tenants/acme/suspend", &*own, "reason=r".to_owned()),
        (403, "/tenants/acme/suspend", &own, "csrf=x&reason=r".into()),
        (403, "/tenants/acme/suspend", &own, format!("csrf={}&reason=r", &csrf[1..])),
        (403, "/tenants/acme/suspend", "https://evil.example", with("reason=r")),
        (403, "/tenants/acme/suspend", "null", with("reason=r")),
        (404, "/tenants/nobody/suspend", &own, with("reason=r")),
        (404, "/tenants/a%23b/suspend", &own, with("reason=r")),
        (404, "/tenants/%00/suspend", &own, with("reason=r")),
        (409, "/tenants/acme/resume", &own, with("reason=r")),
        (409, "/tenants/acme/tier", &own, with("reason=r&shown=premium&tier=basic")),
        (413, "/tenants/acme/suspend", &own, with(&format!("reason={}", "x".repeat(10_000_000)))),
        (422, "/tenants/acme/suspend", &own, with("")),
        (422, "/tenants/acme/suspend", &own, with("reason=++")),
        (422, "/tenants/acme/suspend", &own, with("reason=a%0Ab")),
        (422, "/tenants/acme/suspend", &own, with("reason=%1B%5B2J")),
        (422, "/tenants/acme/suspend", &own, with(&format!("reason={long}"))),
        (422, "/tenants/acme/suspend", &own, with("reason=r&reason=s")),
        (422, "/tenants/acme/suspend", &own, with(&format!("csrf={csrf}&reason=r"))),
        (422, "/tenants/acme/tier", &own, with("reason=r&shown=basic")),
        (422, "/tenants/acme/tier", &own, with("reason=r&shown=basic&tier=gold")),
        (422, "/tenants/acme/tier", &own, with("reason=r&shown=basic&tier=standard")),
        (422, "/tenants/acme/tier", &own, with("reason=r&shown=&tier=premium")),
        (422, "/tenants/acme/tier", &own, with("reason=r&shown=basic&tier=basic")),
    ];
    for (status, path, origin, form) in cases {
        let told = format!("{path} {form:.80}");
        let answer = ada.post(path, origin, form).await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["content-type"]),
            (status, &"text/html; charset=utf-8".parse().unwrap()),
            "{told}"
        );
        let page = answer.text().await.unwrap();
        assert!(page.contains("role=\"alert\"") && page.contains("<a href="), "{told}: {page}");
    }
    // What is no form is none.
    let request = ada.client.post(format!("{own}/tenants/acme/suspend")).bearer_auth(KEY);
    assert_eq!(request.json(&json!({ "reason": "r" })).send().await.unwrap().status(), 415);
    assert_eq!(here.item("acme").await, before);
    assert_eq!(here.recorded().await, [""; 0]);
}

#[tokio::test]
async fn nobody_but_an_operator_changes_a_tenant() {
    let here = Here::new().await;
    let own = here.server.url.clone();
    let (mut viewer, csrf) = here.staff("vera", "support").await;
    let page = viewer.open("/tenant?id=acme").await.text().await.unwrap();
    assert!(page.contains("Acme Air") && !page.contains("/tenants/acme/"), "{page}");
    let claims = json!({ "sub": "p", "email": "pilot@acme.example", "custom:tenant-id": "acme", "custom:role": "admin", "groups": ["sre"] });
    here.tenants.user(claims);
    let mut tenant = Browser::new(&here.server);
    tenant.sign_in("tenants", "/tenant?id=acme").await;
    for action in ["suspend", "resume", "tier"] {
        for id in ["acme", "globex", "nobody"] {
            let (path, form) =
                (format!("/tenants/{id}/{action}"), format!("csrf={csrf}&reason=r&shown=basic&tier=premium"));
            for browser in [&mut viewer, &mut tenant] {
                assert_eq!(browser.post(&path, &own, form.clone()).await.status(), 403, "{path}");
            }
            // Somebody who is not signed in is led to where they can.
            assert_eq!(Browser::new(&here.server).post(&path, &own, form).await.status(), 303, "{path}");
        }
    }
    assert!(here.is("acme", "status", "active").await && here.is("acme", "tier", "basic").await);
    assert_eq!(here.recorded().await, [""; 0]);
}

#[tokio::test]
async fn a_tenant_sees_how_it_stands_and_not_who_decided_it() {
    let here = Here::new().await;
    for id in ["acme", "globex"] {
        let form = [("reason", "the secret reason")];
        assert_eq!(here.program(&format!("/tenants/{id}/suspend"), &form).await.0, 200);
    }
    here.tenants
        .user(json!({ "sub": "p", "email": "pilot@acme.example", "custom:tenant-id": "acme", "custom:role": "admin" }));
    let mut tenant = Browser::new(&here.server);
    let page = tenant.sign_in("tenants", "/tenant?id=acme").await.text().await.unwrap();
    assert!(page.contains("Acme Air") && page.contains("suspended"), "{page}");
    for hidden in ["secret reason", "billing", "/tenants/acme/"] {
        assert!(!page.contains(hidden), "{hidden}: {page}");
    }
    // What the registry has of others is as if it were not there.
    let others = tenant.open("/tenant?id=quiet").await;
    let nobody = tenant.open("/tenant?id=nobody").await;
    assert_eq!((others.status(), nobody.status()), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
    let (others, nobody) = (others.text().await.unwrap(), nobody.text().await.unwrap());
    assert_eq!(others.replace("quiet", "nobody"), nobody);
}

#[tokio::test]
async fn a_tenant_that_has_sent_nothing_yet_can_be_suspended() {
    let here = Here::new().await;
    let (mut ada, _) = here.staff("ada", "sre").await;
    let page = ada.open("/tenant?id=quiet").await;
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    assert!(
        page.contains("Quiet Air") && page.contains("/tenants/quiet/suspend") && page.contains("No span has named"),
        "{page}"
    );
    assert_eq!(ada.open("/tenant?id=nobody").await.status(), 404);
}

#[tokio::test]
async fn of_many_who_suspend_a_tenant_at_once_one_has_done_it() {
    let here = Here::new().await;
    let suspend =
        async |number: u8| here.program("/tenants/acme/suspend", &[("reason", &format!("reason {number}"))]).await;
    let answers = join_all((0..8).map(suspend)).await;
    let (done, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|(status, _)| *status == 200);
    assert_eq!((done.len(), refused.len()), (1, 7), "{answers:?}");
    assert!(
        refused.iter().all(|(status, body)| *status == 409
            && body["detail"].as_str().unwrap().contains("acme is suspended, basic by now")),
        "{answers:?}"
    );
    let reason = done[0].1["change_reason"].as_str().unwrap();
    assert!(here.is("acme", "change_reason", reason).await && done[0].1["status"] == "suspended");
    // Each that began has ended, and one of them did it.
    let recorded = here.recorded().await;
    let ended = |how: &str| recorded.iter().filter(|line| line.contains(&format!(" {how} by billing"))).count();
    assert_eq!((ended("done"), ended("begun")), (1, 1 + ended("failed")), "{recorded:?}");
}

#[tokio::test]
async fn without_its_registry_a_page_shows_all_else_and_nothing_is_changed() {
    let here = Here::new().await;
    let (mut ada, csrf) = here.staff("ada", "sre").await;
    let own = here.server.url.clone();
    let form = format!("csrf={csrf}&reason=r");
    let suspend = async |ada: &mut Browser, weather| {
        here.way.turns(weather);
        let answer = ada.post("/tenants/acme/suspend", &own, form.clone()).await;
        assert_eq!(answer.status(), 503);
        answer.text().await.unwrap()
    };
    let told = suspend(&mut ada, Weather::Away).await;
    assert!(told.contains("did not answer within 2 s") && told.contains("Nothing was changed"), "{told}");
    let page = ada.open("/tenant?id=acme").await;
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    assert!(page.contains("did not answer within 2 s") && page.contains("Slowest traces"), "{page}");
    assert!(!page.contains("/tenants/acme/"), "{page}");
    let told = suspend(&mut ada, Weather::Denied).await;
    assert!(told.contains("AccessDeniedException: not you") && told.contains("Nothing was changed"), "{told}");
    assert!(here.is("acme", "status", "active").await);
    let told = suspend(&mut ada, Weather::AnswerLost).await;
    assert!(told.contains("it is unknown whether the change was made"), "{told}");
    assert!(here.is("acme", "status", "suspended").await);
    let recorded = here.recorded().await;
    let ends: Vec<&str> = recorded.iter().map(|line| line.split(' ').nth(2).unwrap()).collect();
    assert_eq!(ends, ["begun", "failed", "begun"], "{recorded:?}");
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_done() {
    let here = Here::new().await;
    // That the key came is recorded too, once.
    assert_eq!(here.program("/tenants/quiet/suspend", &[("reason", "r")]).await.0, 200);
    let store = rusqlite::Connection::open(here.dir.path().join(control_plane_embedded::FILE)).unwrap();
    store.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (status, answer) = here.program("/tenants/acme/suspend", &[("reason", "r")]).await;
    assert_eq!(status, 503, "{answer}");
    assert!(answer["detail"].as_str().unwrap().contains("nothing was changed"), "{answer}");
    store.execute_batch("ROLLBACK").unwrap();
    assert!(here.is("acme", "status", "active").await);
    assert_eq!(here.program("/tenants/acme/suspend", &[("reason", "r")]).await.0, 200);
}

/// On loopback, without sign-in, everybody is an operator; another site's page is none of us.
#[tokio::test]
async fn on_loopback_a_form_needs_to_be_of_the_servers_own_page() {
    let here = Here::new().await;
    let dir = tempfile::tempdir().unwrap();
    let config = format!("[tenants]\ntable = '{REGISTRY}'\ntiers = ['basic']");
    let server = Server::with_environment(dir.path(), &config, &here.table.environment(&here.table.url));
    let mut browser = Browser::new(&server);
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
        assert_eq!(browser.post("/tenants/acme/suspend", origin, "reason=r".into()).await.status(), 403, "{origin}");
    }
    assert!(here.is("acme", "status", "active").await);
    let answer = browser.post("/tenants/acme/suspend", &server.url, "reason=r".into()).await;
    assert_eq!(location(&answer), "/tenant?id=acme#registry");
    assert!(here.is("acme", "changed_by", "loopback").await);
}
