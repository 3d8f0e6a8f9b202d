//! Several exporters at once, each with the tenant as it may know them; samplers decide as they say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use lambda_host::sink::{Behaviour, Line, Sink};
use serde_json::Value;
use testkit::{Setup, notes::NotesApi};

const PATIENCE: Duration = Duration::from_secs(30);

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
async fn aws_own_endpoints_get_signed_requests_and_nobody_elses_headers() {
    let (xray, cloudwatch) = (Sink::aws().await.unwrap(), Sink::aws().await.unwrap());
    let (spans, points) = (format!("{}/v1/traces", xray.url()), format!("{}/v1/metrics", cloudwatch.url()));
    let env = vec![
        ("OTEL_TRACES_EXPORTER", "xray-otlp"),
        ("XRAY_OTLP_ENDPOINT", spans.as_str()),
        ("OTEL_METRICS_EXPORTER", "cloudwatch-otlp"),
        ("CLOUDWATCH_OTLP_ENDPOINT", points.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=of-a-vendor"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
    ];
    let mut api = NotesApi::start(Setup { env, ..Setup::default() }).await;
    api.note().await;
    assert_eq!(xray.wait_for(2, PATIENCE).await, 2);
    assert!(cloudwatch.wait_until(|sink| sink.total("faas.invocations") == 1.0, PATIENCE).await);
    for (sink, service) in [(&xray, "xray"), (&cloudwatch, "monitoring")] {
        assert!(sink.signed_for().iter().all(|signed| signed == service), "{service}: {:?}", sink.signed_for());
        assert_eq!(
            (sink.last_header("api-key"), sink.last_header("content-encoding").as_deref()),
            (None, Some("gzip"))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_gets_points_and_lines_by_pseudonym() {
    let vendor = Sink::otlp(Behaviour::Ok).await.unwrap();
    let url = vendor.url();
    let key = "a key of this test";
    for (policy, key, in_logs) in [("hmac", key, "plain"), ("drop", "", "plain"), ("drop", key, "alias")] {
        vendor.clear();
        let env = vec![
            ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
            ("OTEL_METRICS_EXPORTER", "otlp"),
            ("OTEL_LOGS_EXPORTER", "otlp"),
            ("METRICS_TENANT", "top"),
            ("LOG_TENANT", in_logs),
            ("TENANT_ID_EXPORT", policy),
            ("TENANT_ID_HMAC_KEY", key),
        ];
        let mut api = NotesApi::start(Setup { env, ..Setup::default() }).await;
        // So many that metrics name their tenant.
        for _ in 0..NOTES {
            api.note().await;
        }
        assert!(api.function.terminate().await.unwrap());
        let of_note = |line: &&Line| line.body == "request served";
        let lines = vendor.lines();
        let line = lines.iter().find(of_note).unwrap();
        let points = vendor.points();
        let point = points.iter().rfind(|point| point.metric == "faas.invocations").unwrap();
        let spans = vendor.spans();
        let as_on_spans = spans.first().and_then(|span| span.attributes.get("tenant.id"));
        assert_eq!(line.attributes.get("tenant.id"), as_on_spans, "{policy}: {line:?}");
        let aliases = ["tenant.alias", "enduser.pseudo.id"].map(|name| line.attributes.get(name));
        assert_eq!(aliases, [None, None], "an alias is the beginning of a pseudonym: {line:?}");
        assert_eq!(point.attributes.get("tenant.id"), as_on_spans, "{policy}: {point:?}");
        assert_eq!((as_on_spans.is_some(), line.service.as_str()), (policy == "hmac", "notes-api"));
        assert!(!format!("{lines:?} {points:?}").contains("acme"), "{policy}: {lines:?} {points:?}");
        // Only what tells of the export itself still goes to the console.
        assert_eq!(api.function.logs(), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_in_the_log_are_as_aws_publishes_the_format() {
    let schema = include_str!("../../../tests/cases/embedded-metric-format.schema.json");
    let schema = jsonschema::draft7::new(&serde_json::from_str(schema).unwrap()).unwrap();
    let (lines, _) = metrics_in_the_log(&[]).await;
    let mut counted = 0;
    for line in &lines {
        assert!(schema.is_valid(line), "{line}");
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        for dimension in directive["Dimensions"][0].as_array().unwrap() {
            assert!(line[dimension.as_str().unwrap()].is_string(), "{dimension} of {line}");
        }
        for metric in directive["Metrics"].as_array().unwrap() {
            let value = &line[metric["Name"].as_str().unwrap()];
            assert!(value.is_number() || value["Count"].is_u64(), "{metric} of {line}");
        }
        assert_eq!(directive["Namespace"], "notes-api");
        counted += line.get("faas.invocations").and_then(Value::as_u64).unwrap_or_default();
    }
    assert_eq!(counted, NOTES, "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_in_the_log_name_tenants_as_its_other_lines_do() {
    let key = ("TENANT_ID_HMAC_KEY", "a key of this test");
    for (env, name, is_alias) in [
        (&[][..], None, false),
        (&[key], Some("tenant.alias"), true),
        (&[key, ("TENANT_ID_EXPORT", "emf=drop")], None, false),
        (&[key, ("LOG_TENANT", "none")], None, false),
        (&[("LOG_TENANT", "plain")], Some("tenant.id"), false),
    ] {
        let (lines, log) = metrics_in_the_log(env).await;
        let named = ["tenant.id", "tenant.alias"]
            .into_iter()
            .flat_map(|name| lines.iter().filter_map(move |line| Some((name, line.get(name)?.as_str()?))))
            .filter(|(_, tenant)| *tenant != "(other)");
        let mut named: Vec<_> = named.collect();
        named.sort();
        named.dedup();
        assert_eq!(named.first().map(|(name, _)| *name), name, "{env:?}: {named:?}");
        if is_alias {
            let elsewhere = format!("\"tenant.alias\":\"{}\"", named[0].1);
            assert!(log.iter().any(|line| !line.contains("_aws") && line.contains(&elsewhere)), "{env:?}: {named:?}");
        }
        let is_plain = name == Some("tenant.id");
        assert_eq!(log.iter().any(|line| line.contains("acme")), is_plain, "{env:?}: {log:?}");
    }
}

/// So many that a tenant is one of the busiest.
const NOTES: u64 = 200;

/// The lines of metrics after as many notes, and the whole log.
async fn metrics_in_the_log(env: &[(&'static str, &'static str)]) -> (Vec<Value>, Vec<String>) {
    let emf = [("OTEL_METRICS_EXPORTER", "emf"), ("METRICS_TENANT", "top"), ("OTEL_TRACES_EXPORTER", "none")];
    let mut api = NotesApi::start(Setup { env: [&emf, env].concat(), ..Setup::default() }).await;
    for _ in 0..NOTES {
        api.note().await;
    }
    assert!(api.function.terminate().await.unwrap());
    let log = api.function.logs();
    let lines = log.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    (lines.filter(|line| line.get("_aws").is_some()).collect(), log)
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
    const ASKED: u64 = 40;
    let began = Instant::now();
    for _ in 0..ASKED {
        let event = api.event("acme", &[("x-debug", "true")]);
        api.function.invoke(event, testkit::DEADLINE).await.unwrap();
    }
    // Seconds begin where they do.
    let seconds = began.elapsed().as_secs() + 2;
    assert!(api.function.terminate().await.unwrap());
    let traces = sink.spans().into_iter().map(|span| span.trace_id).collect::<BTreeSet<_>>().len() as u64;
    assert!((1..=seconds.min(ASKED - 1)).contains(&traces), "{traces} of {ASKED} in {seconds} seconds");
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
