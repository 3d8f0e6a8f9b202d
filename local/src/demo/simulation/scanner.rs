//! Whoever tries the simulated API without a token, from a few addresses of one network (RFC 5737). Functions see nothing of it; the access log does.

use serde_json::json;

/// Which API.
pub(super) const API: &str = "simulated-booking";
/// It began so long before the history ends, in seconds.
pub(super) const SCANS_FOR: u64 = 900;
/// Seconds between two of its requests.
const EVERY: u64 = 4;
const ADDRESSES: [&str; 3] = ["198.51.100.23", "198.51.100.24", "198.51.100.200"];
/// What came of a request: status, and `$context.error.responseType`.
const REFUSALS: [(&str, &str); 2] = [("401", "UNAUTHORIZED"), ("403", "MISSING_AUTHENTICATION_TOKEN")];

/// Lines of the access log from one second to another, each with its milliseconds since 1970.
pub(super) fn lines(from: u64, until: u64) -> Vec<(i64, String)> {
    let of = |(second, number): (u64, usize)| {
        // Of what it asks for, a fifth is not there.
        let (status, error) = REFUSALS[usize::from(number.is_multiple_of(5))];
        let address = ADDRESSES[number % ADDRESSES.len()];
        let line =
            json!({ "address": address, "method": "GET", "status": status, "integration_status": "-", "error": error });
        Some((i64::try_from(second * 1_000).ok()?, line.to_string()))
    };
    let asked = (from..until).filter(|second| second % EVERY == 0);
    asked.filter_map(|second| Some((second, usize::try_from(second / EVERY).ok()?))).filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_where_it_was_left() {
        let whole = lines(1_800_000_000, 1_800_000_600);
        let parts: Vec<_> = (1_800_000_000..1_800_000_600).flat_map(|second| lines(second, second + 1)).collect();
        assert_eq!((whole.len(), whole), (150, parts));
    }
}
