//! EventBridge: each event has a span and carries context in its `detail`, beside its own members.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

use super::{
    call::{Call, CallSpan, MessageDestination, replace_body, send_entries, text},
    context::Fields,
    json::{Object, quoted},
};
use crate::propagation;

/// Starts a span for each event, and puts its context into the request.
pub(super) fn send(call: &Call<'_>, request: &mut HttpRequest) -> Option<Vec<CallSpan>> {
    let mut body = Object::parse(text(request)?)?;
    let spans = send_entries(&mut body, |index, entry| {
        let bus = entry.string("EventBusName").unwrap_or_else(|| "default".to_owned());
        // A name, or arn:aws:events:<region>:<account>:event-bus/<name>
        let name = bus.split_once(":event-bus/").map_or(bus.as_str(), |(_, name)| name).to_owned();
        let to = MessageDestination { system: "aws.eventbridge", name, identity: None };
        let span = call.start_send(index, String::new(), &to);
        put_context(entry, &span);
        span
    })?;
    replace_body(request, body.to_string());
    Some(spans)
}

fn put_context(entry: &mut Object<'_>, span: &CallSpan) {
    let detail = entry.string("Detail");
    if let Some(detail) = detail.and_then(|detail| Fields::of(&span.cx).merged_into(&detail)) {
        entry.set("Detail", quoted(&detail));
    }
    if let (None, Some(header)) = (entry.get("TraceHeader"), propagation::xray_header(&span.cx)) {
        entry.set("TraceHeader", quoted(&header));
    }
}
