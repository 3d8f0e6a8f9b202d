//! What is read out of OTLP's own messages.
//!
//! | file | idea |
//! |---|---|
//! | `attributes` | attributes as text |
//! | `facts` | what counting, the service map and searching rest on |
//! | `peer`, `weight` | of these, the other side, and how many a span stands for |
//! | `stored` | a span as it was stored, read no further than is asked |
//! | `proto_json` | spans in OTLP's JSON, as they were received |
//! | `span`, `log_line`, `allowance` | a span and a log record as they are shown, and how much of them |

mod allowance;
mod attributes;
mod facts;
mod log_line;
mod peer;
mod proto_json;
mod span;
mod stored;
mod weight;

pub use attributes::{attribute_text, tenant};
pub use facts::{Facts, Flags, Resource, Sample, SpanId, span_id, versions};
pub use log_line::{LogFacts, log_line};
pub use opentelemetry_proto::tonic::{resource::v1::Resource as SentResource, trace::v1::span::SpanKind as Kind};
pub use peer::Peer;
pub use proto_json::resource_spans;
pub use span::span;
pub use stored::{StoredAttribute, StoredEvent, StoredList, StoredSpan, StoredStatus, StoredValue, Value, text};

pub use attributes::{scalar, up_to};
