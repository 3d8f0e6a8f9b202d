//! CloudWatch's embedded metric format: metrics in lines of the log, out of which CloudWatch Logs takes them.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
//!
//! A histogram is an object of `Values`, `Counts`, `Max`, `Min`, `Count` and `Sum`, as AWS's own libraries and its collector's exporter
//! write it; one measurement alone is a number.
//! <https://github.com/awslabs/aws-embedded-metrics-java>

use std::io::{Write, stdout};

use opentelemetry::TraceId;
use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::{AnyValue, KeyValue, any_value},
    metrics::v1::{
        Exemplar, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, metric::Data,
        number_data_point::Value as Number,
    },
};
use opentelemetry_sdk::Resource;
use serde_json::{Map, Value, json};

use super::Unacknowledged;
use crate::semconv;

/// What a line holds at most, as the specification has it: metrics, dimensions, and bytes of a dimension's value.
const MAX_METRICS: usize = 100;
const MAX_DIMENSIONS: usize = 30;
const MAX_VALUE: usize = 1_024;

/// The log of this process.
#[derive(Debug)]
pub(super) struct Emf {
    /// `service.namespace`, else `service.name`.
    namespace: String,
    service: String,
}

impl Emf {
    pub(super) fn of(resource: &Resource) -> Self {
        let named = |name: &'static str| resource.get(&name.into()).map(|value| value.to_string());
        let service = named(semconv::SERVICE_NAME).unwrap_or_default();
        Self { namespace: named(semconv::SERVICE_NAMESPACE).unwrap_or_else(|| service.clone()), service }
    }

    /// The lines of a request, and how many points have no form here.
    fn lines(&self, request: ExportMetricsServiceRequest) -> (Vec<Line>, usize) {
        let (mut lines, mut formless) = (Vec::<Line>::new(), 0);
        let scopes =
            request.resource_metrics.into_iter().flat_map(|ResourceMetrics { scope_metrics, .. }| scope_metrics);
        for metric in scopes.flat_map(|scope| scope.metrics) {
            let (measured, without) = measured(&metric);
            formless += without;
            for measured in measured {
                let dimensions = self.dimensions(measured.attributes);
                let line = lines.iter_mut().find(|line| line.takes(&metric.name, measured.milliseconds, &dimensions));
                let line = match line {
                    Some(line) => line,
                    None => lines.push_mut(Line::new(measured.milliseconds, dimensions)),
                };
                line.add(&metric, measured);
            }
        }
        (lines, formless)
    }

    /// Attributes as dimensions: texts, none of them empty, with the service as the first.
    fn dimensions(&self, attributes: &[KeyValue]) -> Vec<(String, String)> {
        let told =
            attributes.iter().filter_map(|attribute| Some((attribute.key.clone(), text(attribute.value.as_ref()?)?)));
        let service = (semconv::SERVICE_NAME.to_owned(), self.service.clone());
        let mut dimensions: Vec<_> = std::iter::once(service).chain(told).collect();
        dimensions.retain(|(_, value)| !value.trim().is_empty());
        dimensions.truncate(MAX_DIMENSIONS);
        for (_, value) in &mut dimensions {
            value.truncate(value.floor_char_boundary(MAX_VALUE));
        }
        dimensions
    }
}

impl Unacknowledged<ExportMetricsServiceRequest> for Emf {
    fn at_most(&self) -> usize {
        usize::MAX
    }

    fn send(&self, request: ExportMetricsServiceRequest) -> usize {
        let (lines, mut lost) = self.lines(request);
        for line in lines {
            let points = line.metrics.len();
            // One write for a whole line: others write to the same log.
            let text = format!("{}\n", line.json(&self.namespace));
            if stdout().lock().write_all(text.as_bytes()).is_err() {
                lost += points;
            }
        }
        lost
    }
}

/// A line: metrics of one time and the same dimensions.
#[derive(Debug)]
struct Line {
    milliseconds: u64,
    dimensions: Vec<(String, String)>,
    metrics: Vec<(String, &'static str, Value)>,
    /// A trace in which one of them was measured.
    trace_id: Option<TraceId>,
}

impl Line {
    fn new(milliseconds: u64, dimensions: Vec<(String, String)>) -> Self {
        Self { milliseconds, dimensions, metrics: Vec::new(), trace_id: None }
    }

    fn takes(&self, name: &str, milliseconds: u64, dimensions: &[(String, String)]) -> bool {
        self.milliseconds == milliseconds
            && self.dimensions == dimensions
            && self.metrics.len() < MAX_METRICS
            && self.metrics.iter().all(|(known, ..)| known != name)
    }

    fn add(&mut self, metric: &Metric, measured: Measured<'_>) {
        self.metrics.push((metric.name.clone(), unit(&metric.unit), measured.value));
        let of_trace = |exemplar: &Exemplar| <[u8; 16]>::try_from(exemplar.trace_id.as_slice()).ok();
        self.trace_id = self.trace_id.or_else(|| measured.exemplars.iter().find_map(of_trace).map(TraceId::from_bytes));
    }

    fn json(self, namespace: &str) -> Value {
        let named = self.metrics.iter().map(|(name, unit, _)| json!({ "Name": name, "Unit": unit }));
        let dimensions: Vec<_> = self.dimensions.iter().map(|(name, _)| name).collect();
        let directive = json!({
            "Namespace": namespace,
            "Dimensions": [dimensions],
            "Metrics": named.collect::<Vec<_>>(),
        });
        let mut line = Map::new();
        line.insert("_aws".into(), json!({ "Timestamp": self.milliseconds, "CloudWatchMetrics": [directive] }));
        line.extend(self.dimensions.into_iter().map(|(name, value)| (name, value.into())));
        line.extend(self.metrics.into_iter().map(|(name, _, value)| (name, value)));
        line.extend(self.trace_id.map(|id| ("trace_id".to_owned(), id.to_string().into())));
        Value::Object(line)
    }
}

/// A point as it stands in a line.
struct Measured<'a> {
    milliseconds: u64,
    attributes: &'a [KeyValue],
    exemplars: &'a [Exemplar],
    value: Value,
}

/// The points of a metric, and how many have no form here: exponential histograms, summaries, and numbers that JSON does not have.
fn measured(metric: &Metric) -> (Vec<Measured<'_>>, usize) {
    let (measured, all): (Vec<_>, usize) = match &metric.data {
        Some(Data::Gauge(gauge)) => (gauge.data_points.iter().filter_map(number).collect(), gauge.data_points.len()),
        Some(Data::Sum(sum)) => (sum.data_points.iter().filter_map(number).collect(), sum.data_points.len()),
        Some(Data::Histogram(histogram)) => {
            (histogram.data_points.iter().filter_map(of_histogram).collect(), histogram.data_points.len())
        }
        Some(Data::ExponentialHistogram(histogram)) => (Vec::new(), histogram.data_points.len()),
        Some(Data::Summary(summary)) => (Vec::new(), summary.data_points.len()),
        None => (Vec::new(), 0),
    };
    let formless = all - measured.len();
    (measured, formless)
}

fn number(point: &NumberDataPoint) -> Option<Measured<'_>> {
    let value = match point.value? {
        Number::AsInt(number) => Value::from(number),
        Number::AsDouble(number) => finite(number)?,
    };
    Some(Measured {
        milliseconds: point.time_unix_nano / 1_000_000,
        attributes: &point.attributes,
        exemplars: &point.exemplars,
        value,
    })
}

fn of_histogram(point: &HistogramDataPoint) -> Option<Measured<'_>> {
    let sum = point.sum.filter(|sum| sum.is_finite())?;
    let value = if point.count == 1 { sum.into() } else { distribution(point, sum)? };
    Some(Measured {
        milliseconds: point.time_unix_nano / 1_000_000,
        attributes: &point.attributes,
        exemplars: &point.exemplars,
        value,
    })
}

/// Each bucket that is not empty, by its middle, as far as the least and the greatest measurement allow.
fn distribution(point: &HistogramDataPoint, sum: f64) -> Option<Value> {
    let (first, last) = (point.explicit_bounds.first(), point.explicit_bounds.last());
    let least = point.min.or_else(|| first.copied()).unwrap_or_default();
    let greatest = point.max.or_else(|| last.copied()).unwrap_or(least);
    let lower = std::iter::once(least).chain(point.explicit_bounds.iter().copied());
    let upper = point.explicit_bounds.iter().copied().chain([greatest]);
    let buckets = lower.zip(upper).zip(&point.bucket_counts).filter(|(_, count)| **count > 0);
    let middles = buckets.map(|((lower, upper), count)| {
        let middle = (lower.max(least) + upper.min(greatest)) / 2.0;
        Some((finite(middle)?, *count))
    });
    let (values, counts): (Vec<_>, Vec<_>) = middles.collect::<Option<Vec<_>>>()?.into_iter().unzip();
    Some(json!({
        "Values": values,
        "Counts": counts,
        "Max": finite(greatest)?,
        "Min": finite(least)?,
        "Count": point.count,
        "Sum": finite(sum)?,
    }))
}

fn finite(number: f64) -> Option<Value> {
    number.is_finite().then(|| number.into())
}

fn text(value: &AnyValue) -> Option<String> {
    match value.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(text.clone()),
        any_value::Value::IntValue(number) => Some(number.to_string()),
        any_value::Value::DoubleValue(number) => Some(number.to_string()),
        any_value::Value::BoolValue(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// CloudWatch's name of a unit that OpenTelemetry writes as UCUM does, which has what is counted in braces.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html>
fn unit(ucum: &str) -> &'static str {
    match ucum {
        "s" => "Seconds",
        "ms" => "Milliseconds",
        "us" => "Microseconds",
        "By" => "Bytes",
        "%" => "Percent",
        "By/s" => "Bytes/Second",
        unit if unit == "1" || unit.starts_with('{') => "Count",
        _ => "None",
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::metrics::v1::{Histogram, ScopeMetrics, Sum};

    use super::*;

    fn emf() -> Emf {
        Emf { namespace: "airline".to_owned(), service: "booking-api".to_owned() }
    }

    fn attribute(name: &str, value: any_value::Value) -> KeyValue {
        KeyValue { key: name.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
    }

    fn route(route: &str) -> Vec<KeyValue> {
        vec![attribute("http.route", any_value::Value::StringValue(route.to_owned()))]
    }

    fn request(metrics: Vec<Metric>) -> ExportMetricsServiceRequest {
        let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
        ExportMetricsServiceRequest {
            resource_metrics: vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }],
        }
    }

    fn metric(name: &str, unit: &str, data: Data) -> Metric {
        Metric { name: name.to_owned(), unit: unit.to_owned(), data: Some(data), ..Metric::default() }
    }

    fn sum(name: &str, points: impl IntoIterator<Item = (Vec<KeyValue>, i64)>) -> Metric {
        let points = points.into_iter().map(|(attributes, number)| NumberDataPoint {
            attributes,
            time_unix_nano: 1_700_000_000_123_456_789,
            value: Some(Number::AsInt(number)),
            ..NumberDataPoint::default()
        });
        metric(name, "{booking}", Data::Sum(Sum { data_points: points.collect(), ..Sum::default() }))
    }

    fn written(metrics: Vec<Metric>) -> (Vec<Value>, usize) {
        let emf = emf();
        let (lines, formless) = emf.lines(request(metrics));
        (lines.into_iter().map(|line| line.json(&emf.namespace)).collect(), formless)
    }

    #[test]
    fn metrics_of_the_same_dimensions_share_a_line() {
        let (lines, formless) = written(vec![
            sum("booked", [(route("/bookings"), 2), (route("/quotes"), 3)]),
            sum("refused", [(route("/bookings"), 1)]),
        ]);
        let directive = |metrics: Value| {
            json!({
                "Timestamp": 1_700_000_000_123_u64,
                "CloudWatchMetrics": [
                    { "Namespace": "airline", "Dimensions": [["service.name", "http.route"]], "Metrics": metrics },
                ],
            })
        };
        let counted = |name: &str| json!({ "Name": name, "Unit": "Count" });
        let first = json!({
            "_aws": directive(json!([counted("booked"), counted("refused")])),
            "service.name": "booking-api", "http.route": "/bookings", "booked": 2, "refused": 1,
        });
        let second = json!({
            "_aws": directive(json!([counted("booked")])),
            "service.name": "booking-api", "http.route": "/quotes", "booked": 3,
        });
        assert_eq!((lines, formless), (vec![first, second], 0));
    }

    #[test]
    fn a_histogram_has_its_buckets_and_what_was_measured_exactly() {
        let point = |counts: &[u64], sum: f64, min: f64, max: f64| HistogramDataPoint {
            count: counts.iter().sum(),
            sum: Some(sum),
            min: Some(min),
            max: Some(max),
            explicit_bounds: vec![0.01, 0.1, 1.0],
            bucket_counts: counts.to_vec(),
            ..HistogramDataPoint::default()
        };
        let value = |point| {
            let histogram = Histogram { data_points: vec![point], ..Histogram::default() };
            let (lines, _) = written(vec![metric("took", "s", Data::Histogram(histogram))]);
            (lines[0]["took"].clone(), lines[0]["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Unit"].clone())
        };
        let (one, seconds) = value(point(&[0, 1, 0, 0], 0.07, 0.07, 0.07));
        assert_eq!((one, seconds), (json!(0.07), json!("Seconds")));
        let (many, _) = value(point(&[2, 0, 3, 1], 6.5, 0.004, 5.0));
        assert_eq!(
            many,
            json!({ "Values": [0.007, 0.55, 3.0], "Counts": [2, 3, 1], "Max": 5.0, "Min": 0.004, "Count": 6, "Sum": 6.5 })
        );
    }

    #[test]
    fn no_line_holds_more_than_it_may() {
        let (lines, _) = written((0..250).map(|n| sum(&format!("metric-{n}"), [(vec![], 1)])).collect());
        let metrics = |line: &Value| line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap().len();
        assert_eq!(lines.iter().map(metrics).collect::<Vec<_>>(), [100, 100, 50]);
        let long = any_value::Value::StringValue("ü".repeat(1_000));
        let many = (0..50).map(|n| attribute(&format!("attribute-{n}"), long.clone())).collect();
        let (lines, _) = written(vec![sum("booked", [(many, 1)])]);
        assert_eq!(lines[0]["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0].as_array().unwrap().len(), 30);
        assert_eq!(lines[0]["attribute-7"].as_str().map(str::len), Some(1_024));
    }

    #[test]
    fn a_point_of_the_same_stream_has_a_line_of_its_own() {
        let (lines, _) = written(vec![sum("booked", [(vec![], 1)]), sum("booked", [(vec![], 2)])]);
        assert_eq!(lines.iter().map(|line| &line["booked"]).collect::<Vec<_>>(), [&json!(1), &json!(2)]);
    }

    #[test]
    fn what_has_no_form_is_counted() {
        let infinite = NumberDataPoint { value: Some(Number::AsDouble(f64::INFINITY)), ..NumberDataPoint::default() };
        let sum = Sum { data_points: vec![infinite], ..Sum::default() };
        assert_eq!(written(vec![metric("endless", "1", Data::Sum(sum))]), (vec![], 1));
    }
}
