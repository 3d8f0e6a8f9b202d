//! The sampler: its rules, and the calls of X-Ray that are due.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use opentelemetry::trace::TraceId;
use parking_lot::{Mutex, RwLock};

use crate::{
    clock::Clock,
    protocol::{Rule, RulesAnswer, RulesRequest, Statistics, TargetsAnswer, TargetsRequest},
    reservoir::{By, Reservoir},
    rules::Request,
    transport::{PollError, Transport},
};

/// How often rules are fetched, and by how much a fetch is delayed at most, so that many processes do not ask at the same time.
const RULES_INTERVAL: Duration = Duration::from_secs(300);
const RULES_JITTER: Duration = Duration::from_secs(10);
/// The age after which rules do not count any more.
const RULES_STALE: Duration = Duration::from_secs(3_600);
const TARGETS_INTERVAL: Duration = Duration::from_secs(10);
/// The most documents in one call.
const MAX_DOCUMENTS: usize = 25;
/// The most pages of rules that are read.
const MAX_PAGES: usize = 20;

/// The decision about a trace, and how it was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Whether to keep the trace.
    pub sampled: bool,
    /// How the decision was made.
    pub by: By,
    /// The rule's name. There is none while there are no rules; then one trace a second and 5 % of the others are kept.
    pub rule: Option<Arc<str>>,
}

#[derive(Debug)]
struct ActiveRule {
    name: Arc<str>,
    rule: Rule,
    reservoir: Mutex<Reservoir>,
}

/// Decides by X-Ray's rules which traces to keep.
#[derive(Debug, Clone)]
pub struct Sampler(Arc<State>);

#[derive(Debug)]
struct State {
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    client_id: String,
    rules: RwLock<Arc<Vec<ActiveRule>>>,
    fallback: Mutex<Reservoir>,
    schedule: Mutex<Schedule>,
    polling: AtomicBool,
}

#[derive(Debug)]
struct Schedule {
    rules_at: Instant,
    targets_at: Instant,
    fetched: Option<Instant>,
    /// Epoch seconds of the rules at hand.
    modified: f64,
}

impl Sampler {
    /// A sampler without rules yet: the first poll is due at once. `client_id` names this process to X-Ray: 24 hexadecimal
    /// digits, unique.
    pub fn new(client_id: String, transport: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> Self {
        let now = clock.now();
        let fallback = Rule {
            rule_name: String::new(),
            priority: 0,
            fixed_rate: 0.05,
            reservoir_size: 1,
            service_name: String::new(),
            service_type: String::new(),
            host: String::new(),
            http_method: String::new(),
            url_path: String::new(),
            resource_arn: String::new(),
            attributes: std::collections::HashMap::new(),
        };
        Self(Arc::new(State {
            transport,
            client_id,
            rules: RwLock::default(),
            fallback: Mutex::new(Reservoir::new(&fallback, now)),
            schedule: Mutex::new(Schedule {
                rules_at: now,
                targets_at: now + TARGETS_INTERVAL,
                fetched: None,
                modified: 0.0,
            }),
            polling: AtomicBool::new(false),
            clock,
        }))
    }

    /// Decides about a new trace. It waits only for a lock that is held for nanoseconds.
    pub fn decide(&self, trace_id: TraceId, request: &Request<'_>) -> Decision {
        let now = self.0.clock.now();
        let rules = self.rules(now);
        match rules.iter().find(|active| active.rule.matches(request)) {
            Some(active) => {
                let (sampled, by) = active.reservoir.lock().decide(trace_id, now);
                Decision { sampled, by, rule: Some(active.name.clone()) }
            }
            None => {
                let (sampled, by) = self.0.fallback.lock().decide(trace_id, now);
                Decision { sampled, by, rule: None }
            }
        }
    }

    /// The rules, unless they are stale.
    fn rules(&self, now: Instant) -> Arc<Vec<ActiveRule>> {
        let fresh = self.0.schedule.lock().fetched.is_some_and(|at| now.saturating_duration_since(at) < RULES_STALE);
        if fresh { self.current_rules() } else { Arc::default() }
    }

    fn current_rules(&self) -> Arc<Vec<ActiveRule>> {
        self.0.rules.read().clone()
    }

    /// Whether a call of X-Ray is due.
    pub fn is_due(&self) -> bool {
        let now = self.0.clock.now();
        let schedule = self.0.schedule.lock();
        now >= schedule.rules_at || now >= schedule.targets_at
    }

    /// Makes the calls that are due. Only one poll runs at a time; another one returns at once.
    ///
    /// # Errors
    ///
    /// [`PollError`] where X-Ray is not reached or its answer cannot be read. The counts are kept for the next report, and the current rules still
    /// hold.
    pub async fn poll(&self) -> Result<(), PollError> {
        if self.0.polling.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let _running = Running(&self.0.polling);
        let now = self.0.clock.now();
        if now >= self.0.schedule.lock().targets_at {
            self.0.schedule.lock().targets_at = now + TARGETS_INTERVAL;
            self.report().await?;
        }
        if now >= self.0.schedule.lock().rules_at {
            // Due again soon, should this fail.
            self.0.schedule.lock().rules_at = now + TARGETS_INTERVAL;
            self.fetch_rules().await?;
        }
        Ok(())
    }

    async fn fetch_rules(&self) -> Result<(), PollError> {
        let mut rules = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let body = serde_json::to_vec(&RulesRequest { next_token: token.as_deref() })?;
            let answer: RulesAnswer = serde_json::from_slice(&self.0.transport.post("/GetSamplingRules", body).await?)?;
            rules.extend(answer.sampling_rule_records.into_iter().filter_map(|record| record.sampling_rule));
            token = answer.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                break;
            }
        }
        rules.sort_by(|a, b| a.priority.cmp(&b.priority).then_with(|| a.rule_name.cmp(&b.rule_name)));
        let now = self.0.clock.now();
        let mut known: BTreeMap<String, Reservoir> = BTreeMap::new();
        for active in self.current_rules().iter() {
            let empty = Reservoir::new(&active.rule, now);
            known.insert(active.rule.rule_name.clone(), std::mem::replace(&mut *active.reservoir.lock(), empty));
        }
        let active = rules.into_iter().map(|rule| {
            let mut reservoir =
                known.remove(&rule.rule_name).unwrap_or_else(|| Reservoir::new(&rule, now + TARGETS_INTERVAL));
            reservoir.follow(&rule);
            ActiveRule { name: rule.rule_name.as_str().into(), rule, reservoir: Mutex::new(reservoir) }
        });
        *self.0.rules.write() = Arc::new(active.collect());
        let wall = self.0.clock.since_epoch();
        let mut schedule = self.0.schedule.lock();
        schedule.fetched = Some(now);
        schedule.modified = wall.as_secs_f64();
        // Of the client id, since there is no need for better randomness.
        let spread =
            self.0.client_id.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) % 1_000;
        schedule.rules_at = now + RULES_INTERVAL + RULES_JITTER * spread / 1_000;
        Ok(())
    }

    /// Reports the counts of the rules and takes over new targets.
    async fn report(&self) -> Result<(), PollError> {
        let rules = self.current_rules();
        let now = self.0.clock.now();
        let timestamp = self.0.clock.since_epoch().as_secs();
        let mut documents = Vec::new();
        for active in rules.iter() {
            let mut reservoir = active.reservoir.lock();
            if reservoir.requests > 0 && now >= reservoir.report_at {
                documents.push(Statistics {
                    client_id: self.0.client_id.clone(),
                    rule_name: active.rule.rule_name.clone(),
                    timestamp,
                    request_count: std::mem::take(&mut reservoir.requests),
                    sampled_count: std::mem::take(&mut reservoir.sampled),
                    borrow_count: std::mem::take(&mut reservoir.borrowed),
                });
            }
        }
        let find = |name: &str| rules.iter().find(|active| active.rule.rule_name == name);
        let give_back = |document: &Statistics| {
            if let Some(active) = find(&document.rule_name) {
                let mut reservoir = active.reservoir.lock();
                reservoir.requests += document.request_count;
                reservoir.sampled += document.sampled_count;
                reservoir.borrowed += document.borrow_count;
            }
        };
        let mut remaining = documents.chunks(MAX_DOCUMENTS);
        while let Some(chunk) = remaining.next() {
            let answer = match self.send(chunk).await {
                Ok(answer) => answer,
                Err(error) => {
                    // X-Ray did not accept these counts, so they go into the next report.
                    chunk.iter().chain(remaining.flatten()).for_each(give_back);
                    return Err(error);
                }
            };
            let wall = self.0.clock.since_epoch();
            for target in &answer.sampling_target_documents {
                if let Some(active) = find(&target.rule_name) {
                    active.reservoir.lock().aim(target, self.0.clock.now(), wall);
                }
            }
            for unprocessed in answer.unprocessed_statistics.iter().filter(|one| one.error_code.starts_with('5')) {
                chunk
                    .iter()
                    .filter(|document| Some(&document.rule_name) == unprocessed.rule_name.as_ref())
                    .for_each(give_back);
            }
            let mut schedule = self.0.schedule.lock();
            if answer.last_rule_modification > schedule.modified {
                schedule.rules_at = now;
            }
        }
        Ok(())
    }

    async fn send(&self, documents: &[Statistics]) -> Result<TargetsAnswer, PollError> {
        let body = serde_json::to_vec(&TargetsRequest { sampling_statistics_documents: documents })?;
        Ok(serde_json::from_slice(&self.0.transport.post("/SamplingTargets", body).await?)?)
    }
}

/// Allows the next poll, however this one ends.
struct Running<'a>(&'a AtomicBool);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
