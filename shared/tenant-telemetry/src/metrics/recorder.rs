//! Counts and measures, with attributes of few values: no user, id or path is among them, and a tenant only where settings ask for it. The attributes
//! are in the order of their names. In another order the SDK keeps each point twice, once with the attributes as they came and once with them sorted.

use std::{
    borrow::Cow,
    sync::OnceLock,
    time::{Duration, SystemTime},
};

use opentelemetry::{Context, KeyValue, metrics::Meter, trace::TraceContextExt};
use parking_lot::Mutex;
use tenancy::TenantLabel;

use super::{
    busiest::Busiest,
    instruments::Instruments,
    invocation::{Outcome, TIMEOUT},
    usage::Usage,
};
use crate::semconv;

/// The recorder of this process. There is none where metrics are not exported.
static RECORDER: OnceLock<Recorder> = OnceLock::new();

/// Which tenants metrics name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum TenantNames {
    /// Metrics name no tenant.
    #[default]
    None,
    /// Metrics name this many of the busiest tenants, and all others as one.
    Top(usize),
}

/// Counts and measures for this process.
#[derive(Debug)]
pub(crate) struct Recorder {
    instruments: Instruments,
    busiest: Option<Mutex<Busiest>>,
    usage: Usage,
}

/// The recorder of this process. There is none where metrics are off.
pub(crate) fn recorder() -> Option<&'static Recorder> {
    RECORDER.get()
}

impl Recorder {
    pub(crate) fn new(meter: &Meter, tenants: TenantNames) -> Self {
        let busiest = match tenants {
            TenantNames::None => None,
            TenantNames::Top(names) => Some(Mutex::new(Busiest::new(names))),
        };
        Self { instruments: Instruments::new(meter), busiest, usage: Usage::new() }
    }

    /// Makes this the recorder of the process.
    pub(crate) fn install(self) {
        let _first_counts = RECORDER.set(self);
    }

    /// Records that an invocation began. Returns the place for its outcome.
    pub(crate) fn begin(&self) -> Outcome {
        self.usage.begin();
        Outcome::default()
    }

    /// Counts an invocation, once. Metrics of a request, and of the invocation that it was, name its tenant where metrics name any.
    pub(crate) fn invocation(&self, outcome: &Outcome, tenant: Option<&TenantLabel>) {
        let Some(mut record) = outcome.take() else { return };
        let ended = record.ended();
        // Exemplars are of the invocation's span.
        let _entered = Context::new().with_remote_span_context(record.span).attach();
        let counts = &self.instruments;
        let trigger = [KeyValue::new(semconv::FAAS_TRIGGER, record.trigger)];
        let tenant = self.named(tenant);
        let mut of_invocation = Vec::with_capacity(3);
        of_invocation.extend(trigger.iter().cloned().chain(tenant.clone()));
        match &ended.error {
            None => counts.invocations.add(1, &of_invocation),
            Some(error) if error == TIMEOUT => counts.timeouts.add(1, &of_invocation),
            Some(error) => {
                of_invocation.insert(0, KeyValue::new(semconv::ERROR_TYPE, error.clone()));
                counts.errors.add(1, &of_invocation);
            }
        }
        if record.cold {
            counts.coldstarts.add(1, &trigger);
        }
        if let Some(init) = record.init {
            counts.init_duration.record(init.as_secs_f64(), &trigger);
        }
        counts.invoke_duration.record(ended.took.as_secs_f64(), &trigger);
        counts.cpu_usage.record(self.usage.cpu().as_secs_f64(), &trigger);
        if let Some(memory) = self.usage.memory() {
            counts.mem_usage.record(memory, &trigger);
        }
        if let Some(request) = record.request {
            let attributes = request.attributes(&ended, tenant);
            counts.request_duration.record(ended.took.as_secs_f64(), &attributes);
        }
    }

    /// Measures a call of AWS that has ended, in its span.
    pub(crate) fn call_ends(&self, method: String, error: Option<Cow<'static, str>>, took: Duration) {
        let mut attributes = Vec::with_capacity(3);
        attributes.extend(error.map(|error| KeyValue::new(semconv::ERROR_TYPE, error)));
        attributes.push(KeyValue::new(semconv::RPC_METHOD, method));
        attributes.push(KeyValue::new(semconv::RPC_SYSTEM_NAME, "aws-api"));
        self.instruments.call_duration.record(took.as_secs_f64(), &attributes);
    }

    /// Measures a message whose processing begins, in its span. It was sent at `sent`, and this is its nth delivery.
    pub(super) fn message_begins(&self, attributes: &[KeyValue], sent: Option<SystemTime>, deliveries: Option<u32>) {
        self.instruments.consumed.add(1, attributes);
        if deliveries.is_some_and(|deliveries| deliveries > 1) {
            self.instruments.redelivered.add(1, attributes);
        }
        if let Some(sent) = sent {
            // A clock that goes ahead makes no message younger than new.
            let age = SystemTime::now().duration_since(sent).unwrap_or_default();
            self.instruments.process_age.record(age.as_secs_f64(), attributes);
        }
    }

    /// Measures a message whose processing has ended, in its span.
    pub(super) fn message_ends(
        &self,
        mut attributes: Vec<KeyValue>,
        tenant: Option<&TenantLabel>,
        error: Option<Cow<'static, str>>,
        took: Duration,
    ) {
        if let Some(error) = error {
            attributes.insert(0, KeyValue::new(semconv::ERROR_TYPE, error));
        }
        attributes.extend(self.named(tenant));
        self.instruments.process_duration.record(took.as_secs_f64(), &attributes);
    }

    /// `tenant.id` as metrics may say it.
    fn named(&self, tenant: Option<&TenantLabel>) -> Option<KeyValue> {
        let id = tenant?.tenant_id.to_shared();
        let busy = self.busiest.as_ref()?.lock().observe(&id);
        Some(if busy {
            KeyValue::new(semconv::TENANT_ID, id)
        } else {
            KeyValue::new(semconv::TENANT_ID, semconv::OTHER_TENANTS)
        })
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::metrics::v1::metric::Data;
    use tenancy::Tier;

    use super::*;
    use crate::metrics::{
        HttpRequest, InvocationStart,
        tests::{gathered, in_span, metrics, metrics_naming, points},
    };

    #[test]
    fn an_invocation_is_told_by_the_names_of_semantic_conventions_with_few_attributes() {
        let metrics = metrics_naming(TenantNames::Top(1));
        let recorder = metrics.recorder();
        let label = |tenant: &str| TenantLabel {
            tenant_id: tenant.parse().unwrap(),
            tier: Tier::named("basic"),
            user_id: "user-1".parse().ok(),
        };
        for (tenant, status) in [("acme", 201), ("acme", 201), ("globex", 503)] {
            let outcome = recorder.begin();
            let request = HttpRequest::new(&http::Method::POST, Some("/bookings".to_owned()), None);
            let init = (status == 503).then_some(Duration::from_millis(40));
            let begun = InvocationStart { trigger: "http", cold: status == 503, init, request: Some(request) };
            outcome.begin(&in_span(1, true), begun);
            outcome.end((status == 503).then_some("503".into()), Some(status));
            recorder.invocation(&outcome, Some(&label(tenant)));
            recorder.invocation(&outcome, Some(&label(tenant)));
        }
        let mut told: Vec<_> = gathered(&metrics)
            .into_iter()
            .flat_map(|metric| {
                let (name, unit) = (metric.name.clone(), metric.unit.clone());
                let of: Vec<_> = match &metric.data {
                    Some(Data::Sum(sum)) => sum.data_points.iter().map(|point| &point.attributes).collect(),
                    _ => points(&metric).iter().map(|point| &point.attributes).collect(),
                };
                let keys = |attributes: &Vec<opentelemetry_proto::tonic::common::v1::KeyValue>| {
                    let keys: Vec<_> = attributes.iter().map(|attribute| attribute.key.clone()).collect();
                    keys.join(" ")
                };
                let mut of: Vec<_> = of.into_iter().map(keys).collect();
                of.sort();
                of.into_iter().map(move |keys| format!("{name} [{unit}] {keys}")).collect::<Vec<_>>()
            })
            .collect();
        told.sort();
        assert_eq!(
            told,
            [
                "faas.coldstarts [{coldstart}] faas.trigger",
                "faas.cpu_usage [s] faas.trigger",
                "faas.errors [{error}] error.type faas.trigger tenant.id",
                "faas.init_duration [s] faas.trigger",
                "faas.invocations [{invocation}] faas.trigger tenant.id",
                "faas.invoke_duration [s] faas.trigger",
                "faas.mem_usage [By] faas.trigger",
                "http.server.request.duration [s] error.type http.request.method http.response.status_code http.route \
                 tenant.id url.scheme",
                "http.server.request.duration [s] http.request.method http.response.status_code http.route tenant.id \
                 url.scheme",
            ]
        );
    }

    #[test]
    fn histograms_of_durations_tell_milliseconds_apart() {
        let metrics = metrics();
        let recorder = metrics.recorder();
        let outcome = recorder.begin();
        outcome.begin(&Context::new(), InvocationStart { trigger: "timer", cold: false, init: None, request: None });
        recorder.invocation(&outcome, None);
        let told = gathered(&metrics);
        let of = |name: &str| {
            let metric = told.iter().find(|metric| metric.name == name).unwrap();
            points(metric)[0].explicit_bounds.clone()
        };
        assert_eq!(of("faas.invoke_duration").first(), Some(&0.001));
        assert_eq!(of("faas.invoke_duration").last(), Some(&30.0));
        assert_eq!(of("faas.mem_usage").last(), Some(&(10.0 * 1024.0 * 1024.0 * 1024.0)));
    }
}
