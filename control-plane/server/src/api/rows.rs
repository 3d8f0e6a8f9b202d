//! The rows of a trace's waterfall: what is drawn of each span and nothing else, by column, so that 50,000 of them are a small answer. And which of them
//! have a text in them.

use std::collections::HashMap;

use axum::Json;
use control_plane_model::{
    otlp::up_to,
    trace::{Node, Stretch, TraceId, Tree, Wanted, critical_path},
};
use serde::{Deserialize, Serialize};

use super::{Answer, Id, Query, View};
use crate::{
    problem::{Problem, off_thread},
    visible,
};

/// Colours that services have; the next one has the first again.
const COLOURS: usize = 10;
/// Bytes that all texts may take together, and each of them at least.
const TEXTS_BYTES: usize = 4_000_000;
const TEXT_BYTES: std::ops::RangeInclusive<usize> = 40..=300;
/// Events that are marked on a bar, and in a trace.
const EVENTS_OF_SPAN: usize = 20;
const EVENTS: usize = 50_000;
/// Bytes of a text that is looked for, and how many spans are named that have it.
const WANTED_BYTES: usize = 256;
const NAMED: usize = 5_000;

/// A trace as its waterfall is drawn. A column has one entry for each span, in the order in which the tree reads; texts are indices into `texts`.
#[derive(Debug, Serialize)]
pub(crate) struct RowsAnswer {
    trace_id: TraceId,
    /// When the first span began, nanoseconds since 1970.
    start_unix_ns: i64,
    /// The time from there to the end of the last span, in nanoseconds.
    duration_ns: i64,
    /// Each text once, control characters escaped; those that are long are cut.
    texts: Vec<String>,
    senders: Vec<Sender>,
    /// All span ids, of 16 letters each.
    ids: String,
    /// How far below its root.
    depths: Vec<usize>,
    names: Vec<usize>,
    kinds: Vec<usize>,
    /// Indices into `senders`.
    sent_by: Vec<usize>,
    /// The tenant of each; empty where all have the same.
    tenants: Vec<Option<usize>>,
    /// Nanoseconds after the start of the trace.
    starts: Vec<i64>,
    /// Nanoseconds.
    durations: Vec<i64>,
    /// Rows whose parent is named and was never received.
    without_parent: Vec<usize>,
    /// Rows for which a function started.
    cold_starts: Vec<usize>,
    errors: Errors,
    events: Events,
    critical_path: Path,
}

/// Rows that failed, and how.
#[derive(Debug, Default, Serialize)]
struct Errors {
    rows: Vec<usize>,
    texts: Vec<usize>,
}

/// What happened during spans: in which row, when, and what.
#[derive(Debug, Default, Serialize)]
struct Events {
    rows: Vec<usize>,
    /// Nanoseconds after the start of the trace.
    at: Vec<i64>,
    names: Vec<usize>,
}

/// The stretches of the critical path, in the order of time.
#[derive(Debug, Default, Serialize)]
struct Path {
    rows: Vec<usize>,
    /// Nanoseconds after the start of the trace.
    from: Vec<i64>,
    to: Vec<i64>,
}

/// A sender of spans.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Sender {
    /// `service.name`
    pub(crate) service: String,
    /// `cloud.account.id`
    pub(crate) account: Option<String>,
    /// What that is called, where the configuration says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) account_name: Option<String>,
    /// The number of its service's colour, from 1.
    pub(crate) colour: usize,
}

/// Who sent the spans of a trace, in the order in which they first appear, and who sent each; `called` is what an account is called.
pub(crate) fn senders(tree: &Tree<'_>, called: impl Fn(&str) -> Option<String>) -> (Vec<Sender>, Vec<usize>) {
    let (mut senders, mut known, mut colours) = (Vec::new(), HashMap::new(), HashMap::new());
    let sent_by = tree.nodes.iter().map(|node| {
        let span = node.span;
        *known.entry((span.service.as_str(), span.account.as_deref())).or_insert_with(|| {
            let next = colours.len() % COLOURS + 1;
            let colour = *colours.entry(span.service.as_str()).or_insert(next);
            let (service, account) = (span.service.clone(), span.account.clone());
            let account_name = account.as_deref().and_then(&called);
            senders.push(Sender { service, account, account_name, colour });
            senders.len() - 1
        })
    });
    let sent_by = sent_by.collect();
    (senders, sent_by)
}

/// `GET /api/traces/{id}/rows`
pub(super) async fn rows(view: View, Id(id): Id) -> Answer<RowsAnswer> {
    let trace = view.held_trace(id.parse()?).await?;
    let drawn = off_thread(move || {
        let tree = Tree::of(&trace);
        let called = |id: &str| view.account_name(id).map(str::to_owned);
        RowsAnswer::of(trace.trace_id, &tree, &critical_path(&tree), called)
    });
    drawn.await.map(Json)
}

impl RowsAnswer {
    fn of(trace_id: TraceId, tree: &Tree<'_>, path: &[Stretch], called: impl Fn(&str) -> Option<String>) -> Self {
        let nodes = &tree.nodes;
        let after = |unix_ns: i64| unix_ns.saturating_sub(tree.start_unix_ns);
        let (senders, sent_by) = senders(tree, called);
        let mut texts = Texts::default();
        let names = nodes.iter().map(|node| texts.index(&node.span.name)).collect();
        let kinds = nodes.iter().map(|node| texts.index(&node.span.kind)).collect();
        let mut errors = Errors::default();
        let mut events = Events::default();
        for (row, Node { span, .. }) in nodes.iter().enumerate() {
            if let Some(error) = &span.error {
                errors.rows.push(row);
                errors.texts.push(texts.index(error));
            }
            for event in span.events.iter().take(EVENTS_OF_SPAN.min(EVENTS - events.rows.len())) {
                events.rows.push(row);
                events.at.push(after(event.time_unix_ns));
                events.names.push(texts.index(&event.name));
            }
        }
        let is_of_one = nodes.windows(2).all(|pair| pair[0].span.tenant == pair[1].span.tenant);
        let of_many = nodes.iter().filter(|_| !is_of_one);
        let tenants = of_many.map(|node| node.span.tenant.as_ref().map(|tenant| texts.index(tenant))).collect();
        let places: HashMap<&str, usize> =
            nodes.iter().enumerate().map(|(row, node)| (node.span.span_id.as_str(), row)).collect();
        let mut critical_path = Path::default();
        for stretch in path {
            if let Some(row) = places.get(stretch.span_id.as_str()) {
                critical_path.rows.push(*row);
                critical_path.from.push(after(stretch.start_unix_ns));
                critical_path.to.push(after(stretch.end_unix_ns));
            }
        }
        let shown = |sender: Sender| Sender {
            service: visible::line(&sender.service).into_owned(),
            account: sender.account.map(|account| visible::line(&account).into_owned()),
            ..sender
        };
        Self {
            trace_id,
            start_unix_ns: tree.start_unix_ns,
            duration_ns: tree.duration_ns,
            senders: senders.into_iter().map(shown).collect(),
            ids: nodes.iter().map(|node| node.span.span_id.as_str()).collect(),
            depths: nodes.iter().map(|node| node.depth).collect(),
            names,
            kinds,
            sent_by,
            tenants,
            starts: nodes.iter().map(|node| after(node.span.start_unix_ns)).collect(),
            durations: nodes.iter().map(|node| node.span.duration_ns).collect(),
            without_parent: (0..nodes.len()).filter(|row| nodes[*row].parent_missing).collect(),
            cold_starts: (0..nodes.len()).filter(|row| nodes[*row].span.is_cold_start()).collect(),
            errors,
            events,
            critical_path,
            texts: texts.shown(),
        }
    }
}

/// Texts, each once.
#[derive(Default)]
struct Texts<'a> {
    places: HashMap<&'a str, usize>,
    all: Vec<&'a str>,
}

impl<'a> Texts<'a> {
    fn index(&mut self, text: &'a str) -> usize {
        let next = self.all.len();
        let place = *self.places.entry(text).or_insert(next);
        if place == next {
            self.all.push(text);
        }
        place
    }

    /// The texts as they are shown. The more there are, the shorter each is cut.
    fn shown(self) -> Vec<String> {
        let most = (TEXTS_BYTES / self.all.len().max(1)).clamp(*TEXT_BYTES.start(), *TEXT_BYTES.end());
        let cut = |text: &&str| {
            let start = up_to(text, most);
            format!("{}{}", visible::line(start), if start.len() < text.len() { "…" } else { "" })
        };
        self.all.iter().map(cut).collect()
    }
}

/// What is looked for within a trace.
#[derive(Debug, Deserialize)]
pub(crate) struct FindSpans {
    find: Option<String>,
}

/// What to look for, or `None` where nothing is.
pub(crate) fn wanted(find: Option<&str>) -> Result<Option<Wanted>, Problem> {
    match find {
        Some(text) if text.len() > WANTED_BYTES => {
            Err(Problem::bad_request(format!("find: {WANTED_BYTES} bytes at most")))
        }
        text => Ok(text.map(Wanted::new)),
    }
}

/// Spans that have a text in them.
#[derive(Debug, Serialize)]
pub(crate) struct SpansFound {
    /// How many.
    matched: usize,
    /// The first of them, in the order in which the tree reads.
    span_ids: Vec<String>,
}

/// `GET /api/traces/{id}/spans?find=`
pub(super) async fn spans(view: View, Id(id): Id, Query(asked): Query<FindSpans>) -> Answer<SpansFound> {
    let Some(wanted) = wanted(asked.find.as_deref())? else {
        return Err(Problem::bad_request("find: say what to look for"));
    };
    let trace = view.held_trace(id.parse()?).await?;
    let found = off_thread(move || {
        let tree = Tree::of(&trace);
        let found = tree.nodes.iter().map(|node| node.span).filter(|span| wanted.is_in(span));
        let span_ids: Vec<String> = found.map(|span| span.span_id.clone()).collect();
        SpansFound { matched: span_ids.len(), span_ids: span_ids.into_iter().take(NAMED).collect() }
    });
    found.await.map(Json)
}

#[cfg(test)]
mod tests {
    use control_plane_model::trace::{Event, Span, Trace};

    use super::*;

    fn span(id: u64, parent: Option<u64>, service: &str, start: i64, end: i64) -> Span {
        Span {
            span_id: format!("{id:016x}"),
            parent_span_id: parent.map(|parent| format!("{parent:016x}")),
            name: format!("step of {service}"),
            kind: "INTERNAL".into(),
            service: service.into(),
            account: Some("111111111111".into()),
            tenant: Some("acme".into()),
            tier: None,
            start_unix_ns: start,
            end_unix_ns: end,
            duration_ns: end - start,
            status: "UNSET".into(),
            error: None,
            attributes: Default::default(),
            resource: Default::default(),
            links: vec![],
            events: vec![],
        }
    }

    fn drawn(spans: Vec<Span>) -> RowsAnswer {
        let trace_id: TraceId = "5759e988bd862e3fe1be46a994272793".parse().unwrap();
        let trace = Trace { trace_id, xray_trace_id: trace_id.xray(), spans, others: false };
        let tree = Tree::of(&trace);
        RowsAnswer::of(trace_id, &tree, &critical_path(&tree), |_| None)
    }

    #[test]
    fn columns_hold_a_span_each_in_the_order_of_the_tree() {
        let mut failed = span(3, Some(2), "table", 1_020, 1_050);
        failed.error = Some("throttled\u{1b}".into());
        failed.events = vec![Event { name: "retry".into(), time_unix_ns: 1_030, attributes: Default::default() }];
        failed.attributes.insert("faas.coldstart".into(), true.into());
        let rows = drawn(vec![span(1, None, "api", 1_000, 1_100), failed, span(2, Some(1), "api", 1_010, 1_060)]);
        assert_eq!(rows.ids, "000000000000000100000000000000020000000000000003");
        assert_eq!((rows.depths, rows.starts, rows.durations), (vec![0, 1, 2], vec![0, 10, 20], vec![100, 50, 30]));
        assert_eq!(rows.sent_by, [0, 0, 1]);
        assert_eq!(rows.senders.iter().map(|sender| sender.colour).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(rows.errors.rows, [2]);
        assert_eq!(rows.texts[rows.errors.texts[0]], "throttled\\u001b");
        assert_eq!((rows.events.rows, rows.events.at), (vec![2], vec![30]));
        assert_eq!(rows.critical_path.rows, [0, 1, 2, 1, 0]);
        assert_eq!(rows.cold_starts, [2]);
        assert_eq!(rows.tenants, [], "one tenant is said once, above");
    }

    #[test]
    fn a_service_has_one_colour_in_all_accounts_and_an_eleventh_has_the_first() {
        let mut spans: Vec<Span> = (0..11).map(|n| span(n + 1, None, &format!("service {n}"), n as i64, 100)).collect();
        spans.push(Span { account: None, ..span(99, None, "service 3", 50, 60) });
        let colours: Vec<usize> = drawn(spans).senders.iter().map(|sender| sender.colour).collect();
        assert_eq!(colours, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1, 4]);
    }

    #[test]
    fn the_more_texts_the_shorter_they_are() {
        let names = |count: u64| {
            let spans = (0..count).map(|n| Span { name: format!("{n:0>250}"), ..span(n + 1, None, "api", 0, 1) });
            drawn(spans.collect()).texts
        };
        assert_eq!(names(2)[0].len(), 250);
        assert!(names(50_000).iter().map(String::len).sum::<usize>() < 5_000_000);
    }
}
