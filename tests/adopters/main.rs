//! What a team does that carries the crates away: an empty folder, a workspace of three lines, a plain function; then one crate of `shared/` after the
//! other and at most ten lines. The function is built, started on the Lambda host and invoked; its spans and answers are looked at.
//!
//! Each case prints its figures: `cargo test --workspace --test adopters -- --nocapture`. What is built stays in `target/adopters`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "figures are for whoever runs the test")]

mod invoked;
mod lines;
mod workspace;

use std::time::Instant;

use invoked::{greeted, priced, printed, routed};
use lines::{added, read};
use workspace::{Crate, Workspace};

/// What may be added to a function.
const LINES: usize = 10;

/// A plain function, the same with the crates, and the crates of `shared/` that it names.
struct Case {
    name: &'static str,
    edition: &'static str,
    plain: &'static str,
    adopted: &'static str,
    registry: &'static [Crate],
    shared: &'static [&'static str],
    /// The most crates that may go into it.
    crates: usize,
}

const HTTP: Case = Case {
    name: "behind API Gateway, tokens of another issuer than Cognito",
    edition: "2024",
    plain: "tests/adopters/http.rs",
    adopted: "shared/tenant-auth/examples/traced_function.rs",
    registry: &[("lambda_http", "apigw_rest"), ("tokio", "macros,rt-multi-thread")],
    shared: &["tenant-telemetry", "tenant-auth"],
    crates: 160,
};

const AXUM: Case = Case {
    name: "an axum router behind API Gateway",
    edition: "2024",
    plain: "tests/adopters/axum.rs",
    adopted: "shared/tenant-auth/examples/axum_router.rs",
    registry: &[("axum", ""), ("lambda_http", "apigw_rest"), ("tokio", "macros,rt-multi-thread")],
    shared: &["tenant-telemetry", "tenant-auth"],
    crates: 165,
};

const QUEUE: Case = Case {
    name: "invoked by a queue, an event of its own, edition 2021",
    edition: "2021",
    plain: "tests/adopters/queue.rs",
    adopted: "shared/tenant-messages/examples/consumer.rs",
    registry: &[
        ("aws_lambda_events", "sqs"),
        ("lambda_runtime", ""),
        ("serde", "derive,std"),
        ("serde_json", "std"),
        ("tokio", "macros,rt-multi-thread"),
    ],
    shared: &["tenant-telemetry", "tenant-messages"],
    crates: 170,
};

const SPANS: Case = Case {
    name: "spans only",
    edition: "2024",
    plain: "tests/adopters/spans.rs",
    adopted: "shared/tenant-telemetry/examples/spans_only.rs",
    registry: &[("lambda_runtime", ""), ("serde_json", "std"), ("tokio", "macros,rt-multi-thread")],
    shared: &["tenant-telemetry"],
    crates: 155,
};

#[test]
fn at_most_ten_lines_are_added_to_a_function() {
    for case in [HTTP, AXUM, QUEUE, SPANS] {
        let added = added(&read(case.plain), &read(case.adopted));
        assert!((1..=LINES).contains(&added.len()), "{}: {}\n{}", case.adopted, added.len(), added.join("\n"));
    }
}

/// The guide shows each function whole, and what it was before.
#[test]
fn the_guide_shows_what_is_tried_here() {
    let guide = read("docs/adopt.md");
    for case in [HTTP, AXUM, QUEUE, SPANS] {
        let shown = format!("```rust\n{}```\n", read(case.adopted));
        assert!(guide.contains(&shown), "docs/adopt.md does not show {} as it is", case.adopted);
        let words = [
            "One line",
            "Two lines",
            "Three lines",
            "Four lines",
            "Five lines",
            "Six lines",
            "Seven lines",
            "Eight lines",
            "Nine lines",
            "Ten lines",
        ];
        let count = words[added(&read(case.plain), &read(case.adopted)).len() - 1];
        let link = format!("{count} more than the [plain function](../{})", case.plain);
        assert!(guide.contains(&link), "docs/adopt.md does not say {link:?}");
        for name in case.shared {
            assert!(
                guide.contains(&format!("cargo add --path ../airline/shared/{name}")),
                "docs/adopt.md does not add {name}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_function_is_carried_away_and_traces_its_first_request() {
    // The first is built from nothing where target/adopters is empty, the others find some of their crates there.
    for case in [HTTP, AXUM, QUEUE, SPANS] {
        let empty = Instant::now();
        let workspace = Workspace::new(case.edition).unwrap();
        for (name, features) in case.registry {
            workspace.add(&[name, "--no-default-features", "--features", features]).unwrap();
        }
        let plain = workspace.build(&read(case.plain)).unwrap();
        let started = Instant::now();
        for name in case.shared {
            workspace.add_shared(name).unwrap();
        }
        let adopted = workspace.build(&read(case.adopted)).unwrap();
        let built = started.elapsed();
        assert!(adopted.crates <= case.crates, "{}: {} crates", case.name, adopted.crates);
        match case.plain {
            "tests/adopters/http.rs" => greeted(&adopted.binary).await,
            "tests/adopters/axum.rs" => routed(&adopted.binary).await,
            "tests/adopters/queue.rs" => printed(&adopted.binary).await,
            _ => priced(&adopted.binary).await,
        }
        println!(
            "{}: {} lines; {} crates (plain: {}); built in {:.0} s; {} bytes (plain: {}); from the empty folder to the first traced request {:.0} s",
            case.name,
            added(&read(case.plain), &read(case.adopted)).len(),
            adopted.crates,
            plain.crates,
            built.as_secs_f64(),
            adopted.bytes,
            plain.bytes,
            empty.elapsed().as_secs_f64(),
        );
    }
}
