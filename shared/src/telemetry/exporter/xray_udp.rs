//! The X-Ray daemon of the Lambda sandbox: OTLP protobuf in UDP datagrams, as AWS's own distributions of OpenTelemetry send
//! it. A datagram is not acknowledged; on loopback it is as good as delivered.

use std::net::{SocketAddr, ToSocketAddrs, UdpSocket};

use base64::{Engine, engine::general_purpose::STANDARD};
use opentelemetry_proto::{
    tonic::collector::trace::v1::ExportTraceServiceRequest,
    transform::{common::tonic::ResourceAttributesWithSchema, trace::tonic::group_spans_by_resource_and_scope},
};
use opentelemetry_sdk::{Resource, trace::SpanData};
use prost::Message;

use crate::telemetry::TelemetryError;

const HEADER: &str = "{\"format\":\"json\",\"version\":1}\n";
/// Marks sampled spans as OTLP.
const SAMPLED: &str = "T1S";
/// The largest datagram the daemon reads.
const MAX_DATAGRAM: usize = 64 * 1024 - 512;
/// Spans that fit into one datagram as a rule.
const SPANS_PER_DATAGRAM: usize = 10;

/// The daemon.
#[derive(Debug)]
pub(in crate::telemetry) struct XrayUdp {
    socket: UdpSocket,
    daemon: SocketAddr,
    resource: ResourceAttributesWithSchema,
}

impl XrayUdp {
    /// The daemon at `AWS_XRAY_DAEMON_ADDRESS`: `host:port`, or `tcp:host:port udp:host:port`.
    pub(super) fn from_env(resource: &Resource) -> Result<Self, TelemetryError> {
        let given = std::env::var("AWS_XRAY_DAEMON_ADDRESS").unwrap_or_else(|_| "127.0.0.1:2000".to_owned());
        let unusable =
            |reason: String| TelemetryError::Exporter(format!("AWS_XRAY_DAEMON_ADDRESS={given:?}: {reason}"));
        let address = given.split_whitespace().find_map(|part| part.strip_prefix("udp:")).unwrap_or(&given);
        let daemon = address.to_socket_addrs().map_err(|error| unusable(error.to_string()))?.next();
        let daemon = daemon.ok_or_else(|| unusable("no address".into()))?;
        let any = if daemon.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" };
        let socket = UdpSocket::bind(any).and_then(|socket| socket.set_nonblocking(true).map(|()| socket));
        let socket = socket.map_err(|error| unusable(error.to_string()))?;
        Ok(Self { socket, daemon, resource: resource.into() })
    }

    /// Sends spans; how many could not be.
    pub(super) fn send(&self, spans: Vec<SpanData>) -> usize {
        let mut lost = 0;
        let mut spans = spans.into_iter().peekable();
        while spans.peek().is_some() {
            lost += self.send_some(spans.by_ref().take(SPANS_PER_DATAGRAM).collect());
        }
        lost
    }

    fn send_some(&self, spans: Vec<SpanData>) -> usize {
        let count = spans.len();
        let halves = (count > 1).then(|| spans.clone());
        let request =
            ExportTraceServiceRequest { resource_spans: group_spans_by_resource_and_scope(spans, &self.resource) };
        let mut datagram = format!("{HEADER}{SAMPLED}");
        STANDARD.encode_string(request.encode_to_vec(), &mut datagram);
        match halves {
            _ if datagram.len() <= MAX_DATAGRAM => {
                if self.socket.send_to(datagram.as_bytes(), self.daemon).is_ok() {
                    0
                } else {
                    count
                }
            }
            Some(mut first) => {
                let second = first.split_off(count / 2);
                self.send_some(first) + self.send_some(second)
            }
            None => count,
        }
    }
}
