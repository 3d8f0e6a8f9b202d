//! What requests that were refused before anybody was known are counted as: points of a metric that the control plane makes itself, from access logs.

/// The metric. No sender's points of this name are taken.
pub const METRIC: &str = "apigateway.requests.refused";
/// Its unit, in UCUM.
pub const UNIT: &str = "{request}";
/// What was answered.
pub const STATUS: &str = "http.response.status_code";
/// Why, in a word.
pub const REASON: &str = "error.type";
/// The network of the caller's address, by its prefix; [`OTHER_NETWORKS`] where it is one of many.
pub const NETWORK: &str = "client.network";
/// A keyed hash of the caller's address, where it is one of few.
pub const ADDRESS: &str = "client.address.hash";

/// Networks that are counted together.
pub const OTHER_NETWORKS: &str = "(other)";
/// The network of a caller whose address the access log does not tell.
pub const UNKNOWN_NETWORK: &str = "(unknown)";
