//! `GET /quotes?from=&to=`: what a flight would earn, asked of account B while the caller waits.

use http::{Response, StatusCode};
use iata_airports::{Airport, IataCode};
use lambda_http::{Body, Request};
use lambda_problem::{Problem, json, required_query};
use serde_json::json as object;

use crate::mileage_client::MileageClient;

/// The miles of a route.
pub async fn quote(mileage: &MileageClient, request: &Request) -> Result<Response<Body>, Problem> {
    let from = airport(request, "from")?;
    let to = airport(request, "to")?;
    let (from, to) = (from.code.to_string(), to.code.to_string());
    if from == to {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_route", "A flight needs two airports.")
            .with_field("to", "must be another airport than from"));
    }
    let miles = mileage.miles(&from, &to).await?;
    json(StatusCode::OK, &object!({ "from_airport": from, "to_airport": to, "miles": miles }))
}

fn airport(request: &Request, name: &str) -> Result<&'static Airport, Problem> {
    let code = required_query(request, name)?;
    code.parse::<IataCode>().ok().and_then(iata_airports::find).ok_or_else(|| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown_airport", "This airport is not known.")
            .with_field(name, "is not the IATA code of an airport")
    })
}
