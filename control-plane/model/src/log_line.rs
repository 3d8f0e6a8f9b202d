//! A log record as it is shown.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::trace::TraceId;

/// A log record as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogLine {
    /// Nanoseconds since 1970.
    pub time_unix_ns: i64,
    /// `TRACE`, `DEBUG`, `INFO`, `WARN`, `ERROR` or `FATAL`, by its number; as it was sent, where it has no number.
    pub severity: String,
    /// Its body, where that is text; else as JSON.
    pub message: String,
    /// `service.name`.
    pub service: String,
    /// `cloud.account.id`.
    pub account: Option<String>,
    /// `tenant.id`.
    pub tenant: Option<String>,
    /// The trace that it was written in.
    pub trace_id: TraceId,
    /// The span, 16 hex digits.
    pub span_id: Option<String>,
    /// What wrote it within the service, by the name of its instrumentation scope: a module or a logger.
    pub scope: Option<String>,
    /// The record's own attributes.
    pub attributes: BTreeMap<String, serde_json::Value>,
    /// The sender's resource attributes.
    pub resource: BTreeMap<String, serde_json::Value>,
}
