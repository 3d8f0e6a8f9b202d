//! HTTP calls of a Lambda function, as OTLP export, signing keys and signed calls to other accounts share them.
//!
//! | module | idea |
//! |---|---|
//! | [`HttpClient`] | a pooled HTTP/1.1 client with one timeout for the whole exchange |
//! | [`Roots`] | whom TLS trusts: Amazon's roots, compiled in, or the system's |
//! | `Signer` | SigV4 with the function's own role |
//! | `aws` | the AWS SDK's configuration, with the same roots, and how its errors are judged |
//!
//! The last two come with the feature `aws`.

#[cfg(feature = "aws")]
pub mod aws;
mod client;
#[cfg(feature = "aws")]
mod signer;
mod tls;

pub use client::{HttpClient, HttpClientError};
#[cfg(feature = "aws")]
pub use signer::{ReadySigner, SignError, Signer};
pub use tls::Roots;
