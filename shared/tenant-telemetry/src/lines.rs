//! Log lines that wait to be sent.

use std::{str::FromStr, sync::Arc};

use opentelemetry_proto::tonic::logs::v1::LogRecord;
use prost::Message;

use super::{
    late::{Buffered, LateItems},
    queue::Size,
    semconv,
};

/// A line that is to be sent.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// The target: the module that wrote the line, unless the call names another.
    pub(super) target: &'static str,
    pub(super) record: LogRecord,
    bytes: usize,
}

impl Line {
    #[cfg_attr(not(feature = "json-logs"), allow(dead_code, reason = "without it nobody writes"))]
    pub(super) fn new(target: &'static str, record: LogRecord) -> Self {
        let bytes = record.encoded_len();
        Self { target, record, bytes }
    }
}

impl Buffered for Line {
    const CAPACITY: Size = Size { count: 2_048, bytes: 4 << 20 };
    const FLUSH_AT: Size = Size { count: 512, bytes: 1 << 20 };

    fn size(&self) -> Size {
        Size { count: 1, bytes: self.bytes }
    }
}

/// Lines that belong to no invocation.
pub(super) type LateLines = Arc<LateItems<Line>>;

/// How log lines name the tenant that was served, as `LOG_TENANT` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum LogTenant {
    /// Log lines have a short keyed hash of the id, if there is a key.
    #[default]
    Alias,
    /// Log lines have the id of the tenant and of the user.
    Plain,
    /// Log lines name neither tenant nor user.
    Nothing,
}

impl LogTenant {
    /// The names of the attributes for tenant and user.
    pub(super) fn attributes(self) -> [&'static str; 2] {
        match self {
            Self::Plain => [semconv::TENANT_ID, semconv::ENDUSER_ID],
            Self::Alias | Self::Nothing => [semconv::TENANT_ALIAS, semconv::ENDUSER_PSEUDO_ID],
        }
    }
}

impl FromStr for LogTenant {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "alias" => Ok(Self::Alias),
            "plain" => Ok(Self::Plain),
            "none" => Ok(Self::Nothing),
            _ => Err(format!("{text:?} is not alias, plain or none")),
        }
    }
}
