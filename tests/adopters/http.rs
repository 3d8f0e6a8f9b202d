//! A function behind API Gateway.

use lambda_http::{Body, Error, Request, Response, run, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    run(service_fn(hello)).await
}

async fn hello(request: Request) -> Result<Response<Body>, Error> {
    let greeting = format!("hello from {}", request.uri().path());
    Ok(Response::new(greeting.into()))
}
