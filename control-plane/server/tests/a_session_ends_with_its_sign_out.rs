//! Somebody signs in with a browser, works, and signs out; a copy of their cookie is worth nothing afterwards.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use serde_json::json;
use testkit::{
    browser::{Browser, csrf, location},
    control_plane::{Server, span},
    provider::{Provider, access},
};

async fn here() -> (Server, Provider, Provider, tempfile::TempDir) {
    let (staff, tenants) = (Provider::start().await, Provider::start().await);
    staff.user(json!({ "sub": "1", "email": "ada@staff.example", "groups": ["sre"] }));
    tenants
        .user(json!({ "sub": "2", "email": "pilot@acme.example", "custom:tenant-id": "acme", "custom:role": "admin" }));
    let dir = tempfile::tempdir().unwrap();
    let server = Server::configured(dir.path(), &access(&staff, &tenants));
    assert_eq!(server.send(vec![span(1, 0)]).await.unwrap().status(), 200);
    (server, staff, tenants, dir)
}

#[tokio::test]
async fn signed_in_and_out() {
    let (server, _staff, _tenants, _dir) = here().await;
    let mut browser = Browser::new(&server);
    let page = browser.sign_in("staff", "/traces?window=15m").await;
    assert_eq!(page.status(), 200);
    // With `no-referrer` a browser would not say that a form is our own.
    assert_eq!(page.headers()["referrer-policy"], "same-origin");
    let page = page.text().await.unwrap();
    assert!(page.contains("ada@staff.example") && page.contains("operator"), "{page}");
    let copy = browser.cookies.clone();
    // No two answers show the same text, or the length of a compressed one would tell of it.
    let (earlier, token) = (csrf(&page), csrf(&browser.open("/").await.text().await.unwrap()));
    assert_ne!(earlier, token);

    // Not from elsewhere, and not without what the page brings along.
    for (origin, body) in [
        ("https://evil.example", format!("csrf={token}")),
        ("null", format!("csrf={token}")),
        (&*server.url, String::new()),
        (&*server.url, "csrf=x".to_owned()),
        (&*server.url, format!("csrf={token}&csrf={token}")),
        (&*server.url, format!("csrf={}", "x".repeat(10_000_000))),
    ] {
        let answer = browser.post("/sign-out", origin, body).await;
        assert!(answer.status().is_client_error(), "{origin}");
        assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
        assert_eq!(browser.open("/").await.status(), 200);
    }
    assert_eq!(location(&browser.post("/sign-out", &server.url, format!("csrf={earlier}")).await), "/sign-in");
    assert!(browser.cookies.is_empty());
    browser.cookies = copy;
    assert_eq!(location(&browser.open("/traces").await), "/sign-in?return_to=%2Ftraces");
}

#[tokio::test]
async fn a_tenants_user_sees_their_own() {
    let (server, _staff, _tenants, _dir) = here().await;
    let mut browser = Browser::new(&server);
    let page = browser.sign_in("tenants", "/tenant?id=acme").await.text().await.unwrap();
    assert!(page.contains("pilot@acme.example (tenant)"), "{page}");
    let others = browser.open("/tenant?id=globex").await;
    let (status, text) = (others.status(), others.text().await.unwrap());
    assert_eq!(status, 404, "{text}");
}

#[tokio::test]
async fn sessions_outlive_the_server() {
    let (mut server, staff, tenants, dir) = here().await;
    let mut browser = Browser::new(&server);
    browser.sign_in("staff", "/tenants").await;
    server.kill();
    let again = Server::configured(dir.path(), &access(&staff, &tenants));
    browser.server = again.url.clone();
    assert_eq!(browser.open("/tenants").await.status(), 200);
}

#[tokio::test]
async fn no_sign_in_leads_elsewhere_or_is_another_browsers() {
    let (server, _staff, _tenants, _dir) = here().await;
    let mut victim = Browser::new(&server);
    for elsewhere in ["https://evil.example/", "//evil.example", "/%5Cevil.example", "javascript:alert(1)"] {
        let to_provider = location(&victim.open(&format!("/sign-in/staff?return_to={elsewhere}")).await);
        let back = location(&victim.client.get(to_provider).send().await.unwrap());
        let answer = victim.open(back.strip_prefix("http://127.0.0.1:1").unwrap()).await;
        assert_eq!(location(&answer), "/", "{elsewhere}");
    }
    // The way back of somebody else's sign-in, opened by a victim: it would sign them in as that other.
    let (mut other, mut victim) = (Browser::new(&server), Browser::new(&server));
    let to_provider = location(&other.open("/sign-in/staff").await);
    let back = location(&other.client.get(to_provider).send().await.unwrap());
    let back = back.strip_prefix("http://127.0.0.1:1").unwrap();
    let answer = victim.open(back).await;
    assert_eq!(answer.status(), 400);
    assert!(victim.cookies.is_empty());
    // A page, not a document, and nothing of what was sent stands in it unescaped.
    let page = victim.open("/sign-in/callback?error=%3Cscript%3E&state=%3Cscript%3E&code=x").await;
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    assert!(!page.text().await.unwrap().contains("<script>"));
}

/// A server that others can reach does not start without saying who may see what.
#[test]
fn beyond_loopback_access_is_configured_or_there_is_no_server() {
    let dir = tempfile::tempdir().unwrap();
    let started = std::process::Command::new(testkit::program("control-plane"))
        .args(["serve", "--listen", "0.0.0.0:0", "--data"])
        .arg(dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&started.stderr).into_owned();
    assert!(!started.status.success() && said.contains("Listen on 127.0.0.1, or say who"), "{said}");
    // What it says is a configuration, once the blanks are filled in.
    let (_, lines) = said.split_once("\n\n").unwrap();
    let config = lines.replace('…', "control-plane.example");
    let secret = [("CLIENT_SECRET", "of the client")];
    drop(Server::with_environment(dir.path(), &config, &secret));
}
