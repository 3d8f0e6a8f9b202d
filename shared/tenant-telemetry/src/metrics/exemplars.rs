//! Exemplars: for each point of a histogram, the slowest (greatest) measurement that was made in a sampled span, and that span. The SDK writes no
//! exemplars, so they are recorded beside the measurement and attached to the points that it collects.
//! <https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exemplars>

use std::{
    borrow::Cow,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use opentelemetry::{
    Context, InstrumentationScope, KeyValue,
    metrics::{
        AsyncInstrumentBuilder, Counter, Gauge, Histogram, HistogramBuilder, InstrumentBuilder, InstrumentProvider,
        Meter, ObservableCounter, ObservableGauge, ObservableUpDownCounter, SyncInstrument, UpDownCounter,
    },
    trace::{SpanId, TraceContextExt, TraceId},
};
use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    metrics::v1::{Exemplar, Histogram as SentHistogram, HistogramDataPoint, exemplar::Value, metric::Data},
};
use opentelemetry_sdk::metrics::data::{
    AggregatedMetrics, Histogram as Gathered, HistogramDataPoint as Point, MetricData, ResourceMetrics,
};
use parking_lot::Mutex;

/// The most points of one histogram that have an exemplar between two flushes: few enough to look through.
const MAX_POINTS: usize = 64;

/// A measurement and where it was made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measurement {
    value: f64,
    trace_id: TraceId,
    span_id: SpanId,
    at: SystemTime,
}

/// The slowest measurements of one histogram, by the attributes of their points.
type Slowest = Vec<SlowestMeasurement>;

/// The slowest measurement of a point. It stays for the next flush, whose points are mostly the same, and goes if that has none.
#[derive(Debug)]
struct SlowestMeasurement {
    attributes: Vec<KeyValue>,
    /// The slowest since the last flush.
    slowest: Option<Measurement>,
    /// The slowest for the flush that is under way.
    taken: Option<Measurement>,
}

/// A histogram: names are unique in their scope.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Name {
    scope: InstrumentationScope,
    name: Cow<'static, str>,
}

/// The slowest measurements of all histograms since they were taken last. An instrument that is made twice is here once.
#[derive(Debug, Default)]
pub(super) struct Exemplars(Mutex<Vec<(Name, Arc<Mutex<Slowest>>)>>);

impl Exemplars {
    fn of(&self, name: Name) -> Arc<Mutex<Slowest>> {
        let mut histograms = self.0.lock();
        if let Some((_, slowest)) = histograms.iter().find(|(known, _)| *known == name) {
            return slowest.clone();
        }
        let slowest = Arc::default();
        histograms.push((name, Arc::clone(&slowest)));
        slowest
    }

    /// Sets apart what was recorded since the last call, for [`Exemplars::attach`].
    pub(super) fn take(&self) {
        for (_, noted) in &*self.0.lock() {
            noted.lock().retain_mut(|noted| {
                noted.taken = noted.slowest.take();
                noted.taken.is_some()
            });
        }
    }

    /// Puts what was taken on the points it was measured for. `request` is what `gathered` came to, point by point.
    pub(super) fn attach(&self, gathered: &ResourceMetrics, request: &mut ExportMetricsServiceRequest) {
        let histograms = self.0.lock();
        let scopes = request.resource_metrics.iter_mut().flat_map(|resource| &mut resource.scope_metrics);
        for (scope, sent) in gathered.scope_metrics().zip(scopes) {
            for (metric, sent) in scope.metrics().zip(&mut sent.metrics) {
                let Some(Data::Histogram(sent)) = &mut sent.data else { continue };
                let of_metric = |(of, _): &&(Name, _)| of.name == metric.name() && of.scope == *scope.scope();
                let Some((_, noted)) = histograms.iter().find(of_metric) else { continue };
                let noted = noted.lock();
                match metric.data() {
                    AggregatedMetrics::F64(MetricData::Histogram(gathered)) => attach(&noted, gathered, sent),
                    AggregatedMetrics::U64(MetricData::Histogram(gathered)) => attach(&noted, gathered, sent),
                    _ => {}
                }
            }
        }
    }
}

fn attach<T>(noted: &[SlowestMeasurement], gathered: &Gathered<T>, sent: &mut SentHistogram) {
    for (point, sent) in gathered.data_points().zip(&mut sent.data_points) {
        let noted = noted.iter().filter_map(|noted| noted.taken.filter(|_| same(&noted.attributes, point)));
        let slowest = noted.max_by(|one, other| one.value.total_cmp(&other.value));
        sent.exemplars.extend(slowest.filter(|slowest| holds(sent, slowest)).map(|slowest| slowest.exemplar()));
    }
}

/// Whether a point can have this measurement: one that was made while points were gathered may be of the one before.
fn holds(point: &HistogramDataPoint, Measurement { value, at, .. }: &Measurement) -> bool {
    nanoseconds(*at) >= point.start_time_unix_nano
        && point.min.is_none_or(|min| min <= *value)
        && point.max.is_none_or(|max| *value <= max)
}

/// Nanoseconds since 1970.
fn nanoseconds(at: SystemTime) -> u64 {
    u64::try_from(at.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()).unwrap_or_default()
}

/// Whether these are a point's attributes, in any order.
fn same<T>(noted: &[KeyValue], of: &Point<T>) -> bool {
    noted.iter().eq(of.attributes())
        || (of.attributes().count() == noted.len() && of.attributes().all(|attribute| noted.contains(attribute)))
}

impl Measurement {
    fn exemplar(&self) -> Exemplar {
        Exemplar {
            filtered_attributes: Vec::new(),
            time_unix_nano: nanoseconds(self.at),
            span_id: self.span_id.to_bytes().to_vec(),
            trace_id: self.trace_id.to_bytes().to_vec(),
            value: Some(Value::AsDouble(self.value)),
        }
    }
}

/// The SDK's instruments, of which histograms note their slowest measurements too.
pub(super) struct WithExemplars {
    meter: Meter,
    scope: InstrumentationScope,
    exemplars: Arc<Exemplars>,
}

impl WithExemplars {
    pub(super) fn new(meter: Meter, scope: InstrumentationScope, exemplars: Arc<Exemplars>) -> Self {
        Self { meter, scope, exemplars }
    }

    fn slowest(&self, name: Cow<'static, str>) -> Arc<Mutex<Slowest>> {
        self.exemplars.of(Name { scope: self.scope.clone(), name })
    }

    /// What the SDK makes instruments with: a meter hands it out with a builder only.
    fn sdk(&self) -> &dyn InstrumentProvider {
        self.meter.u64_counter("").instrument_provider
    }
}

/// Instruments that are passed through to the SDK unchanged.
macro_rules! of_the_sdk {
    ($($name:ident($builder:ty) -> $instrument:ty),* $(,)?) => {
        $(fn $name(&self, builder: $builder) -> $instrument {
            self.sdk().$name(builder)
        })*
    };
}

impl InstrumentProvider for WithExemplars {
    of_the_sdk! {
        u64_counter(InstrumentBuilder<'_, Counter<u64>>) -> Counter<u64>,
        f64_counter(InstrumentBuilder<'_, Counter<f64>>) -> Counter<f64>,
        u64_observable_counter(AsyncInstrumentBuilder<'_, ObservableCounter<u64>, u64>) -> ObservableCounter<u64>,
        f64_observable_counter(AsyncInstrumentBuilder<'_, ObservableCounter<f64>, f64>) -> ObservableCounter<f64>,
        i64_up_down_counter(InstrumentBuilder<'_, UpDownCounter<i64>>) -> UpDownCounter<i64>,
        f64_up_down_counter(InstrumentBuilder<'_, UpDownCounter<f64>>) -> UpDownCounter<f64>,
        i64_observable_up_down_counter(AsyncInstrumentBuilder<'_, ObservableUpDownCounter<i64>, i64>) -> ObservableUpDownCounter<i64>,
        f64_observable_up_down_counter(AsyncInstrumentBuilder<'_, ObservableUpDownCounter<f64>, f64>) -> ObservableUpDownCounter<f64>,
        u64_gauge(InstrumentBuilder<'_, Gauge<u64>>) -> Gauge<u64>,
        f64_gauge(InstrumentBuilder<'_, Gauge<f64>>) -> Gauge<f64>,
        i64_gauge(InstrumentBuilder<'_, Gauge<i64>>) -> Gauge<i64>,
        u64_observable_gauge(AsyncInstrumentBuilder<'_, ObservableGauge<u64>, u64>) -> ObservableGauge<u64>,
        i64_observable_gauge(AsyncInstrumentBuilder<'_, ObservableGauge<i64>, i64>) -> ObservableGauge<i64>,
        f64_observable_gauge(AsyncInstrumentBuilder<'_, ObservableGauge<f64>, f64>) -> ObservableGauge<f64>,
    }

    fn f64_histogram(&self, builder: HistogramBuilder<'_, Histogram<f64>>) -> Histogram<f64> {
        let slowest = self.slowest(builder.name.clone());
        Histogram::new(Arc::new(Noting { counted: self.sdk().f64_histogram(builder), slowest }))
    }

    fn u64_histogram(&self, builder: HistogramBuilder<'_, Histogram<u64>>) -> Histogram<u64> {
        let slowest = self.slowest(builder.name.clone());
        Histogram::new(Arc::new(Noting { counted: self.sdk().u64_histogram(builder), slowest }))
    }
}

/// A histogram that notes its slowest measurements.
struct Noting<T> {
    counted: Histogram<T>,
    slowest: Arc<Mutex<Slowest>>,
}

impl SyncInstrument<f64> for Noting<f64> {
    fn measure(&self, measurement: f64, attributes: &[KeyValue]) {
        let at = SystemTime::now();
        self.counted.record(measurement, attributes);
        keep_if_slowest(&self.slowest, measurement, attributes, at);
    }
}

impl SyncInstrument<u64> for Noting<u64> {
    fn measure(&self, measurement: u64, attributes: &[KeyValue]) {
        let at = SystemTime::now();
        self.counted.record(measurement, attributes);
        keep_if_slowest(&self.slowest, measurement as f64, attributes, at);
    }
}

/// Keeps a measurement if none with its attributes was slower. `at` is before it was counted: a point that begins later does not hold it.
fn keep_if_slowest(slowest: &Mutex<Slowest>, value: f64, attributes: &[KeyValue], at: SystemTime) {
    let sampled = Context::map_current(|cx| {
        let span = cx.span();
        let span = span.span_context();
        span.is_sampled().then(|| (span.trace_id(), span.span_id()))
    });
    let Some((trace_id, span_id)) = sampled else { return };
    let measurement = Measurement { value, trace_id, span_id, at };
    let mut noted = slowest.lock();
    match noted.iter().position(|noted| noted.attributes == attributes) {
        Some(at) => {
            if let Some(noted) = noted.get_mut(at)
                && noted.slowest.is_none_or(|slowest| slowest.value < value)
            {
                noted.slowest = Some(measurement);
            }
        }
        None if noted.len() < MAX_POINTS => {
            noted.push(SlowestMeasurement { attributes: attributes.to_vec(), slowest: Some(measurement), taken: None });
        }
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use opentelemetry::metrics::MeterProvider;

    use crate::metrics::tests::{gathered, in_span, metrics, points};

    #[test]
    fn a_measurement_of_the_point_before_leads_nowhere() {
        let metrics = metrics();
        let took = metrics.meter("shop").f64_histogram("shop.delivery").build();
        let _entered = in_span(1, true).attach();
        let exemplars_of_a_point = |noted_before: Duration| {
            took.record(0.5, &[]);
            for (_, slowest) in &*metrics.0.exemplars.0.lock() {
                slowest
                    .lock()
                    .iter_mut()
                    .filter_map(|noted| noted.slowest.as_mut())
                    .for_each(|noted| noted.at -= noted_before);
            }
            points(&gathered(&metrics)[0])[0].exemplars.len()
        };
        assert_eq!(exemplars_of_a_point(Duration::ZERO), 1);
        // As if its thread had noted it only after the point that holds it was gathered.
        assert_eq!(exemplars_of_a_point(Duration::from_secs(3_600)), 0);
    }
}
