//! Divides a request of metrics into parts that a receiver accepts.

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    metrics::v1::{
        ExponentialHistogram, Gauge, Histogram, Metric, ResourceMetrics, ScopeMetrics, Sum, Summary, metric::Data,
    },
};

use super::signal::{Metrics, Signal as _, points};

/// Divides a request into requests of at most `most` points each. A metric with more points is divided too.
pub(super) fn divided(request: ExportMetricsServiceRequest, most: usize) -> Vec<ExportMetricsServiceRequest> {
    let all = Metrics::size(&request).count;
    if all <= most {
        return if all > 0 { vec![request] } else { Vec::new() };
    }
    let mut parts = Vec::<ExportMetricsServiceRequest>::new();
    let mut room = 0;
    for ResourceMetrics { resource, scope_metrics, schema_url } in request.resource_metrics {
        let of_resource = ResourceMetrics { resource, scope_metrics: Vec::new(), schema_url };
        for ScopeMetrics { scope, metrics, schema_url } in scope_metrics {
            let of_scope = ScopeMetrics { scope, metrics: Vec::new(), schema_url };
            for metric in metrics {
                let mut left = Some(metric).filter(|metric| points(metric) > 0);
                while let Some(mut metric) = left {
                    if room == 0 {
                        parts.push(ExportMetricsServiceRequest::default());
                        room = most.max(1);
                    }
                    left = split_off(&mut metric, room);
                    room -= points(&metric);
                    if let Some(part) = parts.last_mut() {
                        add(part, &of_resource, &of_scope, metric);
                    }
                }
            }
        }
    }
    parts
}

/// Adds a metric to a request, under the last scope and resource if these are the metric's.
fn add(part: &mut ExportMetricsServiceRequest, resource: &ResourceMetrics, scope: &ScopeMetrics, metric: Metric) {
    let other =
        |last: &ResourceMetrics| (&last.resource, &last.schema_url) != (&resource.resource, &resource.schema_url);
    if part.resource_metrics.last().is_none_or(other) {
        part.resource_metrics.push(resource.clone());
    }
    let Some(of_resource) = part.resource_metrics.last_mut() else { return };
    let other = |last: &ScopeMetrics| (&last.scope, &last.schema_url) != (&scope.scope, &scope.schema_url);
    if of_resource.scope_metrics.last().is_none_or(other) {
        of_resource.scope_metrics.push(scope.clone());
    }
    if let Some(of_scope) = of_resource.scope_metrics.last_mut() {
        of_scope.metrics.push(metric);
    }
}

/// Leaves the first points in a metric and returns the others as a metric of their own.
fn split_off(metric: &mut Metric, points: usize) -> Option<Metric> {
    let data = match metric.data.as_mut()? {
        Data::Gauge(gauge) => Data::Gauge(Gauge { data_points: beyond(&mut gauge.data_points, points)? }),
        Data::Sum(sum) => Data::Sum(Sum { data_points: beyond(&mut sum.data_points, points)?, ..*sum }),
        Data::Histogram(histogram) => {
            Data::Histogram(Histogram { data_points: beyond(&mut histogram.data_points, points)?, ..*histogram })
        }
        Data::ExponentialHistogram(histogram) => Data::ExponentialHistogram(ExponentialHistogram {
            data_points: beyond(&mut histogram.data_points, points)?,
            ..*histogram
        }),
        Data::Summary(summary) => Data::Summary(Summary { data_points: beyond(&mut summary.data_points, points)? }),
    };
    let Metric { name, description, unit, metadata, .. } = &*metric;
    let (name, description, unit, metadata) = (name.clone(), description.clone(), unit.clone(), metadata.clone());
    Some(Metric { name, description, unit, metadata, data: Some(data) })
}

fn beyond<P>(points: &mut Vec<P>, most: usize) -> Option<Vec<P>> {
    (points.len() > most).then(|| points.split_off(most))
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::{
        common::v1::InstrumentationScope,
        metrics::v1::{AggregationTemporality, HistogramDataPoint, NumberDataPoint, number_data_point::Value},
    };

    use super::*;

    /// Points whose values are these numbers.
    fn sum(name: &str, values: std::ops::Range<i64>) -> Metric {
        let point = |n| NumberDataPoint { value: Some(Value::AsInt(n)), ..NumberDataPoint::default() };
        let aggregation_temporality = AggregationTemporality::Delta.into();
        let sum = Sum { data_points: values.map(point).collect(), aggregation_temporality, is_monotonic: true };
        Metric { name: name.to_owned(), unit: "1".to_owned(), data: Some(Data::Sum(sum)), ..Metric::default() }
    }

    fn request(scopes: Vec<(&str, Vec<Metric>)>) -> ExportMetricsServiceRequest {
        let scope_metrics = scopes.into_iter().map(|(name, metrics)| {
            let scope = InstrumentationScope { name: name.to_owned(), ..InstrumentationScope::default() };
            ScopeMetrics { scope: Some(scope), metrics, schema_url: "schema".to_owned() }
        });
        let of_one = ResourceMetrics { scope_metrics: scope_metrics.collect(), ..ResourceMetrics::default() };
        ExportMetricsServiceRequest { resource_metrics: vec![of_one] }
    }

    /// The metrics of a request: scope, name and how many points of which kind.
    fn told(request: &ExportMetricsServiceRequest) -> Vec<(String, String, usize)> {
        let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
        let told = scopes.flat_map(|scope| {
            let name = scope.scope.clone().unwrap_or_default().name;
            scope.metrics.iter().map(move |metric| (name.clone(), metric.name.clone(), points(metric)))
        });
        told.collect()
    }

    #[test]
    fn a_gathering_of_many_points_goes_in_requests_that_a_receiver_takes() {
        let histogram = Histogram {
            data_points: vec![HistogramDataPoint::default(); 100],
            aggregation_temporality: AggregationTemporality::Delta.into(),
        };
        let sizes = Metric { name: "sizes".to_owned(), data: Some(Data::Histogram(histogram)), ..Metric::default() };
        let own = vec![sum("orders", 0..600), sum("returns", 0..500)];
        let parts = divided(request(vec![("shop", own), ("ours", vec![sizes])]), 500);
        let of = |scope: &str, name: &str, points| (scope.to_owned(), name.to_owned(), points);
        let expected = [
            vec![of("shop", "orders", 500)],
            vec![of("shop", "orders", 100), of("shop", "returns", 400)],
            vec![of("shop", "returns", 100), of("ours", "sizes", 100)],
        ];
        assert_eq!(parts.iter().map(told).collect::<Vec<_>>(), expected);
        assert!(parts.iter().all(|part| part.resource_metrics.len() == 1));
        let orders = [&parts[0], &parts[1]].map(|part| &part.resource_metrics[0].scope_metrics[0].metrics[0]);
        let points = orders.into_iter().flat_map(|metric| {
            let Some(Data::Sum(sum)) = &metric.data else { panic!("{metric:?}") };
            assert_eq!(
                (metric.unit.as_str(), sum.aggregation_temporality(), sum.is_monotonic),
                ("1", AggregationTemporality::Delta, true)
            );
            sum.data_points.iter().map(|point| point.value)
        });
        assert_eq!(points.collect::<Vec<_>>(), (0..600).map(|n| Some(Value::AsInt(n))).collect::<Vec<_>>());
    }

    #[test]
    fn what_fits_stays_as_it_is() {
        let small = request(vec![("shop", vec![sum("orders", 0..500)])]);
        assert_eq!(divided(small.clone(), 500), [small]);
        assert_eq!(divided(request(vec![("shop", vec![sum("orders", 0..0)])]), 500), []);
    }
}
