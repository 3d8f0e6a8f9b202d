//! Turns a batch of access-log lines into points of a metric.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use control_plane_model::{
    incoming::number_of,
    metrics::{IncomingPoints, Kind, Point, Series, Summary, TAKEN_FOR},
    unverified::{ADDRESS, METRIC, NETWORK, OTHER_NETWORKS, REASON, STATUS, UNIT, UNKNOWN_NETWORK},
};
use serde::Deserialize;
use tenancy::{Network, PseudonymKey};

use super::{line::Unverified, named::NamedNetworks};
use crate::intake::rejected::is_future;

const MINUTE_MS: i64 = 60_000;
const NANOSECONDS_OF_MS: i64 = 1_000_000;
/// Log groups of API Gateway's access logs.
const LOG_GROUPS: &str = "/aws/apigateway/";
/// Bytes of the name of an API or an account.
const MAX_NAME_BYTES: usize = 255;

/// A batch, as CloudWatch Logs sends it to a subscription:
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html>.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Batch {
    message_type: String,
    /// The account of the log group.
    owner: String,
    log_group: String,
    log_events: Vec<LogEvent>,
}

#[derive(Debug, Deserialize)]
struct LogEvent {
    /// Milliseconds since 1970.
    timestamp: i64,
    message: String,
}

/// A refused request, as far as it is kept.
struct RefusedRequest {
    minute: i64,
    status: u16,
    reason: String,
    network: String,
    /// A keyed hash.
    address: Option<String>,
}

impl RefusedRequest {
    fn of(at_ms: i64, refused: Unverified, key: Option<&PseudonymKey>) -> Self {
        let Unverified { status, reason, address } = refused;
        let canonical = address.map(|address| address.to_canonical());
        let hash = |address: IpAddr| key.map(|key| key.pseudonym(&address.to_string()));
        Self {
            minute: at_ms.div_euclid(MINUTE_MS),
            status,
            reason,
            network: canonical
                .map_or_else(|| UNKNOWN_NETWORK.to_owned(), |address| Network::around(address).to_string()),
            address: canonical.and_then(hash),
        }
    }
}

/// Why a batch is not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotCounted {
    /// CloudWatch Logs tries whether anybody is there.
    Trial,
    /// It does not come from an API's access log.
    NoAccessLog,
    /// Its sender speaks for another account.
    OtherAccount,
}

impl Batch {
    /// The requests that were refused before anybody was known, counted by minute. `number` is the batch's own, the same whenever it is delivered; `account` is
    /// whose it may be, if that matters; without a `key`, addresses leave nothing but their networks. `now` are Unix seconds.
    pub(super) fn counted(
        self,
        number: i64,
        account: Option<&str>,
        key: Option<&PseudonymKey>,
        (names, now): (&mut NamedNetworks, i64),
    ) -> Result<Vec<IncomingPoints>, NotCounted> {
        if self.message_type != "DATA_MESSAGE" {
            return Err(NotCounted::Trial);
        }
        let api = self.log_group.strip_prefix(LOG_GROUPS).ok_or(NotCounted::NoAccessLog)?;
        if api.is_empty() || api.len() > MAX_NAME_BYTES || self.owner.len() > MAX_NAME_BYTES {
            return Err(NotCounted::NoAccessLog);
        }
        if account.is_some_and(|account| account != self.owner) {
            return Err(NotCounted::OtherAccount);
        }
        let is_taken = |at_ms: &i64| {
            let at_ns = at_ms.saturating_mul(NANOSECONDS_OF_MS);
            *at_ms >= (now - TAKEN_FOR) * 1_000 && !is_future(at_ns.unsigned_abs(), now)
        };
        let taken = self.log_events.into_iter().filter(|event| is_taken(&event.timestamp));
        let kept: Vec<RefusedRequest> = taken
            .filter_map(|event| Some(RefusedRequest::of(event.timestamp, Unverified::of(&event.message)?, key)))
            .collect();
        let of_networks = kept.iter().map(|kept| &kept.network);
        let (networks, addresses) = names.of(of_networks, kept.iter().filter_map(|kept| kept.address.as_ref()), now);
        let mut counts: BTreeMap<(i64, u16, String, String, Option<String>), u64> = BTreeMap::new();
        for RefusedRequest { minute, status, reason, network, address } in kept {
            let place = match networks.contains(&network) {
                true => (minute, status, reason, network, address.filter(|address| addresses.contains(address))),
                false => (minute, status, reason, OTHER_NETWORKS.to_owned(), None),
            };
            *counts.entry(place).or_default() += 1;
        }
        let points = counts.into_iter().map(|((minute, status, reason, network, address), requests)| {
            let attributes = [
                (STATUS, Some(status.to_string())),
                (REASON, Some(reason)),
                (NETWORK, Some(network)),
                (ADDRESS, address),
            ];
            let attributes = attributes.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
            let series = Series {
                id: 0,
                metric: METRIC.to_owned(),
                unit: UNIT.to_owned(),
                kind: Kind::Sum,
                service: api.to_owned(),
                account: Some(self.owner.clone()),
                // The caller was not known yet when the request was refused.
                tenant: None,
                attributes: attributes.collect(),
            };
            point(number, minute, requests, series.numbered())
        });
        Ok(points.collect())
    }
}

#[allow(clippy::cast_precision_loss, reason = "a batch has few lines")]
fn point(number: i64, minute: i64, requests: u64, series: Series) -> IncomingPoints {
    let stream = number_of([number.to_be_bytes(), series.id.to_be_bytes()].each_ref().map(<[u8; 8]>::as_slice));
    let summary = Summary { count: 1, sum: requests as f64, ..Summary::default() };
    let time_ns = minute * MINUTE_MS * NANOSECONDS_OF_MS;
    let point = Point { time_ns, since_ns: None, summary, exemplars: Vec::new() };
    IncomingPoints { series: Arc::new(series), stream, points: vec![point] }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::{Value, json};

    use super::{
        super::named::{OF_BATCH, OF_DAY},
        *,
    };

    const NOW: i64 = 1_800_000_000;

    fn batch(lines: &[(i64, String)]) -> Value {
        let events: Vec<_> =
            lines.iter().map(|(at, line)| json!({ "id": "1", "timestamp": at, "message": line })).collect();
        json!({ "messageType": "DATA_MESSAGE", "owner": "111111111111", "logGroup": "/aws/apigateway/booking-dev", "logStream": "s",
                "subscriptionFilters": ["f"], "logEvents": events })
    }

    fn line(status: &str, error: &str, address: &str) -> String {
        json!({ "status": status, "integration_status": "-", "error": error, "address": address }).to_string()
    }

    fn counted(batch: &Value, key: Option<&str>, named: &mut NamedNetworks) -> Result<Vec<IncomingPoints>, NotCounted> {
        let key = key.map(|key| PseudonymKey::new(key.as_bytes()));
        serde_json::from_value::<Batch>(batch.clone()).unwrap().counted(
            7,
            Some("111111111111"),
            key.as_ref(),
            (named, NOW),
        )
    }

    /// Minute, reason, network, whether it has a hash, and requests.
    fn told(points: &[IncomingPoints]) -> Vec<(i64, String, String, bool, f64)> {
        let of = |points: &IncomingPoints| {
            let named = |name: &str| points.series.attributes.get(name).cloned();
            let point = &points.points[0];
            let (reason, network) = (named(REASON).unwrap(), named(NETWORK).unwrap());
            (point.time_ns / 60_000_000_000, reason, network, named(ADDRESS).is_some(), point.summary.sum)
        };
        points.iter().map(of).collect()
    }

    #[test]
    fn lines_are_counted_by_minute_reason_network_and_address() {
        let at = NOW * 1_000 - 600_000;
        let refused = |at, address| (at, line("401", "UNAUTHORIZED", address));
        let lines = [
            refused(at, "192.0.2.1"),
            refused(at + 1, "192.0.2.1"),
            refused(at + 2, "::ffff:192.0.2.1"),
            refused(at + 3, "192.0.2.2"),
            refused(at + 60_000, "192.0.2.1"),
            (at, line("403", "WAF_FILTERED", "2001:db8::1")),
            (at, line("401", "UNAUTHORIZED", "-")),
            (at, line("200", "-", "192.0.2.1")),
            (at, "no line".to_owned()),
        ];
        let points = counted(&batch(&lines), Some("k"), &mut NamedNetworks::default()).unwrap();
        let minute = at / 60_000;
        let mut found = told(&points);
        found.sort_by(|a, b| a.partial_cmp(b).unwrap());
        let expected = [
            (minute, "unauthorized", "(unknown)", false, 1.0),
            (minute, "unauthorized", "192.0.2.0/24", true, 1.0),
            (minute, "unauthorized", "192.0.2.0/24", true, 3.0),
            (minute, "waf_filtered", "2001:db8::/48", true, 1.0),
            (minute + 1, "unauthorized", "192.0.2.0/24", true, 1.0),
        ];
        assert_eq!(
            found,
            expected.map(|(minute, reason, network, hashed, n)| (minute, reason.into(), network.into(), hashed, n))
        );
        for of_stream in &points {
            let Series { metric, service, account, tenant, .. } = &*of_stream.series;
            assert_eq!(
                (&**metric, &**service, account.as_deref(), tenant),
                (METRIC, "booking-dev", Some("111111111111"), &None)
            );
        }
    }

    #[test]
    fn an_address_leaves_a_hash_of_the_key_or_nothing() {
        let lines = [(NOW * 1_000, line("401", "UNAUTHORIZED", "192.0.2.17"))];
        let hash = |key: Option<&str>| {
            let points = counted(&batch(&lines), key, &mut NamedNetworks::default()).unwrap();
            assert!(!format!("{points:?}").contains("192.0.2.17"));
            points[0].series.attributes.get(ADDRESS).cloned()
        };
        assert_eq!(hash(None), None);
        assert_eq!(hash(Some("k")), Some(PseudonymKey::new(b"k").pseudonym("192.0.2.17")));
        assert_ne!(hash(Some("k")), hash(Some("another")));
    }

    #[test]
    fn a_batch_that_is_delivered_again_is_the_same_points() {
        let lines =
            [(NOW * 1_000, line("401", "UNAUTHORIZED", "192.0.2.17")), (NOW * 1_000, line("403", "WAF_FILTERED", "-"))];
        let names = &mut NamedNetworks::default();
        let [first, again] = [(); 2].map(|()| counted(&batch(&lines), Some("k"), names).unwrap());
        let streams = |points: &[IncomingPoints]| points.iter().map(|points| points.stream).collect::<Vec<_>>();
        assert_eq!(streams(&first), streams(&again));
        assert_eq!(streams(&first).into_iter().collect::<HashSet<_>>().len(), 2);
    }

    #[test]
    fn who_comes_from_everywhere_is_counted_and_not_named() {
        let mut names = NamedNetworks::default();
        let mut series = HashSet::new();
        let mut requests = 0.0;
        for hundred in 0..120_u32 {
            let address = |n: u32| std::net::Ipv4Addr::from((hundred * 200 + n) << 8).to_string();
            let lines: Vec<_> = (0..200).map(|n| (NOW * 1_000, line("401", "UNAUTHORIZED", &address(n)))).collect();
            let points = counted(&batch(&lines), Some("k"), &mut names).unwrap();
            assert!(points.len() <= OF_BATCH + 1);
            requests += points.iter().map(|points| points.points[0].summary.sum).sum::<f64>();
            series.extend(points.iter().map(|points| points.series.id));
        }
        assert_eq!((series.len(), requests), (OF_DAY + 1, 24_000.0));
        // The network that sends the most is among those that are named.
        let mut names = NamedNetworks::default();
        let many = (0..300).map(|n: u32| std::net::Ipv4Addr::from(n << 8).to_string());
        let lines: Vec<_> = many
            .chain(std::iter::repeat_n("203.0.113.9".to_owned(), 5))
            .map(|address| (NOW * 1_000, line("401", "UNAUTHORIZED", &address)))
            .collect();
        let points = counted(&batch(&lines), None, &mut names).unwrap();
        assert!(told(&points).iter().any(|(_, _, network, _, n)| network == "203.0.113.0/24" && *n == 5.0));
    }

    #[test]
    fn what_is_no_access_log_of_the_senders_account_is_not_counted() {
        let fine = batch(&[(NOW * 1_000, line("401", "UNAUTHORIZED", "192.0.2.17"))]);
        let with = |name: &str, value: &str| {
            let mut changed = fine.clone();
            changed[name] = value.into();
            counted(&changed, None, &mut NamedNetworks::default()).map(|points| points.len())
        };
        assert_eq!(with("logStream", "other"), Ok(1));
        assert_eq!(with("messageType", "CONTROL_MESSAGE"), Err(NotCounted::Trial));
        assert_eq!(with("logGroup", "/aws/lambda/booking-api-dev"), Err(NotCounted::NoAccessLog));
        assert_eq!(with("logGroup", "/aws/apigateway/"), Err(NotCounted::NoAccessLog));
        assert_eq!(with("logGroup", &format!("/aws/apigateway/{}", "x".repeat(300))), Err(NotCounted::NoAccessLog));
        assert_eq!(with("owner", "222222222222"), Err(NotCounted::OtherAccount));
    }

    #[test]
    fn lines_of_times_that_cannot_be_are_left_out() {
        for at in [i64::MIN, i64::MAX, 0, -1, (NOW - TAKEN_FOR) * 1_000 - 1, (NOW + 7_200) * 1_000] {
            let lines = [(at, line("401", "UNAUTHORIZED", "192.0.2.17"))];
            assert!(counted(&batch(&lines), None, &mut NamedNetworks::default()).unwrap().is_empty(), "{at}");
        }
    }
}
