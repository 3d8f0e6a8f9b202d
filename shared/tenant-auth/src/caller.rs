//! Where a request comes from, and whether its tenant's access lists let the caller in.

use std::{net::IpAddr, time::SystemTime};

use http::StatusCode;
use lambda_http::{Request, RequestExt, request::RequestContext};
use lambda_problem::Problem;
use opentelemetry::{Context, KeyValue, trace::TraceContextExt};
use tenancy::{AccessLists, Network, Refused, TenantLabel};
use tenant_telemetry::semconv;

/// The address of whoever opened the connection to API Gateway, which vouches for it: `requestContext.identity.sourceIp` of a REST API,
/// `requestContext.http.sourceIp` of an HTTP API. `X-Forwarded-For` is never looked at: API Gateway appends to what a caller sends.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>
fn address(request: &Request) -> Option<IpAddr> {
    let text = match request.request_context_ref()? {
        RequestContext::ApiGatewayV1(context) => context.identity.source_ip.as_deref(),
        #[cfg(feature = "http-api")]
        RequestContext::ApiGatewayV2(context) => context.http.source_ip.as_deref(),
        #[allow(
            unreachable_patterns,
            reason = "which contexts there are depends on the features of all who build together"
        )]
        _ => None,
    };
    text?.parse().ok()
}

/// The network that [`address`] is in.
fn network(request: &Request) -> Option<Network> {
    address(request).map(Network::around)
}

/// Records on the span from which network a verified request came, if the span is kept.
pub(crate) fn record_network(request: &Request) {
    Context::map_current(|cx| {
        let span = cx.span();
        if span.is_recording()
            && let Some(network) = network(request)
        {
            span.set_attribute(KeyValue::new(semconv::CLIENT_NETWORK, network.to_string()));
        }
    });
}

/// By what the lists refuse whoever sent this request, if they do; its span says so.
pub(crate) fn refuse(lists: &AccessLists, request: &Request, caller: &TenantLabel) -> Option<Refused> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let refused = lists.refuse(address(request), caller.user_id.as_ref(), now)?;
    let attribute = KeyValue::new(semconv::ACCESS_LIST_REFUSED, refused.as_str());
    Context::map_current(|cx| cx.span().set_attribute(attribute));
    Some(refused)
}

/// What a caller gets whom the lists refuse.
pub(crate) fn refusal(refused: Refused) -> Problem {
    let (code, detail) = match refused {
        Refused::Network => ("network_not_allowed", "Your company does not allow calls from your network."),
        Refused::User => ("user_not_allowed", "Your company does not allow this user."),
    };
    Problem::new(StatusCode::FORBIDDEN, code, detail)
}

#[cfg(test)]
mod tests {
    use lambda_http::{Body, aws_lambda_events::apigw::ApiGatewayProxyRequestContext, http::Request as HttpRequest};

    use super::*;

    fn request(source_ip: Option<&str>, forwarded_for: &str) -> Request {
        let mut context = ApiGatewayProxyRequestContext::default();
        context.identity.source_ip = source_ip.map(str::to_owned);
        HttpRequest::get("/bookings")
            .header("x-forwarded-for", forwarded_for)
            .header("forwarded", format!("for={forwarded_for}"))
            .header("x-real-ip", forwarded_for)
            .body(Body::Empty)
            .map(|request| request.with_request_context(RequestContext::ApiGatewayV1(context)))
            .unwrap()
    }

    /// What API Gateway says, what headers say, and the address that counts with its network.
    type Case = (Option<&'static str>, &'static str, Option<(&'static str, &'static str)>);
    const ADDRESSES: [Case; 9] = [
        (Some("203.0.113.7"), "", Some(("203.0.113.7", "203.0.113.0/24"))),
        (Some("2001:db8:1:2::7"), "", Some(("2001:db8:1:2::7", "2001:db8:1::/48"))),
        (Some("::ffff:203.0.113.7"), "", Some(("::ffff:203.0.113.7", "203.0.113.0/24"))),
        // A header that the caller sent counts for nothing, however many proxies it names.
        (Some("203.0.113.7"), "198.51.100.1", Some(("203.0.113.7", "203.0.113.0/24"))),
        (Some("203.0.113.7"), "198.51.100.1, 192.0.2.7, 10.0.0.1", Some(("203.0.113.7", "203.0.113.0/24"))),
        (None, "198.51.100.1", None),
        (Some(""), "198.51.100.1", None),
        (Some("test-invoke-source-ip"), "198.51.100.1", None),
        (Some("203.0.113.7, 198.51.100.1"), "198.51.100.1", None),
    ];

    #[test]
    fn an_address_is_what_api_gateway_vouches_for() {
        for (source_ip, forwarded_for, expected) in ADDRESSES {
            let request = request(source_ip, forwarded_for);
            let of_gateway = expected.map(|(address, _)| address.parse::<IpAddr>().unwrap());
            assert_eq!(address(&request), of_gateway, "{source_ip:?}, {forwarded_for}");
            let told = network(&request).map(|network| network.to_string());
            assert_eq!(told.as_deref(), expected.map(|(_, network)| network), "{source_ip:?}, {forwarded_for}");
        }
        assert_eq!(address(&HttpRequest::get("/").body(Body::Empty).unwrap()), None, "nobody vouches for any");
    }
}
