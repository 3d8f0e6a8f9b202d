//! The local cloud: both accounts on one machine, deployed from the very templates that AWS gets.
//!
//! | module | what it holds |
//! |---|---|
//! | [`cloud`] | the story: start, deploy, patch, sign people up, open the front door, stop |
//! | [`children`] | processes that die with us, however we die |
//! | [`control_plane`], [`clickhouse`] | the control plane's process, and what keeps its spans |
//! | [`ministack`] | the AWS emulator's process and its health |
//! | [`port`] | a port for a process that is yet to start |
//! | [`package`] | function zips from native binaries |
//! | [`deploy`] | CloudFormation, account by account |
//! | [`patches`] | what the emulator cannot do, done after the deploy, each asserted |
//! | [`users`], [`staff`] | the demo's tenants and users, and those who run the system |
//! | [`sign_in`] | signing in at the control plane: the user pools, and a page with a button for each user |
//! | [`services`] | services that `make new-service` made |
//! | [`tier_accounts`] | tiers with a mileage account of their own |
//! | [`front_door`] | stable URLs for both APIs |
//! | [`access_log`] | what API Gateway writes of refused requests, and its way to the control plane |
//! | [`portal`] | the portal's files, its configuration, and where its other calls go |
//! | [`relay`] | a request passed on, an answer passed back |
//! | [`injected_delay`] | a call made slow on purpose, for the demo |
//! | [`outputs`] | what a started cloud tells its users |
//! | [`logs`] | the functions' log lines |
//! | [`demo`] | `make demo` |
//! | [`project`] | what project.toml says |
//! | [`progress`] | one line per step with its time |

pub mod access_log;
pub mod children;
pub mod clickhouse;
pub mod cloud;
pub mod control_plane;
pub mod demo;
pub mod deploy;
pub mod front_door;
pub mod injected_delay;
pub mod logs;
pub mod ministack;
pub mod outputs;
pub mod package;
pub mod patches;
pub mod port;
pub mod portal;
pub mod progress;
pub mod project;
pub mod relay;
pub mod services;
pub mod sign_in;
pub mod staff;
pub mod tier_accounts;
pub mod users;
