//! What was refused before anybody was known: counted once however often it is stored, by network and address, and told to no tenant.

use std::sync::Arc;

use control_plane_model::{
    incoming::number_of,
    metrics::{IncomingPoints, Kind, Line, MetricQuery, MetricStore, Point, Series, Summary},
    store::Scope,
    unverified::{ADDRESS, METRIC, NETWORK, REASON, STATUS, UNIT},
};
use serde_json::json;
use testkit::control_plane::now_ns;

use crate::{Both, questions::different};

const SECOND: i64 = 1_000_000_000;

/// So many requests of a batch, in this minute since 1970.
fn counted(batch: i64, minute: i64, network: &str, address: Option<&str>, requests: f64) -> IncomingPoints {
    let named = [(STATUS, Some("401")), (REASON, Some("unauthorized")), (NETWORK, Some(network)), (ADDRESS, address)];
    let named = named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
    let series = Series {
        id: 0,
        metric: METRIC.to_owned(),
        unit: UNIT.to_owned(),
        kind: Kind::Sum,
        service: "booking-dev".to_owned(),
        account: Some("111111111111".to_owned()),
        tenant: None,
        attributes: named.collect(),
    };
    let series = series.numbered();
    let stream = number_of([batch.to_be_bytes(), series.id.to_be_bytes()].each_ref().map(<[u8; 8]>::as_slice));
    let summary = Summary { count: 1, sum: requests, ..Summary::default() };
    let point = Point { time_ns: minute * 60 * SECOND, since_ns: None, summary, exemplars: vec![] };
    IncomingPoints { series: Arc::new(series), stream, points: vec![point] }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_before_anybody_was_known_is_counted_by_network_and_told_to_no_tenant() {
    let both = Both::start().await;
    // Once: what is sent again is the same, also when a minute ends meanwhile.
    let now = now_ns().div_euclid(60 * SECOND);
    let scanner = |batch: i64, ago: i64, requests: f64| counted(batch, now - ago, "192.0.2.0/24", Some("aa"), requests);
    let sent = || {
        [
            scanner(1, 9, 40.0),
            scanner(2, 9, 2.0),
            scanner(2, 3, 5.0),
            counted(2, now - 3, "192.0.2.0/24", Some("bb"), 7.0),
            counted(2, now - 3, "192.0.2.0/24", None, 3.0),
            counted(2, now - 3, "(other)", None, 11.0),
        ]
    };
    // The second batch once more, and by itself.
    for points in [sent().into(), sent().into_iter().skip(1).collect::<Vec<_>>()] {
        both.clickhouse.write_points(points).await.unwrap();
    }
    for points in [sent().into(), sent().into_iter().skip(1).collect::<Vec<_>>()] {
        both.embedded.write_points(points).await.unwrap();
    }
    let to = now_ns() / SECOND + 60;
    let by = [STATUS, REASON, NETWORK, ADDRESS].map(str::to_owned).to_vec();
    let query = MetricQuery {
        from: to - 1_800,
        to,
        step: 60,
        metrics: vec![METRIC.to_owned()],
        service: None,
        account: None,
        by,
    };
    let asked = async |scope: Scope| -> Vec<Line> {
        let embedded = both.embedded.lines(&scope, query.clone()).await.unwrap();
        let clickhouse = both.clickhouse.lines(&scope, query.clone()).await.unwrap();
        assert_eq!(different(&json!(embedded), &json!(clickhouse)), None, "{scope:?}");
        embedded
    };
    let told = asked(Scope::All).await;
    let told = told.iter().map(|line| {
        let sums: Vec<f64> = line.steps.iter().map(|step| step.summary.sum).collect();
        (line.attributes[NETWORK].as_str(), line.attributes.get(ADDRESS).map(String::as_str), sums)
    });
    let mut told: Vec<_> = told.collect();
    told.sort_by(|a, b| a.partial_cmp(b).unwrap());
    let expected = [
        ("(other)", None, vec![11.0]),
        ("192.0.2.0/24", None, vec![3.0]),
        ("192.0.2.0/24", Some("aa"), vec![42.0, 5.0]),
        ("192.0.2.0/24", Some("bb"), vec![7.0]),
    ];
    assert_eq!(told, expected);
    for tenant in ["acme", ""] {
        assert!(asked(Scope::Tenant(tenant.into())).await.is_empty());
    }
    // The API sent nothing itself, so it is no service to look at.
    for engine in [both.embedded.services(&Scope::All).await, both.clickhouse.services(&Scope::All).await] {
        assert_eq!(engine.unwrap(), Vec::<String>::new());
    }
}
