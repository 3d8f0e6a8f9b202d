//! Selects the points of a request that can be stored, by stream.

use std::{collections::HashMap, sync::Arc};

use control_plane_model::{
    incoming::number_of,
    metrics::{Exemplar, IncomingPoints, Kind, Point, Series, TAKEN_FOR},
    otlp::{Resource, attribute_text, tenant},
    unverified,
};
use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::KeyValue,
    metrics::v1::{
        AggregationTemporality, DataPointFlags, Exemplar as Sent, Metric, ScopeMetrics, exemplar::Value, metric::Data,
    },
};
use prost::Message;

use super::{
    data_point::{DataPoint, is_finite},
    rejected::{Rejected, check_resource, check_scope, is_future},
};

/// Attributes a point may have, and bytes of all of them.
const MAX_ATTRIBUTES: usize = 128;
const MAX_ATTRIBUTE_BYTES: usize = 4 * 1024;
/// Bytes of a metric's name, as OpenTelemetry bounds it, and of its unit.
const MAX_NAME_BYTES: usize = 255;
const MAX_UNIT_BYTES: usize = 63;
/// Of a sender's attributes, the one that tells its points apart: memory used says little without the limit.
const MAX_MEMORY: &str = "faas.max_memory";
/// The attribute that names a point's tenant. It sets the point's scope and is also an attribute like any other.
const TENANT: &str = "tenant.id";
const NANOSECONDS: i64 = 1_000_000_000;
/// How long before its point an exemplar may have been measured, nanoseconds.
const EXEMPLARS_REACH: i64 = 3_600 * NANOSECONDS;

/// How the points of a metric add up, and whether its sender counts since it began.
#[derive(Clone, Copy)]
struct Aggregation {
    kind: Kind,
    is_cumulative: bool,
}

/// A sender, and who asks on its behalf.
struct Sender<'a> {
    facts: Resource,
    max_memory: Option<String>,
    /// The number of its resource and scope.
    number: i64,
    /// Where it is given, points of another are not taken.
    account: Option<&'a str>,
    now: i64,
}

/// The points of a request by stream, and those that cannot be stored. Where `account` is given, points of another are not taken.
pub fn by_stream(
    request: ExportMetricsServiceRequest,
    account: Option<&str>,
    now: i64,
) -> (Vec<IncomingPoints>, Rejected) {
    let (mut gathered, mut rejected) = (Gathered::default(), Rejected::default());
    for group in request.resource_metrics {
        let resource = group.resource.unwrap_or_default();
        let of_group = |metrics: &[Metric]| metrics.iter().map(points_of).sum();
        if let Err(reason) = check_resource(&resource) {
            rejected.add(group.scope_metrics.iter().map(|scope| of_group(&scope.metrics)).sum(), reason);
            continue;
        }
        let body = resource.encode_to_vec();
        let max_memory = resource.attributes.iter().find(|attribute| attribute.key == MAX_MEMORY);
        let max_memory = max_memory.map(|attribute| attribute_text(attribute.value.as_ref()).into_owned());
        for scope in group.scope_metrics {
            let ScopeMetrics { scope, metrics, schema_url } = scope;
            let header = ScopeMetrics { scope, metrics: Vec::new(), schema_url };
            if let Err(reason) = check_scope(&header) {
                rejected.add(of_group(&metrics), reason);
                continue;
            }
            let number = number_of([body.as_slice(), &header.encode_to_vec()]);
            let (facts, max_memory) = (Resource::of(&resource), max_memory.clone());
            let sender = Sender { facts, max_memory, number, account, now };
            metrics.into_iter().for_each(|metric| gathered.add(&sender, metric, &mut rejected));
        }
    }
    (gathered.points, rejected)
}

fn points_of(metric: &Metric) -> usize {
    match &metric.data {
        None => 0,
        Some(Data::Gauge(gauge)) => gauge.data_points.len(),
        Some(Data::Sum(sum)) => sum.data_points.len(),
        Some(Data::Histogram(histogram)) => histogram.data_points.len(),
        Some(Data::ExponentialHistogram(histogram)) => histogram.data_points.len(),
        Some(Data::Summary(summary)) => summary.data_points.len(),
    }
}

/// How a metric's points add up. What rises and falls is a level, of which the latest is known, where it is not told as changes.
fn aggregation(data: &Data) -> Result<Aggregation, &'static str> {
    let temporality = |temporality: i32| match AggregationTemporality::try_from(temporality) {
        Ok(AggregationTemporality::Delta) => Ok(false),
        Ok(AggregationTemporality::Cumulative) => Ok(true),
        _ => Err("sums and histograms say their aggregation temporality"),
    };
    let (kind, is_cumulative) = match data {
        Data::Gauge(_) => (Kind::Gauge, false),
        Data::Sum(sum) => match temporality(sum.aggregation_temporality)? {
            true if !sum.is_monotonic => (Kind::Gauge, false),
            is_cumulative => (Kind::Sum, is_cumulative),
        },
        Data::Histogram(histogram) => (Kind::Histogram, temporality(histogram.aggregation_temporality)?),
        Data::ExponentialHistogram(histogram) => (Kind::Histogram, temporality(histogram.aggregation_temporality)?),
        Data::Summary(_) => return Err("summaries are not taken, as quantiles do not add up: send histograms"),
    };
    Ok(Aggregation { kind, is_cumulative })
}

/// What a request has brought so far.
#[derive(Default)]
struct Gathered {
    points: Vec<IncomingPoints>,
    /// Where the points of a stream are.
    streams: HashMap<i64, usize>,
    series: HashMap<i64, Arc<Series>>,
}

impl Gathered {
    fn add(&mut self, sender: &Sender<'_>, metric: Metric, rejected: &mut Rejected) {
        let points = points_of(&metric);
        let Metric { name, unit, data, .. } = metric;
        let Some(data) = data else { return };
        if name.is_empty() || name.len() > MAX_NAME_BYTES || unit.len() > MAX_UNIT_BYTES {
            return rejected.add(points, "a metric has a name of at most 255 bytes, and a unit of at most 63");
        }
        if name == unverified::METRIC {
            return rejected.add(points, "apigateway.requests.refused is counted here, from access logs");
        }
        let aggregation = match aggregation(&data) {
            Ok(aggregation) => aggregation,
            Err(reason) => return rejected.add(points, reason),
        };
        let mut add = |point: DataPoint| {
            if let Err(reason) = self.take(sender, aggregation, (&name, &unit), point) {
                rejected.add(1, reason);
            }
        };
        match data {
            Data::Gauge(gauge) => {
                gauge.data_points.into_iter().for_each(|point| add(DataPoint::value(point, aggregation.kind)))
            }
            Data::Sum(sum) => {
                sum.data_points.into_iter().for_each(|point| add(DataPoint::value(point, aggregation.kind)))
            }
            Data::Histogram(histogram) => histogram.data_points.into_iter().map(DataPoint::from).for_each(add),
            Data::ExponentialHistogram(histogram) => {
                histogram.data_points.into_iter().map(DataPoint::from).for_each(add);
            }
            Data::Summary(_) => {}
        }
    }

    fn take(
        &mut self,
        sender: &Sender<'_>,
        aggregation: Aggregation,
        (metric, unit): (&str, &str),
        sent: DataPoint,
    ) -> Result<(), &'static str> {
        // How a sender says that there is nothing to say any more.
        if sent.flags & DataPointFlags::NoRecordedValueMask as u32 != 0 {
            return Ok(());
        }
        let summary = sent.summary?;
        if sent.time == 0 {
            return Err("a point says when it was measured");
        }
        if is_future(sent.time, sender.now) {
            return Err("a point cannot be of the future");
        }
        let time_ns = i64::try_from(sent.time).unwrap_or(i64::MAX);
        if time_ns < (sender.now - TAKEN_FOR) * NANOSECONDS {
            return Err("a point is at most a day old when it comes");
        }
        let series = series(sender, aggregation.kind, (metric, unit), &sent.attributes)?;
        // Nothing was measured, and nothing counts from it.
        if summary.count == 0 && !aggregation.is_cumulative {
            return Ok(());
        }
        let since = || i64::try_from(sent.start).ok().filter(|start| *start <= time_ns).unwrap_or_default();
        let point = Point {
            time_ns,
            since_ns: aggregation.is_cumulative.then(since),
            summary,
            exemplars: exemplars(sent.exemplars, (sent.start, time_ns)),
        };
        let stream =
            number_of([series.id.to_be_bytes(), sender.number.to_be_bytes()].each_ref().map(<[u8; 8]>::as_slice));
        let next = self.points.len();
        if let Some(known) = self.points.get_mut(*self.streams.entry(stream).or_insert(next)) {
            known.points.push(point);
        } else {
            let series = self.series.entry(series.id).or_insert_with(|| Arc::new(series)).clone();
            self.points.push(IncomingPoints { series, stream, points: vec![point] });
        }
        Ok(())
    }
}

/// What a point has in common with those of other processes.
fn series(
    sender: &Sender<'_>,
    kind: Kind,
    (metric, unit): (&str, &str),
    sent: &[KeyValue],
) -> Result<Series, &'static str> {
    if sent.len() > MAX_ATTRIBUTES {
        return Err("a point has at most 128 attributes");
    }
    let named_tenant = tenant(sent).map(|tenant| tenant.to_string());
    // By it tenants are told apart. One of the resource is only whom the points are for: it is the same for all of its metrics.
    let of_tenant = named_tenant.iter().map(|tenant| (TENANT, tenant));
    let of_memory = sender.max_memory.iter().map(|value| (MAX_MEMORY, value));
    let mut series = Series {
        id: 0,
        metric: metric.to_owned(),
        unit: unit.to_owned(),
        kind,
        service: sender.facts.service.to_string(),
        account: sender.facts.account.as_deref().map(Into::into),
        attributes: of_memory.chain(of_tenant).map(|(key, value)| (key.to_owned(), value.clone())).collect(),
        tenant: named_tenant.or_else(|| sender.facts.tenant.as_deref().map(Into::into)),
    };
    let mut named = Vec::with_capacity(sent.len());
    for KeyValue { key, value, .. } in sent {
        // If an attribute is there twice, the first one counts.
        if named.contains(&key) {
            continue;
        }
        named.push(key);
        let text = attribute_text(value.as_ref());
        match key.as_str() {
            TENANT => {}
            "cloud.account.id" if !text.is_empty() => series.account = Some(text.into_owned()),
            _ => {
                series.attributes.insert(key.clone(), text.into_owned());
            }
        }
    }
    if series.attributes.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>() > MAX_ATTRIBUTE_BYTES {
        return Err("a point has at most 4 kB of attributes");
    }
    if sender.account.is_some_and(|account| series.account.as_deref() != Some(account)) {
        return Err("a key is good for points of its own account only");
    }
    Ok(series.numbered())
}

/// Measurements that lead to a trace. One that names another time than its point is about, or one more than an hour before it, has the
/// point's: `start` is 0 where the point does not say.
fn exemplars(sent: Vec<Sent>, (start, time_ns): (u64, i64)) -> Vec<Exemplar> {
    let start = i64::try_from(start).unwrap_or(i64::MAX).max(time_ns - EXEMPLARS_REACH);
    let known = sent.into_iter().filter_map(|exemplar| {
        let value = match exemplar.value? {
            Value::AsDouble(value) => value,
            Value::AsInt(value) => value as f64,
        };
        let at =
            i64::try_from(exemplar.time_unix_nano).ok().filter(|at| (start..=time_ns).contains(at)).unwrap_or(time_ns);
        let span_id = if exemplar.span_id.len() == 8 { exemplar.span_id.as_slice() } else { &[] };
        Exemplar::new(&exemplar.trace_id, span_id, value, at).ok().filter(|_| is_finite(value))
    });
    let mut greatest = Vec::new();
    Exemplar::merge(&mut greatest, known);
    greatest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exemplar_is_of_the_time_that_its_point_is_about() {
        let time = 1_800_000_000 * NANOSECONDS;
        let at = |start: u64, of: u64| {
            let value = Some(Value::AsInt(1));
            let sent = Sent { time_unix_nano: of, trace_id: vec![1; 16], value, ..Sent::default() };
            exemplars(vec![sent], (start, time))[0].time_unix_ns
        };
        let minute = 60 * NANOSECONDS;
        let before = |ago: i64| (time - ago).unsigned_abs();
        assert_eq!([at(0, before(minute)), at(before(2 * minute), before(minute))], [time - minute; 2]);
        for odd in [0, 1, u64::MAX, before(-1), before(61 * minute)] {
            assert_eq!(at(0, odd), time, "{odd}");
        }
        assert_eq!(at(before(minute), before(2 * minute)), time, "before what the point counts");
    }
}
