//! A line of an access log, in the format of infra's templates: which requests were refused before anybody was known, and what is taken of them.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html>

use std::net::IpAddr;

use serde_json::{Map, Value};

/// Bytes of a line, at most; the format's own are a few hundred.
const MAX_LINE_BYTES: usize = 16 * 1024;
/// How API Gateway writes that there is nothing to say.
const NOTHING: &str = "-";
/// Why a function refused a request with 401, which it does where it does not know the caller.
const BY_FUNCTION: &str = "refused_by_function";

/// `$context.error.responseType`, and the reason that it is: those with which a request is refused.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html>
const REASONS: [(&str, &str); 15] = [
    ("ACCESS_DENIED", "access_denied"),
    ("BAD_REQUEST_BODY", "bad_request_body"),
    ("BAD_REQUEST_PARAMETERS", "bad_request_parameters"),
    ("DEFAULT_4XX", "bad_request"),
    ("EXPIRED_TOKEN", "expired_token"),
    ("INVALID_API_KEY", "invalid_api_key"),
    ("INVALID_SIGNATURE", "invalid_signature"),
    ("MISSING_AUTHENTICATION_TOKEN", "missing_authentication_token"),
    ("QUOTA_EXCEEDED", "quota_exceeded"),
    ("REQUEST_TOO_LARGE", "request_too_large"),
    ("RESOURCE_NOT_FOUND", "resource_not_found"),
    ("THROTTLED", "throttled"),
    ("UNAUTHORIZED", "unauthorized"),
    ("UNSUPPORTED_MEDIA_TYPE", "unsupported_media_type"),
    ("WAF_FILTERED", "waf_filtered"),
];

/// A request that was refused before anybody was known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unverified {
    /// What was answered.
    pub(super) status: u16,
    /// Why, in a word; the status, where API Gateway does not say.
    pub(super) reason: String,
    /// The caller's address, if the line has it.
    pub(super) address: Option<IpAddr>,
}

impl Unverified {
    /// The request of a line; `None` of one that was not refused, or that a function refused once it knew the caller, and where it is no line of the format.
    pub(super) fn of(line: &str) -> Option<Self> {
        if line.len() > MAX_LINE_BYTES {
            return None;
        }
        let fields: Map<String, Value> = serde_json::from_str(line).ok()?;
        let status: u16 = text(&fields, "status")?.parse().ok().filter(|status| (400..500).contains(status))?;
        let by_function = text(&fields, "integration_status").is_some();
        if by_function && status != 401 {
            return None;
        }
        let told = text(&fields, "error").and_then(|told| REASONS.iter().find(|(name, _)| *name == told));
        let reason = match told {
            Some((_, reason)) => (*reason).to_owned(),
            None if by_function => BY_FUNCTION.to_owned(),
            None => status.to_string(),
        };
        Some(Self { status, reason, address: text(&fields, "address").and_then(|address| address.parse().ok()) })
    }
}

/// What a field says, if it says something. The templates write all of them as text.
fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    fields.get(name)?.as_str().filter(|text| !text.is_empty() && *text != NOTHING)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(status: &str, integration_status: &str, error: &str, address: &str) -> String {
        json!({ "time": "1800000000000", "request_id": "a-b", "invocation_id": "-", "method": "GET", "route": "/bookings", "status": status,
                "integration_status": integration_status, "waf": "-", "error": error, "address": address })
        .to_string()
    }

    fn told(line: &str) -> Option<(u16, String, Option<String>)> {
        Unverified::of(line)
            .map(|Unverified { status, reason, address }| (status, reason, address.map(|address| address.to_string())))
    }

    #[test]
    fn what_the_gateway_refused_has_its_reason() {
        for (status, error, reason) in [
            ("401", "UNAUTHORIZED", "unauthorized"),
            ("403", "WAF_FILTERED", "waf_filtered"),
            ("403", "MISSING_AUTHENTICATION_TOKEN", "missing_authentication_token"),
            ("400", "BAD_REQUEST_BODY", "bad_request_body"),
            ("413", "REQUEST_TOO_LARGE", "request_too_large"),
            ("429", "THROTTLED", "throttled"),
            ("404", "-", "404"),
            // What it does not say here today, and nothing that a caller could choose.
            ("400", "acme", "400"),
            ("418", "", "418"),
        ] {
            let expected = Some((status.parse().unwrap(), reason.to_owned(), Some("192.0.2.1".to_owned())));
            assert_eq!(told(&line(status, "-", error, "192.0.2.1")), expected, "{status} {error}");
        }
    }

    #[test]
    fn what_a_function_refused_is_here_only_where_nobody_was_known() {
        let refused = |status| told(&line(status, status, "-", "192.0.2.1")).map(|(_, reason, _)| reason);
        assert_eq!(refused("401").as_deref(), Some("refused_by_function"));
        for known in ["400", "403", "404", "409", "422", "429"] {
            assert_eq!(refused(known), None, "{known}");
        }
    }

    #[test]
    fn what_was_served_or_failed_is_no_refusal() {
        for (status, integration) in
            [("200", "200"), ("201", "200"), ("302", "-"), ("500", "-"), ("504", "-"), ("-", "-")]
        {
            assert_eq!(told(&line(status, integration, "-", "192.0.2.1")), None, "{status}");
        }
    }

    #[test]
    fn fields_may_be_missing_and_lines_hostile() {
        assert_eq!(told(r#"{"status":"401"}"#), Some((401, "401".into(), None)));
        for address in ["-", "", "192.0.2", "192.0.2.1, 10.0.0.1", "<script>", "acme", "300.0.0.1", "fe80::1%eth0"] {
            assert_eq!(
                told(&line("401", "-", "UNAUTHORIZED", address)).map(|(_, _, address)| address),
                Some(None),
                "{address}"
            );
        }
        let long = |bytes: usize| line("401", "-", "UNAUTHORIZED", &"x".repeat(bytes));
        assert!(told(&long(10_000)).is_some());
        assert_eq!(told(&long(20_000)), None);
        for no_line in [
            "",
            "-",
            "null",
            "[]",
            "401",
            "{",
            "\u{0}",
            r#"{"status":401}"#,
            r#"{"status":["401"]}"#,
            r#"{"status":"4294967697"}"#,
        ] {
            assert_eq!(told(no_line), None, "{no_line}");
        }
        assert_eq!(told(&format!("{}{}", "[".repeat(8_000), "]".repeat(8_000))), None);
    }

    #[test]
    fn nothing_that_a_token_says_is_read() {
        let plain = line("401", "-", "UNAUTHORIZED", "192.0.2.1");
        let named = plain.replacen(
            '{',
            r#"{"tenant.id":"acme","tenant":"acme","enduser.id":"eve","authorization":"Bearer e30","#,
            1,
        );
        assert_eq!(told(&named), told(&plain));
    }
}
