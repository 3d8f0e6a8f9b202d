//! An AWS Lambda host on loopback: runs a real function binary as Lambda would, injects what Lambda can do to it, and
//! measures it.
//!
//! | module | what it holds |
//! |---|---|
//! | [`function`] | a function process behind a Runtime API (and Extensions API) of its own: invoke, freeze, time out, terminate |
//! | [`pool`] | a function with a concurrency limit: so many processes, and what is too much is refused as Lambda refuses it |
//! | [`sink`] | an OTLP collector and an X-Ray daemon that decode what they get, and can be slow, silent or broken |
//! | [`aws`] | DynamoDB, SNS, SQS and a Cognito user pool with a fixed latency |
//! | [`payloads`] | the events a function is invoked with |
#![deny(missing_docs)]

pub mod aws;
pub mod function;
mod items;
mod output;
pub mod payloads;
pub mod pool;
mod runtime_api;
pub mod sink;

use std::net::Ipv4Addr;

use anyhow::Result;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

/// Serves on a free port of the loopback interface; its address.
async fn serve(router: axum::Router) -> Result<std::net::SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let listener = listener.tap_io(|stream| {
        // Without it, small answers may wait 40 ms.
        let _not_critical = stream.set_nodelay(true);
    });
    tokio::spawn(async move {
        let _serves_until_the_end = axum::serve(listener, router).await;
    });
    Ok(address)
}
