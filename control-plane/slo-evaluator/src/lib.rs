//! Every tenant's objectives from spans in CloudWatch Logs or in ClickHouse: asks what the last five minutes brought, remembers it, and alerts.
//!
//! The evaluator itself, and its loop, is the crate `slo`. What is here asks for its cells, keeps its states in DynamoDB, and
//! tells its alerts to SNS. Whatever is not known whole is an error, and nothing is evaluated: the next run begins where the
//! last one ended.
//!
//! | module | what it holds | calls AWS |
//! |---|---|---|
//! | [`settings`] | what the environment says | |
//! | [`slices`] | which stretches of time are asked for, and how they are divided | |
//! | [`query`] | the text of the query | |
//! | [`answer`] | rows of an answer as cells | |
//! | [`pass`] | five minutes more of everybody's past | |
//! | [`notice`] | an alert as its receivers get it | |
//! | [`record`] | what is remembered, as bytes | |
//! | [`spans`] | which of two sources is asked: Logs Insights, or the control plane's sums in ClickHouse | |
//! | [`logs`] | queries: started, waited for, read to their end | Logs |
//! | [`store`] | what is remembered, under its version | DynamoDB |
//! | [`handler`] | one run | SNS |
#![deny(missing_docs)]

pub mod answer;
pub mod error;
pub mod handler;
pub mod logs;
pub mod notice;
pub mod pass;
pub mod query;
pub mod record;
pub mod settings;
pub mod slices;
pub mod spans;
pub mod store;

pub use error::Error;
pub use handler::{Evaluator, Report};
pub use settings::Settings;
