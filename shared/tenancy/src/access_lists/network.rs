//! A network by its prefix.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// A network of IPv4 or IPv6 in CIDR notation (RFC 4632, RFC 4291 §2.3), or one address.
///
/// An IPv4-mapped IPv6 address (`::ffff:203.0.113.7`, RFC 4291 §2.5.5.2) is the IPv4 address, in a network and of a caller, so that a caller
/// is the same by either.
///
/// ```
/// use tenancy::Network;
///
/// let office: Network = "203.0.113.77/24".parse()?;
/// assert_eq!(office.to_string(), "203.0.113.0/24", "bits of the host do not count");
/// assert!(office.contains("203.0.113.9".parse()?) && office.contains("::ffff:203.0.113.9".parse()?));
/// assert_eq!("2001:db8::7".parse::<Network>()?.to_string(), "2001:db8::7/128");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network(IpNet);

/// What is no [`Network`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNetwork {
    /// The text has another form.
    #[error("a network is an address, or a prefix such as 203.0.113.0/24 or 2001:db8::/48")]
    Form,
    /// It has so many addresses that it stands for everybody.
    #[error("a network has at least {v4} bits of IPv4 or {v6} of IPv6", v4 = Network::SHORTEST_IPV4, v6 = Network::SHORTEST_IPV6)]
    TooLarge,
}

impl Network {
    /// Bits of an IPv4 prefix, at least: the largest that one organisation was ever given.
    pub const SHORTEST_IPV4: u8 = 8;
    /// Bits of an IPv6 prefix, at least.
    pub const SHORTEST_IPV6: u8 = 16;

    /// Bits of the prefix by which the network of a caller is told where its address is not: as many as one site is given.
    const TOLD: (u8, u8) = (24, 48);

    /// The network that an address is in, as it is told where the address is not: /24 of IPv4, /48 of IPv6.
    ///
    /// ```
    /// use tenancy::Network;
    ///
    /// assert_eq!(Network::around("203.0.113.77".parse()?).to_string(), "203.0.113.0/24");
    /// assert_eq!(Network::around("::ffff:203.0.113.77".parse()?).to_string(), "203.0.113.0/24");
    /// assert_eq!(Network::around("2001:db8:1:2::7".parse()?).to_string(), "2001:db8:1::/48");
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    pub fn around(address: IpAddr) -> Self {
        let address = address.to_canonical();
        let (v4, v6) = Self::TOLD;
        let around = IpNet::new(address, if address.is_ipv4() { v4 } else { v6 });
        // No address has fewer bits than these.
        Self(around.unwrap_or_else(|_| address.into()).trunc())
    }

    /// Whether it is no larger than the network by which a caller is told: at most /24 of IPv4 or /48 of IPv6.
    pub fn is_of_one_site(&self) -> bool {
        let (v4, v6) = Self::TOLD;
        self.0.prefix_len() >= if self.is_ipv4() { v4 } else { v6 }
    }

    /// Whether all addresses of another are in it.
    pub fn covers(&self, other: &Self) -> bool {
        self.0.contains(&other.0)
    }

    /// Whether its addresses are those of IPv4.
    pub fn is_ipv4(&self) -> bool {
        self.0.addr().is_ipv4()
    }

    /// Whether an address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

/// The first of the IPv6 addresses that stand for those of IPv4.
const MAPPED: IpAddr = IpAddr::V6(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0));

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let text = text.trim();
        let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        let network: IpNet = network.map_err(|_| InvalidNetwork::Form)?;
        let network = match (network.addr().to_canonical(), network.prefix_len()) {
            // The 96 bits before the address are those that say that it is one of IPv4.
            (IpAddr::V4(address), bits) if network.addr().is_ipv6() && bits >= 96 => {
                IpNet::new(address.into(), bits - 96).map_err(|_| InvalidNetwork::Form)?
            }
            // Some of these addresses are IPv4, and no caller is ever seen by them.
            _ if network.contains(&MAPPED) => return Err(InvalidNetwork::TooLarge),
            _ => network,
        };
        let shortest = if network.addr().is_ipv4() { Self::SHORTEST_IPV4 } else { Self::SHORTEST_IPV6 };
        if network.prefix_len() < shortest {
            return Err(InvalidNetwork::TooLarge);
        }
        Ok(Self(network.trunc()))
    }
}

impl TryFrom<String> for Network {
    type Error = InvalidNetwork;
    fn try_from(text: String) -> Result<Self, InvalidNetwork> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_written_in_one_way() {
        for (text, written) in [
            ("203.0.113.7", "203.0.113.7/32"),
            (" 203.0.113.7/24 ", "203.0.113.0/24"),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("2001:DB8:0:1::7/48", "2001:db8::/48"),
            ("::1", "::1/128"),
            ("::ffff:203.0.113.7", "203.0.113.7/32"),
            ("::ffff:203.0.113.0/120", "203.0.113.0/24"),
        ] {
            assert_eq!(text.parse::<Network>().map(String::from), Ok(written.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_network_or_stands_for_everybody_is_refused() {
        for text in [
            "",
            "acme",
            "203.0.113",
            "203.0.113.7/33",
            "203.0.113.7/",
            "203.0.113.07",
            "1:2:3",
            "::1%eth0",
            "203.0.113.0/24,10.0.0.0/8",
        ] {
            assert_eq!(text.parse::<Network>(), Err(InvalidNetwork::Form), "{text}");
        }
        for text in ["0.0.0.0/0", "128.0.0.0/1", "::/0", "2000::/3", "::ffff:0:0/96", "::ffff:203.0.113.0/90", "::/16"]
        {
            assert_eq!(text.parse::<Network>(), Err(InvalidNetwork::TooLarge), "{text}");
        }
    }

    #[test]
    fn of_an_address_the_network_is_told_by_which_it_is_known() {
        for (address, network) in [
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
            // Not mapped: an address of IPv6 that ends like one of IPv4.
            ("64:ff9b::192.0.2.17", "64:ff9b::/48"),
            ("::192.0.2.17", "::/48"),
        ] {
            assert_eq!(Network::around(address.parse().unwrap()).to_string(), network, "{address}");
        }
    }

    #[test]
    fn an_address_is_in_the_networks_that_it_is_in() {
        let is_in = |address: &str, network: &str| {
            network.parse::<Network>().unwrap().contains(address.parse::<IpAddr>().unwrap())
        };
        assert!(is_in("203.0.113.255", "203.0.113.0/24") && !is_in("203.0.114.0", "203.0.113.0/24"));
        assert!(is_in("::ffff:203.0.113.1", "203.0.113.0/24") && is_in("203.0.113.1", "::ffff:203.0.113.0/120"));
        assert!(is_in("2001:db8:0:ffff::1", "2001:db8::/48") && !is_in("2001:db8:1::1", "2001:db8::/48"));
        // An IPv6 address that only ends in an IPv4 one is another's.
        assert!(!is_in("::203.0.113.1", "203.0.113.0/24") && !is_in("64:ff9b::203.0.113.1", "203.0.113.0/24"));
    }
}
