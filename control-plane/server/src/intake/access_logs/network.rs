//! What of a caller's address is kept.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The network of an address: its first 24 bits, of IPv6 its first 48. An IPv4 address that is written as IPv6 is one of IPv4
/// (RFC 4291 §2.5.5.2).
pub(super) fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{}/24", Ipv4Addr::new(a, b, c, 0))
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            format!("{}/48", Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_address_its_network_is_kept() {
        for (address, expected) in [
            ("192.0.2.17", "192.0.2.0/24"),
            ("192.0.2.255", "192.0.2.0/24"),
            ("0.0.0.0", "0.0.0.0/24"),
            ("255.255.255.255", "255.255.255.0/24"),
            ("2001:db8:85a3:8d3:1319:8a2e:370:7348", "2001:db8:85a3::/48"),
            ("2001:0DB8:0000::1", "2001:db8::/48"),
            ("2001:db8:0:ffff::1", "2001:db8::/48"),
            ("::1", "::/48"),
            ("fe80::1", "fe80::/48"),
            ("::ffff:192.0.2.17", "192.0.2.0/24"),
            ("::ffff:c000:211", "192.0.2.0/24"),
            // This is no mapped address, but one of IPv6 that ends like one of IPv4.
            ("64:ff9b::192.0.2.17", "64:ff9b::/48"),
            ("::192.0.2.17", "::/48"),
        ] {
            assert_eq!(network(address.parse().unwrap()), expected, "{address}");
        }
    }
}
