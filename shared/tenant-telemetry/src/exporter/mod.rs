//! Where spans go: one [`Destination`] for each name in `OTEL_TRACES_EXPORTER`.
//!
//! A destination keeps spans until they are acknowledged, within bounds, and says what it had to drop.

mod destination;
mod otlp;
mod xray_udp;

use aws_config::SdkConfig;
use lambda_http_client::Signer;
use opentelemetry_sdk::Resource;

use super::{TelemetryError, privacy::TenantIds};

pub(super) use destination::Destination;
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

/// The destinations of `names`, separated by commas: `otlp` (where it is empty), `xray-otlp`, `xray-udp`, `none`.
pub(super) fn destinations(
    names: &str,
    tenant_ids: &str,
    config: &SdkConfig,
    resource: &Resource,
) -> Result<Vec<Destination>, TelemetryError> {
    let names = if names.trim().is_empty() { "otlp" } else { names };
    let mut destinations = Vec::new();
    for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let (name, wire) = match name {
            "otlp" => ("otlp", Wire::Otlp(Box::new(Otlp::from_env(resource)?))),
            "xray-otlp" => {
                let signer =
                    Signer::new(config, "xray").map_err(|error| TelemetryError::Exporter(error.to_string()))?;
                let region = config.region().map(ToString::to_string).unwrap_or_default();
                ("xray-otlp", Wire::Otlp(Box::new(Otlp::to_xray(&region, signer, resource)?)))
            }
            "xray-udp" => ("xray-udp", Wire::XrayUdp(XrayUdp::from_env(resource)?)),
            "none" => continue,
            _ => {
                let message = format!("OTEL_TRACES_EXPORTER: {name:?} is not otlp, xray-otlp, xray-udp or none");
                return Err(TelemetryError::Exporter(message));
            }
        };
        destinations.push(Destination::new(name, wire, TenantIds::of(name, tenant_ids)?));
    }
    Ok(destinations)
}
