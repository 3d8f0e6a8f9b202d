//! Spans and logs that say which tenant they served.
//!
//! | file | idea |
//! |---|---|
//! | `settings` | what a process is set up with |
//! | `telemetry` | the set-up of a process, and what becomes of the spans of an invocation |
//! | `tracer` | how spans begin |
//! | `work` | the unit of work that spans belong to, in the OpenTelemetry context |
//! | `processor` | the one span processor: buffer per invocation, stamp the tenant |
//! | `layers` | tower layers: invocation span, HTTP request span, export after the response |
//! | `messages` | the span of one message, continuing the trace that sent it |
//! | `aws_sdk` | the SDK interceptor: CLIENT and PRODUCER spans for AWS calls |
//! | `outgoing` | the CLIENT span of an HTTP call |
//! | `propagation` | W3C and X-Ray context, which of them counts; baggage |
//! | `traceparent`, `tracestate`, `xray_header` | each header by itself, as its specification says |
//! | `exporter` | where spans go, and what is kept until it is acknowledged there |
//! | `flush` | when they go |
//! | `sampling` | which traces are kept |
//! | `privacy` | what of a tenant leaves the process |
//! | `lifecycle` | SIGTERM |
//! | `ids`, `logs`, `semconv` | X-Ray-shaped trace ids, JSON logs, attribute names |
//!
//! | feature | adds |
//! |---|---|
//! | `aws-sdk` | `AwsSdkTracing`, signed export to X-Ray's endpoint, the key of pseudonyms from SSM or Secrets Manager |
//! | `json-logs` | `Settings::json_logs` and `Settings::init_json_logs`: without it, and without a call of these, logs stay as they are |

#[cfg(feature = "aws-sdk")]
mod aws_sdk;
#[cfg(feature = "bench")]
pub mod bench;
mod exporter;
mod flush;
mod ids;
mod layers;
mod lifecycle;
#[cfg(feature = "json-logs")]
mod logs;
mod messages;
mod outgoing;
mod privacy;
mod privacy_key;
mod processor;
pub mod propagation;
mod sampling;
pub mod semconv;
mod settings;
mod telemetry;
mod traceparent;
mod tracer;
mod tracestate;
mod work;
mod xray_header;

#[cfg(feature = "aws-sdk")]
pub use aws_sdk::{AwsSdkTracing, MessageContexts};
pub use ids::xray_trace_id;
pub use layers::{
    ExportLayer, ExportService, HttpLayer, HttpService, InvocationLayer, InvocationService, context_of_input,
    stream_document,
};
pub use messages::{MessageSpan, Received, fail_span, process};
pub use outgoing::{SendError, note, send};
pub use propagation::{BelievedSenders, Thresholds};
pub use settings::Settings;
pub use telemetry::{Telemetry, TelemetryError};
pub use work::Work;
// Whom a span names.
pub use tenancy::TenantLabel;

use tracer::{start, start_under};
