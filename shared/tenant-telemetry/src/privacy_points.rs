//! How ids of tenants leave with points of metrics, and how points that differ in nothing else are added up.

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    metrics::v1::{
        AggregationTemporality, Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint, Metric, NumberDataPoint,
        SummaryDataPoint, exemplar::Value as Measured, metric::Data, number_data_point::Value as Number,
    },
};
use tenancy::TenantIds;

use super::{lines::LogTenant, privacy::Policy, semconv};

impl Policy<'_> {
    /// Makes each point name its tenant as the policy allows and, where points go to the log, as `in_log` allows. Points that name no tenant
    /// afterwards, and differ in nothing else, are added up to one.
    pub(super) fn stamp_metrics(self, request: &mut ExportMetricsServiceRequest, in_log: Option<LogTenant>) {
        if self.ids == TenantIds::Plain && in_log.is_none_or(|in_log| in_log == LogTenant::Plain) {
            return;
        }
        let naming = Naming { policy: self, in_log };
        let scopes = request.resource_metrics.iter_mut().flat_map(|resource| &mut resource.scope_metrics);
        for metric in scopes.flat_map(|scope| &mut scope.metrics) {
            naming.stamp_metric(metric);
        }
    }
}

/// How points name tenants.
#[derive(Debug, Clone, Copy)]
struct Naming<'a> {
    policy: Policy<'a>,
    in_log: Option<LogTenant>,
}

impl Naming<'_> {
    /// The attribute that names a tenant, with its value. There is none where no tenant may be named.
    fn tenant(self, id: &str) -> Option<(&'static str, String)> {
        match self.in_log {
            None => Some((semconv::TENANT_ID, self.policy.id(id.into())?.into())),
            Some(in_log) => {
                let [name, _] = in_log.attributes();
                Some((name, self.policy.pseudonyms.in_log(id.into(), in_log, self.policy.ids)?))
            }
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

    /// Whether a point names no tenant any more.
    fn stamp_points<P: Point>(self, points: &mut [P]) -> bool {
        points.iter_mut().fold(false, |unnamed, point| self.stamp_attributes(point.attributes()) | unnamed)
    }

    fn stamp_attributes(self, attributes: &mut Vec<KeyValue>) -> bool {
        let Some(at) = attributes.iter().position(|attribute| attribute.key == semconv::TENANT_ID) else {
            return false;
        };
        let Some(attribute) = attributes.get_mut(at) else { return false };
        let Some(Value::StringValue(id)) = attribute.value.as_mut().and_then(|value| value.value.as_mut()) else {
            return false;
        };
        match self.tenant(id) {
            Some((name, named)) => {
                if id != semconv::OTHER_TENANTS {
                    *id = named;
                }
                name.clone_into(&mut attribute.key);
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

/// A point that can be added up with others of the same stream and time.
trait Additive: Point {
    /// Adds the other's measurements. Returns the other if it does not belong to the same stream and time.
    fn absorb(&mut self, other: Self) -> Option<Self>
    where
        Self: Sized;
}

/// Adds up points with the same attributes.
fn merge<P: Additive>(points: &mut Vec<P>) {
    for point in std::mem::take(points) {
        let left = points.iter_mut().try_fold(point, |point, kept| kept.absorb(point).ok_or(()));
        points.extend(left);
    }
}

/// Leaves the exemplar of the greatest measurement: a point has one.
fn keep_greatest(exemplars: &mut Vec<Exemplar>, others: Vec<Exemplar>) {
    let measured = |exemplar: &Exemplar| match exemplar.value {
        Some(Measured::AsDouble(number)) => number,
        Some(Measured::AsInt(number)) => number as f64,
        None => f64::NEG_INFINITY,
    };
    let all = std::mem::take(exemplars).into_iter().chain(others);
    exemplars.extend(all.max_by(|one, other| measured(one).total_cmp(&measured(other))));
}

/// Whether both have the same attributes, in any order.
fn same(one: &[KeyValue], other: &[KeyValue]) -> bool {
    one.len() == other.len() && one.iter().all(|attribute| other.contains(attribute))
}

impl Additive for NumberDataPoint {
    fn absorb(&mut self, other: Self) -> Option<Self> {
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
        keep_greatest(&mut self.exemplars, other.exemplars);
        None
    }
}

impl Additive for HistogramDataPoint {
    fn absorb(&mut self, other: Self) -> Option<Self> {
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
        keep_greatest(&mut self.exemplars, other.exemplars);
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

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::{
        common::v1::AnyValue,
        metrics::v1::{Histogram, ResourceMetrics, ScopeMetrics, Sum},
    };

    use super::*;
    use crate::privacy::{DenyList, Pseudonyms};

    fn attributes(route: &str, tenant: &str) -> Vec<KeyValue> {
        let named = [("http.route", route), (semconv::TENANT_ID, tenant)].map(|(name, text)| KeyValue {
            key: name.to_owned(),
            value: Some(AnyValue { value: Some(Value::StringValue(text.to_owned())) }),
            ..KeyValue::default()
        });
        named.into()
    }

    fn number(route: &str, tenant: &str, number: i64) -> NumberDataPoint {
        let value = Some(Number::AsInt(number));
        NumberDataPoint { attributes: attributes(route, tenant), value, ..NumberDataPoint::default() }
    }

    fn sum(points: Vec<NumberDataPoint>) -> Data {
        let aggregation_temporality = AggregationTemporality::Delta.into();
        Data::Sum(Sum { data_points: points, aggregation_temporality, ..Sum::default() })
    }

    fn stamped(data: Data, ids: TenantIds, key: Option<&[u8]>) -> Data {
        stamped_for(data, ids, key, None)
    }

    fn stamped_for(data: Data, ids: TenantIds, key: Option<&[u8]>, in_log: Option<LogTenant>) -> Data {
        let metrics = vec![Metric { data: Some(data), ..Metric::default() }];
        let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
        let resource_metrics = vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }];
        let mut request = ExportMetricsServiceRequest { resource_metrics };
        let pseudonyms = Pseudonyms::default();
        if let Some(key) = key {
            pseudonyms.set_key(key);
        }
        Policy { ids, pseudonyms: &pseudonyms, denied: &DenyList::default() }.stamp_metrics(&mut request, in_log);
        request.resource_metrics.remove(0).scope_metrics.remove(0).metrics.remove(0).data.unwrap()
    }

    fn told(data: Data) -> Vec<(Vec<String>, Number)> {
        let Data::Sum(sum) = data else { panic!("another kind") };
        let text = |attribute: KeyValue| match attribute.value.and_then(|value| value.value) {
            Some(Value::StringValue(text)) => text,
            other => format!("{other:?}"),
        };
        let points = sum.data_points.into_iter();
        points.map(|point| (point.attributes.into_iter().map(text).collect(), point.value.unwrap())).collect()
    }

    #[test]
    fn a_point_names_its_tenant_as_the_destination_may_know_it() {
        let points = || sum(vec![number("/a", "acme", 1), number("/a", "(other)", 2)]);
        let plain = told(stamped(points(), TenantIds::Plain, None));
        assert_eq!(plain.iter().map(|(texts, _)| texts[1].as_str()).collect::<Vec<_>>(), ["acme", "(other)"]);
        let hashed = told(stamped(points(), TenantIds::Hmac, Some(b"secret")));
        assert_eq!((hashed[0].0[1].len(), hashed[1].0[1].as_str()), (32, "(other)"));
        let without_a_key = told(stamped(points(), TenantIds::Hmac, None));
        let one_point = [(vec!["/a".to_owned()], Number::AsInt(3))];
        assert_eq!(without_a_key, one_point, "nothing leaves that should have been hashed, nor that others were");
    }

    #[test]
    fn in_the_log_a_point_names_its_tenant_as_lines_do() {
        let (key, drop) = (Some(&b"secret"[..]), TenantIds::Drop);
        let names = |in_log, ids, key| {
            let points = sum(vec![number("/a", "acme", 1), number("/a", "globex", 2), number("/a", "(other)", 4)]);
            let Data::Sum(sum) = stamped_for(points, ids, key, Some(in_log)) else { panic!("another kind") };
            let named = |point: &NumberDataPoint| {
                let named = point.attributes.get(1)?;
                let Some(Value::StringValue(id)) = &named.value.as_ref()?.value else { return None };
                Some((named.key.clone(), id.clone()))
            };
            sum.data_points.iter().map(named).collect::<Vec<_>>()
        };
        let secret = tenancy::PseudonymKey::new(b"secret");
        let by = |name: &str, ids: [String; 3]| ids.map(|id| Some((name.to_owned(), id)));
        let aliases = by("tenant.alias", [secret.alias("acme"), secret.alias("globex"), "(other)".to_owned()]);
        let plain = by("tenant.id", ["acme", "globex", "(other)"].map(str::to_owned));
        for (in_log, ids, key, told) in [
            (LogTenant::Alias, TenantIds::Plain, key, &aliases[..]),
            (LogTenant::Alias, TenantIds::Hmac, key, &aliases),
            (LogTenant::Alias, TenantIds::Plain, None, &[None]),
            (LogTenant::Alias, drop, key, &[None]),
            (LogTenant::Plain, TenantIds::Plain, None, &plain),
            (LogTenant::Plain, drop, key, &[None]),
            (LogTenant::Nothing, TenantIds::Plain, key, &[None]),
        ] {
            assert_eq!(names(in_log, ids, key), told, "{in_log:?} {ids:?} {}", key.is_some());
        }
    }

    #[test]
    fn points_that_name_nobody_any_more_add_up() {
        let points = vec![number("/a", "acme", 1), number("/b", "acme", 5), number("/a", "globex", 2)];
        let dropped = told(stamped(sum(points), TenantIds::Drop, None));
        let expected = [("/a", 3), ("/b", 5)].map(|(route, sum)| (vec![route.to_owned()], Number::AsInt(sum)));
        assert_eq!(dropped, expected);
    }

    #[test]
    fn histograms_add_up_where_their_buckets_are_the_same() {
        let point = |tenant: &str, bounds: &[f64], counts: &[u64]| HistogramDataPoint {
            attributes: attributes("/a", tenant),
            count: counts.iter().sum(),
            sum: Some(1.5),
            min: Some(if tenant == "acme" { 0.1 } else { 0.2 }),
            max: Some(0.9),
            exemplars: vec![Exemplar { value: Some(Measured::AsDouble(counts[0] as f64)), ..Exemplar::default() }],
            explicit_bounds: bounds.to_vec(),
            bucket_counts: counts.to_vec(),
            ..HistogramDataPoint::default()
        };
        let bounds = [0.5];
        let points =
            vec![point("acme", &bounds, &[1, 2]), point("globex", &bounds, &[4, 0]), point("initech", &[0.7], &[1, 0])];
        let aggregation_temporality = AggregationTemporality::Delta.into();
        let data = Data::Histogram(Histogram { data_points: points, aggregation_temporality });
        let Data::Histogram(histogram) = stamped(data, TenantIds::Drop, None) else { panic!("another kind") };
        let told: Vec<_> = histogram
            .data_points
            .iter()
            .map(|point| (point.count, point.sum, point.min, point.bucket_counts.clone()))
            .collect();
        assert_eq!(told, [(7, Some(3.0), Some(0.1), vec![5, 2]), (1, Some(1.5), Some(0.2), vec![1, 0])]);
        let exemplars: Vec<Vec<_>> = (histogram.data_points.iter())
            .map(|point| point.exemplars.iter().map(|exemplar| exemplar.value).collect())
            .collect();
        let greatest = [4.0, 1.0].map(|greatest| vec![Some(Measured::AsDouble(greatest))]);
        assert_eq!(exemplars, greatest, "of the greatest, and one for each point");
    }
}
