//! A `TenantContext` opens a tenant's items. Where one is made, somebody vouches for it. Those places are listed here: whoever reviews a change
//! of this list looks there. What the types can refuse, they do, in the documentation of `TenantContext`, `IncomingMessage` and `TenantItems`;
//! what they let pass, this list holds: code that would make up a request, an event of Lambda's or a list of believed sources.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU8, Ordering},
};

use serde::{Deserialize, Serialize};
use serde_json::json;
use tenancy::{InvalidTenant, TenantLabel, Tier};
use tenant_messages::{BelievedSources, IncomingMessage, InvalidMessage, TenantMessage, receive};
use toml::Table;

/// What leads to a context, why, and the only files in whose code it stands.
const WAYS: [(&str, &str, &[&str]); 7] = [
    (
        "vouched_by",
        "makes a context of a label",
        &[
            "shared/tenancy/src/context.rs",
            "shared/tenant-auth/src/authorizer.rs",
            "shared/tenant-auth/src/jwt.rs",
            "shared/tenant-messages/src/contract.rs",
        ],
    ),
    (
        "impl Identify for",
        "says who sent a request",
        &["shared/tenant-auth/src/authorizer.rs", "shared/tenant-auth/src/jwt.rs"],
    ),
    (".identify(", "hands a request to one who says so", &["shared/tenant-auth/src/layer.rs"]),
    (
        "Scope::All,",
        "lets all tenants be seen in the control plane",
        &[
            "control-plane/access/src/principal.rs",
            "control-plane/cli/src/copy.rs",
            "control-plane/embedded/src/archive.rs",
            "control-plane/server/src/evaluator/surroundings.rs",
            "control-plane/slo-evaluator/src/spans.rs",
        ],
    ),
    ("Scope::Tenant(", "lets one tenant be seen in the control plane", &["control-plane/access/src/principal.rs"]),
    (
        "BelievedSources",
        "says whose messages are taken",
        &[
            "examples/notes/src/bin/notes-inbox.rs",
            "examples/parcels/src/bin/parcel-labels.rs",
            "mileage/src/bin/mileage-accrual.rs",
            "mileage/src/booking_event.rs",
            "mileage/src/handlers/accrue.rs",
            "shared/tenant-messages/src/believed.rs",
            "shared/tenant-messages/src/consume.rs",
            "shared/tenant-messages/src/contract.rs",
            "shared/tenant-messages/src/lib.rs",
        ],
    ),
    (
        "tenant_messages",
        "writes messages, or takes them",
        &[
            "booking/src/handlers/publish.rs",
            "examples/notes/src/bin/notes-inbox.rs",
            "examples/notes/src/lib.rs",
            "examples/parcels/src/bin/parcel-api.rs",
            "examples/parcels/src/bin/parcel-labels.rs",
            "examples/parcels/src/lib.rs",
            "mileage/src/bin/mileage-accrual.rs",
            "mileage/src/booking_event.rs",
            "mileage/src/handlers/accrue.rs",
            "mileage/src/handlers/in_turns.rs",
            "shared/airline-events/src/booking.rs",
        ],
    ),
];

/// These serve no tenant: they test and measure.
const TOOLS: [&str; 4] = ["tests", "tests/testkit", "tests/lambda-host", "bench"];

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// What is built to run: each member's `src`, whole.
fn code() -> Vec<(String, String)> {
    let manifest: Table = fs::read_to_string(project().join("Cargo.toml")).unwrap().parse().unwrap();
    let members = manifest["workspace"]["members"].as_array().unwrap();
    let members = members.iter().map(|member| member.as_str().unwrap()).filter(|member| !TOOLS.contains(member));
    let mut files = Vec::new();
    members.for_each(|member| sources(&project().join(member).join("src"), &mut files));
    assert!(files.len() > 100, "{} files", files.len());
    let name = |path: &Path| path.strip_prefix(project()).unwrap().to_str().unwrap().to_owned();
    files.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

/// What of a file is no test: all before the tests that end it.
fn without_tests(source: &str) -> &str {
    match source.split_once("#[cfg(test)]\nmod tests {") {
        Some((code, tests)) if tests.lines().position(|line| line == "}") == Some(tests.lines().count() - 1) => code,
        _ => source,
    }
}

/// The files in whose code, comments left out, this text stands.
fn with(text: &str, code: &[(String, String)]) -> BTreeSet<String> {
    let has = |source: &str| {
        without_tests(source).lines().any(|line| !line.trim_start().starts_with("//") && line.contains(text))
    };
    code.iter().filter(|(_, source)| has(source)).map(|(name, _)| name.clone()).collect()
}

#[test]
fn a_context_is_made_where_a_reviewer_expects_it() {
    let code = code();
    for (text, does, files) in WAYS {
        let expected: BTreeSet<String> = files.iter().map(|&file| file.to_owned()).collect();
        assert_eq!(with(text, &code), expected, "{text:?} {does}");
    }
}

const QUEUE: &str = "arn:aws:sqs:us-east-1:222222222222:orders";

/// A message of acme's, as Lambda hands it over from this queue.
fn genuine() -> IncomingMessage {
    let text = |value: &str| json!({ "dataType": "String", "stringValue": value, "stringListValues": [], "binaryListValues": [] });
    let record = json!({
        "eventSource": "aws:sqs", "eventSourceARN": QUEUE, "messageId": "1", "attributes": {},
        "body": r#"{"version":1,"tenant":"acme"}"#,
        "messageAttributes": {
            "tenant_id": text("acme"), "tenant_tier": text("basic"), "event_type": text("order.placed"),
        },
    });
    receive(json!({ "Records": [record] })).unwrap().remove(0)
}

fn believed(arn: &str) -> BelievedSources {
    [arn.to_owned()].into_iter().collect()
}

/// An event that names its message's tenant the first `HONEST` times that it is asked, and then another.
#[derive(Debug, Serialize, Deserialize)]
struct Order<const HONEST: u8> {
    tenant: String,
    #[serde(skip)]
    asked: AtomicU8,
}

impl<const HONEST: u8> TenantMessage for Order<HONEST> {
    const EVENT_TYPE: &'static str = "order.placed";
    const VERSION: u32 = 1;

    fn label(&self) -> Result<TenantLabel, InvalidTenant> {
        let honest = self.asked.fetch_add(1, Ordering::Relaxed) < HONEST;
        let tenant = if honest { &self.tenant } else { "another" };
        Ok(TenantLabel { tenant_id: tenant.parse()?, tier: Tier::named("basic"), user_id: None })
    }
}

#[test]
fn a_message_that_is_not_believed_vouches_for_nobody() {
    assert_eq!(genuine().accept::<Order<9>>(&believed(QUEUE)).unwrap().1.tenant_id.as_str(), "acme");
    for (message, sources, from) in [
        (genuine(), BelievedSources::default(), QUEUE),
        (genuine(), believed(&format!("{QUEUE}2")), QUEUE),
        (genuine(), believed(""), QUEUE),
        (IncomingMessage::default(), believed(QUEUE), "nowhere"),
        (IncomingMessage::default(), believed(""), "nowhere"),
    ] {
        let refused = message.accept::<Order<9>>(&sources).unwrap_err();
        assert_eq!(refused, InvalidMessage::Unbelieved(from.to_owned()));
    }
}

#[test]
fn an_event_speaks_for_no_other_tenant_than_its_message() {
    let refused = genuine().accept::<Order<0>>(&believed(QUEUE)).unwrap_err();
    assert_eq!(refused, InvalidMessage::Disagreement("tenant_id"));
    let (event, tenant) = genuine().accept::<Order<1>>(&believed(QUEUE)).unwrap();
    assert_eq!(tenant.tenant_id.as_str(), "acme");
    assert_eq!(event.label().unwrap().tenant_id.as_str(), "another", "had it been asked twice");
}
