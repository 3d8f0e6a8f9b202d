//! Where telemetry goes: one [`ExportDestination`] for each name in `OTEL_TRACES_EXPORTER`, `OTEL_METRICS_EXPORTER` and
//! `OTEL_LOGS_EXPORTER`, but for `console`.
//!
//! A destination keeps what it is given until that is acknowledged. It keeps a limited amount and reports what it had to drop.

mod caught;
mod destination;
mod divided;
mod emf;
mod exporters;
mod lines;
mod otlp;
mod signal;
mod waiting;
mod xray_udp;

use std::{fmt, time::Duration};

use lambda_http_client::Roots;
use prost::{EncodeError, Message};
use tenancy::TenantIds;

use super::{privacy::tenant_ids, queue::Size};

pub(super) use destination::ExportDestination;
pub(super) use exporters::{Exporters, Lost};

/// How a request of a signal leaves.
#[derive(Debug)]
enum Wire<R> {
    /// OTLP over HTTP.
    Otlp(Box<otlp::Otlp>),
    /// Sends at once, without an acknowledgement.
    Unacknowledged(Box<dyn Unacknowledged<R>>),
}

impl<R> Wire<R> {
    /// How many items one request may carry.
    fn at_most(&self, of_request: Size) -> Size {
        match self {
            Self::Otlp(_) => of_request,
            Self::Unacknowledged(wire) => Size { count: wire.at_most().min(of_request.count), ..of_request },
        }
    }
}

/// Encodes a message as protobuf. It writes into a slice of the right length, which is faster than a vector that grows.
pub(super) fn encoded(message: &impl Message) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = vec![0; message.encoded_len()];
    message.encode(&mut bytes.as_mut_slice())?;
    Ok(bytes)
}

/// Sends requests without waiting for an acknowledgement.
trait Unacknowledged<R>: fmt::Debug + Send + Sync {
    /// How many spans or points it should be given at once.
    fn at_most(&self) -> usize;

    /// Sends a request and returns how many of its spans or points could not be sent.
    fn send(&self, request: R) -> usize;
}

/// One value for each signal.
#[derive(Debug, Clone, Default)]
pub(super) struct BySignal<T> {
    pub(super) traces: T,
    pub(super) metrics: T,
    pub(super) logs: T,
}

/// An exporter by its name in `OTEL_TRACES_EXPORTER`, `OTEL_METRICS_EXPORTER` or `OTEL_LOGS_EXPORTER`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exporter {
    /// `otlp`: OTLP over HTTP.
    Otlp,
    /// `xray-otlp`: the same, signed, to X-Ray's own endpoint.
    XrayOtlp,
    /// `xray-udp`: the X-Ray daemon.
    XrayUdp,
    /// `cloudwatch-otlp`: OTLP over HTTP, signed, to CloudWatch's own endpoint.
    CloudwatchOtlp,
    /// `emf`: standard output, in lines of which CloudWatch Logs makes metrics.
    Emf,
    /// `console`: standard output, where log lines go without waiting for a flush.
    Console,
}

impl Exporter {
    /// The exporters that take spans.
    pub(super) const OF_TRACES: &[Self] = &[Self::Otlp, Self::XrayOtlp, Self::XrayUdp];
    /// The exporters that take metrics.
    pub(super) const OF_METRICS: &[Self] = &[Self::Otlp, Self::CloudwatchOtlp, Self::Emf];
    /// The exporters that take log lines.
    #[cfg_attr(not(feature = "json-logs"), allow(dead_code, reason = "without it there are none"))]
    pub(super) const OF_LOGS: &[Self] = &[Self::Console, Self::Otlp];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Otlp => "otlp",
            Self::XrayOtlp => "xray-otlp",
            Self::XrayUdp => "xray-udp",
            Self::CloudwatchOtlp => "cloudwatch-otlp",
            Self::Emf => "emf",
            Self::Console => "console",
        }
    }
}

/// The endpoints of exporters, as far as they are set.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    #[cfg(feature = "aws-sdk")]
    pub(super) xray_otlp: Option<String>,
    #[cfg(feature = "aws-sdk")]
    pub(super) cloudwatch_otlp: Option<String>,
    pub(super) xray_daemon: Option<String>,
    /// The certificate authorities that clients trust for AWS.
    pub(super) roots: Roots,
    /// The longest that one attempt may take.
    pub(super) within: BySignal<Duration>,
}

/// Reads the exporters that `variable` names, separated by commas, out of the `known` ones. `none` means no exporter. Each comes with what `policy`
/// says about it.
pub(super) fn named(
    variable: &str,
    known: &[Exporter],
    names: &str,
    policy: &str,
) -> Result<Vec<(Exporter, TenantIds)>, String> {
    let names = names.split(',').map(str::trim).filter(|name| !name.is_empty() && *name != "none");
    let exporters = names.map(|name| {
        let exporter = known.iter().copied().find(|exporter| exporter.name() == name).ok_or_else(|| {
            let known: Vec<_> = known.iter().map(|exporter| exporter.name()).collect();
            format!("{variable}: {name:?} is not {} or none", known.join(", "))
        })?;
        let tenant_ids = tenant_ids(name, policy).map_err(|mistake| format!("TENANT_ID_EXPORT: {mistake}"))?;
        Ok((exporter, tenant_ids))
    });
    exporters.collect()
}
