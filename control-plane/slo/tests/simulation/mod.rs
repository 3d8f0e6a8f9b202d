#![allow(unreachable_pub, reason = "modules of one test")]

//! A month of tenants, as cells of five minutes.

pub mod incidents;
pub mod random;
pub mod tenant;

/// Seconds of a cell.
pub const SLOT: i64 = 300;
pub const HOUR: i64 = 3_600;
pub const DAY: i64 = 86_400;
/// When the month begins: 2026-01-01.
pub const BEGIN: i64 = 1_767_225_600;
/// How often anything fails when nothing is wrong.
pub const BASE_FAILURE: f64 = 0.000_2;
