//! Step Functions: an execution's input carries context, where that does not change what the call means.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use opentelemetry::KeyValue;

use super::{
    call::{Call, CallSpan, replace_body, text},
    context::Fields,
    json::{Object, quoted},
};
use crate::semconv;

/// The longest input, in bytes. <https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>
const MAX_INPUT: usize = 262_144;

/// Starts the span of the call, and puts its context into the request.
pub(super) fn start(call: &Call<'_>, request: &mut HttpRequest) -> Option<Vec<CallSpan>> {
    let mut body = Object::parse(text(request)?)?;
    let span = call.start(attributes(&body));
    // A second start by the same name succeeds only with the same input, which is how a caller tries again.
    let starts_once = call.operation == "StartExecution" && body.get("name").is_some();
    let changed = (!starts_once && put_context(&mut body, &span)).then(|| body.to_string());
    if let Some(body) = changed {
        replace_body(request, body);
    }
    Some(vec![span])
}

fn put_context(body: &mut Object<'_>, span: &CallSpan) -> bool {
    let input = body.string("input").unwrap_or_else(|| "{}".to_owned());
    let Some(input) = Fields::of(&span.cx).merged_into(&input) else { return false };
    let fits = input.len() <= MAX_INPUT;
    if fits {
        body.set("input", quoted(&input));
    } else {
        Fields::of(&span.cx).no_room(&span.cx);
    }
    fits
}

/// The attributes of a call with this body.
pub(super) fn attributes(body: &Object<'_>) -> Vec<KeyValue> {
    let named = [
        ("stateMachineArn", semconv::AWS_STEP_FUNCTIONS_STATE_MACHINE_ARN),
        ("activityArn", semconv::AWS_STEP_FUNCTIONS_ACTIVITY_ARN),
    ];
    named.into_iter().filter_map(|(member, name)| Some(KeyValue::new(name, body.string(member)?))).collect()
}
