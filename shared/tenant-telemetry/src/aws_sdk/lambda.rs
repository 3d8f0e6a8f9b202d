//! Lambda: an invocation carries context in the client context, which the function finds in its own.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use opentelemetry::KeyValue;

use super::{
    call::{Call, CallSpan},
    context::Fields,
    json::Object,
};
use crate::semconv;

const CLIENT_CONTEXT: &str = "x-amz-client-context";

/// The longest client context as it is sent, in bytes. <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>
const MAX_CLIENT_CONTEXT: usize = 3_583;

/// Starts the span of an invocation, and puts its context into the request.
pub(super) fn invoke(call: &Call<'_>, request: &mut HttpRequest) -> Option<Vec<CallSpan>> {
    let uri: http::Uri = request.uri().parse().ok()?;
    let span = call.start(invoked(uri.path(), call.region.as_deref()));
    // Lambda hands no client context to a function that it invokes later.
    let headers = request.headers_mut();
    if headers.get("x-amz-invocation-type").is_none_or(|kind| kind == "RequestResponse") {
        match with_fields(headers.get(CLIENT_CONTEXT), Fields::of(&span.cx)) {
            Some(context) if context.len() <= MAX_CLIENT_CONTEXT => {
                headers.insert(CLIENT_CONTEXT, context);
            }
            Some(_) => Fields::of(&span.cx).no_room(&span.cx),
            None => {}
        }
    }
    Some(vec![span])
}

/// Returns the client context with these fields in its `custom`. It returns nothing where the existing context cannot be read, or where there are no
/// fields.
fn with_fields(there: Option<&str>, fields: Fields) -> Option<String> {
    if fields.is_empty() {
        return None;
    }
    let there = there.map_or_else(|| Some(b"{}".to_vec()), |there| STANDARD.decode(there).ok())?;
    let mut context = Object::parse(std::str::from_utf8(&there).ok()?)?;
    let custom = context.get("custom").unwrap_or("{}").to_owned();
    let mut custom = Object::parse(&custom)?;
    fields.put_into(&mut custom);
    context.set("custom", custom.to_string());
    Some(STANDARD.encode(context.to_string()))
}

/// The function's name and region, from a request's path. The path names the function by name, by account and name, or by ARN, with a version or
/// alias after it.
fn invoked(path: &str, region: Option<&str>) -> Vec<KeyValue> {
    let Some((name, _)) = path.split_once("/functions/").and_then(|(_, rest)| rest.split_once('/')) else {
        return Vec::new();
    };
    let name = name.replace("%3A", ":");
    let parts: Vec<&str> = name.split(':').collect();
    let after_function = parts.iter().position(|part| *part == "function").and_then(|at| parts.get(at + 1));
    let function = after_function.or(parts.first()).copied().unwrap_or_default();
    let region = if parts[0] == "arn" { parts.get(3).copied() } else { region };
    let mut attributes = vec![
        KeyValue::new(semconv::FAAS_INVOKED_NAME, function.to_owned()),
        KeyValue::new(semconv::FAAS_INVOKED_PROVIDER, "aws"),
    ];
    attributes.extend(region.map(|region| KeyValue::new(semconv::FAAS_INVOKED_REGION, region.to_owned())));
    attributes
}

#[cfg(test)]
mod tests {
    use opentelemetry::propagation::Injector as _;

    use super::*;

    #[test]
    fn a_function_is_named_however_it_is_addressed() {
        let attributes = |name: &str| {
            let all = invoked(&format!("/2015-03-31/functions/{name}/invocations"), Some("eu-west-1"));
            all.into_iter().map(|attribute| attribute.value.to_string()).collect::<Vec<_>>()
        };
        for name in ["quote", "quote%3Alive", "111111111111%3Afunction%3Aquote"] {
            assert_eq!(attributes(name), ["quote", "aws", "eu-west-1"], "{name}");
        }
        let arn = "arn%3Aaws%3Alambda%3Aus-east-1%3A111111111111%3Afunction%3Aquote%3A3";
        assert_eq!(attributes(arn), ["quote", "aws", "us-east-1"]);
        assert_eq!(invoked("/2015-03-31/functions", None), []);
    }

    #[test]
    fn a_client_context_keeps_what_it_has() {
        let fields = || {
            let mut fields = Fields::default();
            fields.set("traceparent", "00-x".to_owned());
            fields
        };
        let there = STANDARD.encode(r#"{"client":{"a":1},"custom":{"b":"c"}}"#);
        let context = STANDARD.decode(with_fields(Some(&there), fields()).unwrap()).unwrap();
        assert_eq!(context, br#"{"client":{"a":1},"custom":{"b":"c","traceparent":"00-x"}}"#);
        for unreadable in ["%", "bm8gSlNPTg=="] {
            assert_eq!(with_fields(Some(unreadable), fields()), None, "{unreadable}");
        }
        assert_eq!(with_fields(None, Fields::default()), None);
    }
}
