//! `operator firewall`: networks that nobody is let in from, whatever their tenant; AWS WAF holds them, in front of the APIs.

use anyhow::{Context, Result, anyhow, bail};
use aws_sdk_wafv2::{
    Client,
    types::{IpSetSummary, Scope},
};
use clap::{Args, Subcommand};
use lambda_http_client::{
    Roots,
    aws::{self, describe},
};
use tenancy::Network;

/// Which stage's firewall, and what to do with it.
#[derive(Debug, Args)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
    /// The stage that has the APIs.
    #[arg(long, global = true, env = "STAGE", default_value = "dev")]
    stage: String,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Refuse all requests from a network, for every tenant. AWS needs some seconds or minutes.
    Block(NetworkArgs),
    /// Let a network in again.
    Unblock(NetworkArgs),
    /// Show which networks are blocked.
    List,
}

/// A network.
#[derive(Debug, Args)]
struct NetworkArgs {
    /// An address or a prefix of IPv4 or IPv6, such as 203.0.113.0/24.
    #[arg(long)]
    network: Network,
}

/// Does what is asked in every API of the stage in the account whose credentials these are; what there is to print about it.
///
/// # Errors
/// AWS WAF cannot be reached or refuses, the account has none of the stage's IP sets, or the network that is to be let in is not blocked.
pub async fn run(options: Options) -> Result<String> {
    let Options { command, stage } = options;
    let firewall = Client::new(&aws::config(Roots::System).await);
    let sets = ip_sets(&firewall, &stage).await?;
    let mut lines = Vec::new();
    match command {
        Command::Block(NetworkArgs { network }) => {
            for set in of_version(&sets, &stage, network) {
                let changed = change(&firewall, set, |addresses| with(addresses, network)).await;
                let changed = changed.with_context(|| so_far(&lines))?;
                let when = if changed { "now" } else { "already" };
                lines.push(format!("{}: {network} is blocked {when}", name(set)));
            }
        }
        Command::Unblock(NetworkArgs { network }) => {
            for set in of_version(&sets, &stage, network) {
                let changed = change(&firewall, set, |addresses| without(addresses, network)).await;
                if changed.with_context(|| so_far(&lines))? {
                    lines.push(format!("{}: {network} is let in again", name(set)));
                }
            }
            if lines.is_empty() {
                bail!("{network} is not on the list; `operator firewall list` shows which networks are");
            }
        }
        Command::List => {
            for set in &sets {
                let (addresses, _) = addresses_of(&firewall, set).await?;
                lines.extend(addresses.into_iter().map(|address| format!("{}: {}", name(set), written(&address))));
            }
            if lines.is_empty() {
                lines.push("no network is blocked".to_owned());
            }
        }
    }
    Ok(lines.join("\n"))
}

/// What was done before a set failed; doing all of it again is safe.
fn so_far(lines: &[String]) -> String {
    if lines.is_empty() {
        "nothing before it was changed".to_owned()
    } else {
        format!("{}; not all was changed", lines.join("; "))
    }
}

/// How the templates end the name of the set that holds a version's addresses; a stage's name has no hyphen.
fn suffix(stage: &str, version: &str) -> String {
    format!("-{stage}-blocked-{version}")
}

fn name(set: &IpSetSummary) -> &str {
    set.name().unwrap_or_default()
}

/// The stage's sets in this account, by name.
async fn ip_sets(firewall: &Client, stage: &str) -> Result<Vec<IpSetSummary>> {
    let (mut sets, mut marker) = (Vec::new(), None);
    loop {
        let page = firewall.list_ip_sets().scope(Scope::Regional).set_next_marker(marker).send().await;
        let page = page.map_err(|error| anyhow!("list the IP sets: {}", describe(&error)))?;
        sets.extend(page.ip_sets().iter().cloned());
        marker = page.next_marker().filter(|marker| !marker.is_empty()).map(str::to_owned);
        // AWS gives a marker with the last page too, after which there is an empty one.
        if marker.is_none() || page.ip_sets().is_empty() {
            break;
        }
    }
    sets.retain(|set| ["ipv4", "ipv6"].iter().any(|version| name(set).ends_with(&suffix(stage, version))));
    sets.sort_by(|a, b| a.name().cmp(&b.name()));
    if sets.is_empty() {
        bail!(
            "no API of stage {stage} in this account has a firewall: check the credentials, the region, and whether WebAcl is false"
        );
    }
    Ok(sets)
}

/// Those of the sets that hold addresses of the network's version.
fn of_version<'a>(sets: &'a [IpSetSummary], stage: &str, network: Network) -> impl Iterator<Item = &'a IpSetSummary> {
    let suffix = suffix(stage, if network.is_ipv4() { "ipv4" } else { "ipv6" });
    sets.iter().filter(move |set| name(set).ends_with(&suffix))
}

/// The addresses of a set, and the token by which AWS WAF sees that nobody else has changed it since.
async fn addresses_of(firewall: &Client, set: &IpSetSummary) -> Result<(Vec<String>, Option<String>)> {
    let read = firewall.get_ip_set().scope(Scope::Regional).set_name(set.name.clone()).set_id(set.id.clone()).send();
    let read = read.await.map_err(|error| anyhow!("read {}: {}", name(set), describe(&error)))?;
    let addresses = read.ip_set().map(|set| set.addresses().to_vec()).unwrap_or_default();
    Ok((addresses, read.lock_token))
}

/// Writes what `to` makes of a set's addresses, if it changes them; whether it does.
async fn change(
    firewall: &Client,
    set: &IpSetSummary,
    to: impl FnOnce(&[String]) -> Option<Vec<String>>,
) -> Result<bool> {
    let (addresses, lock_token) = addresses_of(firewall, set).await?;
    let Some(addresses) = to(&addresses) else { return Ok(false) };
    let write = firewall.update_ip_set().scope(Scope::Regional).set_name(set.name.clone()).set_id(set.id.clone());
    let written = write.set_addresses(Some(addresses)).set_lock_token(lock_token).send().await;
    // Whoever changed the set in the same moment may have meant the same: a person looks again.
    written.map_err(|error| anyhow!("change {}: {}", name(set), describe(&error)))?;
    Ok(true)
}

/// An address as this command writes it: AWS WAF gives those of IPv6 back in their long form.
fn written(address: &str) -> String {
    address.parse::<Network>().map_or_else(|_| address.to_owned(), String::from)
}

fn is(address: &str, network: Network) -> bool {
    address.parse() == Ok(network)
}

/// With one more, if it is not there.
fn with(addresses: &[String], network: Network) -> Option<Vec<String>> {
    let there = addresses.iter().any(|address| is(address, network));
    (!there).then(|| addresses.iter().cloned().chain([network.to_string()]).collect())
}

/// Without one, if it is there.
fn without(addresses: &[String], network: Network) -> Option<Vec<String>> {
    let others: Vec<String> = addresses.iter().filter(|address| !is(address, network)).cloned().collect();
    (others.len() < addresses.len()).then_some(others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_the_same_however_aws_waf_writes_it() {
        let office: Network = "2001:db8::/48".parse().unwrap();
        let long = ["2001:0db8:0000:0000:0000:0000:0000:0000/48".to_owned(), "203.0.113.0/24".to_owned()];
        assert_eq!(with(&long, office), None, "it is there");
        assert_eq!(without(&long, office), Some(vec!["203.0.113.0/24".to_owned()]));
        assert_eq!(written(&long[0]), "2001:db8::/48");
        let other: Network = "198.51.100.7".parse().unwrap();
        assert_eq!(with(&long, other).unwrap()[2], "198.51.100.7/32");
        assert_eq!(without(&long, other), None, "it is not there");
        // What somebody has written by hand, and no tenant's list would take, stays.
        let by_hand = ["0.0.0.0/1".to_owned()];
        assert_eq!(with(&by_hand, other).unwrap()[0], "0.0.0.0/1");
        assert_eq!(written("0.0.0.0/1"), "0.0.0.0/1");
    }

    #[test]
    fn sets_are_those_of_the_stage_and_of_the_networks_version() {
        let sets = [
            "booking-dev-blocked-ipv4",
            "booking-dev-blocked-ipv6",
            "parcel-dev-blocked-ipv4",
            "booking-dev2-blocked-ipv4",
        ];
        let sets = sets.map(|name| IpSetSummary::builder().name(name).build());
        let names =
            |network: &str| -> Vec<&str> { of_version(&sets, "dev", network.parse().unwrap()).map(name).collect() };
        assert_eq!(names("203.0.113.7"), ["booking-dev-blocked-ipv4", "parcel-dev-blocked-ipv4"]);
        assert_eq!(names("::ffff:203.0.113.7"), ["booking-dev-blocked-ipv4", "parcel-dev-blocked-ipv4"]);
        assert_eq!(names("2001:db8::/48"), ["booking-dev-blocked-ipv6"]);
    }
}
