//! Metrics over time, as JSON and as CSV.

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use control_plane_model::{
    metrics::{Line, MetricQuery},
    rollup::MINUTE,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Query, View, query::one_of};
use crate::{
    problem::Problem,
    text,
    window::{Window, WindowQuery},
};

/// Steps of a line, where nobody says how long they are.
const STEPS: i64 = 120;
/// The most steps, if the query names their length.
const MAX_STEPS: i64 = 1_500;
/// Attributes that may tell lines apart.
const MAX_BY: usize = 8;

/// The query of metrics: which ones, in which steps, and in which format.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct MetricFilter {
    /// Names, with commas between.
    names: Option<String>,
    service: Option<String>,
    account: Option<String>,
    /// Attributes, with commas between.
    by: Option<String>,
    /// Seconds.
    step: Option<String>,
    format: Option<String>,
    #[serde(flatten)]
    window: WindowQuery,
}

/// Metrics of a window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricsAnswer {
    /// Unix seconds, a whole minute.
    pub from: i64,
    /// Unix seconds.
    pub to: i64,
    /// How long each step is, in seconds.
    pub step: i64,
    /// The lines, ordered by metric, service, account and attributes.
    pub lines: Vec<Line>,
}

/// The equal steps that a window is divided into; the first and the last may lie in it in part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Steps {
    /// Unix seconds, a whole minute.
    pub(crate) from: i64,
    /// Unix seconds.
    pub(crate) to: i64,
    /// Seconds.
    pub(crate) step: i64,
}

impl Steps {
    /// As many steps as a chart can show: minutes, five minutes, hours or days.
    pub(crate) fn of(window: Window) -> Self {
        let (from, to) = window.seconds();
        let from = from.div_euclid(MINUTE) * MINUTE;
        let few = |step: &i64| (to - from) / step <= STEPS;
        let step = [MINUTE, 5 * MINUTE, 60 * MINUTE].into_iter().find(few).unwrap_or(24 * 60 * MINUTE);
        Self { from, to, step }
    }

    /// Steps of the length that the query names, if it names one.
    fn asked(window: Window, step: Option<&str>) -> Result<Self, Problem> {
        let chosen = Self::of(window);
        let Some(text) = step else { return Ok(chosen) };
        let step = text.parse().ok().filter(|step: &i64| *step >= MINUTE && step % MINUTE == 0);
        let step = step.ok_or_else(|| Problem::bad_request("step: a whole number of minutes, in seconds: 60, 300"))?;
        if (chosen.to - chosen.from) / step > MAX_STEPS {
            return Err(Problem::bad_request(format!("step: this window has more than {MAX_STEPS} of them")));
        }
        Ok(Self { step, ..chosen })
    }

    /// How much of the step that begins then is in the window and over, in seconds: what a rate is a share of.
    pub(crate) fn seconds(self, start: i64, now: i64) -> i64 {
        ((start + self.step).min(self.to).min(now) - start.max(self.from)).max(1)
    }

    /// All lines of these steps; of certain metrics, services and attributes where that is said.
    pub(crate) fn query(self) -> MetricQuery {
        let Self { from, to, step } = self;
        MetricQuery { from, to, step, metrics: Vec::new(), service: None, account: None, by: Vec::new() }
    }
}

/// `GET /api/metrics`
pub(super) async fn metrics(view: View, Query(filter): Query<MetricFilter>) -> Result<Response, Problem> {
    let format = one_of("format", &filter.format, &["json", "csv"])?;
    let steps = Steps::asked(filter.window.resolve(Timestamp::now())?, filter.step.as_deref())?;
    let (metrics, by) = (list(&filter.names), list(&filter.by));
    if by.len() > MAX_BY {
        return Err(Problem::bad_request(format!("by: {MAX_BY} attributes at most")));
    }
    let MetricFilter { service, account, .. } = filter;
    let query = MetricQuery { metrics, service, account, by: by.clone(), ..steps.query() };
    let lines = view.in_turn(view.metrics(query)).await?;
    if format != Some("csv") {
        let Steps { from, to, step } = steps;
        return Ok(Json(MetricsAnswer { from, to, step, lines }).into_response());
    }
    let csv =
        to_csv(&lines, &by).map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], csv).into_response())
}

/// Names with commas between.
fn list(text: &Option<String>) -> Vec<String> {
    let names = text.iter().flat_map(|text| text.split(',')).map(str::trim).filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

/// A record for each step of each line, with a column for each attribute that tells lines apart.
fn to_csv(lines: &[Line], by: &[String]) -> Result<String, csv::Error> {
    let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    let mut writer = csv::Writer::from_writer(Vec::new());
    let of_line = ["metric", "unit", "service", "account"].map(str::to_owned);
    let of_step = ["at", "count", "sum", "min", "max", "p50", "p99"].map(str::to_owned);
    writer.write_record(of_line.iter().chain(by).chain(&of_step))?;
    for line in lines {
        let attribute = |name: &String| line.attributes.get(name).cloned().unwrap_or_default();
        let account = line.account.clone().unwrap_or_default();
        let of_line = [line.metric.clone(), line.unit.clone(), line.service.clone(), account];
        let of_line: Vec<String> = of_line.into_iter().chain(by.iter().map(attribute)).collect();
        for step in &line.steps {
            let summary = &step.summary;
            let of_step = [
                text::moment(step.at),
                summary.count.to_string(),
                summary.sum.to_string(),
                number(summary.min),
                number(summary.max),
                number(summary.quantile(0.5)),
                number(summary.quantile(0.99)),
            ];
            writer.write_record(of_line.iter().chain(&of_step))?;
        }
    }
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use control_plane_model::metrics::{Kind, Step, Summary};

    use super::*;

    fn window(from: i64, to: i64) -> Window {
        Window { from_ns: from * 1_000_000_000, to_ns: to * 1_000_000_000 }
    }

    #[test]
    fn a_window_has_as_many_steps_as_a_chart_can_show() {
        let day = 86_400;
        for (length, step) in [(60, 60), (2 * 3_600, 60), (6 * 3_600, 300), (day, 3_600), (30 * day, day)] {
            assert_eq!(Steps::of(window(day, day + length)).step, step, "{length}");
        }
        assert_eq!(Steps::of(window(90, 150)), Steps { from: 60, to: 150, step: 60 });
        let asked = |step| Steps::asked(window(0, day), Some(step)).map(|steps| steps.step).ok();
        assert_eq!(
            (asked("60"), asked("300"), asked("90"), asked("0"), asked("-60")),
            (Some(60), Some(300), None, None, None)
        );
        assert!(Steps::asked(window(0, 30 * day), Some("60")).is_err(), "too many");
    }

    #[test]
    fn a_step_counts_as_far_as_it_is_in_the_window_and_over() {
        let steps = Steps { from: 60, to: 1_000, step: 300 };
        let seconds = |start| steps.seconds(start, 700);
        assert_eq!((seconds(0), seconds(300), seconds(600), seconds(900)), (240, 300, 100, 1));
    }

    #[test]
    fn a_table_of_metrics_has_a_column_for_each_attribute() {
        let line = Line {
            metric: "faas.invocations".into(),
            unit: "{invocation}".into(),
            kind: Kind::Sum,
            service: "a,b".into(),
            account: None,
            attributes: [("faas.trigger".to_owned(), "http".to_owned())].into(),
            steps: vec![Step {
                at: 0,
                summary: Summary { count: 2, sum: 5.0, ..Summary::default() },
                exemplars: Vec::new(),
            }],
        };
        let csv = to_csv(&[line], &["faas.trigger".to_owned(), "absent".to_owned()]).unwrap();
        assert_eq!(
            csv,
            "metric,unit,service,account,faas.trigger,absent,at,count,sum,min,max,p50,p99\n\
             faas.invocations,{invocation},\"a,b\",,http,,1970-01-01T00:00:00Z,2,5,,,,\n"
        );
    }
}
