//! The values in a line: numbers, histograms, dimensions and units.

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, KeyValue, any_value},
    metrics::v1::{
        Exemplar, HistogramDataPoint, Metric, NumberDataPoint, metric::Data, number_data_point::Value as Number,
    },
};
use serde_json::{Value, json};

/// A point in the form that a line has it.
pub(super) struct Measured<'a> {
    pub(super) milliseconds: u64,
    pub(super) attributes: &'a [KeyValue],
    pub(super) exemplars: &'a [Exemplar],
    pub(super) value: Value,
}

/// The points of a metric, and how many the format cannot express: exponential histograms, summaries, and numbers that JSON does not have.
pub(super) fn measured(metric: &Metric) -> (Vec<Measured<'_>>, usize) {
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

/// Each bucket that is not empty, as its middle, which is kept between the least and the greatest measurement.
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

/// An attribute's value, unless it is a list.
pub(super) fn text(value: &AnyValue) -> Option<String> {
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
pub(super) fn unit(ucum: &str) -> &'static str {
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
    use super::*;

    #[test]
    fn a_histogram_has_its_buckets_and_what_was_measured_exactly() {
        let value = |counts: &[u64], sum: f64, min: f64, max: f64| {
            let point = HistogramDataPoint {
                count: counts.iter().sum(),
                sum: Some(sum),
                min: Some(min),
                max: Some(max),
                explicit_bounds: vec![0.01, 0.1, 1.0],
                bucket_counts: counts.to_vec(),
                ..HistogramDataPoint::default()
            };
            of_histogram(&point).map(|measured| measured.value)
        };
        assert_eq!(value(&[0, 1, 0, 0], 0.07, 0.07, 0.07), Some(json!(0.07)));
        assert_eq!(
            value(&[2, 0, 3, 1], 6.5, 0.004, 5.0),
            Some(
                json!({ "Values": [0.007, 0.55, 3.0], "Counts": [2, 3, 1], "Max": 5.0, "Min": 0.004, "Count": 6, "Sum": 6.5 })
            )
        );
    }
}
