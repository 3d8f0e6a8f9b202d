//! Takes a request, as its sink behaves at the moment.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    io::Read,
    sync::Arc,
};

use anyhow::Result;
use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::Response,
};
use bytes::Bytes;
use flate2::read::GzDecoder;
use parking_lot::Mutex;

use super::{Behaviour, Brought, Received, signature};

pub(super) async fn export<R: Brought>(
    State(received): State<Arc<Mutex<Received>>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let status = |code| Response::builder().status(code).body(Body::empty()).unwrap_or_default();
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    let hash = hasher.finish();
    let behaviour = {
        let mut received = received.lock();
        received.requests += 1;
        received.headers = headers.clone();
        *received.bodies.entry(hash).or_default() += 1;
        if let Some(services) = &mut received.signed_for {
            match signature::service(uri.path(), &headers, &body) {
                Ok(service) => services.push(service),
                Err(_) => return status(StatusCode::FORBIDDEN),
            }
        }
        received.behaviour
    };
    match behaviour {
        Behaviour::Ok | Behaviour::TakeInSilence => {}
        Behaviour::Slow(delay) => tokio::time::sleep(delay).await,
        Behaviour::Hang => std::future::pending().await,
        Behaviour::Status(code) => return status(StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST)),
    }
    match decode::<R>(headers.get("content-encoding").is_some(), &body) {
        Ok(request) => {
            received.lock().keep(hash, request);
            if behaviour == Behaviour::TakeInSilence {
                std::future::pending::<()>().await;
            }
            status(StatusCode::OK)
        }
        Err(_) => status(StatusCode::BAD_REQUEST),
    }
}

pub(super) fn decode<R: Brought>(zipped: bool, body: &[u8]) -> Result<R> {
    let mut unzipped = Vec::new();
    let body = if zipped {
        GzDecoder::new(body).read_to_end(&mut unzipped)?;
        &unzipped
    } else {
        body
    };
    Ok(R::decode(body)?)
}
