//! The set-up of a process, and when what was told leaves it.
//!
//! | file | idea |
//! |---|---|
//! | `invocation` | an invocation under way, and what becomes of its spans, log lines and metrics |
//! | `losses` | what could not be sent, told in the log |
//! | `overflow` | what goes beyond what an invocation keeps, sent while it goes on |

mod invocation;
mod losses;
mod overflow;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use function_settings::InvalidSettings;
use opentelemetry::{
    Context, InstrumentationScope, global,
    metrics::{Meter, MeterProvider, NoopMeterProvider},
    trace::TracerProvider,
};
use opentelemetry_sdk::trace::SdkTracerProvider;
use parking_lot::{Mutex, MutexGuard};
use xray_sampler::Sampler;

use self::{
    invocation::{Invocation, Running},
    losses::Losses,
};
use super::{
    Work,
    exporter::Exporters,
    flush::{Mode, Pace},
    ids::XrayIdGenerator,
    layers::ExportLayer,
    lifecycle,
    lines::LateLines,
    metrics::{Metrics, Recorder, recorder},
    privacy::{DenyList, Pseudonyms},
    privacy_key,
    processor::TenantSpanProcessor,
    semconv,
    settings::Settings,
    startup::Startup,
    tracer::{SPANS, TRACER},
};

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// Variables have values that cannot be used.
    #[error(transparent)]
    Settings(#[from] InvalidSettings),
    /// The exporter's configuration cannot be used.
    #[error("exporter: {0}")]
    Exporter(String),
    /// The key of pseudonyms cannot be had.
    #[error("TENANT_ID_HMAC_KEY_ARN: {0}")]
    Privacy(String),
    /// There is a subscriber for logs already.
    #[error("logs: {0}")]
    Logs(String),
}

/// Whose log lines tell of the export itself: these modules.
#[cfg(feature = "json-logs")]
pub(crate) const TARGET: &str = module_path!();
/// The longest a flush may keep the function busy after a response.
pub(super) const FLUSH_WITHIN: Duration = Duration::from_secs(3);
/// How long spans of back-to-back invocations gather before they are sent together, and how many are enough.
const GATHER_FOR: Duration = Duration::from_millis(30);
const GATHER_AT_MOST: usize = 64;
/// The process's telemetry: one tracer provider, one processor, one meter provider, and where what they make goes to.
#[derive(Debug, Clone)]
pub struct Telemetry(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    processor: TenantSpanProcessor,
    exporters: Exporters,
    /// None where nobody receives metrics: nothing is recorded then.
    metrics: Option<Metrics>,
    startup: Startup,
    mode: Mode,
    pace: Pace,
    pseudonyms: Arc<Pseudonyms>,
    denied: DenyList,
    /// Log lines that belong to no invocation.
    late_lines: LateLines,
    /// Invocations under way, whose spans a SIGTERM must not lose.
    active: Mutex<HashMap<u64, Running>>,
    next_id: AtomicU64,
    losses: Mutex<Losses>,
    /// X-Ray's rules, if they decide what is kept.
    xray: Option<Sampler>,
}

impl Telemetry {
    /// Sets up spans for this process from its environment, without AWS credentials: [`Settings::from_env`], then
    /// [`Telemetry::start`]. Logs stay as they are.
    ///
    /// # Errors
    ///
    /// As those two.
    pub async fn from_env() -> Result<Self, TelemetryError> {
        Self::start(Settings::from_env()?).await
    }

    /// Sets up spans for this process, once. Logs stay as they are: `Settings::init_json_logs` sets them up, if you want it to.
    ///
    /// # Errors
    ///
    /// If an exporter cannot be built, or the key of pseudonyms cannot be had.
    pub async fn start(settings: Settings) -> Result<Self, TelemetryError> {
        let startup = Startup::under_way(settings.on_demand);
        let resource = settings.resource();
        let exporters = Exporters::new(&settings, &resource)?;
        let pseudonyms = settings.pseudonyms.clone();
        if let Some(secret) = privacy_key::find(&settings).await? {
            pseudonyms.set_key(&secret);
        }
        let xray = settings.sampler.xray().cloned();
        let processor = TenantSpanProcessor::default();
        let metrics = exporters.takes_metrics().then(|| Metrics::new(resource.clone(), settings.tenants_of_metrics));
        if let Some(metrics) = &metrics {
            metrics.recorder().install();
            global::set_meter_provider(metrics.clone());
        }
        if !settings.disabled {
            let provider = SdkTracerProvider::builder()
                .with_resource(resource)
                .with_sampler(settings.sampler)
                .with_id_generator(XrayIdGenerator::default())
                .with_span_processor(processor.clone())
                .build();
            let scope = InstrumentationScope::builder(env!("CARGO_PKG_NAME"))
                .with_version(env!("CARGO_PKG_VERSION"))
                .with_schema_url(semconv::SCHEMA_URL);
            let _first_counts = SPANS.set(settings.spans);
            let _first_counts = TRACER.set(provider.tracer_with_scope(scope.build()));
            global::set_tracer_provider(provider);
        }
        let telemetry = Self(Arc::new(Inner {
            processor,
            exporters,
            metrics,
            startup,
            mode: settings.flush,
            pace: Pace::default(),
            pseudonyms,
            denied: settings.denied,
            late_lines: settings.late_lines,
            active: Mutex::default(),
            next_id: AtomicU64::default(),
            losses: Mutex::default(),
            xray,
        }));
        if !telemetry.0.exporters.is_empty() {
            lifecycle::watch(telemetry.clone(), settings.runtime_api).await;
            tokio::spawn(telemetry.clone().send_overflow());
        }
        Ok(telemetry)
    }

    /// Sets up a function from its environment: [`Settings::from_env`], then [`Telemetry::start_function`].
    ///
    /// # Errors
    ///
    /// As those two.
    #[cfg(all(feature = "aws-sdk", feature = "json-logs"))]
    pub async fn of_function(config: &aws_config::SdkConfig) -> Result<Self, TelemetryError> {
        Self::start_function(Settings::from_env()?, config).await
    }

    /// Sets up a function that has AWS clients and no logs of its own: [`Settings::signing_with`], [`Settings::init_json_logs`], then
    /// [`Telemetry::start`].
    ///
    /// # Errors
    ///
    /// As those, and if the process has a subscriber for logs already.
    #[cfg(all(feature = "aws-sdk", feature = "json-logs"))]
    pub async fn start_function(settings: Settings, config: &aws_config::SdkConfig) -> Result<Self, TelemetryError> {
        let settings = settings.signing_with(config);
        settings.init_json_logs().map_err(|error| TelemetryError::Logs(error.to_string()))?;
        Self::start(settings).await
    }

    /// The layer around the runtime: everything of one invocation, then export once the response is out. Wrap it around
    /// `lambda_runtime::Runtime` with `.layer(…)`, as the last thing before it runs: the start of the process is over by then.
    pub fn export_layer(&self) -> ExportLayer {
        self.0.startup.ready();
        ExportLayer::new(self.clone())
    }

    /// A meter for instruments of your own, by the plain OpenTelemetry API. Make an instrument once and keep it. What it records is sent
    /// with the spans; where nobody receives metrics, nothing is recorded.
    ///
    /// ```
    /// # async fn of(telemetry: tenant_telemetry::Telemetry) {
    /// let orders = telemetry.meter("shop").u64_counter("shop.orders").with_unit("{order}").build();
    /// orders.add(1, &[]);
    /// # }
    /// ```
    pub fn meter(&self, scope: &'static str) -> Meter {
        self.0.metrics.as_ref().map_or_else(|| NoopMeterProvider::new().meter(scope), |metrics| metrics.meter(scope))
    }

    /// Begins an invocation, with a unit of work of its own.
    pub(super) fn begin(&self) -> Invocation {
        let now = Instant::now();
        self.0.pace.begin(now);
        let id = self.0.next_id.fetch_add(1, Ordering::Relaxed);
        let outcome = recorder().map(Recorder::begin);
        let running = Running { work: Work::default(), outcome };
        self.active().insert(id, running.clone());
        Invocation { telemetry: self.clone(), id, running, initialization: self.0.startup.of_first_invocation(now) }
    }

    fn active(&self) -> MutexGuard<'_, HashMap<u64, Running>> {
        self.0.active.lock()
    }

    /// Asks X-Ray for rules and tells it counts, if that is due.
    async fn keep_rules_fresh(&self) {
        if let Some(sampler) = self.0.xray.as_ref().filter(|sampler| sampler.is_due())
            && let Err(error) = sampler.poll().await
        {
            tracing::debug!(%error, "sampling rules");
        }
    }

    /// Counts an invocation, and hands its spans to every destination.
    fn collect(&self, running: &Running) {
        running.count();
        self.collect_from(&running.work);
    }

    fn collect_from(&self, work: &Work) {
        self.0.exporters.push_spans(self.0.processor.drain(work));
        // After the spans, which close it: a line that comes in between is here, and one that comes later is late.
        let mut lines = self.0.late_lines.take();
        lines.append(&mut work.take_lines());
        self.0.exporters.push_lines(lines);
    }

    async fn flush(&self, within: Duration) {
        let inner = &self.0;
        if let Some(metrics) = &inner.metrics {
            metrics.gather(|points| inner.exporters.push_metrics(points));
        }
        inner.exporters.count_dropped(inner.processor.late().take_dropped(), inner.late_lines.take_dropped());
        self.send(within).await;
    }

    /// Sends what waits, within this time.
    pub(super) async fn send(&self, within: Duration) {
        let inner = &self.0;
        // The exporter's own calls must not make spans.
        let quiet = Context::new().with_telemetry_suppressed();
        let flush = inner.exporters.flush(within, &inner.pseudonyms, &inner.denied);
        let lost = opentelemetry::trace::FutureExt::with_context(flush, quiet).await;
        let mut losses = inner.losses.lock();
        losses.add(lost);
        losses.log(Instant::now());
    }

    /// Ends what is open, as failed with `error_type`, and sends all there is.
    pub(super) async fn flush_everything(&self, error_type: &'static str, within: Duration) {
        let active: Vec<Running> = self.active().values().cloned().collect();
        for running in &active {
            running.give_up(error_type);
            self.collect(running);
        }
        // What was made outside any invocation.
        self.collect_from(&Work::closed());
        self.flush(within).await;
    }

    /// Sends what back-to-back invocations leave, beside the next ones.
    fn flush_beside(&self) {
        let waiting = self.0.exporters.waiting();
        let rules_due = self.0.xray.as_ref().is_some_and(Sampler::is_due);
        if (waiting == 0 && self.0.metrics.is_none() && !rules_due)
            || self.0.pace.scheduled.swap(true, Ordering::AcqRel)
        {
            return;
        }
        let telemetry = self.clone();
        tokio::spawn(async move {
            if waiting < GATHER_AT_MOST {
                tokio::time::sleep(GATHER_FOR).await;
            }
            // From here on new spans need a flush of their own.
            telemetry.0.pace.scheduled.store(false, Ordering::Release);
            tokio::join!(telemetry.flush(FLUSH_WITHIN), telemetry.keep_rules_fresh());
        });
    }
}
