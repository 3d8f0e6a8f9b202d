//! An axum router behind API Gateway.

use axum::{Router, http::Uri, routing::get};
use lambda_http::{Error, run};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let router = Router::new().route("/greetings/{name}", get(hello));
    run(router).await
}

async fn hello(uri: Uri) -> String {
    format!("hello from {}", uri.path())
}
