//! HTTP calls of a Lambda function, as OTLP export, signing keys and signed calls to other accounts share them.
//!
//! | module | idea |
//! |---|---|
//! | `client` | a pooled HTTP/1.1 client with one timeout for the whole exchange |
//! | `tls` | whom TLS trusts: Amazon's roots, compiled in, or the system's |
//! | `signer` | SigV4 with the function's own role |
//! | [`aws`] | the AWS SDK's configuration, with the same client beneath, and how its errors are judged |

pub mod aws;
mod client;
mod signer;
mod tls;

pub use client::{HttpClient, HttpClientError};
pub use signer::{ReadySigner, SignError, Signer};
pub use tls::Roots;
