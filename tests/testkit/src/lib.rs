//! What the tests of several crates share. A failure here is a failed test, so everything asserts.
//!
//! | module | what it holds |
//! |---|---|
//! | [`functions`] | one function on the Lambda host, with AWS and a collector of its own |
//! | [`notes`] | the functions of `examples/notes` alike, on which the crates' own promises are tested |
//! | [`tokens`], [`trace_contexts`] | tokens that no function may take, and trace context with what is to come of it |
//! | [`insights`] | the services that slo-evaluator asks and tells |
//! | [`provider`] | an OpenID provider, and what one can do wrong |
//! | `browser` | somebody who signs in at a control plane, and sends forms |
//! | `control_plane` | a control plane of the test's own, and OTLP requests for it |
//! | `signals` | the three signals of OTLP, and requests of each |
//! | `clickhouse`, `dynamodb` | a ClickHouse for it, and a table |
//! | `traffic` | requests of many tenants as spans, and what they come to |
//! | `cloud`, `caller`, `journey` | a local cloud of the test's own, people who use it, and what a booking's trace must hold |
//! | `proxy`, `faults`, `results` | faults between the cloud's functions and AWS, and what came of them |
//! | `signed`, `recorded` | what functions ask AWS for, as IAM sees it |
//!
//! `browser`, `control_plane`, `signals`, `clickhouse`, `dynamodb` and `traffic` are behind the feature `control-plane`, what comes after it behind `local-cloud`; what looks into other processes is
//! there on Linux alone.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[cfg(feature = "control-plane")]
pub mod browser;
#[cfg(feature = "control-plane")]
pub mod clickhouse;
#[cfg(feature = "control-plane")]
pub mod control_plane;
#[cfg(feature = "control-plane")]
pub mod dynamodb;
pub mod functions;
pub mod insights;
pub mod notes;
pub mod provider;
#[cfg(feature = "control-plane")]
pub mod signals;
pub mod tokens;
pub mod trace_contexts;
#[cfg(feature = "control-plane")]
pub mod traffic;

#[cfg(feature = "local-cloud")]
mod caller;
#[cfg(feature = "local-cloud")]
mod cloud;
#[cfg(all(feature = "local-cloud", target_os = "linux"))]
mod faults;
#[cfg(feature = "local-cloud")]
mod journey;
mod patience;
#[cfg(all(feature = "local-cloud", target_os = "linux"))]
mod proxy;
#[cfg(all(feature = "local-cloud", target_os = "linux"))]
mod recorded;
#[cfg(feature = "local-cloud")]
mod results;
#[cfg(all(feature = "local-cloud", target_os = "linux"))]
mod signed;

use std::path::PathBuf;

pub use functions::{
    BookingApi, DEADLINE, Setup, TOPIC_ARN, booking_api, booking_publisher, mileage_accrual, mileage_api,
    registration_api,
};
pub use patience::eventually;
#[cfg(feature = "local-cloud")]
pub use {
    caller::{Answer, Caller, a_booking, book, day, send},
    cloud::Cloud,
    journey::{CANCELLATION, JOURNEY, Step, assert_journey, assert_steps, has_steps, of_any_request},
    results::{Row, Soak, record, record_soak},
};
#[cfg(all(feature = "local-cloud", target_os = "linux"))]
pub use {
    faults::{AnsweredBooking, FaultyCloud},
    proxy::{Armed, Call, Fault, Plan, Proxy, Refusal, struck},
    recorded::{Names, RecordedCall},
    signed::{Session, Signed},
};

/// The executable of a program of the workspace, built beside the running test.
pub fn program(name: &str) -> PathBuf {
    let mut dir = std::env::current_exe().unwrap();
    dir.pop();
    // Test binaries live one folder below programs.
    if dir.ends_with("deps") {
        dir.pop();
    }
    let path = dir.join(name);
    assert!(path.exists(), "{} is not built: run `make build`", path.display());
    path
}
