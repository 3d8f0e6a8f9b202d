//! Finding things by what people have in hand: an id out of a log, a number out of a mail, a company's name.

use std::sync::Arc;

use control_plane_model::{
    listing::SearchResult,
    search::{Expression, quoted},
    trace::{Ending, Summary, TraceId},
};
use serde::{Deserialize, Serialize};

use super::{Conditions, TraceAnswer, TraceFilter, View, WindowQuery};
use crate::{
    problem::Problem,
    tenants::{NamesState, TenantName},
    text::count,
};

/// Characters that may be looked for: as many as a filter expression has at most.
const MAX_ASKED: usize = 4_096;
/// Bytes that a number or an id has at most: whatever is longer is a filter expression, or nothing.
const MAX_ID: usize = 256;
/// Traces that are listed.
const LISTED: &str = "50";

/// How things are found.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    /// The annotations whose values people look for.
    pub(crate) annotations: Arc<[String]>,
    /// How long spans are kept, hours.
    pub(crate) kept_hours: i64,
}

/// What is looked for.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct FindQuery {
    pub(crate) q: Option<String>,
    /// The window for a filter expression. Ids are looked for in everything that is kept.
    #[serde(flatten)]
    pub(crate) window: WindowQuery,
}

/// What was found.
#[derive(Debug, Serialize, Deserialize)]
pub struct FindAnswer {
    /// What was looked for.
    pub asked: String,
    /// What it was taken for, in this order, and what came of it; the last is what it is, where something was found.
    pub tried: Vec<Tried>,
    /// What was found, or `None` if nothing known matches.
    pub found: Option<Hit>,
}

/// What something was taken for.
#[derive(Debug, Serialize, Deserialize)]
pub struct Tried {
    /// What the text was taken for, such as "a trace ID".
    pub what: String,
    /// Where that was looked for and what came of it, a sentence.
    pub outcome: String,
}

/// Something that was found.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hit {
    /// The trace with this id.
    Trace(Box<TraceAnswer>),
    /// Tenants, by id.
    Tenants(Vec<TenantName>),
    /// Traces that match a filter expression.
    Traces(Box<TracesHit>),
}

/// Traces that were found.
#[derive(Debug, Serialize, Deserialize)]
pub struct TracesHit {
    /// The filter expression that finds them.
    pub filter: String,
    /// The window they were searched in, as the search takes it; that of the request where there is none.
    pub window: Option<String>,
    /// The traces that were found.
    pub traces: SearchResult,
    /// The one with the most spans, or `None` where the expression was the asker's own.
    pub largest: Option<Largest>,
}

/// Of several traces that are about the same, the one in which the most happened.
#[derive(Debug, Serialize, Deserialize)]
pub struct Largest {
    /// W3C form.
    pub trace_id: TraceId,
    /// How the trace ended.
    pub ending: Ending,
}

/// What it is that somebody looks for, in the order of docs/control-plane.md.
pub(crate) async fn find(view: &View, query: &FindQuery) -> Result<FindAnswer, Problem> {
    let asked = query.q.clone().ok_or_else(|| Problem::bad_request("q: say what to look for"))?;
    if asked.chars().count() > MAX_ASKED {
        return Err(Problem::bad_request(format!("q: at most {MAX_ASKED} characters")));
    }
    let mut search = Search { view, window: &query.window, tried: Vec::new() };
    let found = search.for_(&asked).await?;
    if found.is_none() {
        view.want_names();
    }
    Ok(FindAnswer { asked, tried: search.tried, found })
}

struct Search<'a> {
    view: &'a View,
    /// The window for an expression.
    window: &'a WindowQuery,
    tried: Vec<Tried>,
}

impl Search<'_> {
    async fn for_(&mut self, asked: &str) -> Result<Option<Hit>, Problem> {
        if let Some(found) = self.trace(asked).await? {
            return Ok(Some(found));
        }
        if let Some(found) = self.tenant(asked).await? {
            return Ok(Some(found));
        }
        if let Some(found) = self.company(asked) {
            return Ok(Some(found));
        }
        if let Some(found) = self.expression(asked).await? {
            return Ok(Some(found));
        }
        if asked.len() > MAX_ID {
            self.tried("a number or a user ID", format!("It is longer than {MAX_ID} bytes."));
            return Ok(None);
        }
        for annotation in self.view.finding().annotations.iter() {
            let condition = |value: &str| format!("annotation[{annotation}] = {}", quoted(value));
            // A booking number that was read out over the phone has no case.
            let upper = asked.to_uppercase();
            let filter = match upper == asked {
                true => condition(asked),
                false => format!("{} OR {}", condition(asked), condition(&upper)),
            };
            if let Some(found) = self.traces(annotation, filter).await? {
                return Ok(Some(found));
            }
        }
        self.traces("a user ID", format!("user = {}", quoted(asked))).await
    }

    fn tried(&mut self, what: &str, outcome: impl Into<String>) {
        self.tried.push(Tried { what: what.to_owned(), outcome: outcome.into() });
    }

    async fn trace(&mut self, asked: &str) -> Result<Option<Hit>, Problem> {
        const WHAT: &str = "a trace ID";
        let Ok(id) = asked.parse::<TraceId>() else {
            self.tried(WHAT, "It does not look like one: they have 32 hex digits, or X-Ray's form.");
            return Ok(None);
        };
        let found = self.view.known_trace(id).await?.map(|trace| TraceAnswer::of(self.view, trace));
        self.tried(WHAT, if found.is_some() { "It is one." } else { "No span of such a trace is kept." });
        Ok(found.map(|hit| Hit::Trace(Box::new(hit))))
    }

    async fn tenant(&mut self, asked: &str) -> Result<Option<Hit>, Problem> {
        let known = self.view.knows_tenant(asked).await?;
        self.tried("a tenant ID", if known { "It is one." } else { "No tenant has this ID." });
        let named = || TenantName { tenant: asked.to_owned(), company: self.view.name_of(asked) };
        Ok(known.then(|| Hit::Tenants(vec![named()])))
    }

    fn company(&mut self, asked: &str) -> Option<Hit> {
        let found = self.view.called(asked);
        let outcome = match self.view.names_known() {
            _ if !found.is_empty() => "It is one, or how some begin.".to_owned(),
            None => "It is not the name of your company, nor how that begins.".to_owned(),
            Some(NamesState::Nothing) => "Names of companies are not known here.".to_owned(),
            Some(NamesState::At(at)) => format!("No company's name began so at {at:.0}."),
            Some(NamesState::PartAt(at)) => {
                format!("Of the names that are known, none began so at {at:.0}; there are more.")
            }
        };
        self.tried("a company's name", outcome);
        (!found.is_empty()).then_some(Hit::Tenants(found))
    }

    async fn expression(&mut self, asked: &str) -> Result<Option<Hit>, Problem> {
        const WHAT: &str = "a filter expression";
        if let Err(error) = asked.parse::<Expression>() {
            self.tried(WHAT, format!("It is not one: {error}."));
            return Ok(None);
        }
        self.tried(WHAT, "It is one.");
        let traces = self.view.traces(&filtered(asked, self.window.clone())).await?;
        let hit = TracesHit { filter: asked.to_owned(), window: None, traces, largest: None };
        Ok(Some(Hit::Traces(Box::new(hit))))
    }

    /// Searches all that is kept.
    async fn traces(&mut self, what: &str, filter: String) -> Result<Option<Hit>, Problem> {
        let hours = self.view.finding().kept_hours;
        let window = format!("{hours}h");
        let kept = if hours >= 48 { format!("{} days", count(hours / 24)) } else { format!("{hours} h") };
        let all = WindowQuery { window: Some(window.clone()), ..WindowQuery::default() };
        let traces = self.view.traces(&filtered(&filter, all)).await?;
        let reach = match traces.truncated {
            false => format!("all that is kept, the last {kept}, was searched"),
            true => format!("the newest {} traces of what is kept were searched", count(traces.scanned)),
        };
        let have = match traces.matched {
            0 => "No trace has it".to_owned(),
            1 => "One trace has it".to_owned(),
            more => format!("{} traces have it", count(more)),
        };
        self.tried(what, format!("{have}; {reach}."));
        // The trace in which the most happened is the one that people mean: others only asked about it.
        let most = traces.traces.iter().max_by_key(|trace| (trace.spans, -trace.start_unix_ns));
        let Some(most) = most.map(|trace: &Summary| trace.trace_id) else { return Ok(None) };
        let answer = self.view.known_trace(most).await?.map(|trace| TraceAnswer::of(self.view, trace));
        Ok(Some(match answer {
            Some(only) if traces.matched == 1 => Hit::Trace(Box::new(only)),
            answer => {
                let largest = answer.map(|answer| Largest { trace_id: most, ending: answer.ending });
                Hit::Traces(Box::new(TracesHit { filter, window: Some(window), traces, largest }))
            }
        }))
    }
}

/// The search for an expression, as its page takes it.
fn filtered(expression: &str, window: WindowQuery) -> TraceFilter {
    TraceFilter {
        conditions: Conditions { filter: Some(expression.to_owned()), ..Conditions::default() },
        limit: Some(LISTED.to_owned()),
        window,
        ..TraceFilter::default()
    }
}
