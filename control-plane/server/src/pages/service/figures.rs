//! What lines of metrics say of a service: sums, shares and percentiles, by the names that OpenTelemetry's conventions give.
//!
//! <https://opentelemetry.io/docs/specs/semconv/faas/faas-metrics/>, <https://opentelemetry.io/docs/specs/semconv/http/http-metrics/>.

use std::collections::{BTreeMap, BTreeSet};

use control_plane_model::metrics::{Line, MetricQuery, Summary};

use crate::{api::Steps, pages::chart::Example, window::WindowQuery};

/// Invocations that succeeded; all are these with the errors and the timeouts.
pub(in crate::pages) const INVOCATIONS: &str = "faas.invocations";
pub(in crate::pages) const ERRORS: &str = "faas.errors";
pub(in crate::pages) const TIMEOUTS: &str = "faas.timeouts";
pub(in crate::pages) const COLD_STARTS: &str = "faas.coldstarts";
/// Seconds, as all durations are.
pub(in crate::pages) const INIT_DURATION: &str = "faas.init_duration";
pub(in crate::pages) const INVOKE_DURATION: &str = "faas.invoke_duration";
pub(in crate::pages) const CPU_USAGE: &str = "faas.cpu_usage";
/// Bytes.
pub(in crate::pages) const MEMORY_USAGE: &str = "faas.mem_usage";
pub(in crate::pages) const REQUEST_DURATION: &str = "http.server.request.duration";
/// How long messages had been under way when they were processed.
pub(in crate::pages) const MESSAGE_AGE: &str = "messaging.process.age";
pub(in crate::pages) const REDELIVERIES: &str = "messaging.client.redelivered.messages";

const NAMES: [&str; 11] = [
    INVOCATIONS,
    ERRORS,
    TIMEOUTS,
    COLD_STARTS,
    INIT_DURATION,
    INVOKE_DURATION,
    CPU_USAGE,
    MEMORY_USAGE,
    REQUEST_DURATION,
    MESSAGE_AGE,
    REDELIVERIES,
];
/// The metrics of the charts around a trace.
const AROUND_A_TRACE: [&str; 7] =
    [INVOCATIONS, ERRORS, TIMEOUTS, COLD_STARTS, MEMORY_USAGE, REQUEST_DURATION, MESSAGE_AGE];
/// Bytes that a function may use; an attribute of its metrics.
const MEMORY_LIMIT: &str = "faas.max_memory";
const TENANT: &str = "tenant.id";
const STATUS: &str = "http.response.status_code";
const THROTTLED: &str = "429";
/// Measurements of a chart that lead to traces.
const EXAMPLES: usize = 6;

/// Sums by when their steps begin, Unix seconds.
pub(in crate::pages) type OverTime = BTreeMap<i64, Summary>;

/// What is asked of metrics, for all that is shown of a service.
pub(in crate::pages) fn query(steps: Steps, service: &str, account: Option<&str>) -> MetricQuery {
    query_of(&NAMES, steps, service, account)
}

/// The query for the charts of a service around a trace.
pub(in crate::pages) fn query_around(steps: Steps, service: &str, account: Option<&str>) -> MetricQuery {
    query_of(&AROUND_A_TRACE, steps, service, account)
}

fn query_of(names: &[&str], steps: Steps, service: &str, account: Option<&str>) -> MetricQuery {
    MetricQuery {
        metrics: names.iter().map(|name| (*name).to_owned()).collect(),
        service: Some(service.to_owned()),
        account: account.map(str::to_owned),
        by: [MEMORY_LIMIT, STATUS, TENANT].map(str::to_owned).into(),
        ..steps.query()
    }
}

/// The metrics of a service, of all its processes together.
#[derive(Debug, Clone, Copy)]
pub(in crate::pages) struct Figures<'a> {
    pub(in crate::pages) lines: &'a [Line],
}

impl<'a> Figures<'a> {
    /// Whether there are none.
    pub(in crate::pages) fn is_empty(self) -> bool {
        self.lines.iter().all(|line| line.steps.is_empty())
    }

    /// A metric over time.
    pub(in crate::pages) fn over_time(self, metric: &str) -> OverTime {
        self.some_over_time(metric, |_| true)
    }

    fn some_over_time(self, metric: &str, is_meant: impl Fn(&Line) -> bool) -> OverTime {
        let mut sums = OverTime::new();
        for line in self.lines.iter().filter(|line| line.metric == metric && is_meant(line)) {
            for step in &line.steps {
                sums.entry(step.at).or_default().add(&step.summary);
            }
        }
        sums
    }

    /// The summary of a metric over the whole window.
    pub(in crate::pages) fn all(self, metric: &str) -> Summary {
        all(&self.over_time(metric))
    }

    /// How many times, in the window.
    pub(in crate::pages) fn count(self, metric: &str) -> f64 {
        self.all(metric).sum
    }

    /// Invocations over time, however they ended.
    pub(in crate::pages) fn invocations_over_time(self) -> OverTime {
        self.some_invocations(|_| true)
    }

    fn some_invocations(self, is_meant: impl Fn(&Line) -> bool) -> OverTime {
        let mut sums = OverTime::new();
        for metric in [INVOCATIONS, ERRORS, TIMEOUTS] {
            self.some_over_time(metric, &is_meant).iter().for_each(|(at, sum)| sums.entry(*at).or_default().add(sum));
        }
        sums
    }

    /// Invocations in the window, however they ended.
    pub(in crate::pages) fn invocations(self) -> f64 {
        [INVOCATIONS, ERRORS, TIMEOUTS].into_iter().map(|metric| self.count(metric)).sum()
    }

    /// The tenants that its metrics name, and the name that stands for all others; none, where they name none.
    pub(in crate::pages) fn tenants(self) -> BTreeSet<&'a str> {
        self.lines.iter().filter_map(|line| line.attributes.get(TENANT)).map(String::as_str).collect()
    }

    /// Its invocations for one of these.
    pub(in crate::pages) fn invocations_of(self, tenant: &str) -> OverTime {
        self.some_invocations(|line| line.attributes.get(TENANT).is_some_and(|named| named == tenant))
    }

    /// Requests over time that were answered with 429.
    pub(in crate::pages) fn throttled_over_time(self) -> OverTime {
        let is_429 = |line: &Line| line.attributes.get(STATUS).is_some_and(|status| status == THROTTLED);
        self.some_over_time(REQUEST_DURATION, is_429)
    }

    /// Memory over time, by how much of it the processes that used it may use (bytes, or `None` where they do not say): after a change there are several
    /// limits, and each process has its own.
    pub(in crate::pages) fn memory(self) -> BTreeMap<Option<u64>, OverTime> {
        let mut memory: BTreeMap<_, OverTime> = BTreeMap::new();
        for line in self.lines.iter().filter(|line| line.metric == MEMORY_USAGE) {
            let said = line.attributes.get(MEMORY_LIMIT).and_then(|limit| limit.parse().ok());
            let sums = memory.entry(said.filter(|limit| *limit > 0)).or_default();
            line.steps.iter().for_each(|step| sums.entry(step.at).or_default().add(&step.summary));
        }
        memory.retain(|_, sums| !sums.is_empty());
        memory
    }

    /// What the process that was closest to its limit used, and this limit, bytes; where none says a limit, the most that was used.
    pub(in crate::pages) fn closest_to_limit(self) -> Option<(f64, Option<u64>)> {
        let memory = self.memory();
        let most = memory.iter().filter_map(|(limit, sums)| Some((greatest(&all(sums))?, *limit)));
        let share = |limit: Option<u64>, used: f64| limit.map_or(-1.0, |limit| used / limit as f64);
        most.max_by(|(a, of_a), (b, of_b)| share(*of_a, *a).total_cmp(&share(*of_b, *b)))
    }

    /// The share of its limit that the process closest to it used, over time; of those that say none, nothing.
    pub(in crate::pages) fn memory_share(self) -> Vec<(i64, f64)> {
        let mut shares: BTreeMap<i64, f64> = BTreeMap::new();
        for (limit, sums) in self.memory() {
            let Some(limit) = limit else { continue };
            for (at, share) in points(&sums, 1.0 / limit as f64, greatest) {
                let most = shares.entry(at).or_insert(share);
                *most = most.max(share);
            }
        }
        shares.into_iter().collect()
    }

    /// Measurements of a metric that lead to their traces: the greatest, of each trace one, in the order of time. `factor` is what they are multiplied by.
    pub(in crate::pages) fn examples(self, metric: &str, factor: f64, window: &WindowQuery) -> Vec<Example> {
        let lines = self.lines.iter().filter(|line| line.metric == metric);
        let mut all: Vec<_> = lines.flat_map(|line| &line.steps).flat_map(|step| &step.exemplars).collect();
        all.sort_by(|a, b| b.value.total_cmp(&a.value));
        let mut taken = Vec::new();
        for exemplar in all {
            if taken.len() < EXAMPLES && !taken.iter().any(|(id, _)| *id == exemplar.trace_id) {
                let page = window.link(&format!("/traces/{}", exemplar.trace_id), &[("span", &exemplar.span_id)]);
                let at = exemplar.time_unix_ns as f64 / 1e9;
                taken.push((exemplar.trace_id, Example { at, value: exemplar.value * factor, page }));
            }
        }
        let mut examples: Vec<_> = taken.into_iter().map(|(_, example)| example).collect();
        examples.sort_by(|a, b| a.at.total_cmp(&b.at));
        examples
    }
}

/// The summary of all steps together.
pub(in crate::pages) fn all(over_time: &OverTime) -> Summary {
    let mut all = Summary::default();
    over_time.values().for_each(|summary| all.add(summary));
    all
}

/// The greatest of what was measured: as it was said, else as its buckets have it.
pub(in crate::pages) fn greatest(summary: &Summary) -> Option<f64> {
    summary.max.or_else(|| summary.quantile(1.0))
}

/// Values by the starts of their steps, of those that have one; `factor` is what they are multiplied by.
pub(in crate::pages) fn points(
    over_time: &OverTime,
    factor: f64,
    value: impl Fn(&Summary) -> Option<f64>,
) -> Vec<(i64, f64)> {
    over_time.iter().filter_map(|(at, summary)| Some((*at, value(summary)? * factor))).collect()
}

/// How many there were in each step, from the first step to the last in which this service did anything: where it did nothing, there were none.
pub(in crate::pages) fn counts(over_time: &OverTime, steps: Steps, anything: &OverTime) -> Vec<(i64, f64)> {
    let (Some(first), Some(last)) = (anything.keys().next(), anything.keys().next_back()) else { return Vec::new() };
    let width = usize::try_from(steps.step.max(1)).unwrap_or(1);
    let count = |at: i64| over_time.get(&at).map_or(0.0, |summary| summary.sum);
    (*first..=*last).step_by(width).map(|at| (at, count(at))).collect()
}

#[cfg(test)]
mod tests {
    use control_plane_model::{
        metrics::{Exemplar, Kind, Step},
        trace::TraceId,
    };

    use super::*;

    fn line(metric: &str, attributes: &[(&str, &str)], steps: &[(i64, f64)]) -> Line {
        let summary = |sum: f64| Summary { count: 1, sum, min: Some(sum), max: Some(sum), ..Summary::default() };
        Line {
            metric: metric.into(),
            unit: String::new(),
            kind: Kind::Sum,
            service: "api".into(),
            account: None,
            attributes: attributes.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            steps: steps
                .iter()
                .map(|(at, sum)| Step { at: *at, summary: summary(*sum), exemplars: Vec::new() })
                .collect(),
        }
    }

    #[test]
    fn invocations_are_all_of_them_however_they_ended() {
        let lines = [
            line(INVOCATIONS, &[("faas.trigger", "http")], &[(0, 7.0), (60, 1.0)]),
            line(INVOCATIONS, &[], &[(0, 2.0)]),
            line(ERRORS, &[], &[(60, 3.0)]),
            line(TIMEOUTS, &[], &[(120, 1.0)]),
        ];
        let figures = Figures { lines: &lines };
        assert_eq!((figures.invocations(), figures.count(INVOCATIONS), figures.count(ERRORS)), (14.0, 10.0, 3.0));
        let sums: Vec<_> = figures.invocations_over_time().into_iter().map(|(at, sum)| (at, sum.sum)).collect();
        assert_eq!(sums, [(0, 9.0), (60, 4.0), (120, 1.0)]);
        assert!(!figures.is_empty() && Figures { lines: &[] }.is_empty());
        assert!(figures.tenants().is_empty());
    }

    #[test]
    fn where_metrics_name_the_busiest_tenants_their_invocations_are_told_apart() {
        let lines = [
            line(INVOCATIONS, &[(TENANT, "acme")], &[(0, 7.0)]),
            line(ERRORS, &[(TENANT, "acme")], &[(0, 1.0)]),
            line(INVOCATIONS, &[(TENANT, "(other)")], &[(0, 30.0)]),
            line(INVOCATIONS, &[], &[(0, 2.0)]),
        ];
        let figures = Figures { lines: &lines };
        assert_eq!(figures.tenants().into_iter().collect::<Vec<_>>(), ["(other)", "acme"]);
        assert_eq!((all(&figures.invocations_of("acme")).sum, figures.invocations()), (8.0, 40.0));
    }

    #[test]
    fn what_did_not_happen_while_the_service_worked_is_none_and_no_gap() {
        let lines = [line(INVOCATIONS, &[], &[(0, 7.0), (180, 1.0)]), line(ERRORS, &[], &[(60, 3.0)])];
        let figures = Figures { lines: &lines };
        let steps = Steps { from: 0, to: 600, step: 60 };
        let counted = counts(&figures.over_time(ERRORS), steps, &figures.invocations_over_time());
        assert_eq!(counted, [(0, 0.0), (60, 3.0), (120, 0.0), (180, 0.0)]);
        assert!(counts(&OverTime::new(), steps, &OverTime::new()).is_empty());
    }

    #[test]
    fn throttled_are_requests_that_were_answered_with_429() {
        let lines = [
            line(REQUEST_DURATION, &[(STATUS, "200")], &[(0, 7.0)]),
            line(REQUEST_DURATION, &[(STATUS, "429")], &[(0, 0.5), (60, 0.25)]),
        ];
        let throttled = Figures { lines: &lines }.throttled_over_time();
        assert_eq!(throttled.values().map(|summary| summary.count).sum::<u64>(), 2);
    }

    #[test]
    fn each_process_is_held_against_its_own_limit() {
        let used = |limit, steps: &[(i64, f64)]| line(MEMORY_USAGE, &[(MEMORY_LIMIT, limit)], steps);
        // 512 until the memory was changed to 256.
        let lines = [used("512", &[(0, 300.0), (60, 200.0)]), used("256", &[(60, 250.0), (120, 64.0)])];
        let figures = Figures { lines: &lines };
        assert_eq!(figures.closest_to_limit(), Some((250.0, Some(256))));
        assert_eq!(figures.memory_share(), [(0, 300.0 / 512.0), (60, 250.0 / 256.0), (120, 0.25)]);
        assert_eq!(figures.memory().into_keys().collect::<Vec<_>>(), [Some(256), Some(512)]);
    }

    #[test]
    fn memory_without_a_limit_is_told_and_is_no_share() {
        let closest = |lines: &[Line]| (Figures { lines }.closest_to_limit(), Figures { lines }.memory_share());
        for limit in ["0", "much"] {
            let lines = [line(MEMORY_USAGE, &[(MEMORY_LIMIT, limit)], &[(0, 100.0)])];
            assert_eq!(closest(&lines), (Some((100.0, None)), vec![]));
        }
        assert_eq!(closest(&[]), (None, vec![]));
        let lines =
            [line(MEMORY_USAGE, &[], &[(0, 900.0)]), line(MEMORY_USAGE, &[(MEMORY_LIMIT, "256")], &[(0, 100.0)])];
        assert_eq!(closest(&lines).0, Some((100.0, Some(256))));
    }

    #[test]
    fn the_greatest_measurements_lead_to_their_traces_each_trace_once() {
        let exemplar = |id: u8, value: f64, at: i64| {
            let trace_id = TraceId::from_bytes(&[id; 16]).unwrap();
            Exemplar { trace_id, span_id: format!("{id:016x}"), value, time_unix_ns: at * 1_000_000_000 }
        };
        let mut long = line(INVOKE_DURATION, &[], &[(0, 1.0)]);
        long.steps[0].exemplars = (1..=9).map(|id| exemplar(id, f64::from(id), i64::from(id))).collect();
        long.steps[0].exemplars.push(exemplar(9, 0.5, 3));
        let lines = [long];
        let window = WindowQuery { window: Some("1h".into()), ..WindowQuery::default() };
        let examples = Figures { lines: &lines }.examples(INVOKE_DURATION, 1e9, &window);
        let told: Vec<_> = examples.iter().map(|example| (example.at, example.value)).collect();
        assert_eq!(told, [(4.0, 4e9), (5.0, 5e9), (6.0, 6e9), (7.0, 7e9), (8.0, 8e9), (9.0, 9e9)]);
        assert_eq!(examples[0].page, "/traces/04040404040404040404040404040404?span=0000000000000004&window=1h");
    }

    #[test]
    fn the_greatest_is_as_it_was_said_or_as_buckets_have_it() {
        let summary = Summary { count: 2, bounds: vec![10.0, 20.0], buckets: vec![0, 2, 0], ..Summary::default() };
        assert_eq!(greatest(&summary), Some(20.0));
        assert_eq!(greatest(&Summary { max: Some(17.0), ..summary }), Some(17.0));
        assert_eq!(greatest(&Summary::default()), None);
    }
}
