//! A trace whose spans are still coming: which it has, and how they hang together.

use std::collections::{HashMap, HashSet};

use crate::{
    catalog::{ANNOTATION, NONE, Numbers},
    map::BROWSER,
    otlp::{Facts, Flags, Kind, Sample, SpanId},
    search::{Outline, remember},
    topology::{NumberedFacts, Use, edges},
};

impl NumberedFacts {
    /// Makes it of the facts of a span, with numbers for names.
    pub fn of<N: Numbers>(numbers: &mut N, facts: &Facts) -> Result<Self, N::Error> {
        let account = facts.account.as_deref().unwrap_or_default();
        // Only requests' names matter to sums; names of other spans are many, and matter to nobody's.
        let named = matches!(facts.kind, Kind::Server | Kind::Consumer) || facts.parent.is_none();
        Ok(Self {
            kind: facts.kind,
            parent: facts.parent,
            service: numbers.node(if facts.is_browser { BROWSER } else { "service" }, account, &facts.service)?,
            is_browser: facts.is_browser,
            peer: facts.peer.as_ref().map(|peer| numbers.node(&peer.kind, account, &peer.name)).transpose()?,
            gateway: facts.fronted.then(|| numbers.node("API Gateway", account, "API Gateway")).transpose()?,
            outside: numbers.node("client", "", "clients")?,
            batch: facts.batch,
            plain_http: facts.plain_http,
            start_ns: facts.start_ns,
            sample: Sample { duration_ns: if facts.is_init { 0 } else { facts.duration_ns() }, ..facts.sample() },
            operation: numbers.name(Some(&*facts.operation).filter(|_| named))?,
            tenant: numbers.name(facts.tenant.as_deref())?,
            tier: numbers.name(facts.tier.as_deref())?,
            http_status: facts.http_status,
        })
    }
}

/// An edge that a span stands for from now on (+1), or no longer (-1).
#[derive(Debug)]
pub struct Change<'a> {
    /// One more, or one less.
    pub sign: i64,
    /// The span that stands for the edge.
    pub span: &'a NumberedFacts,
    /// The edge, from one node of the map to another.
    pub used: Use,
}

/// The trace.
#[derive(Debug, Default)]
pub struct GrowingTrace {
    /// When its first span began, nanoseconds since 1970; a function's start comes before it.
    pub start_ns: i64,
    /// When its last span ended, nanoseconds since 1970.
    pub end_ns: i64,
    /// How its spans went.
    pub flags: Flags,
    /// What its spans name: of its outline, all that does not hang on where they stand.
    pub named: Outline,
    spans: HashMap<SpanId, NumberedFacts>,
    /// Spans whose parent has not come, by that parent.
    waiting: HashMap<SpanId, Vec<SpanId>>,
    /// Calls with an answer.
    answered: HashSet<SpanId>,
    first: Option<SpanId>,
    /// Whether there is more than functions' starts.
    is_begun: bool,
}

impl GrowingTrace {
    /// How many spans it has.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Whether it has this span.
    pub fn has(&self, id: SpanId) -> bool {
        self.spans.contains_key(&id)
    }

    /// Takes a span that it does not have, and tells what that changes on the map.
    pub fn add<N: Numbers>(
        &mut self,
        numbers: &mut N,
        facts: &Facts,
        placed: NumberedFacts,
        mut change: impl FnMut(&mut N, Change<'_>) -> Result<(), N::Error>,
    ) -> Result<(), N::Error> {
        let id = facts.id;
        self.began(facts, &placed);
        self.remember_facts(facts, &placed);
        for (name, value) in &facts.annotations {
            let name = numbers.name(Some(&format!("{ANNOTATION}{name}")))?;
            if !self.named.annotations.iter().any(|(known, held)| *known == name && **held == **value) {
                remember(&mut self.named.annotations, (name, value.to_string()));
            }
        }
        let mut failed = None;
        let mut change = |sign: i64, span: &NumberedFacts, used: Use| {
            failed = failed.take().or_else(|| change(numbers, Change { sign, span, used }).err());
        };
        let children = self.waiting.remove(&id).unwrap_or_default();
        if children.iter().filter_map(|child| self.spans.get(child)).any(|child| child.answers(&placed)) {
            self.answered.insert(id);
        }
        let parent = placed.parent.and_then(|parent| self.spans.get_key_value(&parent));
        if let Some((parent_id, parent)) = parent
            && placed.answers(parent)
            && self.answered.insert(*parent_id)
        {
            let above = parent.parent.and_then(|above| self.spans.get(&above));
            edges(parent, above, false, |used| change(-1, parent, used));
            edges(parent, above, true, |used| change(1, parent, used));
        }
        for (child_id, child) in children.iter().filter_map(|child| self.spans.get_key_value(child)) {
            let answered = self.answered.contains(child_id);
            edges(child, None, answered, |used| change(-1, child, used));
            edges(child, Some(&placed), answered, |used| change(1, child, used));
        }
        let above = parent.map(|(_, parent)| parent);
        edges(&placed, above, self.answered.contains(&id), |used| change(1, &placed, used));
        if let (Some(parent_id), None) = (placed.parent, parent) {
            self.waiting.entry(parent_id).or_default().push(id);
        }
        self.spans.insert(id, placed);
        failed.map_or(Ok(()), Err)
    }

    /// Calls `found` for each use of an edge that its spans stand for.
    pub fn uses(&self, mut found: impl FnMut(SpanId, &NumberedFacts, Use)) {
        for (id, placed) in &self.spans {
            let parent = placed.parent.and_then(|parent| self.spans.get(&parent));
            edges(placed, parent, self.answered.contains(id), |used| found(*id, placed, used));
        }
    }

    /// When and with which span it began, and when it ended.
    fn began(&mut self, facts: &Facts, placed: &NumberedFacts) {
        // A function's start is all that is known of a trace until another span comes, and counts for nothing from then on.
        if facts.is_init && self.is_begun {
            return;
        }
        if !facts.is_init && !self.is_begun {
            self.is_begun = true;
            self.first = None;
        }
        let is_alone = self.first.is_none();
        let first = self.first.and_then(|first| self.spans.get(&first));
        // A root comes before what only began early.
        let rank = |placed: &NumberedFacts| (placed.parent.is_some(), placed.start_ns);
        if first.is_none_or(|first| rank(placed) < rank(first)) {
            self.first = Some(facts.id);
        }
        self.start_ns = if is_alone { facts.start_ns } else { self.start_ns.min(facts.start_ns) };
        self.end_ns = if is_alone { facts.end_ns } else { self.end_ns.max(facts.end_ns) };
    }

    fn remember_facts(&mut self, facts: &Facts, placed: &NumberedFacts) {
        self.flags |= facts.flags;
        if placed.tenant != NONE {
            remember(&mut self.named.tenants, placed.tenant);
        }
        let text = |list: &mut Vec<String>, value: &Option<Box<str>>| {
            if let Some(value) = value
                && !list.iter().any(|known| **known == **value)
            {
                remember(list, value.to_string());
            }
        };
        text(&mut self.named.users, &facts.user);
        if facts.kind == Kind::Server {
            text(&mut self.named.methods, &facts.http_method);
            text(&mut self.named.urls, &facts.url);
        }
    }

    /// What a search looks at.
    pub fn outline(&self) -> Outline {
        let mut outline = Outline { partial: !self.waiting.is_empty(), ..self.named.clone() };
        if let Some(first) = self.first.and_then(|first| self.spans.get(&first)) {
            outline.root = first.operation;
            outline.root_service = first.service;
            outline.response_ns = first.sample.duration_ns;
        }
        for placed in self.spans.values() {
            let status = if placed.kind == Kind::Server { placed.http_status } else { 0 };
            outline.service(placed.service, placed.sample.flags, placed.sample.duration_ns, status);
            if status != 0 {
                remember(&mut outline.statuses, status);
            }
        }
        self.uses(|_, _, used| outline.edge(used.from, used.to, used.sample.flags));
        outline
    }
}
