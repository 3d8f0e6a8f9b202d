//! `POST /parcels`: a shop's parcel is packed, and the queue `PARCELS_QUEUE_URL` hears of it.

use aws_sdk_sqs::Client;
use lambda_http::{Adapter, Body, Error, Request, RequestPayloadExt, http::StatusCode, tower::Layer};
use lambda_http_client::aws;
use lambda_problem::json;
use lambda_runtime::{Runtime, service_fn};
use parcels::{PLANS, ParcelPacked};
use serde::Deserialize;
use tenant_auth::{AuthLayer, JwtVerifier, Problem, TenantContext};
use tenant_messages::TenantMessage;
use tenant_telemetry::{AwsSdkTracing, HttpLayer, Telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config().await;
    let telemetry = Telemetry::of_function(&config).await?;
    let auth = AuthLayer::new(JwtVerifier::from_env(PLANS)?);
    let sqs = aws_sdk_sqs::config::Builder::from(&config).interceptor(AwsSdkTracing::new());
    let (sqs, queue) = (Client::from_conf(sqs.build()), std::env::var("PARCELS_QUEUE_URL")?);

    let handler = service_fn(move |request| pack(request, sqs.clone(), queue.clone()));
    let handler = HttpLayer::new().layer(auth.layer(handler));
    Runtime::new(Adapter::from(handler)).layer(telemetry.export_layer()).run_concurrent().await
}

#[derive(Deserialize)]
struct Order {
    parcel: String,
    to: String,
}

async fn pack(request: Request, sqs: Client, queue: String) -> Result<lambda_http::Response<Body>, Error> {
    let tenant = request.extensions().get::<TenantContext>().ok_or_else(Problem::internal)?;
    let order: Option<Order> = request.json().unwrap_or_default();
    let Order { parcel, to } =
        order.ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "no_order", "An order names `parcel` and `to`."))?;
    let packed = ParcelPacked { parcel, to, shop: tenant.tenant_id.clone(), plan: tenant.tier };
    packed.write()?.send(sqs.send_message().queue_url(queue))?.send().await?;
    Ok(json(StatusCode::ACCEPTED, &serde_json::json!({ "parcel": packed.parcel }))?)
}
