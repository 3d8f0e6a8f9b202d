//! CloudWatch's embedded metric format: lines of the log from which CloudWatch Logs extracts metrics.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
//!
//! A histogram is an object of `Values`, `Counts`, `Max`, `Min`, `Count` and `Sum`, as AWS's own libraries and its collector's exporter
//! write it; one measurement alone is a number.
//! <https://github.com/awslabs/aws-embedded-metrics-java>

mod values;

use std::io::{Write, stdout};

use opentelemetry::TraceId;
use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::KeyValue,
    metrics::v1::{Exemplar, Metric, ResourceMetrics},
};
use opentelemetry_sdk::Resource;
use serde_json::{Map, Value, json};

use self::values::{Measured, measured, text, unit};
use super::Unacknowledged;
use crate::semconv;

/// The specification's limits of a line: metrics, dimensions, and bytes of a dimension's value.
const MAX_METRICS: usize = 100;
const MAX_DIMENSIONS: usize = 30;
const MAX_VALUE: usize = 1_024;

/// The members of a line that are neither dimensions nor metrics.
const DIRECTIVE: &str = "_aws";
const TRACE_ID: &str = "trace_id";

/// Writes lines to the log of this process, its standard output.
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

    /// The lines of a request, and how many of its points are left out: the format cannot express them, or their name stands for something else in
    /// the line.
    fn lines(&self, request: ExportMetricsServiceRequest) -> (Vec<Line>, usize) {
        let (mut lines, mut formless) = (Vec::<Line>::new(), 0);
        let scopes =
            request.resource_metrics.into_iter().flat_map(|ResourceMetrics { scope_metrics, .. }| scope_metrics);
        for metric in scopes.flat_map(|scope| scope.metrics) {
            let (measured, without) = measured(&metric);
            formless += without;
            for measured in measured {
                let dimensions = self.dimensions(measured.attributes);
                if is_taken(&metric.name) || dimensions.iter().any(|(name, _)| *name == metric.name) {
                    formless += 1;
                    continue;
                }
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

    /// The attributes as dimensions: ASCII texts that are not empty, the service first. Points that differ only in an attribute for which there is no
    /// place belong to one stream, and CloudWatch adds them up.
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html>
    fn dimensions(&self, attributes: &[KeyValue]) -> Vec<(String, String)> {
        let texts =
            attributes.iter().filter(|attribute| attribute.key != semconv::SERVICE_NAME && !is_taken(&attribute.key));
        let texts =
            texts.filter_map(|attribute| Some((ascii(&attribute.key), ascii(&text(attribute.value.as_ref()?)?))));
        let service = (semconv::SERVICE_NAME.to_owned(), ascii(&self.service));
        let mut dimensions: Vec<_> = std::iter::once(service).chain(texts).collect();
        dimensions.retain(|(_, value)| !value.trim().is_empty());
        dimensions.truncate(MAX_DIMENSIONS);
        for (_, value) in &mut dimensions {
            value.truncate(MAX_VALUE);
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
        line.insert(DIRECTIVE.into(), json!({ "Timestamp": self.milliseconds, "CloudWatchMetrics": [directive] }));
        line.extend(self.dimensions.into_iter().map(|(name, value)| (name, value.into())));
        line.extend(self.metrics.into_iter().map(|(name, _, value)| (name, value)));
        line.extend(self.trace_id.map(|id| (TRACE_ID.to_owned(), id.to_string().into())));
        Value::Object(line)
    }
}

fn is_taken(name: &str) -> bool {
    [DIRECTIVE, TRACE_ID].contains(&name)
}

/// Writes every character that is not ASCII as its code point: `\u{fc}` for ü.
fn ascii(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for character in text.chars() {
        if character == ' ' || character.is_ascii_graphic() {
            written.push(character);
        } else {
            written.extend(character.escape_unicode());
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::{
        common::v1::{AnyValue, any_value},
        metrics::v1::{NumberDataPoint, ScopeMetrics, Sum, metric::Data, number_data_point::Value as Number},
    };

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
    fn a_dimension_is_ascii_and_keeps_apart_what_differs() {
        let named = |name: &str| vec![attribute("airport", any_value::Value::StringValue(name.to_owned()))];
        let (lines, _) = written(vec![sum("booked", ["Zürich", "Z\nrich", "Genf"].map(|name| (named(name), 1)))]);
        let airports: Vec<_> = lines.iter().map(|line| line["airport"].as_str().unwrap()).collect();
        assert_eq!(airports, ["Z\\u{fc}rich", "Z\\u{a}rich", "Genf"]);
    }

    #[test]
    fn nothing_of_a_line_takes_the_place_of_another() {
        let other = || any_value::Value::StringValue("other".to_owned());
        let attributes = ["_aws", "trace_id", "service.name", "booked"].map(|name| attribute(name, other())).to_vec();
        let metrics = ["booked", "trace_id", "refused"].map(|name| sum(name, [(attributes.clone(), 1)]));
        let (lines, formless) = written(metrics.to_vec());
        let [line] = &lines[..] else { panic!("{lines:?}") };
        let dimensions = &line["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0];
        assert_eq!((dimensions, formless), (&json!(["service.name", "booked"]), 2));
        assert_eq!(
            (&line["service.name"], &line["booked"], &line["refused"]),
            (&json!("booking-api"), &json!("other"), &json!(1))
        );
        assert_eq!(line.get("trace_id"), None);
    }

    #[test]
    fn what_has_no_form_is_counted() {
        let infinite = NumberDataPoint { value: Some(Number::AsDouble(f64::INFINITY)), ..NumberDataPoint::default() };
        let sum = Sum { data_points: vec![infinite], ..Sum::default() };
        assert_eq!(written(vec![metric("endless", "1", Data::Sum(sum))]), (vec![], 1));
    }
}
