//! Several servers write to one database, and one of them makes the sums: whichever it is, they are those of all spans.

use control_plane::intake::by_trace;
use control_plane_clickhouse::ClickHouse;
use control_plane_model::store::SpanStore;
use testkit::control_plane::{journey, now_ns, shuffled};

use crate::{Both, Questions, edges, in_pieces, spans};

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_on_one_database() {
    let both = Both::start().await;
    let other = ClickHouse::new(&both.server.store().parse().unwrap());
    assert!(other.migrations().await.unwrap().iter().all(|migration| migration.applied));
    let mut random = fastrand::Rng::with_seed(77);
    let mut spans: Vec<_> = (0..9).flat_map(|n| journey(n, n % 4 == 0)).collect();
    spans.extend(spans::odd(&mut random, 15));
    let asked = Questions::of(&spans).briefly();
    shuffled(&mut spans, 77);
    for (index, request) in in_pieces(&spans, 9, &mut random).into_iter().enumerate() {
        let traces = || by_trace(request.clone(), None, now_ns() / 1_000_000_000).0;
        both.embedded.write(traces()).await.unwrap();
        // What one was sent, the other is sent too, as by a sender that heard no answer.
        match random.u8(..4) {
            0 => _ = tokio::try_join!(both.clickhouse.write(traces()), other.write(traces())).unwrap(),
            1 => _ = other.write(traces()).await.unwrap(),
            _ => _ = both.clickhouse.write(traces()).await.unwrap(),
        }
        // The leader changes.
        match index % 12 {
            3 => both.clickhouse.make_sums().await.unwrap(),
            9 => other.make_sums().await.unwrap(),
            _ => {}
        }
    }
    let cases = both.compare(&asked, "the first makes the sums").await + edges::equal_a_recount(&both, &spans).await;
    eprintln!("two servers: {cases} questions");
}

/// As when a leader does not know yet that it is none any more.
#[tokio::test(flavor = "multi_thread")]
async fn two_that_make_sums_at_once() {
    let both = Both::start().await;
    let other = ClickHouse::new(&both.server.store().parse().unwrap());
    let mut spans: Vec<_> = (0..30).flat_map(|n| journey(n, n % 4 == 0)).collect();
    let asked = Questions::of(&spans).briefly();
    shuffled(&mut spans, 78);
    for (index, piece) in spans.chunks(4).enumerate() {
        both.write(spans::request(piece)).await;
        if index % 8 == 0 {
            tokio::try_join!(both.clickhouse.make_sums(), other.make_sums()).unwrap();
        }
    }
    tokio::try_join!(both.clickhouse.make_sums(), other.make_sums()).unwrap();
    both.compare(&asked, "both made them").await;
    edges::equal_a_recount(&both, &spans).await;
}
