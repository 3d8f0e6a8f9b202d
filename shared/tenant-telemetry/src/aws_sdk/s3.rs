//! S3: the bucket. A key may name a person, so it stays out of the span.

/// The bucket of an endpoint, which ends the path or begins the host. `configured` is an endpoint that was set in place of Amazon's. An access point
/// is no bucket.
pub(super) fn bucket(endpoint: &str, configured: Option<&str>) -> Option<String> {
    let host_of = |url: &str| url.parse::<http::Uri>().ok()?.host().map(str::to_owned);
    let uri: http::Uri = endpoint.parse().ok()?;
    let configured_path = configured.and_then(|url| url.parse::<http::Uri>().ok()).map(|uri| uri.path().to_owned());
    let path = uri.path().strip_prefix(configured_path.as_deref().unwrap_or_default()).unwrap_or(uri.path());
    let in_path = path.trim_matches('/');
    if !in_path.is_empty() {
        return (!in_path.starts_with("arn%3A")).then(|| in_path.to_owned());
    }
    let host = uri.host()?;
    if let Some(configured) = configured.and_then(host_of) {
        return host.strip_suffix(&configured)?.strip_suffix('.').map(str::to_owned);
    }
    let labels: Vec<&str> = host.split('.').collect();
    // s3, s3-fips, s3-accelerate, s3express-use1-az4, and s3-us-west-2 of old
    let service = labels
        .iter()
        .rposition(|label| *label == "s3" || label.starts_with("s3-") || label.starts_with("s3express-"))?;
    let no_bucket = ["s3-accesspoint", "s3-object-lambda", "s3-outposts", "s3-global"];
    let of_bucket = service > 0 && !no_bucket.iter().any(|other| labels[service].starts_with(other));
    of_bucket.then(|| labels[..service].join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_names_its_bucket() {
        for (endpoint, configured, named) in [
            ("https://tickets.s3.us-east-1.amazonaws.com", None, Some("tickets")),
            ("https://my.tickets.s3-fips.us-east-1.amazonaws.com", None, Some("my.tickets")),
            ("https://s3.us-east-1.amazonaws.com/my.tickets", None, Some("my.tickets")),
            (
                "https://tickets--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com",
                None,
                Some("tickets--use1-az4--x-s3"),
            ),
            ("https://s3.us-east-1.amazonaws.com", None, None),
            ("https://point-1111.s3-accesspoint.us-east-1.amazonaws.com", None, None),
            ("https://x.mrap.accesspoint.s3-global.amazonaws.com", None, None),
            ("http://127.0.0.1:4566/tickets", Some("http://127.0.0.1:4566"), Some("tickets")),
            ("http://127.0.0.1:4566/", Some("http://127.0.0.1:4566"), None),
            ("http://storage.example/s3/tickets", Some("http://storage.example/s3"), Some("tickets")),
            ("http://tickets.storage.example", Some("http://storage.example"), Some("tickets")),
            ("not a URL", None, None),
        ] {
            assert_eq!(bucket(endpoint, configured).as_deref(), named, "{endpoint}");
        }
    }
}
