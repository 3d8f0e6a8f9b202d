//! Spans, metrics and log records in ClickHouse, and sums over them.
//!
//! Any number of servers write spans; each batch is durable before it is acknowledged. One leader then makes everything else of the traces
//! that changed, from all their spans: outlines for searches, and the sums of each minute that they touch, as a new version of that minute.
//! Nothing is added to what is there, so that repeated, late and unordered spans end right.
//!
//! | file | idea |
//! |---|---|
//! | `engine` | what the control plane sees of all this |
//! | `database` | queries and inserts, and how long they may take |
//! | `schema` | tables: migrations, numbered |
//! | `queue` | what many requests brought, in one insert |
//! | `writer`, `points`, `log_records` | spans, points and log records as rows |
//! | `lines` | metrics: what is read of them |
//! | `local` | numbers for the names of one trace or one answer |
//! | `sums` | what the leader makes of traces that changed |
//! | `outlined` | a trace as a search sees it |
//! | `wholes` | sums of hours and days |
//! | `trace_query`, `condition` | the parameters of queries about traces, and a filter expression in SQL |
//! | `stored` | traces as they were received |
//! | `refusals` | who was turned away |
//! | `versions` | when versions of services were seen first |
//! | `lookup` | attributes that no index has |
//! | `late` | whose past changed since |
//! | `listing`, `sample`, `map`, `requests` | reading: a search, traces whole, the service map, sums by name |

mod condition;
mod database;
mod engine;
mod hits;
mod late;
mod lines;
mod links;
mod listing;
mod local;
mod log_records;
mod lookup;
mod map;
mod outlined;
mod part;
mod points;
mod queue;
mod refusals;
mod requests;
mod sample;
mod schema;
mod stored;
mod sums;
mod trace_query;
mod versions;
mod wholes;
mod writer;

pub use database::Address;
pub use engine::ClickHouse;
pub use schema::Migration;
