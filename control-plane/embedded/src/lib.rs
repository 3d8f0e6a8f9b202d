//! Spans, metrics and log records in SQLite, and sums over them.
//!
//! One writer commits what several requests brought in one transaction, spans and sums together, and answers each only then.
//! Readers have connections of their own, which the write-ahead log keeps out of the writer's way.
//!
//! | file | idea |
//! |---|---|
//! | `engine` | what the control plane sees of all this |
//! | `schema` | connections, and the tables of `sql/` |
//! | `fragment` | what spans are stored as |
//! | `writer`, `lock` | group commit, by one process |
//! | `queue` | what waits for it, each signal apart |
//! | `ingest_batch` | the items of one request, and how many of them were stored |
//! | `ingest` | what of it is new, where it hangs, what it adds to the sums |
//! | `points`, `remembered`, `lines` | metrics: sums by the minute, how far back points are known, and what is read of them |
//! | `refusing`, `refusals` | who was turned away |
//! | `log_records`, `log_lines` | log records, and the lines of a trace |
//! | `dictionary`, `catalog` | numbers for names, as the writer and as readers know them |
//! | `cells`, `histogram` | sums by bucket, tenant and series, and their latencies |
//! | `outline` | what a search looks at, as bytes |
//! | `housekeeping`, `removal` | retention and compaction |
//! | `sightings`, `versions` | when versions of services were seen first |
//! | `requests`, `batch`, `late` | sums of requests by name, some at a time, and whose past changed since |
//! | `states` | states and alerts |
//! | `window`, `scan` | the traces of a window, and which of them match |
//! | `fragments`, `senders`, `lookup` | spans of many traces, who sent them, and attributes that no index has |
//! | `reader`, `listing`, `sample`, `map`, `facets` | reading: one trace, a search, traces whole, the service map, what these can be narrowed to |
//! | `archive` | all spans, to be stored elsewhere |
//! | `failure` | why something within did not work |

mod archive;
mod batch;
mod catalog;
mod cells;
mod dictionary;
mod engine;
mod facets;
mod failure;
mod fragment;
mod fragments;
mod histogram;
mod housekeeping;
mod ingest;
mod ingest_batch;
mod late;
mod lines;
mod linking;
mod links;
mod listing;
mod lock;
mod log_lines;
mod log_records;
mod lookup;
mod map;
mod outline;
mod part;
mod points;
mod queue;
mod reader;
mod refusals;
mod refusing;
mod remembered;
mod removal;
mod requests;
mod sample;
mod scan;
mod schema;
mod senders;
mod sightings;
mod states;
mod versions;
mod window;
mod writer;

pub use archive::Archive;
pub use engine::Embedded;
pub use removal::Retention;

/// The file in a server's data folder.
pub const FILE: &str = "control-plane.sqlite";
