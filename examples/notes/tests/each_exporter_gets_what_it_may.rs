//! Several exporters at once, each with the tenant as it may know them; samplers decide as they say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use lambda_host::sink::{Behaviour, Sink};
use testkit::{Setup, notes::NotesApi};

const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_gets_hashes_and_xray_gets_ids() {
    let (vendor, daemon) = (Sink::otlp(Behaviour::Ok).await.unwrap(), Sink::xray_daemon().await.unwrap());
    let (url, address) = (vendor.url(), daemon.address());
    let env = vec![
        ("OTEL_TRACES_EXPORTER", "otlp,xray-udp"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("AWS_XRAY_DAEMON_ADDRESS", address.as_str()),
        ("TENANT_ID_EXPORT", "otlp=hmac,xray-udp=plain"),
        ("TENANT_ID_HMAC_KEY", "a key of this test"),
        ("SPAN_ATTRIBUTE_DENY", "url.*"),
    ];
    let mut api = NotesApi::start(Setup { env, ..Setup::default() }).await;
    let note = api.note().await.http().1["id"].as_str().unwrap().to_owned();
    assert_eq!((vendor.wait_for(2, PATIENCE).await, daemon.wait_for(2, PATIENCE).await), (2, 2));
    for span in vendor.spans() {
        let (tenant, user) = (&span.attributes["tenant.id"], &span.attributes["enduser.id"]);
        assert!(tenant.len() == 32 && tenant.bytes().all(|b| b.is_ascii_hexdigit()), "{tenant}");
        assert_ne!(tenant, user);
        let id = &span.attributes["note.id"];
        assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
        assert!(!format!("{span:?}").contains("acme"), "{span:?}");
        assert!(!span.attributes.keys().any(|name| name.starts_with("url.")), "{span:?}");
    }
    for span in daemon.spans() {
        let told = ["tenant.id", "enduser.id", "note.id"].map(|name| span.attributes[name].as_str());
        assert_eq!(told, ["acme", "user-of-acme", note.as_str()]);
    }
    let mut ids =
        [vendor.spans(), daemon.spans()].map(|spans| spans.into_iter().map(|span| span.span_id).collect::<Vec<_>>());
    ids.iter_mut().for_each(|ids| ids.sort());
    assert_eq!(ids[0], ids[1], "both get the same spans");
    // Logs name the tenant by an alias only.
    let logs = api.function.logs().join("\n");
    assert!(logs.contains("\"tenant.alias\":\"") && !logs.contains("acme"), "{logs}");
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_ids_leave_the_tier() {
    let sink = Sink::otlp(Behaviour::Ok).await.unwrap();
    let url = sink.url();
    let env = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()), ("TENANT_ID_EXPORT", "drop")];
    let mut api = NotesApi::start(Setup { env, ..Setup::default() }).await;
    api.note().await;
    assert_eq!(sink.wait_for(2, PATIENCE).await, 2);
    for span in sink.spans() {
        assert_eq!(span.attributes["tenant.tier"], "basic");
        assert_eq!(span.attributes.get("note.id"), None, "{span:?}");
        assert!(!format!("{span:?}").contains("acme"), "{span:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn xrays_own_endpoint_gets_signed_requests() {
    let sink = Sink::otlp(Behaviour::Ok).await.unwrap();
    let endpoint = format!("{}/v1/traces", sink.url());
    let env = vec![("OTEL_TRACES_EXPORTER", "xray-otlp"), ("XRAY_OTLP_ENDPOINT", endpoint.as_str())];
    let mut api = NotesApi::start(Setup { env, ..Setup::default() }).await;
    api.note().await;
    assert_eq!(sink.wait_for(2, PATIENCE).await, 2);
    let authorization = sink.last_header("authorization").unwrap();
    let scope = "/us-east-1/xray/aws4_request";
    assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/") && authorization.contains(scope));
    assert_eq!(sink.last_header("x-amz-security-token").as_deref(), Some("token"));
}

#[tokio::test(flavor = "multi_thread")]
async fn x_debug_forces_a_trace_and_no_more_than_it_may() {
    let sink = Sink::otlp(Behaviour::Ok).await.unwrap();
    let url = sink.url();
    let env = vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_TRACES_SAMPLER", "always_off"),
        ("X_DEBUG_TRACES_PER_SECOND", "1"),
    ];
    let mut api = NotesApi::start(Setup { env, ..Setup::default() }).await;
    api.note().await;
    for _ in 0..5 {
        let event = api.event("acme", &[("x-debug", "true")]);
        api.function.invoke(event, testkit::DEADLINE).await.unwrap();
    }
    assert_eq!(sink.wait_for(2, PATIENCE).await, 2, "one trace of five in a second");
    assert!(sink.spans().iter().any(|span| span.attributes.get("sampling.estimated").is_some_and(|it| it == "true")));
}

#[tokio::test(flavor = "multi_thread")]
async fn hashing_without_a_key_is_refused_at_the_start() {
    let config = lambda_host::function::Config::new(
        testkit::program("notes-api"),
        "notes-api",
        &[
            ("TENANT_ID_EXPORT", "hmac"),
            ("USER_POOL_ID", lambda_host::aws::USER_POOL_ID),
            ("USER_POOL_CLIENT_ID", lambda_host::aws::CLIENT_ID),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ],
    );
    let error = lambda_host::function::Function::start(&config).await.err().map(|error| error.to_string());
    assert!(error.as_ref().is_some_and(|error| error.contains("there is no key")), "{error:?}");
}
