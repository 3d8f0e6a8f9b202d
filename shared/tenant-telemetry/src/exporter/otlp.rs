//! OTLP over HTTP, as the standard `OTEL_EXPORTER_OTLP_*` variables say, signed each time it is sent where that is asked for.

use std::{io::Write, time::Duration};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, Request, StatusCode, Uri, header};
#[cfg(feature = "aws-sdk")]
use lambda_http_client::Signer;
use lambda_http_client::{HttpClient, HttpClientError, Roots};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;

use super::{caught::Caught, encoded, signal::Signal};
use crate::TelemetryError;

/// An OTLP endpoint.
#[derive(Debug)]
pub(crate) struct Otlp {
    uri: Uri,
    headers: HeaderMap,
    client: HttpClient,
    #[cfg(feature = "aws-sdk")]
    signer: Option<Signer>,
}

/// Why a request was not delivered.
#[derive(Debug)]
pub(crate) enum NotDelivered {
    /// The connection broke, as it does while a sandbox is frozen, so another attempt at once may succeed.
    Broken(String),
    /// The receiver wants another attempt later, after this time if it named one.
    Later(String, Option<Duration>),
    /// The receiver refused the request, and another try would not help.
    Refused(String),
}

/// A receiver's acknowledgement.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Acknowledged {
    /// How many spans, points or log records of the request it rejected.
    pub(super) rejected: u64,
}

impl Otlp {
    /// The endpoint of `OTEL_EXPORTER_OTLP_*` for a signal.
    pub(super) fn of_environment<S: Signal>(roots: Roots, within: Duration) -> Result<Self, TelemetryError> {
        let (uri, headers) = addressed::<S>(None)?;
        Ok(Self::at(uri, headers, roots, within))
    }

    /// An endpoint of AWS itself. It does not get the headers of `OTEL_EXPORTER_OTLP_HEADERS`, which may hold another receiver's key.
    #[cfg(feature = "aws-sdk")]
    pub(super) fn signed<S: Signal>(
        endpoint: String,
        signer: Signer,
        roots: Roots,
        within: Duration,
    ) -> Result<Self, TelemetryError> {
        let (uri, all) = addressed::<S>(Some(endpoint))?;
        let of_the_body = [header::CONTENT_TYPE, header::CONTENT_ENCODING];
        let headers = of_the_body.into_iter().filter_map(|name| Some((name.clone(), all.get(&name)?.clone())));
        Ok(Self { signer: Some(signer), ..Self::at(uri, headers.collect(), roots, within) })
    }

    fn at(uri: Uri, headers: HeaderMap, roots: Roots, within: Duration) -> Self {
        let client = HttpClient::trusting(roots.for_url(&uri.to_string()), within);
        Self {
            uri,
            headers,
            client,
            #[cfg(feature = "aws-sdk")]
            signer: None,
        }
    }

    /// The body of a request, compressed if the settings say so.
    pub(super) fn encode(&self, request: &impl Message) -> Result<Bytes, String> {
        let plain = encoded(request).map_err(|error| error.to_string())?;
        if !self.headers.contains_key(header::CONTENT_ENCODING) {
            return Ok(plain.into());
        }
        let mut zipped = GzEncoder::new(Vec::new(), Compression::default());
        let zipped = zipped.write_all(&plain).and_then(|()| zipped.finish());
        zipped.map(Bytes::from).map_err(|error| error.to_string())
    }

    /// Sends an encoded request and waits for the receiver's acknowledgement.
    pub(super) async fn deliver(&self, body: &Bytes) -> Result<Acknowledged, NotDelivered> {
        let mut request = Request::new(body.clone());
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        #[cfg(feature = "aws-sdk")]
        if let Some(signer) = &self.signer {
            let unsigned = |error: lambda_http_client::SignError| NotDelivered::Later(error.to_string(), None);
            signer.ready().await.map_err(unsigned)?.sign(&mut request).map_err(unsigned)?;
        }
        let response = self.client.send(request).await.map_err(|error| match error {
            HttpClientError::NoResponse(_) => NotDelivered::Broken(error.to_string()),
            HttpClientError::Timeout(_) => NotDelivered::Later(error.to_string(), None),
            HttpClientError::InvalidRequest(_) => NotDelivered::Refused(error.to_string()),
        })?;
        // The statuses that OTLP says may be tried again: <https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes>
        match response.status() {
            status if status.is_success() => Ok(Acknowledged { rejected: rejected(response.body()) }),
            status @ (StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT) => {
                let after = response.headers().get(header::RETRY_AFTER);
                let seconds = after.and_then(|value| value.to_str().ok()?.parse().ok());
                Err(NotDelivered::Later(status.to_string(), seconds.map(Duration::from_secs)))
            }
            status => Err(NotDelivered::Refused(status.to_string())),
        }
    }
}

/// Where opentelemetry-otlp would send a signal, and with which headers.
fn addressed<S: Signal>(endpoint: Option<String>) -> Result<(Uri, HeaderMap), TelemetryError> {
    let caught = Caught::default();
    S::send_nothing(endpoint, caught.clone()).map_err(TelemetryError::Exporter)?;
    caught.take().ok_or_else(|| TelemetryError::Exporter("opentelemetry-otlp sent nothing".to_owned()))
}

/// How many items of a request an answer says were rejected. The answers of the three signals have the same encoding. An answer that is no such
/// message, such as `{}` from a receiver that answers in JSON, rejects nothing.
/// <https://opentelemetry.io/docs/specs/otlp/#partial-success-1>
fn rejected(answer: &Bytes) -> u64 {
    let answer = ExportTraceServiceResponse::decode(answer.clone()).unwrap_or_default();
    answer.partial_success.and_then(|partial| u64::try_from(partial.rejected_spans).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::{
        logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse},
        metrics::v1::{ExportMetricsPartialSuccess, ExportMetricsServiceResponse},
    };

    use super::*;

    #[test]
    fn what_a_receiver_says_it_left_out_is_counted_for_every_signal() {
        let error_message = "too old".to_owned();
        let points = ExportMetricsPartialSuccess { rejected_data_points: 3, error_message: error_message.clone() };
        let points = ExportMetricsServiceResponse { partial_success: Some(points) };
        let records = ExportLogsPartialSuccess { rejected_log_records: 4, error_message };
        let records = ExportLogsServiceResponse { partial_success: Some(records) };
        assert_eq!([points.encode_to_vec(), records.encode_to_vec()].map(|answer| rejected(&answer.into())), [3, 4]);
        let others = [&b""[..], b"{}", b"<html></html>"].map(|answer| rejected(&Bytes::from_static(answer)));
        assert_eq!(others, [0, 0, 0], "no complaint");
    }
}
