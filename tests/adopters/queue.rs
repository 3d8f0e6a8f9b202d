//! A function that a queue invokes.

use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde::Deserialize;

#[derive(Deserialize)]
struct ParcelPacked {
    parcel: String,
    shop: String,
    plan: String,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    run(service_fn(each)).await
}

async fn each(event: LambdaEvent<SqsEvent>) -> Result<(), Error> {
    for record in event.payload.records {
        print(serde_json::from_str(&record.body.unwrap_or_default())?).await?;
    }
    Ok(())
}

async fn print(packed: ParcelPacked) -> Result<(), Error> {
    eprintln!("label of parcel {} of {} ({})", packed.parcel, packed.shop, packed.plan);
    Ok(())
}
