//! What of a tenant leaves with a point of a metric, and what becomes of points that differed in nothing else.

use opentelemetry::StringValue;
use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    metrics::v1::{
        AggregationTemporality, ExponentialHistogramDataPoint, HistogramDataPoint, Metric, NumberDataPoint,
        SummaryDataPoint, metric::Data, number_data_point::Value as Number,
    },
};
use tenancy::TenantIds;

use super::{privacy::Policy, semconv};

impl Policy<'_> {
    /// Has each point name its tenant as the policy allows. Points that name none any more, and were told apart by it, become one.
    pub(super) fn stamp_metrics(self, request: &mut ExportMetricsServiceRequest) {
        if self.ids == TenantIds::Plain {
            return;
        }
        let scopes = request.resource_metrics.iter_mut().flat_map(|resource| &mut resource.scope_metrics);
        for metric in scopes.flat_map(|scope| &mut scope.metrics) {
            self.stamp_metric(metric);
        }
    }

    fn stamp_metric(self, metric: &mut Metric) {
        match &mut metric.data {
            Some(Data::Gauge(gauge)) => {
                self.stamp_points(&mut gauge.data_points);
            }
            Some(Data::Sum(sum)) => {
                let unnamed = self.stamp_points(&mut sum.data_points);
                if unnamed && sum.aggregation_temporality() == AggregationTemporality::Delta {
                    merge(&mut sum.data_points);
                }
            }
            Some(Data::Histogram(histogram)) => {
                let unnamed = self.stamp_points(&mut histogram.data_points);
                if unnamed && histogram.aggregation_temporality() == AggregationTemporality::Delta {
                    merge(&mut histogram.data_points);
                }
            }
            Some(Data::ExponentialHistogram(histogram)) => {
                self.stamp_points(&mut histogram.data_points);
            }
            Some(Data::Summary(summary)) => {
                self.stamp_points(&mut summary.data_points);
            }
            None => {}
        }
    }

    /// Whether a point names nobody any more.
    fn stamp_points<P: Point>(self, points: &mut [P]) -> bool {
        points.iter_mut().fold(false, |unnamed, point| self.stamp_attributes(point.attributes()) | unnamed)
    }

    fn stamp_attributes(self, attributes: &mut Vec<KeyValue>) -> bool {
        let Some(at) = attributes.iter().position(|attribute| attribute.key == semconv::TENANT_ID) else {
            return false;
        };
        let named = attributes.get_mut(at).and_then(|attribute| attribute.value.as_mut()?.value.as_mut());
        let Some(Value::StringValue(id)) = named else { return false };
        if id == semconv::OTHER_TENANTS {
            return false;
        }
        match self.id(id.as_str().into()).map(StringValue::into) {
            Some(exported) => {
                *id = exported;
                false
            }
            None => {
                attributes.remove(at);
                true
            }
        }
    }
}

trait Point {
    fn attributes(&mut self) -> &mut Vec<KeyValue>;
}

/// A point that others of the same stream and time add up with.
trait Additive: Point {
    /// Takes the other's measurements over; hands it back if they do not belong to the same stream and time.
    fn absorb(&mut self, other: Self) -> Option<Self>
    where
        Self: Sized;
}

/// Adds up points that say the same of themselves.
fn merge<P: Additive>(points: &mut Vec<P>) {
    for point in std::mem::take(points) {
        let left = points.iter_mut().try_fold(point, |point, kept| kept.absorb(point).ok_or(()));
        points.extend(left);
    }
}

/// Whether both say the same, in whatever order.
fn same(one: &[KeyValue], other: &[KeyValue]) -> bool {
    one.len() == other.len() && one.iter().all(|attribute| other.contains(attribute))
}

impl Additive for NumberDataPoint {
    fn absorb(&mut self, mut other: Self) -> Option<Self> {
        let sum = match (self.value, other.value) {
            (Some(Number::AsInt(one)), Some(Number::AsInt(other))) => Number::AsInt(one.saturating_add(other)),
            (Some(Number::AsDouble(one)), Some(Number::AsDouble(other))) => Number::AsDouble(one + other),
            _ => return Some(other),
        };
        let times = |point: &Self| (point.start_time_unix_nano, point.time_unix_nano);
        if times(self) != times(&other) || !same(&self.attributes, &other.attributes) {
            return Some(other);
        }
        self.value = Some(sum);
        self.exemplars.append(&mut other.exemplars);
        None
    }
}

impl Additive for HistogramDataPoint {
    fn absorb(&mut self, mut other: Self) -> Option<Self> {
        let times = |point: &Self| (point.start_time_unix_nano, point.time_unix_nano);
        let apart = times(self) != times(&other)
            || self.explicit_bounds != other.explicit_bounds
            || self.bucket_counts.len() != other.bucket_counts.len()
            || !same(&self.attributes, &other.attributes);
        if apart {
            return Some(other);
        }
        self.count += other.count;
        self.sum = self.sum.zip(other.sum).map(|(one, other)| one + other);
        self.min = self.min.zip(other.min).map(|(one, other)| one.min(other));
        self.max = self.max.zip(other.max).map(|(one, other)| one.max(other));
        for (count, more) in self.bucket_counts.iter_mut().zip(&other.bucket_counts) {
            *count += more;
        }
        self.exemplars.append(&mut other.exemplars);
        None
    }
}

macro_rules! points {
    ($($point:ty),*) => {$(
        impl Point for $point {
            fn attributes(&mut self) -> &mut Vec<KeyValue> {
                &mut self.attributes
            }
        }
    )*};
}

points!(NumberDataPoint, HistogramDataPoint, ExponentialHistogramDataPoint, SummaryDataPoint);
