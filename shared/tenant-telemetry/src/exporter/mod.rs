//! Where spans go: one [`Destination`] for each name in `OTEL_TRACES_EXPORTER`.
//!
//! A destination keeps spans until they are acknowledged, within bounds, and says what it had to drop.

mod destination;
mod exporters;
mod otlp;
mod xray_udp;

use std::time::Duration;

use lambda_http_client::Roots;
use opentelemetry_sdk::Resource;
use tenancy::TenantIds;

use super::{TelemetryError, privacy::tenant_ids, settings::Settings};

pub(super) use destination::{Destination, Flushed};
pub(super) use exporters::Exporters;
pub(super) use otlp::Otlp;
pub(super) use xray_udp::XrayUdp;

/// How spans are written for a destination.
#[derive(Debug)]
pub(super) enum Wire {
    /// OTLP over HTTP.
    Otlp(Box<Otlp>),
    /// OTLP in datagrams to the X-Ray daemon of the Lambda sandbox.
    XrayUdp(XrayUdp),
}

/// An exporter by its name in `OTEL_TRACES_EXPORTER`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exporter {
    /// `otlp`: OTLP over HTTP.
    Otlp,
    /// `xray-otlp`: the same, signed, to X-Ray's own endpoint.
    XrayOtlp,
    /// `xray-udp`: the X-Ray daemon.
    XrayUdp,
}

impl Exporter {
    const ALL: [Self; 3] = [Self::Otlp, Self::XrayOtlp, Self::XrayUdp];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Otlp => "otlp",
            Self::XrayOtlp => "xray-otlp",
            Self::XrayUdp => "xray-udp",
        }
    }
}

/// Where exporters send to, as far as it is set.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    pub(super) otlp: Option<String>,
    #[cfg(feature = "aws-sdk")]
    pub(super) xray_otlp: Option<String>,
    pub(super) xray_daemon: Option<String>,
    /// Whom clients trust for AWS.
    pub(super) roots: Roots,
    /// The longest that one attempt may take.
    pub(super) within: Duration,
}

/// The exporters of `names`, separated by commas: `otlp` (where it is empty), `xray-otlp`, `xray-udp`, `none`; each with what
/// `policy` says of it.
pub(super) fn named(names: &str, policy: &str) -> Result<Vec<(Exporter, TenantIds)>, String> {
    let names = if names.trim().is_empty() { "otlp" } else { names };
    let names = names.split(',').map(str::trim).filter(|name| !name.is_empty() && *name != "none");
    let exporters = names.map(|name| {
        let exporter = Exporter::ALL
            .into_iter()
            .find(|exporter| exporter.name() == name)
            .ok_or_else(|| format!("OTEL_TRACES_EXPORTER: {name:?} is not otlp, xray-otlp, xray-udp or none"))?;
        let tenant_ids = tenant_ids(name, policy).map_err(|mistake| format!("TENANT_ID_EXPORT: {mistake}"))?;
        Ok((exporter, tenant_ids))
    });
    exporters.collect()
}

/// The destinations of these settings.
pub(super) fn destinations(settings: &Settings, resource: &Resource) -> Result<Vec<Destination>, TelemetryError> {
    let destinations = settings.exporters.iter().map(|(exporter, tenant_ids)| {
        let wire = match exporter {
            Exporter::Otlp => Wire::Otlp(Box::new(Otlp::new(&settings.places, resource)?)),
            Exporter::XrayOtlp => Wire::Otlp(Box::new(to_xray(settings, resource)?)),
            Exporter::XrayUdp => Wire::XrayUdp(XrayUdp::new(settings.places.xray_daemon.as_deref(), resource)?),
        };
        Ok(Destination::new(exporter.name(), wire, *tenant_ids))
    });
    destinations.collect()
}

#[cfg(feature = "aws-sdk")]
fn to_xray(settings: &Settings, resource: &Resource) -> Result<Otlp, TelemetryError> {
    let unusable = |reason: String| TelemetryError::Exporter(format!("xray-otlp: {reason}"));
    let config = settings.aws.as_ref().ok_or_else(|| unusable("Settings::signing_with was not called".to_owned()))?;
    let signer = lambda_http_client::Signer::new(config, "xray").map_err(|error| unusable(error.to_string()))?;
    let region = config.region().map(ToString::to_string).unwrap_or_default();
    Otlp::to_xray(&settings.places, &region, signer, resource)
}

#[cfg(not(feature = "aws-sdk"))]
fn to_xray(_: &Settings, _: &Resource) -> Result<Otlp, TelemetryError> {
    Err(TelemetryError::Exporter("xray-otlp signs: it needs the feature aws-sdk".to_owned()))
}
