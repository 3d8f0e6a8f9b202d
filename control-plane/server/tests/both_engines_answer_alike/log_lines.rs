//! Log records: what is sent in any order, and again, is answered alike, and to whom it may be told.

use std::collections::BTreeSet;

use control_plane::intake::records;
use control_plane_model::{
    log_records::{LogQuery, LogStore, MAX_RECORDS_PER_TRACE, StoredLogs},
    store::Scope,
    trace::TraceId,
};
use opentelemetry_proto::tonic::{common::v1::InstrumentationScope, logs::v1::LogRecord, trace::v1::Span};
use serde_json::json;
use testkit::{
    control_plane::{now_ns, shuffled, span, text},
    signals::{logs_of, record},
};

use crate::{
    Both,
    measurements::{scopes, sender},
    questions::different,
    spans,
};

impl Both {
    /// Writes records of a scope.
    async fn write_logs(&self, scope: &str, sent: &[LogRecord]) {
        let mut request = logs_of(&sender(0), sent.to_vec());
        let scope = InstrumentationScope { name: scope.to_owned(), ..InstrumentationScope::default() };
        request.resource_logs[0].scope_logs[0].scope = Some(scope);
        for store in [&self.embedded as &dyn LogStore, &self.clickhouse] {
            let (logs, _) = records(request.clone(), None, now_ns() / 1_000_000_000);
            store.write_logs(logs).await.unwrap();
        }
    }
}

/// The lines of logs, of whom they may be.
pub(crate) async fn of_traces(both: &Both) {
    // Spans 0 and 1 of trace 7 are acme's; 2 is of globex, 3 of nobody.
    let of = |n: u64, tenant: Option<&str>| {
        let attributes = tenant.map(|tenant| text("tenant.id", tenant)).into_iter().collect();
        ("booking-api", Span { attributes, ..span(7, n) })
    };
    let sent = [of(0, Some("acme")), of(1, Some("acme")), of(2, Some("globex")), of(3, None)];
    both.write(spans::request(&sent)).await;
    // What came first counts.
    both.write(spans::request(&[of(2, Some("acme"))])).await;
    let mut lines = Vec::new();
    for n in 0..5 {
        for tenant in [None, Some("acme"), Some("globex")] {
            let mut line = record(7, n, &format!("of span {n}, for {tenant:?}"));
            line.attributes.extend(tenant.map(|tenant| text("tenant.id", tenant)));
            lines.push(line);
        }
    }
    let mut of_no_span = record(7, 9, "of no span");
    of_no_span.span_id.clear();
    (of_no_span.time_unix_nano, of_no_span.observed_time_unix_nano) = (0, span(7, 1).start_time_unix_nano);
    let mut of_no_trace = record(7, 9, "of no trace");
    of_no_trace.trace_id.clear();
    lines.extend([of_no_span, of_no_trace, record(8, 0, "of another trace")]);
    shuffled(&mut lines, 3);
    for piece in lines.chunks(5) {
        for _ in 0..2 {
            both.write_logs("booking::table", piece).await;
        }
    }
    // What two modules wrote alike are two lines.
    for scope in ["booking::table", "booking::seats", ""] {
        both.write_logs(scope, &[record(6, 0, "tried again")]).await;
    }
    let query = LogQuery { trace_id: TraceId::from_bytes(&[6; 16]).unwrap(), span_id: None, limit: 9 };
    for store in [&both.embedded as &dyn LogStore, &both.clickhouse] {
        let lines = store.logs(&Scope::All, query.clone()).await.unwrap().lines;
        let scopes: BTreeSet<_> = lines.iter().map(|line| line.scope.as_deref()).collect();
        assert_eq!((lines.len(), scopes), (3, [None, Some("booking::seats"), Some("booking::table")].into()));
    }
    let mut found = Vec::new();
    for scope in scopes() {
        for (trace, span_id, limit) in [(7, None, 100), (7, None, 3), (7, Some(1), 100), (8, None, 1), (9, None, 9)] {
            let trace_id = TraceId::from_bytes(&[trace; 16]).unwrap();
            let query = LogQuery { trace_id, span_id: span_id.map(|id: u64| id + 1), limit };
            let embedded = both.embedded.logs(&scope, query.clone()).await.unwrap();
            let clickhouse = both.clickhouse.logs(&scope, query.clone()).await.unwrap();
            assert_eq!(different(&json!(embedded), &json!(clickhouse)), None, "{scope:?}, {query:?}");
            found.push((embedded.lines.len(), embedded.truncated));
        }
    }
    let of_all = [(16, false), (3, true), (3, false), (1, false), (0, false)];
    // Five lines name it, and two of its spans have one that names nobody.
    let of_acme = [(7, false), (3, true), (2, false), (0, false), (0, false)];
    let of_globex = [(6, false), (3, true), (1, false), (0, false), (0, false)];
    assert_eq!(found[..15], [of_all, of_acme, of_globex].concat());
    assert!(found[15..].iter().all(|found| *found == (0, false)), "{found:?}");
}

/// A loop that logs in one trace is stopped, and what it wrote can be read.
pub(crate) async fn endless(both: &Both) {
    let lines: Vec<_> = (0..=MAX_RECORDS_PER_TRACE).map(|n| record(5, 0, &n.to_string())).collect();
    let request = logs_of(&sender(0), lines);
    let query = LogQuery { trace_id: TraceId::from_bytes(&[5; 16]).unwrap(), span_id: Some(1), limit: 500 };
    for store in [&both.embedded as &dyn LogStore, &both.clickhouse] {
        let (logs, _) = records(request.clone(), None, now_ns() / 1_000_000_000);
        let stored = StoredLogs { new: MAX_RECORDS_PER_TRACE, beyond: 1 };
        assert_eq!(store.write_logs(logs).await.unwrap(), stored);
        let found = store.logs(&Scope::All, query.clone()).await.unwrap();
        assert_eq!((found.lines.len(), found.truncated), (500, true));
    }
}
