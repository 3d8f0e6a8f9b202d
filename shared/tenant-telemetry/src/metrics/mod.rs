//! Metrics by OpenTelemetry's API: the instruments, and the collection of what they have recorded.
//!
//! | file | idea |
//! |---|---|
//! | `instruments` | names, units and bounds |
//! | `recorder` | what is counted when, and with which attributes |
//! | `invocation` | what an invocation came to |
//! | `timed` | messages and calls, until they are over |
//! | `usage` | memory and CPU of the process |
//! | `busiest` | which tenants are named, where any are |
//! | `reader` | what the SDK has counted, whenever it is asked for |
//! | `exemplars` | the slowest measurement of a point, and its trace |

mod busiest;
mod exemplars;
mod instruments;
mod invocation;
mod reader;
mod recorder;
mod timed;
mod usage;

use std::sync::Arc;

use opentelemetry::{
    InstrumentationScope,
    metrics::{Meter, MeterProvider},
};
use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    metrics::v1::{ResourceMetrics as ResourceMetricsMessage, metric::Data},
};
use opentelemetry_sdk::{
    Resource,
    metrics::{Instrument, SdkMeterProvider, data::ResourceMetrics, reader::MetricReader},
};
use parking_lot::Mutex;

use self::{
    exemplars::{Exemplars, WithExemplars},
    reader::Reader,
};
pub(crate) use self::{
    invocation::{HttpRequest, InvocationStart, Outcome, TIMEOUT},
    recorder::{Recorder, TenantNames, recorder},
    timed::{TimedOperation, UnderWay},
    usage::cpu_time,
};
use crate::semconv;

/// The scope of this crate's instruments.
const SCOPE: &str = env!("CARGO_PKG_NAME");

/// The meter provider of a process, with what collects its points.
#[derive(Debug, Clone)]
pub(crate) struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    provider: SdkMeterProvider,
    reader: Reader,
    tenants: TenantNames,
    exemplars: Arc<Exemplars>,
    /// Kept, so that its lists are made once. Locked while points are gathered and handed over: what was counted is handed over once.
    gathered: Mutex<ResourceMetrics>,
}

impl Metrics {
    pub(crate) fn new(resource: Resource, tenants: TenantNames) -> Self {
        let reader = Reader::default();
        let provider = SdkMeterProvider::builder()
            .with_resource(resource)
            .with_reader(reader.clone())
            .with_view(move |instrument: &Instrument| instruments::view(instrument, tenants))
            .build();
        Self(Arc::new(Inner { provider, reader, tenants, exemplars: Arc::default(), gathered: Mutex::default() }))
    }

    /// Records with this crate's own instruments.
    pub(crate) fn recorder(&self) -> Recorder {
        let scope = InstrumentationScope::builder(SCOPE)
            .with_version(env!("CARGO_PKG_VERSION"))
            .with_schema_url(semconv::SCHEMA_URL);
        Recorder::new(&self.meter_with_scope(scope.build()), self.0.tenants)
    }

    /// Hands over what was recorded since the last call, with the trace of the slowest measurement of each point, if anything was. Whoever
    /// gathers at the same time waits until it has been taken: a flush that has nothing to gather finds it where it was put.
    ///
    /// The SDK counts a measurement before its trace is noted. One that another thread makes while points are gathered may leave its point
    /// without an exemplar.
    pub(crate) fn gather(&self, take: impl FnOnce(ExportMetricsServiceRequest)) {
        let inner = &*self.0;
        let mut gathered = inner.gathered.lock();
        // Before the points: whatever is noted in between has been counted by then.
        inner.exemplars.take();
        if inner.reader.collect(&mut gathered).is_err() {
            return;
        }
        let mut request = ExportMetricsServiceRequest::from(&*gathered);
        inner.exemplars.attach(&gathered, &mut request);
        request.resource_metrics.iter_mut().for_each(leave_out_what_is_empty);
        if request.resource_metrics.iter().any(|resource| !resource.scope_metrics.is_empty()) {
            take(request);
        }
    }
}

/// A measurement that is made while points are gathered may leave a histogram's point without one, whose least and greatest are then no values.
fn leave_out_what_is_empty(metrics: &mut ResourceMetricsMessage) {
    for scope in &mut metrics.scope_metrics {
        scope.metrics.retain_mut(|metric| match &mut metric.data {
            Some(Data::Histogram(histogram)) => {
                histogram.data_points.retain(|point| point.count > 0);
                !histogram.data_points.is_empty()
            }
            _ => true,
        });
    }
    metrics.scope_metrics.retain(|scope| !scope.metrics.is_empty());
}

impl MeterProvider for Metrics {
    fn meter_with_scope(&self, scope: InstrumentationScope) -> Meter {
        let meter = self.0.provider.meter_with_scope(scope.clone());
        Meter::new(Arc::new(WithExemplars::new(meter, scope, self.0.exemplars.clone())))
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::{
        Context, KeyValue,
        trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
    };
    use opentelemetry_proto::tonic::metrics::v1::{
        AggregationTemporality, HistogramDataPoint, Metric, exemplar::Value, number_data_point,
    };

    use super::*;

    pub(super) fn metrics() -> Metrics {
        metrics_naming(TenantNames::None)
    }

    pub(super) fn metrics_naming(tenants: TenantNames) -> Metrics {
        Metrics::new(Resource::builder_empty().with_service_name("booking-api").build(), tenants)
    }

    pub(super) fn gathered(metrics: &Metrics) -> Vec<Metric> {
        let mut request = None;
        metrics.gather(|gathered| request = Some(gathered));
        let resources = request.into_iter().flat_map(|request| request.resource_metrics);
        resources.flat_map(|resource| resource.scope_metrics).flat_map(|scope| scope.metrics).collect()
    }

    pub(super) fn points(metric: &Metric) -> &[HistogramDataPoint] {
        match &metric.data {
            Some(Data::Histogram(histogram)) => {
                assert_eq!(histogram.aggregation_temporality, AggregationTemporality::Delta as i32);
                &histogram.data_points
            }
            other => panic!("no histogram: {other:?}"),
        }
    }

    pub(super) fn in_span(span: u64, sampled: bool) -> Context {
        let flags = if sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
        let state = TraceState::default();
        let span = SpanContext::new(TraceId::from(u128::from(span)), SpanId::from(span), flags, false, state);
        Context::new().with_remote_span_context(span)
    }

    #[test]
    fn what_was_counted_is_handed_out_once() {
        let metrics = metrics();
        let orders = metrics.meter("shop").u64_counter("shop.orders").with_unit("{order}").build();
        assert_eq!(gathered(&metrics), []);
        orders.add(2, &[]);
        orders.add(3, &[]);
        let told = gathered(&metrics);
        let Some(Data::Sum(sum)) = &told[0].data else { panic!("{told:?}") };
        assert_eq!(sum.data_points[0].value, Some(number_data_point::Value::AsInt(5)));
        assert_eq!((sum.aggregation_temporality, sum.is_monotonic), (AggregationTemporality::Delta as i32, true));
        assert_eq!((told[0].name.as_str(), told[0].unit.as_str()), ("shop.orders", "{order}"));
        assert_eq!(gathered(&metrics), [], "nothing came since");
        orders.add(1, &[]);
        assert_eq!(gathered(&metrics).len(), 1);
    }

    #[test]
    fn nobody_gathers_while_what_was_gathered_is_on_its_way() {
        let metrics = metrics();
        metrics.meter("shop").u64_counter("shop.orders").build().add(1, &[]);
        let mut waits = false;
        metrics.gather(|_| waits = metrics.0.gathered.try_lock().is_none());
        assert!(waits);
    }

    #[test]
    fn each_point_leads_to_the_trace_of_its_slowest_sampled_measurement() {
        let metrics = metrics();
        let took = metrics.meter("shop").f64_histogram("shop.delivery").with_unit("s").build();
        let by = |door: &'static str| [KeyValue::new("door", door), KeyValue::new("floor", 2)];
        for (seconds, door, span, sampled) in [
            (0.2, "front", 1, true),
            (0.7, "front", 2, true),
            (0.9, "front", 3, false),
            (0.5, "front", 4, true),
            (0.1, "back", 5, true),
            (0.3, "side", 6, false),
        ] {
            let _entered = in_span(span, sampled).attach();
            let mut attributes = by(door);
            if span == 4 {
                // The same point, whoever names its attributes in which order.
                attributes.reverse();
            }
            took.record(seconds, &attributes);
        }
        let told = gathered(&metrics);
        let mut slowest: Vec<_> = points(&told[0])
            .iter()
            .map(|point| {
                let exemplars = point.exemplars.iter().map(|exemplar| {
                    assert!(exemplar.time_unix_nano > 0);
                    (exemplar.value, exemplar.trace_id.last().copied(), exemplar.span_id.last().copied())
                });
                (point.count, exemplars.collect::<Vec<_>>())
            })
            .collect();
        slowest.sort_by_key(|(count, exemplars)| (*count, exemplars.len()));
        let of = |seconds, span| vec![(Some(Value::AsDouble(seconds)), Some(span), Some(span))];
        assert_eq!(slowest, [(1, vec![]), (1, of(0.1, 5)), (4, of(0.7, 2))]);
        let _entered = in_span(7, true).attach();
        took.record(0.01, &by("front"));
        let told = gathered(&metrics);
        assert_eq!(points(&told[0])[0].exemplars[0].trace_id.last(), Some(&7), "of this flush, not of the one before");
    }

    #[test]
    fn nothing_is_lost_and_nothing_counted_twice_while_points_are_gathered() {
        const THREADS: u64 = 4;
        const EACH: u64 = 5_000;
        let metrics = metrics();
        let sizes = metrics.meter("shop").u64_histogram("shop.size").build();
        let orders = metrics.meter("shop").u64_counter("shop.orders").build();
        let done = std::sync::atomic::AtomicU64::default();
        let (mut ordered, mut measured) = (0, 0);
        let mut add = |told: Vec<Metric>| {
            for metric in told {
                match metric.data {
                    Some(Data::Sum(sum)) => {
                        ordered += sum
                            .data_points
                            .iter()
                            .map(|point| match point.value {
                                Some(number_data_point::Value::AsInt(count)) => count,
                                _ => panic!("{point:?}"),
                            })
                            .sum::<i64>();
                    }
                    Some(Data::Histogram(histogram)) => {
                        assert!(histogram.data_points.iter().all(|point| point.count > 0));
                        measured += histogram.data_points.iter().map(|point| point.count).sum::<u64>();
                    }
                    other => panic!("{other:?}"),
                }
            }
        };
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let (orders, sizes, done) = (&orders, &sizes, &done);
                scope.spawn(move || {
                    for round in 0..EACH {
                        orders.add(1, &[KeyValue::new("round", (round % 7) as i64)]);
                        sizes.record(thread, &[KeyValue::new("round", (round % 7) as i64)]);
                    }
                    done.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                });
            }
            while done.load(std::sync::atomic::Ordering::SeqCst) < THREADS {
                add(gathered(&metrics));
            }
        });
        add(gathered(&metrics));
        assert_eq!((ordered.unsigned_abs(), measured), (THREADS * EACH, THREADS * EACH));
    }
}
