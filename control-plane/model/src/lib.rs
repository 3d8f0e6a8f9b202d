//! What the control plane knows of spans, metrics and logs, whatever engine keeps them.
//!
//! | module | what it holds |
//! |---|---|
//! | [`otlp`] | what is read out of OTLP's own messages |
//! | [`trace`] | a trace as read back: its ids, its tree, its critical path |
//! | [`incoming`] | what a request brings |
//! | [`topology`] | the edges of the service map that a span stands for |
//! | [`growing`] | a trace whose spans are still coming |
//! | [`catalog`] | names and nodes by number |
//! | [`rollup`] | counts and latency histograms, by buckets of time |
//! | [`scope`] | whose eyes a read is for |
//! | [`search`] | X-Ray filter expressions, and what they say of a trace |
//! | [`listing`], [`map`] | searches and the service map: what is asked, and what is answered |
//! | [`links`] | spans that refer to a trace by a link |
//! | [`part`] | one node or one edge of the map |
//! | [`lookup`] | attributes that no index has, and how far back spans were read for them |
//! | [`sample`] | traces as they were received, whole |
//! | [`lines_builder`] | lines of metrics as an engine puts them together |
//! | [`summary`] | measurements that are added up |
//! | [`cumulative`] | what a point adds whose sender counts since it began |
//! | [`refusals`] | who was turned away |
//! | [`metrics`], [`log_records`] | metrics and logs: what a request brings, and what is read of them |
//! | [`log_line`] | a log record as it is shown |
//! | [`investigations`] | what operators investigate |
//! | [`versions`] | when versions of services were seen first |
//! | [`store`], [`error`] | what keeps spans, and why it did not |
//! | [`complain`](mod@complain) | what an operator is told on standard error |

pub mod catalog;
pub mod complain;
pub mod cumulative;
pub mod error;
pub mod growing;
pub mod incoming;
pub mod investigations;
pub mod lines_builder;
pub mod links;
pub mod listing;
pub mod log_line;
pub mod log_records;
pub mod lookup;
pub mod map;
pub mod metrics;
pub mod otlp;
pub mod part;
pub mod refusals;
pub mod rollup;
pub mod sample;
pub mod scope;
pub mod search;
pub mod store;
pub mod summary;
pub mod topology;
pub mod trace;
pub mod unverified;
pub mod versions;
