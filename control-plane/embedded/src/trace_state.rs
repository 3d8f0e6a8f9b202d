//! A trace whose spans are still coming: which it has, and how they hang together.

use std::collections::{HashMap, HashSet};

use control_plane_model::{
    otlp::{Facts, Flags, Kind, SpanId},
    search::{Outline, remember},
    topology::{Placed, Use, edges},
};

use crate::dictionary::NONE;

/// A span of it.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) placed: Placed,
    pub(crate) parent: Option<SpanId>,
    pub(crate) operation: u32,
    pub(crate) tenant: u32,
    pub(crate) tier: u32,
    pub(crate) http_status: u16,
}

/// An edge that a span stands for from now on (+1), or no longer (-1).
#[derive(Debug)]
pub(crate) struct Change<'a> {
    pub(crate) sign: i64,
    pub(crate) span: &'a Held,
    pub(crate) used: Use,
}

/// The trace.
#[derive(Debug, Default)]
pub(crate) struct TraceState {
    /// Its row.
    pub(crate) row: i64,
    pub(crate) start_ns: i64,
    pub(crate) end_ns: i64,
    pub(crate) flags: Flags,
    pub(crate) tenants: Vec<u32>,
    spans: HashMap<SpanId, Held>,
    /// Spans whose parent has not come, by that parent.
    waiting: HashMap<SpanId, Vec<SpanId>>,
    /// Calls with an answer.
    answered: HashSet<SpanId>,
    first: Option<SpanId>,
    methods: Vec<String>,
    urls: Vec<String>,
    users: Vec<String>,
    pub(crate) annotations: Vec<(u32, String)>,
    /// As the store has it.
    pub(crate) stored: Stored,
    pub(crate) dirty: bool,
}

/// What rows of a trace say now.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    pub(crate) exists: bool,
    pub(crate) start_ns: i64,
    pub(crate) tenants: Vec<u32>,
}

impl TraceState {
    pub(crate) fn new(row: i64) -> Self {
        Self { row, start_ns: i64::MAX, ..Self::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    pub(crate) fn has(&self, id: SpanId) -> bool {
        self.spans.contains_key(&id)
    }

    /// Takes a span that it does not have, and tells what that changes on the map.
    pub(crate) fn add(&mut self, facts: &Facts, held: Held, mut change: impl FnMut(Change<'_>)) {
        let id = facts.id;
        self.note(facts, &held);
        let children = self.waiting.remove(&id).unwrap_or_default();
        if children.iter().filter_map(|child| self.spans.get(child)).any(|child| child.placed.answers(&held.placed)) {
            self.answered.insert(id);
        }
        let parent = held.parent.and_then(|parent| self.spans.get_key_value(&parent));
        if let Some((parent_id, parent)) = parent
            && held.placed.answers(&parent.placed)
            && self.answered.insert(*parent_id)
        {
            let above = parent.parent.and_then(|above| self.spans.get(&above)).map(|above| &above.placed);
            edges(&parent.placed, above, false, |used| change(Change { sign: -1, span: parent, used }));
            edges(&parent.placed, above, true, |used| change(Change { sign: 1, span: parent, used }));
        }
        for (child_id, child) in children.iter().filter_map(|child| self.spans.get_key_value(child)) {
            let answered = self.answered.contains(child_id);
            edges(&child.placed, None, answered, |used| change(Change { sign: -1, span: child, used }));
            edges(&child.placed, Some(&held.placed), answered, |used| change(Change { sign: 1, span: child, used }));
        }
        let above = parent.map(|(_, parent)| &parent.placed);
        edges(&held.placed, above, self.answered.contains(&id), |used| change(Change { sign: 1, span: &held, used }));
        if let (Some(parent_id), None) = (held.parent, parent) {
            self.waiting.entry(parent_id).or_default().push(id);
        }
        self.spans.insert(id, held);
        self.dirty = true;
    }

    fn note(&mut self, facts: &Facts, held: &Held) {
        let first = self.first.and_then(|first| self.spans.get(&first));
        // A root comes before what only began early.
        let rank = |held: &Held| (held.parent.is_some(), held.placed.start_ns);
        if first.is_none_or(|first| rank(held) < rank(first)) {
            self.first = Some(facts.id);
        }
        self.start_ns = self.start_ns.min(facts.start_ns);
        self.end_ns = self.end_ns.max(facts.end_ns);
        self.flags = self.flags.with(facts.flags);
        if held.tenant != NONE {
            remember(&mut self.tenants, held.tenant);
        }
        let text = |list: &mut Vec<String>, value: &Option<Box<str>>| {
            if let Some(value) = value
                && !list.iter().any(|known| **known == **value)
            {
                remember(list, value.to_string());
            }
        };
        text(&mut self.users, &facts.user);
        if facts.kind == Kind::Server {
            text(&mut self.methods, &facts.http_method);
            text(&mut self.urls, &facts.url);
        }
    }

    /// What a search looks at.
    pub(crate) fn outline(&self) -> Outline {
        let mut outline = Outline {
            partial: !self.waiting.is_empty(),
            methods: self.methods.clone(),
            urls: self.urls.clone(),
            users: self.users.clone(),
            annotations: self.annotations.clone(),
            tenants: self.tenants.clone(),
            ..Outline::default()
        };
        if let Some(first) = self.first.and_then(|first| self.spans.get(&first)) {
            outline.root = first.operation;
            outline.root_service = first.placed.service;
            outline.response_ns = first.placed.duration_ns();
        }
        for (id, held) in &self.spans {
            let placed = &held.placed;
            let status = if placed.kind == Kind::Server { held.http_status } else { 0 };
            outline.service(placed.service, placed.flags, placed.duration_ns(), status);
            if status != 0 {
                remember(&mut outline.statuses, status);
            }
            let parent = held.parent.and_then(|parent| self.spans.get(&parent)).map(|parent| &parent.placed);
            edges(placed, parent, self.answered.contains(id), |used| {
                outline.edge(used.from, used.to, used.sample.flags);
            });
        }
        outline
    }
}
