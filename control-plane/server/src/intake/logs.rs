//! Selects the log records of a request that can be stored.

use std::sync::Arc;

use control_plane_model::{
    incoming::{Sender, number_of},
    log_records::IncomingLog,
    otlp::{LogFacts, Resource},
    trace::TraceId,
};
use opentelemetry_proto::tonic::{
    collector::logs::v1::ExportLogsServiceRequest,
    logs::v1::{LogRecord, ScopeLogs},
};
use prost::Message;

use super::rejected::{MAX_ATTRIBUTES, Rejected, check_resource, check_scope, is_future};

/// Bytes a log record may have: as many as a span.
const MAX_RECORD_BYTES: usize = 256 * 1024;

/// The log records of a request, and those that cannot be stored. Where `account` is given, records of another are not taken. Those of no
/// trace are passed over, which is remarked on: nothing here would show them.
pub fn records(request: ExportLogsServiceRequest, account: Option<&str>, now: i64) -> (Vec<IncomingLog>, Rejected) {
    let (mut logs, mut rejected) = (Vec::new(), Rejected::default());
    for group in request.resource_logs {
        let resource = group.resource.unwrap_or_default();
        if let Err(reason) = check_resource(&resource) {
            rejected.add(group.scope_logs.iter().map(|scope| scope.log_records.len()).sum(), reason);
            continue;
        }
        let sent_by = Resource::of(&resource);
        let sender = Arc::new(Sender::new(resource.encode_to_vec()));
        for scope in group.scope_logs {
            let ScopeLogs { scope, log_records, schema_url } = scope;
            let header = ScopeLogs { scope, log_records: Vec::new(), schema_url };
            if let Err(reason) = check_scope(&header) {
                rejected.add(log_records.len(), reason);
                continue;
            }
            for record in log_records {
                match check(&sent_by, &record, account, now) {
                    Ok(None) => {
                        rejected.add(0, "a log record outside any trace is not kept: records are read by their trace")
                    }
                    Ok(Some(Checked { facts, time_ns, trace_id })) => {
                        let body = ScopeLogs { log_records: vec![record], ..header.clone() }.encode_to_vec();
                        let id = number_of([sender.id.to_be_bytes().as_slice(), &body]);
                        let tenant = facts.tenant.map(|tenant| tenant.to_string());
                        let (span_id, sender) = (facts.span_id, sender.clone());
                        logs.push(IncomingLog { id, time_ns, trace_id, span_id, tenant, sender, body });
                    }
                    Err(reason) => rejected.add(1, reason),
                }
            }
        }
    }
    (logs, rejected)
}

/// What is known of a record that can be stored.
struct Checked {
    facts: LogFacts,
    time_ns: i64,
    trace_id: TraceId,
}

/// A record that can be stored; none, where it is of no trace.
fn check(
    sender: &Resource,
    record: &LogRecord,
    account: Option<&str>,
    now: i64,
) -> Result<Option<Checked>, &'static str> {
    if record.trace_id.is_empty() || record.trace_id == [0; 16] {
        return Ok(None);
    }
    let trace_id =
        TraceId::from_bytes(&record.trace_id).map_err(|_| "a trace id is 16 bytes (in JSON 32 hexadecimal digits)")?;
    if !matches!(record.span_id.len(), 0 | 8) {
        return Err("a span id is 8 bytes (in JSON 16 hexadecimal digits)");
    }
    let facts = LogFacts::of(sender, record);
    let time_ns = facts.time_ns.ok_or("a log record says when it was written, or observed")?;
    if is_future(time_ns.unsigned_abs(), now) {
        return Err("a log record cannot be of the future");
    }
    if record.attributes.len() > MAX_ATTRIBUTES {
        return Err("a log record has at most 1000 attributes");
    }
    if record.encoded_len() > MAX_RECORD_BYTES {
        return Err("a log record has at most 256 kB");
    }
    if account.is_some_and(|account| facts.account.as_deref() != Some(account)) {
        return Err("a key is good for log records of its own account only");
    }
    Ok(Some(Checked { facts, time_ns, trace_id }))
}
