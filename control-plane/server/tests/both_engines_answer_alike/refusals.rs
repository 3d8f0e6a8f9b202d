//! Who was turned away: counted once however often it is sent, told to whom it may be, and of nobody who had not been verified.

use std::collections::BTreeMap;

use control_plane_model::{
    refusals::{RefusalQuery, Refusals},
    store::{Scope, SpanStore},
};
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::json;
use testkit::control_plane::{now_ns, number, shuffled, span, text};

use crate::{
    Both,
    questions::{Answers, different},
    spans,
};

const SECOND: i64 = 1_000_000_000;

pub(crate) fn query(from: i64, to: i64) -> RefusalQuery {
    RefusalQuery { from, to, tenant: None, user: None, service: None, reason: None, limit: 100 }
}

/// The refusals of some windows, all of them and those of one tenant, user, service or reason.
pub(crate) async fn asked(store: &dyn SpanStore, scope: &Scope, now: i64, answers: &mut Answers) {
    let set = |value: &str| Some(value.to_owned());
    let now = now / SECOND;
    for (from, to) in [(0, now), (now - 3_600, now), (now - 9 * 86_400, now - 3_600)] {
        let whole = query(from, to);
        for query in [
            whole.clone(),
            RefusalQuery { limit: 2, ..whole.clone() },
            RefusalQuery { tenant: set("acme"), ..whole.clone() },
            RefusalQuery { tenant: set("nobody"), ..whole.clone() },
            RefusalQuery { tenant: set(""), ..whole.clone() },
            RefusalQuery { user: set("o'neil"), ..whole.clone() },
            RefusalQuery { service: set("booking-api"), ..whole.clone() },
            RefusalQuery { reason: set("404"), ..whole },
        ] {
            let found = store.refusals(scope, query.clone()).await.unwrap();
            answers.insert(format!("{scope:?} refusals by {query:?}"), json!(found));
        }
        let refused = store.refused(scope, from, to, &[]).await.unwrap();
        answers.insert(format!("{scope:?} refused from {from} to {to}"), json!(refused));
        let named = ["acme", "nobody", "globex"].map(str::to_owned);
        let refused = store.refused(scope, from, to, &named).await.unwrap();
        answers.insert(format!("{scope:?} refused of some from {from} to {to}"), json!(refused));
    }
}

/// A request of a trace of its own, answered with a status so many seconds ago.
fn request(id: u8, seconds_ago: i64, status: i64, attributes: &[(&str, &str)]) -> (&'static str, Span) {
    let start = u64::try_from(now_ns() - seconds_ago * SECOND).unwrap();
    let mut attributes: Vec<_> = attributes.iter().map(|(key, value)| text(key, value)).collect();
    attributes.push(number("http.response.status_code", status));
    let name = "GET /bookings/{number}".to_owned();
    let of =
        Span { name, start_time_unix_nano: start, end_time_unix_nano: start + 1_000_000, attributes, ..span(id, 0) };
    ("booking-api", of)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_turned_away_is_told_by_user_and_reason() {
    let both = Both::start().await;
    let of = |tenant, user, code| [("tenant.id", tenant), ("enduser.id", user), ("problem.code", code)];
    let guess = |id, ago| request(id, ago, 404, &of("acme", "eve", "no_such_booking"));
    let mut sent: Vec<_> = (1..=5).map(|id| guess(id, 100 + i64::from(id))).collect();
    sent.extend([
        request(11, 90, 403, &of("acme", "ann", "not_an_admin")),
        request(12, 91, 429, &of("acme", "ann", "requests_quota_exceeded")),
        request(13, 92, 403, &of("globex", "bob", "tenant_suspended")),
        // A service that says no reason, and a caller that no span names.
        request(14, 93, 409, &[("tenant.id", "globex")]),
        // Served, failed, and older than is asked for.
        request(15, 94, 200, &of("acme", "eve", "")),
        request(16, 95, 503, &of("acme", "eve", "reservations_unavailable")),
        request(17, 7_200, 404, &of("acme", "eve", "no_such_booking")),
    ]);
    // Whoever was refused before a token was verified is nobody, whatever it says.
    for id in 100..120 {
        sent.push(request(id, 80, 401, &[("problem.code", "invalid_token"), ("token.tenant", "acme")]));
    }
    // A call of another service that was refused is no request of the tenant's.
    sent.push(("booking-api", Span { kind: 3, ..request(18, 96, 404, &of("acme", "eve", "no_such_booking")).1 }));
    shuffled(&mut sent, 7);
    for piece in sent.chunks(6) {
        for _ in 0..2 {
            both.write(spans::request(piece)).await;
        }
    }
    // All of it again, for another reason: what came first counts.
    let changed = sent.iter().map(|(service, span)| {
        let mut span = span.clone();
        span.attributes.retain(|attribute| attribute.key != "problem.code");
        (*service, span)
    });
    both.write(spans::request(&changed.collect::<Vec<_>>())).await;
    // And for none: what was refused first counts, and what was served first does not, in one batch or in two.
    let eve = of("acme", "eve", "no_such_booking");
    let served = [1, 19, 20].map(|id| request(id, 98, 200, &eve));
    both.write(spans::request(&served)).await;
    both.write(spans::request(&[request(19, 98, 404, &eve)])).await;
    both.write(spans::request(&[request(21, 98, 200, &eve), request(21, 98, 404, &eve)])).await;
    both.write(spans::request(&[request(20, 98, 404, &eve)])).await;
    both.clickhouse.make_sums().await.unwrap();

    let now = now_ns() / SECOND;
    let lately = query(now - 3_600, now);
    let told = |found: &Refusals| {
        let line = |line: &control_plane_model::refusals::RefusalLine| {
            let user = line.user.clone().unwrap_or_default();
            (line.requests, line.tenant.clone(), user, line.status, line.reason.clone(), line.trace_ids.len())
        };
        found.lines.iter().map(line).collect::<Vec<_>>()
    };
    let line = |requests: u64, tenant: &str, user: &str, status: u16, reason: &str, traces: usize| {
        (requests, tenant.to_owned(), user.to_owned(), status, reason.to_owned(), traces)
    };
    let all = [
        line(5, "acme", "eve", 404, "no_such_booking", 3),
        line(1, "acme", "ann", 403, "not_an_admin", 1),
        line(1, "acme", "ann", 429, "requests_quota_exceeded", 1),
        line(1, "globex", "bob", 403, "tenant_suspended", 1),
        line(1, "globex", "", 409, "409", 1),
    ];
    for (engine, store) in both.stores() {
        let of_a_copy = RefusalQuery { reason: Some("404".to_owned()), ..lately.clone() };
        let found = store.refusals(&Scope::All, of_a_copy).await.unwrap();
        assert_eq!(found, Refusals::default(), "{engine}: what was said later");
    }
    for (engine, store) in both.stores() {
        let found = store.refusals(&Scope::All, lately.clone()).await.unwrap();
        assert_eq!((told(&found), found.requests, found.more), (all.to_vec(), 9, false), "{engine}");
        let eve = &found.lines[0];
        let newest: Vec<u8> = eve.trace_ids.iter().map(|id| id.as_bytes()[0]).collect();
        assert_eq!((newest, eve.operation.as_str()), (vec![1, 2, 3], "GET /bookings/{number}"), "{engine}");
        assert_eq!((eve.last_unix_ns - eve.first_unix_ns + SECOND / 2) / SECOND, 4, "{engine}");

        let cut = store.refusals(&Scope::All, RefusalQuery { limit: 2, ..lately.clone() }).await.unwrap();
        assert_eq!((told(&cut), cut.requests, cut.more), (all[..2].to_vec(), 9, true), "{engine}");
        let own = Scope::Tenant("globex".to_owned());
        assert_eq!(told(&store.refusals(&own, lately.clone()).await.unwrap()), all[3..], "{engine}");
        let of_other = RefusalQuery { tenant: Some("acme".to_owned()), ..lately.clone() };
        assert_eq!(store.refusals(&own, of_other).await.unwrap(), Refusals::default(), "{engine}");

        let counts = |of: [(&str, u64); 2]| of.map(|(tenant, n)| (tenant.to_owned(), n)).into_iter().collect();
        let refused: BTreeMap<String, u64> = store.refused(&Scope::All, now - 3_600, now, &[]).await.unwrap();
        // Without whoever was beyond a quota, or suspended.
        assert_eq!(refused, counts([("acme", 6), ("globex", 1)]), "{engine}");
        let of_one = store.refused(&Scope::All, now - 3_600, now, &["globex".to_owned()]).await.unwrap();
        assert_eq!(of_one, [("globex".to_owned(), 1)].into(), "{engine}");
    }
    alike(&both, now).await;
    both.merge().await;
    alike(&both, now).await;
}

/// Both engines answer the same to all of these questions.
async fn alike(both: &Both, now: i64) {
    let [embedded, clickhouse] = [&both.embedded as &dyn SpanStore, &both.clickhouse].map(|store| {
        let of = async move {
            let mut answers = Answers::new();
            for scope in [Scope::All, Scope::Tenant("acme".to_owned()), Scope::Tenant(String::new())] {
                asked(store, &scope, now * SECOND, &mut answers).await;
            }
            answers
        };
        Box::pin(of)
    });
    let (embedded, clickhouse) = tokio::join!(embedded, clickhouse);
    for (question, expected) in &embedded {
        assert_eq!(different(expected, &clickhouse[question]), None, "{question}");
    }
}

/// The latest traces of a line, of which one may have very many of its requests.
#[tokio::test(flavor = "multi_thread")]
async fn traces_are_those_of_the_latest_requests() {
    let both = Both::start().await;
    let of = |user| [("tenant.id", "acme"), ("enduser.id", user), ("problem.code", "no_such_booking")];
    // All of them in the same nanosecond.
    let in_one_trace = |id, user, ago, requests: u8| {
        let (service, span) = request(id, ago, 404, &of(user));
        (1..=requests).map(move |n| (service, Span { span_id: vec![n, 0, 0, 0, 0, 0, 0, 1], ..span.clone() }))
    };
    let mut sent = Vec::new();
    for (id, user, requests) in [(30, "eve", 70), (40, "bob", 10)] {
        sent.extend(in_one_trace(id, user, 10, requests));
        sent.extend((1..=4).flat_map(|older| in_one_trace(id + older, user, 10 + i64::from(older), 1)));
    }
    shuffled(&mut sent, 3);
    both.write(spans::request(&sent)).await;
    both.clickhouse.make_sums().await.unwrap();
    let now = now_ns() / SECOND;
    for (engine, store) in both.stores() {
        let found = store.refusals(&Scope::All, query(now - 3_600, now)).await.unwrap();
        let traces = |place: usize| {
            let line = &found.lines[place];
            let traces: Vec<u8> = line.trace_ids.iter().map(|id| id.as_bytes()[0]).collect();
            (line.requests, traces)
        };
        assert_eq!((traces(0), traces(1)), ((74, vec![30]), (14, vec![40, 41, 42])), "{engine}");
    }
    alike(&both, now).await;
}
