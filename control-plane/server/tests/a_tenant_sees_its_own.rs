//! A read for a tenant's eyes answers of that tenant's own: of traces, searches, the map, sums, costs, refused requests, facets and alerts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use control_plane::intake::by_trace;
use control_plane_embedded::{Embedded, Retention};
use control_plane_model::{
    listing::{Order, Search},
    map::{MapQuery, ServiceMap},
    refusals::RefusalQuery,
    store::{AlertRecord, Detail, Lease, RequestQuery, Scope, SpanStore, StateStore, SumsOf},
    trace::TraceId,
};
use futures_util::StreamExt;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use testkit::control_plane::{journey, now_ns, number, request_by_service, span, text};

const NANOSECONDS: i64 = 1_000_000_000;
/// Bookings; three tenants take turns.
const BOOKINGS: usize = 9;
/// The trace that two tenants share, with a span of nobody's.
const SHARED: u8 = 200;

/// Where spans of three tenants are, and which times they are of.
struct Store {
    engine: Embedded,
    from: i64,
    to: i64,
    _dir: tempfile::TempDir,
}

impl Store {
    async fn filled() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let engine = Embedded::open(&dir.path().join("store.sqlite"), Retention::default()).unwrap();
        let mut spans: Vec<(&'static str, Span)> = (0..BOOKINGS).flat_map(|n| journey(n, false)).collect();
        let of = |n, tenant| Span { attributes: vec![text("tenant.id", tenant)], ..span(SHARED, n) };
        let nobodys = Span { attributes: Vec::new(), ..span(SHARED, 3) };
        spans.extend([("shared", of(1, "acme")), ("shared", of(2, "globex")), ("shared", nobodys)]);
        let refused = |span: Span| {
            let attributes = [span.attributes, vec![number("http.response.status_code", 404)]].concat();
            Span { attributes, ..span }
        };
        spans.extend([("shared", refused(of(4, "acme"))), ("shared", refused(of(5, "globex")))]);
        let now = now_ns() / NANOSECONDS;
        let request = Message::decode(request_by_service(&spans).as_slice()).unwrap();
        let (traces, _) = by_trace(request, None, now);
        assert_eq!(engine.write(traces).await.unwrap().spans, spans.len());
        Self { engine, from: now - 3_600, to: now + 60, _dir: dir }
    }

    fn search(&self, filter: &str) -> Search {
        let expression = (!filter.is_empty()).then(|| filter.parse().unwrap());
        let (from_ns, to_ns) = (self.from * NANOSECONDS, self.to * NANOSECONDS);
        Search { from_ns, to_ns, expression, order: Order::Newest, limit: 100 }
    }

    /// How many traces match, and which tenants they are of.
    async fn found(&self, scope: &Scope, filter: &str) -> (usize, BTreeSet<String>) {
        let found = self.engine.search(scope, self.search(filter)).await.unwrap();
        assert_eq!(found.matched, found.traces.len());
        assert!(scope.tenant().is_none() || !filter.is_empty() || found.scanned == found.matched, "{found:?}");
        (found.matched, found.traces.into_iter().flat_map(|trace| trace.tenants).collect())
    }

    async fn map(&self, scope: &Scope, tenant: Option<&str>) -> ServiceMap {
        let tenant = tenant.map(str::to_owned);
        let query = MapQuery { from: self.from, to: self.to, tenant, ..MapQuery::default() };
        self.engine.map(scope, query).await.unwrap()
    }

    /// Whose sums there are.
    async fn sums(&self, scope: &Scope, of: SumsOf) -> BTreeSet<Option<String>> {
        let query = RequestQuery { from: self.from, to: self.to, of, detail: Detail::Latencies };
        let mut rows = self.engine.request_rows(scope, query).await.unwrap();
        let mut tenants = BTreeSet::new();
        while let Some(batch) = rows.next().await {
            tenants.extend(batch.unwrap().iter().map(|row| row.key.tenant.clone()));
        }
        tenants
    }
}

fn acme() -> Scope {
    Scope::Tenant("acme".to_owned())
}

fn tenants<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

#[tokio::test]
async fn of_a_trace_that_tenants_share_each_sees_its_own_spans() {
    let store = Store::filled().await;
    let shared = TraceId::from_bytes(&[SHARED; 16]).unwrap();
    let all = store.engine.trace(&Scope::All, shared).await.unwrap().unwrap();
    let own = store.engine.trace(&acme(), shared).await.unwrap().unwrap();
    assert_eq!((all.spans.len(), own.spans.len()), (5, 2));
    assert!(own.spans.iter().all(|span| span.tenant.as_deref() == Some("acme")));
    // The second booking is another tenant's: for this one it is not there.
    let others = TraceId::from_bytes(&2_u128.to_be_bytes()).unwrap();
    assert!(store.engine.trace(&Scope::All, others).await.unwrap().is_some());
    assert_eq!(store.engine.trace(&acme(), others).await.unwrap(), None);
}

#[tokio::test]
async fn a_search_lists_only_traces_in_which_the_tenant_alone_was_served() {
    let store = Store::filled().await;
    assert_eq!(store.found(&Scope::All, "").await, (BOOKINGS + 1, tenants(["acme", "globex", "oceanic"])));
    for filter in ["", "annotation[tenant.id] = \"acme\"", "!fault", "duration >= 0"] {
        assert_eq!(store.found(&acme(), filter).await, (BOOKINGS / 3, tenants(["acme"])), "{filter}");
    }
    for filter in ["annotation[tenant.id] = \"globex\"", "service(\"shared\")"] {
        assert_eq!(store.found(&acme(), filter).await, (0, tenants([])), "{filter}");
    }
    assert_eq!(store.found(&Scope::Tenant("nobody".into()), "").await, (0, tenants([])));
}

#[tokio::test]
async fn the_map_and_sums_of_a_tenant_are_its_own() {
    let store = Store::filled().await;
    let own = store.map(&acme(), None).await;
    assert!(!own.edges.is_empty());
    assert_eq!(own, store.map(&Scope::All, Some("acme")).await);
    assert_ne!(own, store.map(&Scope::All, None).await);
    assert!(store.map(&acme(), Some("globex")).await.edges.is_empty());

    let name = |tenant: &str| Some(tenant.to_owned());
    let each = BTreeSet::from([None, name("acme"), name("globex"), name("oceanic")]);
    assert_eq!(store.sums(&Scope::All, SumsOf::Each).await, each);
    assert_eq!(store.sums(&Scope::All, SumsOf::Together).await, BTreeSet::from([None]));
    assert_eq!(store.sums(&acme(), SumsOf::Each).await, BTreeSet::from([name("acme")]));
    for of in [SumsOf::Together, SumsOf::Tenant("globex".into())] {
        assert_eq!(store.sums(&acme(), of).await, BTreeSet::new());
    }
    let named = ["acme".to_owned(), "globex".to_owned()];
    let days = store.engine.daily_costs(&acme(), store.from, store.to, &named).await.unwrap();
    let whose: BTreeSet<_> = days.into_iter().map(|used| used.tenant).collect();
    assert_eq!(whose, BTreeSet::from([Some("acme".into())]));
    assert_eq!(store.engine.daily_costs(&acme(), store.from, store.to, &named[1..]).await.unwrap(), []);
    let costs = store.engine.costs(&acme(), store.from, store.to).await.unwrap();
    let whose: BTreeSet<_> = costs.iter().map(|row| row.key.tenant.clone()).collect();
    assert_eq!(whose, BTreeSet::from([name("acme")]));
}

#[tokio::test]
async fn requests_that_were_refused_are_those_of_the_tenant() {
    let store = Store::filled().await;
    let query = |tenant: Option<&str>| RefusalQuery {
        from: store.from,
        to: store.to,
        tenant: tenant.map(str::to_owned),
        user: None,
        service: None,
        reason: None,
        limit: 10,
    };
    let whose = async |scope: &Scope, tenant| {
        let found = store.engine.refusals(scope, query(tenant)).await.unwrap();
        assert_eq!(found.requests as usize, found.lines.len());
        found.lines.into_iter().map(|line| line.tenant).collect::<BTreeSet<_>>()
    };
    assert_eq!(whose(&Scope::All, None).await, tenants(["acme", "globex"]));
    assert_eq!(whose(&acme(), None).await, tenants(["acme"]));
    assert_eq!(whose(&acme(), Some("globex")).await, tenants([]));
    let named = ["acme".to_owned(), "globex".to_owned()];
    for of in [&[][..], &named] {
        let counts = store.engine.refused(&acme(), store.from, store.to, of).await.unwrap();
        assert_eq!(counts, [("acme".to_owned(), 1)].into());
    }
}

#[tokio::test]
async fn a_tenant_learns_of_no_other_by_name() {
    let store = Store::filled().await;
    let facets = store.engine.facets(&acme()).await.unwrap();
    assert_eq!((facets.tenants, facets.tiers), (vec!["acme".to_owned()], vec!["basic".to_owned()]));
    assert!(facets.services.contains(&"booking-api".to_owned()));
    assert_eq!(store.engine.facets(&Scope::All).await.unwrap().tenants.len(), 3);
    assert!(store.engine.knows_tenant(&acme(), "acme").await.unwrap());
    assert!(!store.engine.knows_tenant(&acme(), "globex").await.unwrap());
    for (named, is_tenant) in [("globex", true), ("booking-api", false), ("basic", false), ("nobody", false)] {
        assert_eq!(store.engine.knows_tenant(&Scope::All, named).await.unwrap(), is_tenant, "{named}");
    }
}

#[tokio::test]
async fn a_tenant_sees_alerts_about_itself() {
    let store = Store::filled().await;
    let alert = |tenant: Option<&str>| {
        let body = format!("{tenant:?}");
        AlertRecord { id: body.clone(), tenant: tenant.map(str::to_owned), opened: 1, body }
    };
    let changed = vec![alert(Some("acme")), alert(Some("globex")), alert(None)];
    store.engine.store(Lease { term: 0 }, "alerts", "{}".into(), changed).await.unwrap();
    assert_eq!(store.engine.state("alerts").await.unwrap().as_deref(), Some("{}"));
    let alerts = async |scope: &Scope, tenant| store.engine.alerts(scope, tenant, 10).await.unwrap();
    assert_eq!(alerts(&Scope::All, None).await.len(), 3);
    assert_eq!(alerts(&acme(), None).await, ["Some(\"acme\")"]);
    assert!(alerts(&acme(), Some("globex")).await.is_empty());
}
