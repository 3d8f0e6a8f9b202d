//! HTTP calls of a Lambda function, as OTLP export, signing keys and signed calls to other accounts share them.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use bytes::Bytes;
//! use lambda_http_client::{HttpClient, HttpClientError};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = HttpClient::new(Duration::from_secs(2));
//! let request = http::Request::get("https://sts.eu-central-1.amazonaws.com/").body(Bytes::new())?;
//! match client.send(request).await {
//!     Ok(answer) => println!("{} and {} bytes", answer.status(), answer.body().len()),
//!     Err(HttpClientError::Timeout(within)) => println!("nothing within {within:?}"),
//!     Err(error) => return Err(error.into()),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Errors
//!
//! [`HttpClientError`] says why there is no answer; an answer with a status of 4xx or 5xx is one. `SignError` says why a request was not signed,
//! `SecretError` why a secret was not read.
//!
//! # Guarantees
//!
//! - One timeout holds for the whole exchange, from connecting to the last byte of the body.
//! - A client trusts Amazon's five roots, which are compiled in: a system's store takes longer to load than the rest of a cold start. Whoever calls
//!   somebody else says so ([`Roots::System`]).
//! - Calls of the AWS SDK end in time for a function to answer for a service that does not: four seconds with retries.
//!
//! # Map
//!
//! | module | idea |
//! |---|---|
//! | [`HttpClient`] | a pooled HTTP/1.1 client with one timeout for the whole exchange |
//! | [`Roots`] | whom TLS trusts: Amazon's roots, compiled in, or the system's |
//! | `Signer` | SigV4 with the function's own role |
//! | `fetch_secret` | a text that SSM or Secrets Manager keeps |
//! | `aws` | the AWS SDK's configuration, with the same roots, and how its errors are judged |
//!
//! The last three come with the feature `aws`.

#[cfg(feature = "aws")]
pub mod aws;
mod client;
#[cfg(not(feature = "aws"))]
mod hyper;
#[cfg(feature = "aws")]
mod sdk_connector;
#[cfg(feature = "aws")]
mod secret;
#[cfg(feature = "aws")]
mod signer;
mod tls;

pub use client::{HttpClient, HttpClientError};
#[cfg(feature = "aws")]
pub use secret::{SecretError, fetch_secret};
#[cfg(feature = "aws")]
pub use signer::{ReadySigner, SignError, Signer};
pub use tls::Roots;
