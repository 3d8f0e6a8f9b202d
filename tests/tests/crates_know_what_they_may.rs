//! A crate of `shared/` knows only those before it that it needs, a service never another, only who runs or asks the control plane its engines, and the
//! local cloud no service: what a team carries away brings nothing along that it does not use.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, path::Path};

use toml::Table;

/// Each crate's folder, and which of the project's own crates it may depend on. A crate of `shared/` knows only crates above it.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("shared/function-settings", &[]),
    ("shared/lambda-problem", &[]),
    ("shared/tenancy", &[]),
    ("shared/lambda-http-client", &["function-settings"]),
    ("shared/xray-sampler", &[]),
    (
        "shared/tenant-telemetry",
        &["function-settings", "lambda-problem", "tenancy", "lambda-http-client", "xray-sampler"],
    ),
    (
        "shared/tenant-auth",
        &["function-settings", "lambda-problem", "tenancy", "lambda-http-client", "tenant-telemetry"],
    ),
    ("shared/tenant-messages", &["function-settings", "tenancy", "tenant-telemetry"]),
    ("shared/tenant-store", &["function-settings", "tenancy", "lambda-http-client", "tenant-telemetry"]),
    ("shared/tenant-quota", &["function-settings", "lambda-problem", "tenancy", "tenant-telemetry", "tenant-store"]),
    ("shared/iata-airports", &[]),
    ("shared/airline-events", &["tenancy", "tenant-messages", "tenant-telemetry"]),
    ("booking", SHARED),
    ("mileage", SHARED),
    ("examples/parcels", SHARED),
    ("examples/notes", SHARED),
    ("control-plane/slo", &[]),
    (
        "control-plane/slo-evaluator",
        &["slo", "control-plane-model", "control-plane-clickhouse", "lambda-http-client", "tenant-telemetry"],
    ),
    ("control-plane/model", &["slo"]),
    ("control-plane/analysis", &["control-plane-model", "slo"]),
    ("control-plane/embedded", &["control-plane-model", "slo"]),
    ("control-plane/clickhouse", &["control-plane-model", "slo"]),
    ("control-plane/dynamodb", &["control-plane-model"]),
    ("control-plane/access", &["control-plane-model", "lambda-http-client", "tenancy", "tenant-auth"]),
    ("control-plane/audit", &["control-plane-model"]),
    ("control-plane/registry", &["tenancy", "lambda-http-client"]),
    ("control-plane/otel-traces", &["control-plane-model", "control-plane-clickhouse"]),
    (
        "control-plane/server",
        &[
            "control-plane-model",
            "control-plane-access",
            "control-plane-analysis",
            "control-plane-audit",
            "control-plane-embedded",
            "control-plane-clickhouse",
            "control-plane-dynamodb",
            "control-plane-otel-traces",
            "slo",
            "tenancy",
            "tenant-registry",
        ],
    ),
    (
        "control-plane/cli",
        &[
            "control-plane",
            "control-plane-analysis",
            "control-plane-audit",
            "control-plane-model",
            "control-plane-embedded",
            "control-plane-clickhouse",
            "slo",
        ],
    ),
    ("local", &["tenancy", "tenant-telemetry", "airline-events"]),
];

/// What a service may know.
const SHARED: &[&str] = &[
    "function-settings",
    "lambda-problem",
    "tenancy",
    "lambda-http-client",
    "tenant-telemetry",
    "tenant-auth",
    "tenant-messages",
    "tenant-store",
    "tenant-quota",
    "iata-airports",
    "airline-events",
];

/// These may know everybody, and nobody knows them.
const TOOLS: &[&str] = &["operator", "tests", "tests/lambda-host", "tests/testkit", "bench"];

fn text(folder: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder).join("Cargo.toml");
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn manifest(folder: &str) -> Table {
    text(folder).parse().unwrap()
}

fn members() -> Vec<String> {
    let members = manifest("")["workspace"]["members"].as_array().unwrap().clone();
    members.iter().map(|member| member.as_str().unwrap().to_owned()).collect()
}

/// Who of the workspace a crate needs to be built; what its tests need besides is not carried away.
fn knows(folder: &str, ours: &BTreeSet<String>) -> BTreeSet<String> {
    let manifest = manifest(folder);
    let tables = ["dependencies", "build-dependencies"].into_iter().filter_map(|name| manifest.get(name)?.as_table());
    tables.flat_map(|table| table.keys()).filter(|name| ours.contains(*name)).cloned().collect()
}

fn name(folder: &str) -> String {
    manifest(folder)["package"]["name"].as_str().unwrap().to_owned()
}

#[test]
fn every_crate_knows_only_whom_it_may_and_needs() {
    let members = members();
    let ours: BTreeSet<String> = members.iter().map(|folder| name(folder)).collect();
    let listed: BTreeSet<&str> = MAY_KNOW.iter().map(|(folder, _)| *folder).chain(TOOLS.iter().copied()).collect();
    assert_eq!(listed, members.iter().map(String::as_str).collect(), "each member of the workspace has its line here");
    for (folder, may) in MAY_KNOW {
        let known = knows(folder, &ours);
        let may: BTreeSet<String> = may.iter().map(|name| (*name).to_owned()).collect();
        let not_allowed: Vec<_> = known.difference(&may).collect();
        assert!(not_allowed.is_empty(), "{folder} may not know {not_allowed:?}");
        if folder.starts_with("shared/") {
            assert_eq!(known, may, "{folder} need not be allowed what it does not know");
        }
    }
}

#[test]
fn a_crate_of_shared_knows_only_those_before_it() {
    let mut before = BTreeSet::new();
    let ours: BTreeSet<String> = members().iter().map(|folder| name(folder)).collect();
    for (folder, _) in MAY_KNOW.iter().filter(|(folder, _)| folder.starts_with("shared/")) {
        let after: Vec<_> = knows(folder, &ours).difference(&before).cloned().collect();
        assert!(after.is_empty(), "{folder} knows {after:?}, which come after it");
        before.insert(name(folder));
    }
}

#[test]
fn a_folder_that_is_copied_brings_its_whole_manifest() {
    for (folder, _) in MAY_KNOW.iter().filter(|(folder, _)| folder.starts_with("shared/")) {
        let inherits = text(folder).contains("workspace = true");
        assert!(!inherits, "{folder} inherits from the workspace, which a copy does not have");
        assert!(folder.ends_with(&format!("/{}", name(folder))), "{folder} is named as its crate is");
    }
}

/// Whoever opens a crate's documentation sees on its first page what there is, how it is used, what can go wrong and what holds.
#[test]
fn each_first_page_has_its_map_an_example_its_errors_and_its_guarantees() {
    for (folder, _) in MAY_KNOW.iter().filter(|(folder, _)| folder.starts_with("shared/")) {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder).join("src/lib.rs");
        let source = std::fs::read_to_string(source).unwrap();
        let page: Vec<&str> = source.lines().filter_map(|line| line.strip_prefix("//!")).map(str::trim).collect();
        for part in ["# Errors", "# Guarantees", "|---|---|"] {
            assert!(page.contains(&part), "{folder} has no {part}");
        }
        // One that is compiled: neither `ignore` nor `text`.
        assert!(page.iter().any(|line| ["```", "```no_run"].contains(line)), "{folder} has no example");
        let lints = manifest(folder)["lints"]["clippy"].as_table().unwrap().clone();
        assert_eq!(lints.get("missing_errors_doc").and_then(|level| level.as_str()), Some("warn"), "{folder}");
    }
}
