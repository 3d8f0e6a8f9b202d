//! A function that somebody invokes.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Error> {
    run(service_fn(postage)).await
}

async fn postage(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let grams = event.payload["grams"].as_u64().ok_or("no grams")?;
    Ok(json!({ "cents": 85 + grams / 10 }))
}
