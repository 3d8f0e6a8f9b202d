//! What was refused before anybody was known: requests that API Gateway, its firewall or a function refused, by API, reason and network.

use std::collections::BTreeMap;

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use control_plane_audit::no_formula;
use control_plane_model::{
    metrics::{Line, MetricQuery},
    unverified::{ADDRESS, METRIC, NETWORK, OTHER_NETWORKS, REASON, STATUS},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Query, Steps, View,
    query::{limit, one_of},
};
use crate::{problem::Problem, text, window::WindowQuery};

/// Hashes of addresses that are named of each line.
const ADDRESSES: usize = 3;

/// The query: which API, reason and network.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct UnverifiedFilter {
    pub(crate) api: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) network: Option<String>,
    pub(crate) limit: Option<String>,
    pub(crate) format: Option<String>,
    #[serde(flatten)]
    pub(crate) window: WindowQuery,
}

/// What was refused in a window before anybody was known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnverifiedAnswer {
    /// Unix seconds.
    pub from: i64,
    /// Unix seconds.
    pub to: i64,
    /// Seconds: how exactly times are known.
    pub step: i64,
    /// Requests that were refused, those of lines that are not told included.
    pub requests: u64,
    /// Whether there are more lines.
    pub more: bool,
    /// Refused requests by API, reason and network, those with the most requests first.
    pub lines: Vec<Unverified>,
}

/// Requests from one network that one API refused for one reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unverified {
    /// The AWS account of the API.
    pub account: Option<String>,
    /// The API's name.
    pub api: String,
    /// The status that was answered.
    pub status: u16,
    /// Why, in a word: API Gateway's type of the error, `refused_by_function`, or the status.
    pub reason: String,
    /// The network by its prefix; `(other)` of many together, `(unknown)` where the access log tells no address.
    pub network: String,
    /// Addresses in it that were told apart; none without a key to hash them with.
    pub addresses: u64,
    /// Keyed hashes of those with the most requests, three at most.
    pub address_hashes: Vec<String>,
    /// How many.
    pub requests: u64,
    /// When the step of the first of them began, Unix seconds.
    pub first: i64,
    /// When the step of the last did.
    pub last: i64,
}

/// What distinguishes lines: account, API, status, reason and network.
type Place = (Option<String>, String, u16, String, String);

/// Requests of a line.
#[derive(Debug)]
struct RefusedRequests {
    requests: u64,
    first: i64,
    last: i64,
    /// Requests by the hash of their address.
    addresses: BTreeMap<String, u64>,
}

impl UnverifiedFilter {
    fn takes(&self, (_, api, _, reason, network): &Place) -> bool {
        let is = |asked: &Option<String>, value: &String| asked.as_ref().is_none_or(|asked| asked == value);
        is(&self.api, api) && is(&self.reason, reason) && is(&self.network, network)
    }
}

impl View {
    /// What was refused before anybody was known. It is nobody's, so it is for those who run the system.
    pub(crate) async fn unverified(&self, filter: &UnverifiedFilter) -> Result<UnverifiedAnswer, Problem> {
        let limit = limit(&filter.limit)?;
        let steps = Steps::of(filter.window.resolve(Timestamp::now())?);
        let by = [STATUS, REASON, NETWORK, ADDRESS].map(str::to_owned).to_vec();
        let query = MetricQuery { metrics: vec![METRIC.to_owned()], service: filter.api.clone(), by, ..steps.query() };
        let found = self.in_turn(self.metrics(query)).await?;
        let lines = count_by_line(found).into_iter().filter(|(place, _)| filter.takes(place));
        let mut lines: Vec<Unverified> = lines.map(|(place, counted)| Unverified::of(place, counted)).collect();
        lines.sort_by(|a, b| (b.requests, b.last).cmp(&(a.requests, a.last)).then_with(|| a.name().cmp(&b.name())));
        let requests = lines.iter().map(|line| line.requests).sum();
        let more = lines.len() > limit;
        lines.truncate(limit);
        let Steps { from, to, step } = steps;
        Ok(UnverifiedAnswer { from, to, step, requests, more, lines })
    }
}

/// Lines of the metric, over all addresses of each network.
fn count_by_line(found: Vec<Line>) -> BTreeMap<Place, RefusedRequests> {
    let mut counted: BTreeMap<Place, RefusedRequests> = BTreeMap::new();
    for Line { account, service, mut attributes, steps, .. } in found {
        let mut attribute = |name: &str| attributes.remove(name);
        let Some(status) = attribute(STATUS).and_then(|status| status.parse().ok()) else { continue };
        let reason = attribute(REASON).unwrap_or_default();
        let network = attribute(NETWORK).unwrap_or_else(|| OTHER_NETWORKS.to_owned());
        let address = attribute(ADDRESS);
        let (Some(first), Some(last)) = (steps.first(), steps.last()) else { continue };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of requests")]
        let requests = steps.iter().map(|step| step.summary.sum.max(0.0)).sum::<f64>().round() as u64;
        let place = (account, service, status, reason, network);
        let of = counted.entry(place).or_insert(RefusedRequests {
            requests: 0,
            first: first.at,
            last: last.at,
            addresses: BTreeMap::new(),
        });
        of.requests += requests;
        (of.first, of.last) = (of.first.min(first.at), of.last.max(last.at));
        if let Some(address) = address {
            *of.addresses.entry(address).or_default() += requests;
        }
    }
    counted
}

impl Unverified {
    fn of((account, api, status, reason, network): Place, counted: RefusedRequests) -> Self {
        let RefusedRequests { requests, first, last, addresses } = counted;
        let number = addresses.len() as u64;
        let mut most: Vec<(u64, String)> = addresses.into_iter().map(|(hash, requests)| (requests, hash)).collect();
        most.sort_by(|(a, of_a), (b, of_b)| b.cmp(a).then_with(|| of_a.cmp(of_b)));
        let address_hashes = most.into_iter().take(ADDRESSES).map(|(_, hash)| hash).collect();
        Self { account, api, status, reason, network, addresses: number, address_hashes, requests, first, last }
    }

    fn name(&self) -> impl Ord + '_ {
        let Self { account, api, status, reason, network, .. } = self;
        (account, api, status, reason, network)
    }
}

/// `GET /api/turned-away/unverified`, as JSON or CSV.
pub(super) async fn unverified(view: View, Query(filter): Query<UnverifiedFilter>) -> Result<Response, Problem> {
    let format = one_of("format", &filter.format, &["json", "csv"])?;
    let answer = view.unverified(&filter).await?;
    if format != Some("csv") {
        return Ok(Json(answer).into_response());
    }
    let csv =
        to_csv(&answer.lines).map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], csv).into_response())
}

/// A record for each line.
fn to_csv(lines: &[Unverified]) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let heads =
        ["account", "api", "status", "reason", "network", "addresses", "address_hashes", "requests", "first", "last"];
    writer.write_record(heads)?;
    for line in lines {
        let cells: [&str; 10] = [
            line.account.as_deref().unwrap_or_default(),
            &line.api,
            &line.status.to_string(),
            &line.reason,
            &line.network,
            &line.addresses.to_string(),
            &line.address_hashes.join(" "),
            &line.requests.to_string(),
            &text::moment(line.first),
            &text::moment(line.last),
        ];
        writer.write_record(cells.map(no_formula))?;
    }
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use control_plane_model::metrics::{Kind, Step, Summary};

    use super::*;

    fn line(network: &str, address: Option<&str>, steps: &[(i64, f64)]) -> Line {
        let attributes =
            [(STATUS, Some("401")), (REASON, Some("unauthorized")), (NETWORK, Some(network)), (ADDRESS, address)];
        let named = attributes.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
        let step = |(at, sum): &(i64, f64)| {
            let summary = Summary { count: 1, sum: *sum, ..Summary::default() };
            Step { at: *at, summary, exemplars: Vec::new() }
        };
        Line {
            metric: METRIC.into(),
            unit: "{request}".into(),
            kind: Kind::Sum,
            service: "booking-dev".into(),
            account: Some("111111111111".into()),
            attributes: named.collect(),
            steps: steps.iter().map(step).collect(),
        }
    }

    #[test]
    fn addresses_of_a_network_are_one_line() {
        let found = vec![
            line("192.0.2.0/24", Some("bb"), &[(60, 2.0), (180, 3.0)]),
            line("192.0.2.0/24", Some("aa"), &[(0, 5.0)]),
            line("192.0.2.0/24", None, &[(240, 1.0)]),
            line("(other)", None, &[(60, 4.0)]),
            line("198.51.100.0/24", None, &[]),
        ];
        let lines: Vec<_> =
            count_by_line(found).into_iter().map(|(place, counted)| Unverified::of(place, counted)).collect();
        let [other, one] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!((&*other.network, other.requests, other.addresses), ("(other)", 4, 0));
        assert_eq!((&*one.network, one.requests, one.addresses, one.first, one.last), ("192.0.2.0/24", 11, 2, 0, 240));
        assert_eq!(one.address_hashes, ["aa", "bb"]);
        assert_eq!(
            to_csv(&lines[1..]).unwrap(),
            "account,api,status,reason,network,addresses,address_hashes,requests,first,last\n\
             111111111111,booking-dev,401,unauthorized,192.0.2.0/24,2,aa bb,11,1970-01-01T00:00:00Z,1970-01-01T00:04:00Z\n"
        );
    }

    #[test]
    fn what_is_asked_for_is_told_alone() {
        let place =
            |network: &str| (None, "booking-dev".to_owned(), 401, "unauthorized".to_owned(), network.to_owned());
        let asked = |api: Option<&str>, reason: Option<&str>, network: Option<&str>| {
            let [api, reason, network] = [api, reason, network].map(|text| text.map(str::to_owned));
            UnverifiedFilter { api, reason, network, ..UnverifiedFilter::default() }.takes(&place("192.0.2.0/24"))
        };
        assert!(asked(None, None, None) && asked(Some("booking-dev"), Some("unauthorized"), Some("192.0.2.0/24")));
        assert!(
            !asked(Some("mileage-dev"), None, None)
                && !asked(None, Some("throttled"), None)
                && !asked(None, None, Some("192.0.2.1"))
        );
    }
}
