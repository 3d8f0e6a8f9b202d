//! The least a Rust function can be: what the others' start is compared with.

use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(async |event: LambdaEvent<serde_json::Value>| Ok::<_, Error>(event.payload))).await
}
