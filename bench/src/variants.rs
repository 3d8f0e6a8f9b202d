//! booking-api with telemetry of several kinds.

use std::{path::Path, time::Duration};

use anyhow::Result;
use lambda_host::{
    aws::Aws,
    function::{Config, Function},
    payloads,
    sink::{Behaviour, Sink},
};
use testkit::functions::booking_api_env;

/// A kind of telemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// No telemetry at all.
    Off,
    /// OTLP, sent after each response, to a collector that takes this many milliseconds.
    Each(u64),
    /// OTLP, sent beside the next invocation.
    Adaptive(u64),
    /// OTLP, metrics too, sent after each response.
    EachMetrics(u64),
    /// OTLP, metrics too, sent beside the next invocation.
    AdaptiveMetrics(u64),
    /// The X-Ray daemon.
    Udp,
}

/// A running booking-api.
pub(crate) struct Variant {
    pub(crate) kind: Kind,
    pub(crate) function: Function,
    pub(crate) sink: Sink,
    event: String,
}

impl Variant {
    pub(crate) async fn start(kind: Kind, binary: &Path, aws: &Aws) -> Result<Self> {
        let sink = match kind {
            Kind::Udp => Sink::xray_daemon().await?,
            Kind::Off => Sink::otlp(Behaviour::Ok).await?,
            Kind::Each(delay) | Kind::Adaptive(delay) | Kind::EachMetrics(delay) | Kind::AdaptiveMetrics(delay) => {
                let slow = Behaviour::Slow(Duration::from_millis(delay));
                Sink::otlp(if delay == 0 { Behaviour::Ok } else { slow }).await?
            }
        };
        let (url, address) = (sink.url(), sink.address());
        let mut env = booking_api_env(aws);
        match kind {
            Kind::Off => env.push(("OTEL_SDK_DISABLED", "true")),
            Kind::Each(_) => env.push(("OTEL_EXPORTER_OTLP_ENDPOINT", &url)),
            Kind::Adaptive(_) => {
                env.extend([("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()), ("TELEMETRY_FLUSH", "adaptive")])
            }
            Kind::EachMetrics(_) => {
                env.extend([("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()), ("OTEL_METRICS_EXPORTER", "otlp")])
            }
            Kind::AdaptiveMetrics(_) => env.extend([
                ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
                ("OTEL_METRICS_EXPORTER", "otlp"),
                ("TELEMETRY_FLUSH", "adaptive"),
            ]),
            Kind::Udp => {
                env.extend([("OTEL_TRACES_EXPORTER", "xray-udp"), ("AWS_XRAY_DAEMON_ADDRESS", address.as_str())])
            }
        }
        let function = Function::start(&Config::new(binary, "booking-api", &env)).await?;
        let event = payloads::create_booking(&aws.token("acme", "basic", "user-1")?, &[]);
        Ok(Self { kind, function, sink, event })
    }

    /// Books a flight: response time, and time until the next invocation could come.
    pub(crate) async fn book(&mut self) -> Result<(Duration, Duration)> {
        let outcome = self.function.invoke(self.event.clone(), Duration::from_secs(30)).await?;
        anyhow::ensure!(outcome.http().0 == 201, "{:?}: {outcome:?}", self.kind);
        let post = self.function.idle().await?;
        Ok((outcome.response, post))
    }
}
