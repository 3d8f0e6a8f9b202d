//! The X-Ray daemon of the Lambda sandbox: OTLP protobuf in UDP datagrams, as AWS's own distributions of OpenTelemetry send
//! it. A datagram is not acknowledged; on loopback it is as good as delivered.

use std::{
    io::ErrorKind,
    net::{ToSocketAddrs, UdpSocket},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;

use super::{Unacknowledged, encoded};
use crate::TelemetryError;

const HEADER: &str = "{\"format\":\"json\",\"version\":1}\n";
/// Marks sampled spans as OTLP.
const SAMPLED: &str = "T1S";
/// The largest datagram the daemon reads.
const MAX_DATAGRAM: usize = 64 * 1024 - 512;
/// Spans that fit into one datagram as a rule.
const SPANS_PER_DATAGRAM: usize = 10;

/// Sends segments to X-Ray's daemon.
#[derive(Debug)]
pub(crate) struct XrayUdp {
    socket: UdpSocket,
}

impl XrayUdp {
    /// The daemon at an `AWS_XRAY_DAEMON_ADDRESS`: `host:port`, or `tcp:host:port udp:host:port`; `127.0.0.1:2000` where there is none.
    pub(super) fn new(given: Option<&str>) -> Result<Self, TelemetryError> {
        let given = given.unwrap_or("127.0.0.1:2000");
        let unusable =
            |reason: String| TelemetryError::Exporter(format!("AWS_XRAY_DAEMON_ADDRESS={given:?}: {reason}"));
        let address = given.split_whitespace().find_map(|part| part.strip_prefix("udp:")).unwrap_or(given);
        let daemon = address.to_socket_addrs().map_err(|error| unusable(error.to_string()))?.next();
        let daemon = daemon.ok_or_else(|| unusable("no address".into()))?;
        let any = if daemon.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" };
        // Connected: the route is looked up once, not for each datagram.
        let connected = || {
            let socket = UdpSocket::bind(any)?;
            socket.connect(daemon)?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        };
        let socket = connected().map_err(|error: std::io::Error| unusable(error.to_string()))?;
        Ok(Self { socket })
    }

    /// Sends a datagram and returns whether it left. A refusal that is reported here was of the datagram before, so this one is sent once more.
    fn send_datagram(&self, datagram: &[u8]) -> bool {
        match self.socket.send(datagram) {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => self.socket.send(datagram).is_ok(),
            sent => sent.is_ok(),
        }
    }

    /// Sends a request, in halves if it is too large for a datagram.
    fn send_request(&self, request: ExportTraceServiceRequest) -> usize {
        let Ok(encoded) = encoded(&request) else { return count(&request) };
        let mut datagram = String::with_capacity(HEADER.len() + SAMPLED.len() + encoded.len() * 4 / 3 + 4);
        datagram.push_str(HEADER);
        datagram.push_str(SAMPLED);
        STANDARD.encode_string(encoded, &mut datagram);
        if datagram.len() <= MAX_DATAGRAM && self.send_datagram(datagram.as_bytes()) {
            return 0;
        }
        match halves(request) {
            Ok((first, second)) if datagram.len() > MAX_DATAGRAM => {
                self.send_request(first) + self.send_request(second)
            }
            Ok((first, second)) => count(&first) + count(&second),
            Err(spans) => spans,
        }
    }
}

impl Unacknowledged<ExportTraceServiceRequest> for XrayUdp {
    fn at_most(&self) -> usize {
        SPANS_PER_DATAGRAM
    }

    fn send(&self, request: ExportTraceServiceRequest) -> usize {
        self.send_request(request)
    }
}

fn count(request: &ExportTraceServiceRequest) -> usize {
    request.resource_spans.iter().flat_map(|group| &group.scope_spans).map(|scope| scope.spans.len()).sum()
}

/// Divides the spans into two requests. The error is how many spans there are, if they cannot be divided.
fn halves(
    mut request: ExportTraceServiceRequest,
) -> Result<(ExportTraceServiceRequest, ExportTraceServiceRequest), usize> {
    let all = count(&request);
    if all < 2 {
        return Err(all);
    }
    let mut second = request.clone();
    let mut kept = 0;
    let scopes = request.resource_spans.iter_mut().flat_map(|group| &mut group.scope_spans);
    let others = second.resource_spans.iter_mut().flat_map(|group| &mut group.scope_spans);
    for (scope, other) in scopes.zip(others) {
        let here = scope.spans.len().min((all / 2).saturating_sub(kept));
        kept += here;
        scope.spans.truncate(here);
        other.spans.drain(..here);
    }
    Ok((request, second))
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};

    use super::*;

    fn request(scopes: &[usize]) -> ExportTraceServiceRequest {
        let scope = |spans: &usize| ScopeSpans { spans: vec![Span::default(); *spans], ..ScopeSpans::default() };
        let scope_spans = scopes.iter().map(scope).collect();
        ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }] }
    }

    #[test]
    fn a_request_too_large_is_divided_without_loss() {
        for scopes in [&[2][..], &[1, 1], &[5, 0, 4], &[0, 9]] {
            let all: usize = scopes.iter().sum();
            let (first, second) = halves(request(scopes)).unwrap();
            assert_eq!((count(&first), count(&first) + count(&second)), (all / 2, all), "{scopes:?}");
        }
        assert_eq!(halves(request(&[1])), Err(1));
    }
}
