//! `GET /miles?from=&to=`: what a route would earn, for booking's quotes.
//!
//! API Gateway lets only IAM-authorised callers through: the booking account's own role.

use http::{Response, StatusCode};
use iata_airports::{Airport, IataCode};
use lambda_http::{Body, Request};
use lambda_problem::{Problem, json, required_query};
use serde_json::json as object;
use tenancy::{TenantLabel, Tier};
use tenant_telemetry::{Work, propagation, semconv};

use crate::miles::miles_between;

/// The miles between two airports.
pub async fn distance(request: &Request) -> Result<Response<Body>, Problem> {
    serve_for_caller(request);
    let from = airport(request, "from")?;
    let to = airport(request, "to")?;
    let miles = miles_between(from, to);
    json(StatusCode::OK, &object!({ "from": from.code.to_string(), "to": to.code.to_string(), "miles": miles }))
}

fn airport(request: &Request, name: &str) -> Result<&'static Airport, Problem> {
    let code = required_query(request, name)?;
    code.parse::<IataCode>().ok().and_then(iata_airports::find).ok_or_else(|| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown_airport", "This airport is not known.")
            .with_field(name, "is not the IATA code of an airport")
    })
}

/// The one place where baggage says who is served: the caller has proved by IAM that it is the booking service, which has
/// verified its user's token. Nothing of a tenant's is read here; it only names the spans.
fn serve_for_caller(request: &Request) {
    let baggage = request.headers().get(propagation::field::BAGGAGE).and_then(|value| value.to_str().ok());
    let tenant = baggage.and_then(|baggage| {
        Some(TenantLabel {
            tenant_id: propagation::baggage_value(baggage, semconv::TENANT_ID)?.parse().ok()?,
            tier: propagation::baggage_value(baggage, semconv::TENANT_TIER)?.parse::<Tier>().ok()?,
            user_id: "booking-api".parse().ok(),
        })
    });
    if let Some(tenant) = tenant {
        Work::current().serve(tenant);
    }
}
