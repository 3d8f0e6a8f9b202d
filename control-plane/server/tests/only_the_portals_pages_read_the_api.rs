//! A page of another origin reads the API if its origin is the portal's, by GET, with a token; no other page and no other way is let in.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use reqwest::{Client, Method, Response, StatusCode, header::HeaderMap};
use serde_json::json;
use testkit::{
    control_plane::{Server, span},
    provider::{Provider, access},
};

const PORTAL: &str = "https://portal.example";
/// Origins that are not the portal's, however they may look.
const OTHERS: [&str; 8] = [
    "https://evil.example",
    "null",
    "http://portal.example",
    "https://portal.example.evil.example",
    "https://portal.example:8443",
    "https://PORTAL.example",
    "https://portal.example/",
    "",
];

struct Here {
    server: Server,
    client: Client,
    token: String,
    _dir: tempfile::TempDir,
}

impl Here {
    /// A control plane that lets these origins in, and the token of a tenant's admin.
    async fn new(origins: &str) -> Self {
        let (staff, tenants) = (Provider::start().await, Provider::start().await);
        let dir = tempfile::tempdir().unwrap();
        let config = access(&staff, &tenants).replacen("url =", &format!("{origins}\nurl ="), 1);
        let server = Server::configured(dir.path(), &config);
        assert_eq!(server.send(vec![span(1, 0)]).await.unwrap().status(), 200);
        let claims = json!({ "sub": "pilot", "custom:tenant-id": "acme", "custom:role": "admin" });
        Self { server, client: Client::new(), token: tenants.token(&claims), _dir: dir }
    }

    async fn with_portal() -> Self {
        Self::new(&format!("allowed_origins = ['{PORTAL}']")).await
    }

    async fn preflight(&self, path: &str, origin: &str, method: &str) -> Response {
        let request = self.client.request(Method::OPTIONS, format!("{}{path}", self.server.url));
        let asked = [("origin", origin), ("access-control-request-method", method)];
        let request = asked.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let headers = "authorization, traceparent";
        request.header("access-control-request-headers", headers).send().await.unwrap()
    }

    async fn get(&self, path: &str, origin: &str, bearer: Option<&str>) -> Response {
        let request = self.client.get(format!("{}{path}", self.server.url)).header("origin", origin);
        let request = bearer.into_iter().fold(request, |request, bearer| request.bearer_auth(bearer));
        request.send().await.unwrap()
    }
}

/// What an answer says to a browser of who may read it.
fn said(headers: &HeaderMap) -> BTreeMap<String, String> {
    let said = headers.iter().filter(|(name, _)| name.as_str().starts_with("access-control-"));
    said.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect()
}

fn of(named: &[(&str, &str)]) -> BTreeMap<String, String> {
    named.iter().map(|(name, value)| (format!("access-control-{name}"), (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_page_of_the_portal_reads_the_api_with_a_token() {
    let here = Here::with_portal().await;
    let asked = here.preflight("/api/tenants/acme", PORTAL, "GET").await;
    assert_eq!(asked.status(), StatusCode::OK);
    let allowed = [
        ("allow-origin", PORTAL),
        ("allow-methods", "GET"),
        ("allow-headers", "authorization,traceparent"),
        ("max-age", "600"),
    ];
    assert_eq!(said(asked.headers()), of(&allowed), "and no credentials");

    let readable = of(&[("allow-origin", PORTAL), ("expose-headers", "retry-after")]);
    let paths = ["/api/tenants/acme", "/api/traces", "/api/alerts", "/api/turned-away", "/api/cost"];
    for path in paths {
        let answer = here.get(path, PORTAL, Some(&here.token)).await;
        assert_eq!((answer.status(), said(answer.headers())), (StatusCode::OK, readable.clone()), "{path}");
        let vary = answer.headers().get_all("vary").iter().map(|vary| vary.to_str().unwrap().to_owned());
        assert!(vary.collect::<Vec<_>>().join(",").contains("origin"), "{path}");
    }
    // What is wrong can be read too, or nobody would renew a token.
    let refusals = [
        (here.get("/api/alerts", PORTAL, None).await, 401),
        (here.get("/api/alerts", PORTAL, Some("forged")).await, 401),
        (here.get("/api/tenants/globex", PORTAL, Some(&here.token)).await, 404),
        (here.get("/api/cost?window=soon", PORTAL, Some(&here.token)).await, 400),
    ];
    for (answer, status) in refusals {
        assert_eq!((answer.status().as_u16(), said(answer.headers())), (status, readable.clone()));
    }
}

#[tokio::test]
async fn no_other_origin_is_told_anything() {
    let here = Here::with_portal().await;
    for origin in OTHERS {
        for path in ["/api/tenants/acme", "/api/alerts"] {
            let asked = here.preflight(path, origin, "GET").await;
            assert_eq!(said(asked.headers()), BTreeMap::new(), "{origin:?} {path}");
            assert!(asked.bytes().await.unwrap().is_empty(), "{origin:?} {path}");
            let answer = here.get(path, origin, Some(&here.token)).await;
            assert_eq!(said(answer.headers()), BTreeMap::new(), "{origin:?} {path}");
        }
    }
}

#[tokio::test]
async fn a_page_of_the_portal_changes_nothing() {
    let here = Here::with_portal().await;
    // A browser sends a POST after any preflight that names the origin, whichever methods that allows.
    for method in ["POST", "PUT", "PATCH", "DELETE", "HEAD", "get", ""] {
        let asked = here.preflight("/api/alerts", PORTAL, method).await;
        assert_eq!(said(asked.headers()), BTreeMap::new(), "{method}");
    }
    let posted = here.client.post(format!("{}/api/alerts", here.server.url)).header("origin", PORTAL);
    let posted = posted.bearer_auth(&here.token).send().await.unwrap();
    assert_eq!((posted.status().as_u16(), said(posted.headers())), (405, BTreeMap::new()));
    let posted = here.client.post(format!("{}/sign-out", here.server.url)).header("origin", PORTAL).send().await;
    assert_eq!(posted.unwrap().status(), 403);
}

#[tokio::test]
async fn only_the_api_is_let_in_to() {
    let here = Here::with_portal().await;
    for path in [
        "/",
        "/tenant?id=acme",
        "/cost",
        "/sign-in",
        "/sign-out",
        "/static/style.css",
        "/v1/traces",
        "/v1/metrics",
        "/v1/logs",
        "/healthz",
    ] {
        for method in ["GET", "POST"] {
            let asked = here.preflight(path, PORTAL, method).await;
            assert_eq!(said(asked.headers()), BTreeMap::new(), "{method} {path}");
        }
        let answer = here.get(path, PORTAL, Some(&here.token)).await;
        assert_eq!(said(answer.headers()), BTreeMap::new(), "{path}");
    }
}

#[tokio::test]
async fn nobody_is_let_in_where_nothing_is_configured() {
    let here = Here::new("").await;
    let open = tempfile::tempdir().unwrap();
    let open = (Server::start(open.path()), open);
    for url in [&here.server.url, &open.0.url] {
        for method in [Method::OPTIONS, Method::GET] {
            let request = here.client.request(method, format!("{url}/api/alerts")).header("origin", PORTAL);
            let request = request.header("access-control-request-method", "GET").bearer_auth(&here.token);
            assert_eq!(said(request.send().await.unwrap().headers()), BTreeMap::new(), "{url}");
        }
    }
}
