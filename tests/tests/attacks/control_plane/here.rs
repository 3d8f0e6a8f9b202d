//! A control plane with data of several tenants, and who asks it.

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span},
};
use prost::Message;
use serde_json::{Value, json};
use testkit::{
    control_plane::{Server, span, text},
    dynamodb::Table,
    provider::{Provider, access},
};

use super::wire::{Answer, Request};

/// A viewer's service key.
pub(crate) const KEY: &str = "cpk_of-a-nightly-report";
/// Of [`KEY`], as `sha256sum` says it.
pub(crate) const KEY_SHA256: &str = "772c3c4984bc5612a88c666ee6db88b46de91a3e5ee9f9f5cae71d2b216b58b1";
/// An operator's that is not good any more.
pub(crate) const OLD_KEY: &str = "cpk_of-last-year";
const OLD_KEY_SHA256: &str = "29aae0549dde5057ba0834adf161a196126b0e467414ba1c1727954d9c6e428d";
/// The tenant whose user attacks, another, and one that there is not.
pub(crate) const OWN: &str = "acme";
pub(crate) const OTHER: &str = "globex";
pub(crate) const NOBODY: &str = "grobex";
/// Traces of [`OTHER`] and of nobody.
pub(crate) const OTHERS_TRACE: &str = "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b";
pub(crate) const NO_TRACE: &str = "0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d";
/// The name of a session's cookie: the configuration's URL ends with this port.
pub(crate) const SESSION: &str = "control-plane-session-1";
pub(crate) const SIGN_IN: &str = "control-plane-sign-in-1";

/// A server process, its providers, and what genuine users of it have.
pub(crate) struct Here {
    pub(crate) server: Server,
    /// `127.0.0.1:port`.
    pub(crate) host: String,
    pub(crate) staff: Provider,
    pub(crate) tenants: Provider,
    /// Sessions' cookies, `name=value`, and what their forms bring along.
    pub(crate) operator: (String, String),
    pub(crate) pilot: (String, String),
    pub(crate) viewer: (String, String),
    _dir: tempfile::TempDir,
}

/// What an operator's token says besides.
pub(crate) fn operators() -> serde_json::Value {
    json!({ "sub": "1", "email": "ada@staff.example", "groups": ["sre"] })
}

/// What the token of an admin of a tenant says besides.
pub(crate) fn admin(tenant: &str) -> serde_json::Value {
    json!({ "sub": "2", "email": format!("pilot@{tenant}.example"), "custom:tenant-id": tenant, "custom:role": "admin" })
}

/// The tenant that the attacks are after, in a registry.
async fn create_registry(table: &Table) {
    let request = json!({
        "TableName": "tenants",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{ "AttributeName": "tenant_id", "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": "tenant_id", "KeyType": "HASH" }],
    });
    table.ask("CreateTable", &request).await;
    let entry = json!({
        "tenant_id": { "S": OTHER },
        "company_name": { "S": "Globex" },
        "tier": { "S": "basic" },
        "status": { "S": "active" },
        "created_at": { "S": "2026-01-01T00:00:00.000Z" },
    });
    table.ask("PutItem", &json!({ "TableName": "tenants", "Item": entry })).await;
}

/// A tenant as a registry has it.
pub(crate) async fn registered(table: &Table, tenant: &str) -> Value {
    let key = json!({ "TableName": "tenants", "ConsistentRead": true, "Key": { "tenant_id": { "S": tenant } } });
    table.ask("GetItem", &key).await["Item"].clone()
}

impl Here {
    pub(crate) async fn new() -> Self {
        Self::with_registry(None).await
    }

    /// One that can change the tenants of a registry, where there is one.
    pub(crate) async fn with_registry(registry: Option<&Table>) -> Self {
        let (staff, tenants) = (Provider::start().await, Provider::start().await);
        let dir = tempfile::tempdir().unwrap();
        let key = |name: &str, role: &str, sha256: &str, expires: &str| {
            format!(
                "[[access.service_key]]\nname = '{name}'\nrole = '{role}'\nsha256 = '{sha256}'\nexpires = '{expires}T00:00:00Z'\n"
            )
        };
        let keys = [
            key("nightly report", "viewer", KEY_SHA256, "2100-01-01"),
            key("old", "operator", OLD_KEY_SHA256, "2026-01-01"),
        ];
        let mut config = format!("{}\n{}", access(&staff, &tenants), keys.concat());
        let mut variables = Vec::new();
        if let Some(table) = registry {
            config += "[tenants]\ntable = 'tenants'\ntiers = ['basic', 'premium']\n";
            variables = table.environment(&table.url);
            create_registry(table).await;
        }
        let server = Server::with_environment(dir.path(), &config, &variables);
        let host = server.url.strip_prefix("http://").unwrap().to_owned();
        let nobody = (String::new(), String::new());
        let mut here = Self {
            server,
            host,
            staff,
            tenants,
            operator: nobody.clone(),
            pilot: nobody.clone(),
            viewer: nobody,
            _dir: dir,
        };
        here.fill().await;
        here.staff.user(json!({ "sub": "3", "email": "grace@staff.example", "groups": ["support"] }));
        here.viewer = here.session("staff").await;
        here.staff.user(operators());
        here.tenants.user(admin(OWN));
        here.operator = here.session("staff").await;
        here.pilot = here.session("tenants").await;
        here
    }

    /// Two tenants' traces, of services that each has alone, and one that they share.
    async fn fill(&self) {
        let of = |tenant: &str, trace: u8, n: u64| {
            let attributes = vec![
                text("tenant.id", tenant),
                text("tenant.tier", "basic"),
                text("enduser.id", &format!("user-of-{tenant}")),
            ];
            let span = Span { attributes, name: format!("GET /only-{tenant}"), ..span(trace, n) };
            let resource =
                Resource { attributes: vec![text("service.name", &format!("{tenant}-fares"))], ..Resource::default() };
            let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
            ResourceSpans { resource: Some(resource), scope_spans, ..ResourceSpans::default() }
        };
        let resource_spans = vec![
            of(OWN, 10, 0),
            of(OTHER, 11, 0),
            of(OTHER, 11, 1),
            of(OWN, 12, 0),
            of(OTHER, 12, 1),
            of("oceanic", 14, 0),
        ];
        let sent = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
        assert_eq!(self.server.post("application/x-protobuf", sent).await.status(), 200);
    }

    pub(crate) fn send(&self, request: &Request) -> Answer {
        request.send(&self.host)
    }

    /// Begins a sign-in: the sign-in's cookie, and the provider's page.
    pub(crate) fn begin(&self, issuer: &str, return_to: &str) -> (String, String) {
        let begun = self.send(&Request::get(format!("/sign-in/{issuer}?return_to={return_to}")));
        assert_eq!(begun.status, 303, "{begun:?}");
        (begun.cookies()[0].to_owned(), begun.header("location").unwrap().to_owned())
    }

    /// To the provider: the path that it sends the browser back to.
    pub(crate) async fn at_provider(&self, page: &str) -> String {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let answer = client.get(page).send().await.unwrap();
        let back = answer.headers()["location"].to_str().unwrap().to_owned();
        // The configuration cannot know the test's port.
        back.strip_prefix("http://127.0.0.1:1").unwrap().to_owned()
    }

    /// Signs in: the session's cookie, and what its forms bring along.
    pub(crate) async fn session(&self, issuer: &str) -> (String, String) {
        let (cookie, page) = self.begin(issuer, "/");
        let back = self.send(&Request::get(self.at_provider(&page).await).cookie(&cookie));
        assert_eq!((back.status, back.header("location")), (303, Some("/")), "{back:?}");
        let session = back.cookies()[0].to_owned();
        let page = self.send(&Request::get("/tenants").cookie(&session).with("Accept", "text/html"));
        let (_, after) = page.body.split_once("name=\"csrf\" value=\"").expect("a form to sign out");
        (session, after.split('"').next().unwrap().to_owned())
    }

    /// Whether a session is one.
    pub(crate) fn is_signed_in(&self, cookie: &str) -> bool {
        self.send(&Request::get("/api/facets").cookie(cookie)).status == 200
    }
}
