//! Spans, metrics and logs that say which tenant they served.
//!
//! | item | idea |
//! |---|---|
//! | [`Telemetry`] | the set-up of a process |
//! | [`Work`] | the request or message that spans belong to, and whom it serves |
//! | [`Annotation`] | what is worked on, such as an order by its number: on every span of the work, and searched for |
//! | [`HttpLayer`], [`InvocationLayer`], [`ExportLayer`] | Tower layers: the span of an HTTP request, of any other invocation, and the export after the response |
//! | [`process`], [`MessageSpan`], [`Received`] | the span of one message, which continues the trace that sent it |
//! | `AwsSdkTracing`, `MessageContexts` | spans of AWS calls, by one interceptor for all clients |
//! | [`send`], [`record_wait`] | the span of an HTTP call, and what a span waited for |
//! | [`BelievedSenders`], [`Thresholds`], [`propagation`] | trace context across processes and accounts, and whose sampling counts |
//! | [`semconv`] | names of the attributes that say whom a span served |
//!
//! ```
//! use http::{Response, StatusCode};
//! use lambda_http::{Body, Request, Service};
//! use lambda_problem::{Problem, json};
//! use tenancy::{TenantLabel, Tier};
//! use tenant_telemetry::{HttpLayer, Work};
//! use tower::{Layer, service_fn};
//!
//! async fn hello(_request: Request) -> Result<Response<Body>, Problem> {
//!     // Whoever verified the caller says whom this serves: every span of the request names that tenant, those already ended too.
//!     let tenant_id = "acme".parse().map_err(|_| Problem::internal())?;
//!     Work::current().serve(TenantLabel { tenant_id, tier: Tier::named("free"), user_id: None });
//!     json(StatusCode::OK, &serde_json::json!({ "hello": "acme" }))
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let mut handler = HttpLayer::new().layer(service_fn(hello));
//! let request = http::Request::get("https://api.example/hello").body(Body::Empty).unwrap();
//! assert_eq!(handler.call(request).await.unwrap().status(), 200);
//! # });
//! ```
//!
//! With the process's [`Telemetry`] around the runtime it is `tenant-auth`'s `examples/traced_function.rs`.
//!
//! # Errors
//!
//! [`TelemetryError`] names the setting that cannot be used, when a process starts. After that telemetry fails by itself: what cannot be exported
//! is kept as far as there is room, and counted in the log. A request never fails for its spans.
//!
//! # Guarantees
//!
//! - There is no global tenant: [`Work`] travels in OpenTelemetry's context, and of several invocations in one process none names another's.
//! - A tenant is set once: the first that is verified counts.
//! - An annotation is on the spans of its own request or message, however many go side by side, and on no others.
//! - A response does not wait for the export, and no span, point or log record is lost to a freeze, a SIGTERM or a timeout.
//! - A trace keeps its id over HTTP, SNS, SQS, EventBridge, Lambda, Step Functions and DynamoDB streams.
//! - What leaves of the ids of tenants, users and annotations is settled for each destination: plain, hashed with a key, or nothing.
//!
//! # Map
//!
//! | file | idea |
//! |---|---|
//! | `settings` | what a process is set up with |
//! | `telemetry` | the set-up of a process, and what becomes of the spans of an invocation |
//! | `tracer` | how spans begin |
//! | `work` | the unit of work that spans belong to, in the OpenTelemetry context |
//! | `annotation` | what spans say of their work besides whom it serves |
//! | `late` | spans and log lines that were made outside any invocation, or beyond what one keeps |
//! | `queue` | what waits, within bounds |
//! | `processor` | the one span processor: buffer per invocation, stamp the tenant |
//! | `layers` | tower layers: invocation span, HTTP request span, export after the response |
//! | `messages` | the span of one message, continuing the trace that sent it |
//! | `aws_sdk` | the SDK interceptor: CLIENT and PRODUCER spans for AWS calls |
//! | `outgoing` | the CLIENT span of an HTTP call |
//! | `propagation` | W3C and X-Ray context, which of them counts; baggage |
//! | `traceparent`, `tracestate`, `xray_header` | each header by itself, as its specification says |
//! | `metrics` | instruments, what they have gathered since the last flush, and the trace of the slowest |
//! | `exporter` | where spans, metrics and log lines go, and what is kept until it is acknowledged there |
//! | `flush` | when they go |
//! | `sampling` | which traces are kept |
//! | `lines` | log lines that wait to be sent |
//! | `privacy`, `privacy_network`, `privacy_points`, `privacy_lines` | what of a tenant leaves the process: with spans, with the network on them, with points of metrics, with log lines |
//! | `startup` | how long a process took to be ready |
//! | `lifecycle` | SIGTERM |
//! | `ids`, `logs`, `semconv` | X-Ray-shaped trace ids, log lines as JSON or OTLP records, attribute names |
//!
//! | feature | adds |
//! |---|---|
//! | `aws-sdk` | `AwsSdkTracing`, signed export to X-Ray's and CloudWatch's endpoints, the key of pseudonyms from SSM or Secrets Manager |
//! | `http-api` | the routes of HTTP APIs, besides those of REST APIs |
//! | `json-logs` | `Settings::json_logs` and `Settings::init_json_logs`, lines as JSON or OTLP records: without it, and without a call of these, logs stay as they are |

mod annotation;
#[cfg(feature = "aws-sdk")]
mod aws_sdk;
#[cfg(feature = "bench")]
pub mod bench;
mod exporter;
mod flush;
mod ids;
mod late;
mod layers;
mod lifecycle;
mod lines;
#[cfg(feature = "json-logs")]
mod logs;
mod messages;
mod metrics;
mod outgoing;
mod privacy;
mod privacy_key;
mod privacy_lines;
mod privacy_network;
mod privacy_points;
mod processor;
pub mod propagation;
mod queue;
mod sampling;
pub mod semconv;
mod settings;
mod startup;
mod telemetry;
mod traceparent;
mod tracer;
mod tracestate;
mod work;
mod xray_header;

pub use annotation::Annotation;
#[cfg(feature = "aws-sdk")]
pub use aws_sdk::{AwsSdkTracing, MessageContexts};
pub use layers::{
    ExportLayer, ExportService, HttpLayer, HttpService, InvocationLayer, InvocationService, context_of_input,
    stream_document,
};
pub use messages::{MessageSpan, Received, process};
pub use outgoing::{SendError, record_wait, send};
pub use propagation::believed::{BelievedSenders, Thresholds};
pub use settings::Settings;
pub use telemetry::{Telemetry, TelemetryError};
pub use work::Work;
// Whom a span names.
pub use tenancy::TenantLabel;

use messages::fail_span;
use tracer::{start, start_under};
