//! The map equals what `topology::edges` says of each span, all others known.

use std::collections::{BTreeMap, HashMap};

use control_plane_model::{
    catalog::{NONE, Node, Numbers},
    map::{MapQuery, Stats},
    otlp::{Facts, Resource, SpanId},
    rollup::{Cell, bucket},
    store::{Scope, SpanStore},
    topology::{NumberedFacts, Use, edges},
};
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};
use testkit::control_plane::now_ns;

use crate::{
    Both,
    questions::{different, named},
    spans,
};

/// Every name and node has the number of its place.
#[derive(Default)]
struct Places {
    names: Vec<String>,
    nodes: Vec<Node>,
}

impl Numbers for Places {
    type Error = std::convert::Infallible;

    fn name(&mut self, text: Option<&str>) -> Result<u32, Self::Error> {
        Ok(text.map_or(NONE, |text| place(&mut self.names, text.to_owned()) + 1))
    }

    fn node(&mut self, kind: &str, account: &str, name: &str) -> Result<u32, Self::Error> {
        Ok(place(&mut self.nodes, Node { kind: kind.to_owned(), account: account.to_owned(), name: name.to_owned() }))
    }
}

fn place<T: PartialEq>(list: &mut Vec<T>, value: T) -> u32 {
    let at = list.iter().position(|known| *known == value).unwrap_or_else(|| {
        list.push(value);
        list.len() - 1
    });
    u32::try_from(at).unwrap()
}

/// By trace and id; the one that was sent first.
type Known = HashMap<(Vec<u8>, SpanId), (Facts, NumberedFacts)>;

fn known(spans: &[(&'static str, Span)], places: &mut Places) -> Known {
    let mut known = Known::new();
    for span in spans {
        let request = spans::request(std::slice::from_ref(span));
        let facts = Facts::of(&Resource::of(request.resource_spans[0].resource.as_ref().unwrap()), &span.1);
        let Ok(placed) = NumberedFacts::of(places, &facts);
        known.entry((span.1.trace_id.clone(), facts.id)).or_insert((facts, placed));
    }
    known
}

/// The uses of edges, and whose they are.
fn uses(known: &Known, now: i64, mut found: impl FnMut(&Facts, Use)) {
    for ((trace, id), (facts, placed)) in known {
        if bucket(facts.start_ns / 1_000_000_000, now).is_none() {
            continue;
        }
        let parent = placed.parent.and_then(|parent| known.get(&(trace.clone(), parent)));
        let answered = known
            .iter()
            .any(|((other, _), (_, child))| other == trace && child.parent == Some(*id) && child.answers(placed));
        edges(placed, parent.map(|(_, parent)| parent), answered, |used| found(facts, used));
    }
}

/// Compares the maps of both engines with a recount, of all tenants and tiers; how many maps these were.
pub(crate) async fn equal_a_recount(both: &Both, spans: &[(&'static str, Span)]) -> usize {
    some_equal_a_recount(both, spans, 1).await
}

/// Of so many maps one.
pub(crate) async fn some_equal_a_recount(both: &Both, spans: &[(&'static str, Span)], one_in: usize) -> usize {
    both.clickhouse.make_sums().await.unwrap();
    let now = now_ns() / 1_000_000_000;
    let mut places = Places::default();
    let known = known(spans, &mut places);
    let narrowed = |name: fn(&Facts) -> Option<String>| {
        let mut all: Vec<_> = known.values().map(|(facts, _)| name(facts)).collect();
        all.sort();
        all.dedup();
        all
    };
    let tenants = narrowed(|facts| facts.tenant.as_deref().map(str::to_owned));
    let tiers = narrowed(|facts| facts.tier.as_deref().map(str::to_owned));
    let tenants = std::iter::once(None).chain(tenants.into_iter().flatten().map(Some));
    let tiers = std::iter::once(None).chain(tiers.into_iter().flatten().map(Some));
    let asked = tenants.flat_map(|tenant| tiers.clone().map(move |tier| (tenant.clone(), tier)));
    let asked: Vec<_> = asked.step_by(one_in).collect();
    let mut maps = 0;
    for (tenant, tier) in asked {
        let query = MapQuery {
            from: now - 35 * 86_400,
            to: now,
            tenant: tenant.clone(),
            tier: tier.clone(),
            ..MapQuery::default()
        };
        let mut cells: BTreeMap<(u32, u32), Cell> = BTreeMap::new();
        uses(&known, now, |facts, used| {
            if tenant.as_deref().is_none_or(|tenant| facts.tenant.as_deref() == Some(tenant))
                && tier.as_deref().is_none_or(|tier| facts.tier.as_deref() == Some(tier))
            {
                cells.entry((used.from, used.to)).or_default().add(&used.sample, 1);
            }
        });
        for (engine, store) in both.stores() {
            let map = store.map(&Scope::All, query.clone()).await.unwrap();
            let expected = by_name(&cells, &places, map.to - map.from);
            let difference = different(&expected, &named(&map)["edges"]);
            assert_eq!(difference, None, "{engine}, {tenant:?} {tier:?}");
            maps += 1;
        }
    }
    maps
}

fn by_name(cells: &BTreeMap<(u32, u32), Cell>, places: &Places, seconds: i64) -> Value {
    let name = |id: u32| {
        let Node { kind, account, name } = &places.nodes[id as usize];
        format!("{kind} {:?} {name}", Some(account).filter(|account| !account.is_empty()))
    };
    let named =
        cells.iter().map(|((from, to), cell)| (format!("{} -> {}", name(*from), name(*to)), Stats::of(cell, seconds)));
    json!(named.collect::<BTreeMap<_, _>>())
}
