//! Nodes in addresses: `kind/account/name`.

use control_plane_model::{catalog::Node, map::MapNode};

/// A node as an address names it.
pub(super) fn written(node: &MapNode) -> String {
    let plain = |text: &str| text.replace('%', "%25").replace('/', "%2F");
    format!("{}/{}/{}", plain(&node.kind), plain(node.account.as_deref().unwrap_or_default()), node.name)
}

/// The node that an address names; `None` where that names none.
pub(super) fn read(text: &str) -> Option<Node> {
    let whole = |text: &str| text.replace("%2F", "/").replace("%25", "%");
    let mut parts = text.splitn(3, '/');
    let (kind, account, name) = (whole(parts.next()?), whole(parts.next()?), parts.next()?.to_owned());
    (!kind.is_empty()).then_some(Node { kind, account, name })
}

#[cfg(test)]
mod tests {
    use super::*;
    use control_plane_model::map::Stats;

    #[test]
    fn a_node_is_the_same_after_a_way_through_an_address() {
        for (kind, account, name) in [
            ("service", "111111111111", "api"),
            ("client", "", "clients"),
            ("a/b%2F", "1/%", "x/y%2F/"),
            ("HTTP", "", ""),
        ] {
            let node = Node { kind: kind.into(), account: account.into(), name: name.into() };
            let account = Some(account.to_owned()).filter(|account| !account.is_empty());
            let drawn = MapNode { id: 0, kind: kind.into(), name: name.into(), account, stats: Stats::default() };
            assert_eq!(read(&written(&drawn)), Some(node));
        }
        for nothing in ["", "service", "service/1", "//name"] {
            assert_eq!(read(nothing), None);
        }
    }
}
