//! API Gateway's access logs, as Firehose delivers them: `POST /v1/access-logs`. Of all their lines, requests that were refused before anybody was known are
//! counted; nothing else of them is kept.
//! <https://docs.aws.amazon.com/firehose/latest/dev/httpdeliveryrequestresponse.html>

mod counted;
mod line;
mod named;

use axum::{
    Json,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use control_plane_model::{complain::complain, incoming::number_of, metrics::IncomingPoints};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use tokio::task::{JoinError, spawn_blocking};

use self::counted::{Batch, NotCounted};
pub(super) use self::named::NamedNetworks;
use super::{
    Intake, MAX_BODY_BYTES, Refusal, Rejected,
    body::{gunzip, unpack},
    receive,
};

/// Their turns, among those of the signals.
pub(super) const NUMBER: usize = 3;
/// The header that names a delivery, which the answer repeats.
const REQUEST_ID: &str = "x-amz-firehose-request-id";
/// How gzip begins (RFC 1952 §2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Bytes of all batches of a delivery, unpacked.
const MAX_UNPACKED_BYTES: usize = 4 * MAX_BODY_BYTES;

#[derive(Deserialize)]
struct Delivery {
    records: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    /// A batch in JSON, gzip'd or not, in base64.
    data: String,
}

/// Takes a delivery. 200 means that what is counted of it is on disk; Firehose sends again what is answered otherwise.
pub(super) async fn deliver(State(intake): State<Intake>, headers: HeaderMap, body: Body) -> Response {
    let body = receive(body, MAX_BODY_BYTES).await;
    let taken = take(&intake, &headers, body).await;
    let request_id = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
    let mut told = json!({ "requestId": request_id, "timestamp": Timestamp::now().as_millisecond() });
    let status = match taken {
        Ok(()) => StatusCode::OK,
        Err((status, message)) => {
            told["errorMessage"] = message.into();
            status
        }
    };
    (status, Json(told)).into_response()
}

async fn take(intake: &Intake, headers: &HeaderMap, body: Result<Bytes, Refusal>) -> Result<(), Refusal> {
    let account = intake.keys.account(headers).map_err(|message| (StatusCode::UNAUTHORIZED, message.to_owned()))?;
    let body = unpack(headers, body?)?;
    let turn = intake.turns[NUMBER].next().await?;
    let reading = {
        let intake = intake.clone();
        move || {
            let _turn = turn;
            counted(&intake, account.as_deref(), &body)
        }
    };
    let failed = |error: JoinError| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
    let points = spawn_blocking(reading).await.map_err(failed)??;
    if points.is_empty() {
        return Ok(());
    }
    // What there is no room to remember is of times long ago, and sent again it would be refused again.
    intake.metrics.write_points(points).await.map(drop).map_err(|error| {
        complain(format_args!("access logs not stored: {error}"));
        (StatusCode::SERVICE_UNAVAILABLE, "not stored".to_owned())
    })
}

/// What a delivery's batches are counted as. One that cannot be read or is of somebody else is left out, as it would be the same if it were sent again.
fn counted(intake: &Intake, account: Option<&str>, body: &[u8]) -> Result<Vec<IncomingPoints>, Refusal> {
    let wrong = |error| (StatusCode::BAD_REQUEST, format!("no delivery of Firehose's: {error}"));
    let Delivery { records } = serde_json::from_slice(body).map_err(wrong)?;
    let (now, mut points, mut room) = (Timestamp::now().as_second(), Vec::new(), MAX_UNPACKED_BYTES);
    let mut rejected = Rejected::default();
    for Record { data } in records {
        let Some(batch) = read(&data) else {
            rejected.add(1, "no base64 or gzip");
            continue;
        };
        let too_large = || (StatusCode::PAYLOAD_TOO_LARGE, "too large when unpacked".to_owned());
        room = room.checked_sub(batch.len()).ok_or_else(too_large)?;
        let number = number_of([&*batch]);
        let Ok(batch) = serde_json::from_slice::<Batch>(&batch) else {
            rejected.add(1, "no batch of CloudWatch Logs");
            continue;
        };
        let names = &mut *intake.named.lock();
        match batch.counted(number, account, intake.address_key.as_deref(), (names, now)) {
            Ok(counted) => points.extend(counted),
            Err(NotCounted::Trial) => {}
            Err(NotCounted::NoAccessLog) => rejected.add(1, "of no API"),
            Err(NotCounted::OtherAccount) => rejected.add(1, "of another account than the key's"),
        }
    }
    if rejected.count > 0 {
        complain(format_args!("batches of access logs left out: {}: {}", rejected.count, rejected.reasons()));
    }
    Ok(points)
}

fn read(data: &str) -> Option<Bytes> {
    let data = STANDARD.decode(data).ok()?;
    if data.starts_with(&GZIP) { gunzip(&data).ok() } else { Some(data.into()) }
}
