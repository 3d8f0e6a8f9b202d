//! Two hundred bookings by eight clients at once: none lost, none doubled, every trace whole and of one tenant.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures_util::future::join_all;
use testkit::{Caller, Cloud, JOURNEY, assert_journey, book, has_steps};

const CLIENTS: usize = 8;
const BOOKINGS_EACH: usize = 25;
const ROUTES: [(&str, &str); 5] = [("LHR", "JFK"), ("FRA", "SIN"), ("CDG", "NRT"), ("SFO", "HNL"), ("OSL", "TOS")];

struct Booked {
    tenant: String,
    number: String,
    trace_id: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_bookings_by_eight_clients() {
    let cloud = Arc::new(Cloud::start());
    let callers = join_all((0..3).map(|index| cloud.caller(index))).await;
    let clients = (0..CLIENTS).map(|client| {
        let caller = callers[client % callers.len()].clone();
        tokio::spawn(async move {
            let mut booked = Vec::new();
            for index in 0..BOOKINGS_EACH {
                let (from, to) = ROUTES[(client + index) % ROUTES.len()];
                let answer = book(&caller, from, to).await;
                let (number, trace_id) = (answer.booking_number(), answer.trace_id());
                booked.push(Booked { tenant: caller.user.tenant.clone(), number, trace_id });
            }
            booked
        })
    });
    let booked: Vec<Booked> = join_all(clients).await.into_iter().flat_map(|client| client.unwrap()).collect();
    assert_eq!(booked.len(), CLIENTS * BOOKINGS_EACH);
    let of: BTreeMap<&str, &Caller> = callers.iter().map(|caller| (caller.user.tenant.as_str(), caller)).collect();

    let mut miles: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for booking in &booked {
        let sum = miles.entry(&booking.tenant).or_default();
        sum.0 += of[booking.tenant.as_str()].miles(&booking.number).await;
        sum.1 += 1;
    }
    for caller in &callers {
        assert_eq!(caller.balance().await, miles[caller.user.tenant.as_str()], "{}", caller.user.tenant);
    }

    let outputs = &cloud.outputs;
    let key = |(partition, sort): (String, String)| {
        let tenant = partition.split('#').nth(1).unwrap().to_owned();
        (tenant, sort.trim_start_matches("BOOKING#").to_owned())
    };
    let expected: Vec<_> = booked.iter().map(|booking| (booking.tenant.clone(), booking.number.clone())).collect();
    let expected: BTreeSet<_> = expected.into_iter().collect();
    let reservations = cloud.keys(&outputs.booking_account, &outputs.reservations_table, "BOOKING#").await;
    assert_eq!(reservations.into_iter().map(key).collect::<BTreeSet<_>>(), expected);
    let entries = cloud.keys(&outputs.mileage_account, &outputs.ledger_table, "BOOKING#").await;
    assert_eq!(entries.into_iter().map(key).collect::<BTreeSet<_>>(), expected);

    for booking in &booked {
        let trace = cloud.trace(&booking.trace_id, |trace| has_steps(trace, JOURNEY.len())).await;
        assert_journey(&trace, &of[booking.tenant.as_str()].user, &booking.number);
    }
    let traces = cloud.ask_control_plane("/api/traces?limit=500").await;
    for trace in traces["traces"].as_array().unwrap() {
        assert!(trace["tenants"].as_array().unwrap().len() <= 1, "a trace of several tenants: {trace}");
    }
}
