//! Values ranked by how much the shares of the two sides differ that have them; alike ones are one, and what follows from a better one stands below it.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::{
    items::{Item, Items, OPERATION},
    statistics::{Table, normal_tail, stratified, threshold},
    value::Value,
};

/// The probability with which a comparison of sides that do not differ has a significant row.
const ERROR: f64 = 0.01;
/// Values that are looked at for what follows from what, those that tell the most of the side.
const MAX_LEADS: usize = 500;
/// The most rows that are listed.
const MAX_ROWS: usize = 12;
/// Rows that may be chance, and of others' lists.
const MAX_WEAK: usize = 5;
/// The most values that are listed below a row.
const MAX_BELOW: usize = 20;

/// A value, and how many traces of each side have it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The value that the row is about.
    #[serde(flatten)]
    pub value: Value,
    /// Bad traces that have it.
    pub bad: usize,
    /// How many good traces have the value.
    pub good: usize,
    /// The probability that at least this many of the bad traces have the value by chance, tested by itself: Fisher's exact test, one-sided.
    pub chance: f64,
    /// Whether that is less than chance would bring forth among all values that were looked at.
    pub significant: bool,
    /// Other values that exactly the same traces have.
    pub also: Vec<Value>,
    /// Values that differ no more among traces that are alike in this one.
    pub follows: Vec<Row>,
}

/// Two values that together tell more than each by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Together {
    /// The values that tell more together than alone.
    pub values: Vec<Value>,
    /// Bad traces that have both.
    pub bad: usize,
    /// How many good traces have both values.
    pub good: usize,
}

/// What the sides differ in.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Ranked {
    /// What more of the bad have: what is significant first.
    pub causes: Vec<Row>,
    /// Two of these, where both together say more.
    pub together: Option<Together>,
    /// How they failed, or what a failure writes down: status, type of error, and what is said on failed spans alone.
    pub outcomes: Vec<Row>,
    /// Operations that fewer of the bad came to.
    pub missing: Vec<Row>,
    /// Sets of traces that were compared.
    pub tested: usize,
    /// The chance below which one of them is significant.
    pub threshold: f64,
}

/// Which traces are bad; all others are good.
pub(crate) struct Sides {
    is_bad: Vec<bool>,
    bad: usize,
}

impl Sides {
    pub(crate) fn new(is_bad: Vec<bool>) -> Self {
        let bad = is_bad.iter().filter(|bad| **bad).count();
        Self { is_bad, bad }
    }

    /// How many are bad, and how many good.
    pub(crate) fn traces(&self) -> (usize, usize) {
        (self.bad, self.is_bad.len() - self.bad)
    }

    fn is_bad(&self, trace: u32) -> bool {
        self.is_bad.get(trace as usize).copied().unwrap_or_default()
    }

    fn table(&self, traces: &[u32]) -> Table {
        let bad_with = traces.iter().filter(|trace| self.is_bad(**trace)).count() as u64;
        let (bad, good) = self.traces();
        Table { bad_with, good_with: traces.len() as u64 - bad_with, bad: bad as u64, good: good as u64 }
    }
}

/// Values that the same traces have.
struct Lead {
    values: Vec<Value>,
    traces: Vec<u32>,
    table: Table,
    information: f64,
    chance: f64,
}

impl Lead {
    fn row(self, significant: bool, follows: Vec<Row>) -> Row {
        let mut values = self.values.into_iter();
        let value = values.next().unwrap_or(Value { key: String::new(), value: String::new(), services: Vec::new() });
        let (bad, good) = (self.table.bad_with as usize, self.table.good_with as usize);
        Row { value, bad, good, chance: self.chance, significant, also: values.take(MAX_BELOW).collect(), follows }
    }
}

/// Ranks what was counted.
pub(crate) fn ranked(items: &Items, sides: &Sides) -> Ranked {
    let (outcomes, others): (Vec<_>, Vec<_>) = leads(items, sides).into_iter().partition(|(is_outcome, _)| *is_outcome);
    let [outcomes, others] =
        [outcomes, others].map(|leads| leads.into_iter().map(|(_, lead)| lead).collect::<Vec<_>>());
    let threshold = threshold(others.iter().map(|lead| lead.table), ERROR);
    let tested = others.len();
    let is_more = |lead: &Lead| lead.information > 0.0;
    let (more, less): (Vec<_>, Vec<_>) = others.into_iter().partition(is_more);
    let (significant, weak): (Vec<_>, Vec<_>) = best_first(more).into_iter().partition(|lead| lead.chance <= threshold);
    let picked = folded(significant, sides, threshold);
    let together = together(&picked, sides);
    let mut causes: Vec<Row> = picked.into_iter().take(MAX_ROWS).map(Picked::row).collect();
    let room = MAX_WEAK.saturating_sub(causes.len());
    causes.extend(weak.into_iter().take(room).map(|lead| lead.row(false, Vec::new())));
    let outcomes = best_first(outcomes.into_iter().filter(is_more).collect()).into_iter().take(MAX_WEAK);
    let outcomes = outcomes.map(|lead| {
        let significant = lead.chance <= threshold;
        lead.row(significant, Vec::new())
    });
    Ranked { causes, together, outcomes: outcomes.collect(), missing: missing(less, threshold), tested, threshold }
}

/// What tells the most of the side first; what tells as much, in the order of names.
fn best_first(mut leads: Vec<Lead>) -> Vec<Lead> {
    leads.sort_by(|a, b| b.information.total_cmp(&a.information).then_with(|| a.values.cmp(&b.values)));
    leads
}

/// Every set of traces that have a value in common, and whether that value is how they failed.
fn leads(items: &Items, sides: &Sides) -> Vec<(bool, Lead)> {
    let mut said: HashMap<(u32, &str), Vec<&Item>> = HashMap::new();
    for item in items.items.iter().filter(|item| !item.traces.is_empty()) {
        said.entry((item.key, items.value(item))).or_default().push(item);
    }
    // By preference, key and value: the services that say it in exactly these traces.
    type Names<'a> = BTreeMap<(u8, &'a str, &'a str), Vec<&'a str>>;
    let mut sets: HashMap<(bool, Vec<u32>), Names<'_>> = HashMap::new();
    let mut add = |key: u32, value, by: &[&Item], traces: Vec<u32>| {
        // What is there once differs by chance alone.
        if traces.len() > 1 {
            let name = items.key_name(key);
            let names = sets.entry((is_outcome(items, key), traces)).or_default();
            let services = names.entry((preference(name), name, value)).or_default();
            if services.len() < by.len() {
                *services = by.iter().map(|item| items.service_name(item.service)).collect();
            }
        }
    };
    for ((key, value), by) in said {
        for item in &by {
            add(key, value, &[item], item.traces.clone());
        }
        // A region, say, is the same whoever says it.
        if by.len() > 1 {
            let mut traces: Vec<u32> = by.iter().flat_map(|item| &item.traces).copied().collect();
            traces.sort_unstable();
            traces.dedup();
            add(key, value, &by, traces);
        }
    }
    let lead = |((is_outcome, traces), names): ((bool, Vec<u32>), Names<'_>)| {
        let value = |((_, key, value), mut services): ((u8, &str, &str), Vec<&str>)| {
            services.sort_unstable();
            let services = services.into_iter().map(str::to_owned).collect();
            Value { key: key.to_owned(), value: value.to_owned(), services }
        };
        let table = sides.table(&traces);
        let (information, chance) = (table.information(), table.chance());
        (is_outcome, Lead { values: names.into_iter().map(value).collect(), traces, table, information, chance })
    };
    sets.into_iter().map(lead).collect()
}

/// A value that no better one explains, and what it explains.
struct Picked {
    lead: Lead,
    follows: Vec<Lead>,
}

impl Picked {
    fn row(self) -> Row {
        let Self { lead, mut follows } = self;
        // The value of the row is not listed again below it with fewer or more of its services.
        let is_same = |other: &Lead| match (lead.values.first(), other.values.first()) {
            (Some(one), Some(other)) => (&one.key, &one.value) == (&other.key, &other.value),
            _ => false,
        };
        follows.retain(|other| !is_same(other));
        let follows = best_first(follows).into_iter().take(MAX_BELOW).map(|lead| lead.row(true, Vec::new())).collect();
        lead.row(true, follows)
    }
}

/// Takes one value after the other, the best first: one that differs no more among traces that are alike in those before it goes below the one that explains
/// it most. Then the other way round: one that those after it explain.
fn folded(mut leads: Vec<Lead>, sides: &Sides, threshold: f64) -> Vec<Picked> {
    leads.truncate(MAX_LEADS);
    let mut picked: Vec<Picked> = Vec::new();
    for lead in leads {
        let others: Vec<&Lead> = picked.iter().map(|picked| &picked.lead).collect();
        match explained(&lead, &others, sides, threshold) {
            Some(at) => picked[at].follows.push(lead),
            None if picked.len() < MAX_ROWS => picked.push(Picked { lead, follows: Vec::new() }),
            None => {}
        }
    }
    let mut at = picked.len();
    while at > 0 && picked.len() > 1 {
        at -= 1;
        let Picked { lead, follows } = picked.remove(at);
        let others: Vec<&Lead> = picked.iter().map(|picked| &picked.lead).collect();
        match explained(&lead, &others, sides, threshold) {
            Some(by) => {
                picked[by].follows.push(lead);
                picked[by].follows.extend(follows);
            }
            None => picked.insert(at, Picked { lead, follows }),
        }
    }
    picked
}

/// Which of the others explains why a value differs, if together they do: it is no longer significant where traces are compared that are alike in
/// them, and differs by less than half as many standard deviations.
fn explained(lead: &Lead, others: &[&Lead], sides: &Sides, threshold: f64) -> Option<usize> {
    let by_itself = stratified([lead.table]);
    let within = |others: &[&Lead]| within(lead, others, sides);
    let left = within(others);
    if others.is_empty() || normal_tail(left) <= threshold || left >= by_itself / 2.0 {
        return None;
    }
    let alone: Vec<f64> = others.iter().map(|other| within(&[*other])).collect();
    (0..others.len()).min_by(|a, b| alone[*a].total_cmp(&alone[*b]))
}

/// By how many standard deviations a value differs among traces that are alike in the others.
fn within(lead: &Lead, others: &[&Lead], sides: &Sides) -> f64 {
    // A bit for each of the others, of which there are twelve at most.
    let mut strata = vec![0_usize; sides.is_bad.len()];
    for (bit, other) in others.iter().enumerate() {
        other.traces.iter().for_each(|trace| strata[*trace as usize] |= 1 << bit);
    }
    let mut tables = vec![Table::default(); 1 << others.len()];
    for (stratum, is_bad) in strata.iter().zip(&sides.is_bad) {
        let table = &mut tables[*stratum];
        if *is_bad { table.bad += 1 } else { table.good += 1 }
    }
    for trace in &lead.traces {
        let table = &mut tables[strata[*trace as usize]];
        if sides.is_bad(*trace) { table.bad_with += 1 } else { table.good_with += 1 }
    }
    stratified(tables)
}

/// The two of the first values that together tell the most, if that is a tenth more than either tells.
fn together(picked: &[Picked], sides: &Sides) -> Option<Together> {
    let first = picked.get(..picked.len().min(MAX_WEAK))?;
    let pairs = first
        .iter()
        .enumerate()
        .flat_map(|(at, one)| first[at + 1..].iter().map(move |other| (&one.lead, &other.lead)));
    let both = pairs.map(|(one, other)| {
        let traces: Vec<u32> =
            one.traces.iter().filter(|trace| other.traces.binary_search(trace).is_ok()).copied().collect();
        (one, other, sides.table(&traces))
    });
    let more = both.filter(|(one, other, both)| both.information() > 1.1 * one.information.max(other.information));
    let (one, other, table) = more.max_by(|a, b| a.2.information().total_cmp(&b.2.information()))?;
    let values = [one, other].iter().filter_map(|lead| lead.values.first().cloned()).collect();
    Some(Together { values, bad: table.bad_with as usize, good: table.good_with as usize })
}

/// Operations that fewer of the bad came to.
fn missing(less: Vec<Lead>, threshold: f64) -> Vec<Row> {
    let operations = less.into_iter().filter_map(|mut lead| {
        lead.values.retain(|value| value.key == OPERATION);
        lead.chance = lead.table.exchanged().chance();
        (!lead.values.is_empty() && lead.chance <= threshold).then_some(lead)
    });
    let mut operations: Vec<Lead> = operations.collect();
    operations.sort_by(|a, b| a.information.total_cmp(&b.information).then_with(|| a.values.cmp(&b.values)));
    operations.into_iter().take(MAX_WEAK).map(|lead| lead.row(true, Vec::new())).collect()
}

/// Whether an attribute says how something failed. Semantic conventions have these; one of a team's own is such an attribute if spans that failed alone
/// have it.
fn is_outcome(items: &Items, key: u32) -> bool {
    const NAMED: [&str; 9] = [
        "error",
        "http.response.status_code",
        "http.status_code",
        "http.request.resend_count",
        "rpc.response.status_code",
        "rpc.grpc.status_code",
        "rpc.jsonrpc.error_code",
        "db.response.status_code",
        "process.exit.code",
    ];
    const OWN: u32 = 5;
    let Some(key) = items.keys.get(key as usize) else { return false };
    let starts = |with: &[&str]| with.iter().any(|start| key.name.starts_with(start));
    let [failed, others] = key.spans;
    let of_failed_alone = failed >= OWN && others == 0;
    NAMED.contains(&&*key.name)
        || starts(&["error.", "exception.", "otel.status"])
        || (of_failed_alone && namespace(&key.name).is_none())
}

/// Which of several attributes names best what the same traces have in common; the least is the best.
fn preference(key: &str) -> u8 {
    match key {
        "service.version" => 0,
        _ if key.ends_with(".version") && !key.starts_with("telemetry.") => 1,
        "aws.dynamodb.table_names" | "messaging.destination.name" | "cloud.region" | "faas.coldstart" => 1,
        OPERATION => 3,
        "service.name" => 4,
        _ => namespace(key).unwrap_or(2),
    }
}

/// How well attributes of the semantic conventions name something, or `None` for a team's own.
fn namespace(key: &str) -> Option<u8> {
    let starts = |with: &[&str]| with.iter().any(|start| key.starts_with(start));
    if starts(&[
        "http.",
        "url.",
        "rpc.",
        "db.",
        "messaging.",
        "server.",
        "faas.",
        "service.",
        "tenant.",
        "enduser.",
        "user.",
    ]) {
        return Some(5);
    }
    starts(&[
        "aws.",
        "cloud.",
        "deployment.",
        "host.",
        "process.",
        "telemetry.",
        "network.",
        "net.",
        "os.",
        "container.",
        "code.",
        "thread.",
    ])
    .then_some(6)
}
