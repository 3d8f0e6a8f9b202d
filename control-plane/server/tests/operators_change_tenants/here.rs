//! A control plane with a registry of tenants, and bad weather between the two.

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
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{
    browser::{Browser, csrf},
    control_plane::{Server, span, text},
    dynamodb::Table,
    provider::{Provider, access},
};

pub(crate) const REGISTRY: &str = "tenants";
/// A program with the role of an operator, and the SHA-256 of its key.
pub(crate) const KEY: &str = "cpk_of-a-nightly-report";
const KEY_SHA256: &str = "772c3c4984bc5612a88c666ee6db88b46de91a3e5ee9f9f5cae71d2b216b58b1";

/// What stands between the control plane and DynamoDB does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weather {
    /// Nothing.
    Clear,
    /// No call is answered.
    Away,
    /// A change is made, and its answer lost.
    AnswerLost,
    /// A change is made, and its answer is of another kind.
    AnswerUnread,
    /// A change is refused.
    Denied,
}

#[derive(Clone)]
pub(crate) struct Way {
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

    pub(crate) fn turns(&self, weather: Weather) {
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
        if is_change && weather == Weather::AnswerUnread as u8 {
            return (status, json, json!({ "Attributes": {} }).to_string()).into_response();
        }
        (status, json, text).into_response()
    }
}

/// A control plane with its registry, in which acme, globex and quiet are; quiet has sent no spans.
pub(crate) struct Here {
    pub(crate) server: Server,
    pub(crate) staff: Provider,
    pub(crate) tenants: Provider,
    pub(crate) table: Table,
    pub(crate) way: Way,
    pub(crate) dir: TempDir,
}

impl Here {
    pub(crate) async fn new() -> Self {
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
    pub(crate) async fn staff(&self, name: &str, group: &str) -> (Browser, String) {
        self.staff.user(json!({ "sub": name, "email": format!("{name}@staff.example"), "groups": [group] }));
        let mut browser = Browser::new(&self.server);
        let page = browser.sign_in("staff", "/tenant?id=acme").await.text().await.unwrap();
        (browser, csrf(&page))
    }

    /// What the table has of a tenant.
    pub(crate) async fn item(&self, id: &str) -> Value {
        let key = json!({ "TableName": REGISTRY, "Key": { "tenant_id": { "S": id } } });
        self.table.ask("GetItem", &key).await["Item"].clone()
    }

    pub(crate) async fn is(&self, id: &str, attribute: &str, value: &str) -> bool {
        self.item(id).await[attribute]["S"] == value
    }

    /// What was recorded of tenants, the latest last: what, how it ended, by whom, why, before and after.
    pub(crate) async fn recorded(mut self) -> Vec<String> {
        self.server.kill();
        let store = self.dir.path().join(control_plane_embedded::FILE);
        let store = Arc::new(Embedded::open(&store, Retention::default()).unwrap());
        let filter = Filter { what: Some("tenant".into()), ..Filter::default() };
        let found = Audit::new(store).list(&filter, None, 100).await.unwrap().records;
        let line = |said: &control_plane_audit::AuditEvent| {
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
    pub(crate) async fn program(&self, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let request = Client::new().post(format!("{}{path}", self.server.url)).bearer_auth(KEY);
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let answer =
            request.header("content-type", "application/x-www-form-urlencoded").body(form).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}
