//! Stable URLs: `/booking/…` is account A's API and `/mileage/…` account B's, or that of the caller's tier, as domain names
//! would be on AWS; a service of one's own is at its name; the rest is the portal's.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Result;
use aws_config::SdkConfig;
use aws_lc_rs::rand;
use axum::{
    Router,
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use tenant_telemetry::propagation::field;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    access_log::{AccessLogs, ForwardedRequest},
    injected_delay::InjectedDelay,
    ministack::REGION,
    relay::{self, problem, relay},
    tier_accounts,
};

/// An API behind the door.
#[derive(Debug, Clone)]
pub struct Api {
    /// The first path segment that leads to it.
    pub prefix: String,
    /// The account that the API is in.
    pub account: String,
    /// Whose it is; everybody else's if none.
    pub tier: Option<String>,
    /// API Gateway's id of it.
    pub id: String,
    /// The stage of the API.
    pub stage: &'static str,
    /// The format of its access log.
    pub access_log: String,
}

#[derive(Debug)]
struct Door {
    endpoint: String,
    apis: Vec<Api>,
    client: reqwest::Client,
    delay: InjectedDelay,
    access_logs: AccessLogs,
    sts: aws_sdk_sts::Client,
}

impl Door {
    /// Whether the emulator has given out this access key in one of the accounts.
    async fn is_known(&self, access_key: &str) -> bool {
        let info = self.sts.get_access_key_info().access_key_id(access_key).send().await;
        info.is_ok_and(|info| self.apis.iter().any(|api| info.account() == Some(&api.account)))
    }

    /// The API at this prefix: of the tier the token claims, where that has its own.
    fn api(&self, prefix: &str, headers: &HeaderMap) -> Option<&Api> {
        let tier = tier_accounts::claimed(headers);
        let of = |tier: Option<&str>| self.apis.iter().find(|api| api.prefix == prefix && api.tier.as_deref() == tier);
        tier.and_then(|tier| of(Some(tier.as_str()))).or_else(|| of(None))
    }
}

/// Serves on `listener` until aborted: the APIs and `pages`.
pub fn open(
    listener: TcpListener,
    endpoint: &str,
    apis: Vec<Api>,
    config: &SdkConfig,
    (delay, access_logs): (InjectedDelay, AccessLogs),
    pages: Router,
) -> Result<JoinHandle<()>> {
    let client = relay::client()?;
    let sts = aws_sdk_sts::Client::new(config);
    let door = Arc::new(Door { endpoint: endpoint.to_owned(), apis, client, delay, access_logs, sts });
    let router = Router::new().fallback(pass).with_state(door).merge(pages);
    Ok(tokio::spawn(async move {
        // `serve` ends only with the process.
        let _served = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await;
    }))
}

/// The access key of a request with a SigV4 signature.
fn access_key(headers: &HeaderMap) -> Option<String> {
    let authorization = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (_, credential) = authorization.strip_prefix("AWS4-HMAC-SHA256")?.split_once("Credential=")?;
    Some(credential.split(['/', ',']).next().unwrap_or_default().to_owned())
}

/// The emulator looks for an API only in the account that signed, and knows it by another path than the caller signed:
/// a call with a known key is passed on as the API's own account. On AWS, IAM and the API's policy decide.
fn vouch(headers: &mut HeaderMap, account: &str) {
    let date = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let day = &date[..8];
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={account}/{day}/{REGION}/execute-api/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature={:064}",
        0
    );
    headers.remove("x-amz-security-token");
    for (name, value) in [("authorization", authorization), ("x-amz-date", date)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

/// As API Gateway does, begins a trace for a request without X-Ray's header, whatever its `traceparent` says. On a browser's request
/// X-Ray has not decided. On a signed one it has, for keeping: that wins over `traceparent`, so a caller in another account that
/// forgets the header is cut off from its trace here as it would be on AWS with a sampling rate of 1.
fn begin_trace(headers: &mut HeaderMap, signed: bool) -> Result<()> {
    if headers.contains_key(field::XRAY) {
        return Ok(());
    }
    let mut random = [0; 20];
    rand::fill(&mut random)?;
    let hex: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let (unique, parent) = hex.split_at(24);
    let decided = if signed { format!(";Parent={parent};Sampled=1") } else { String::new() };
    let header = format!("Root=1-{:08x}-{unique}{decided}", jiff::Timestamp::now().as_second());
    headers.insert(field::XRAY, HeaderValue::from_str(&header)?);
    Ok(())
}

async fn pass(
    State(door): State<Arc<Door>>,
    ConnectInfo(caller): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    let prefix = path.split('/').next().unwrap_or_default();
    let Some(api) = door.api(prefix, request.headers()) else {
        return problem(StatusCode::NOT_FOUND, "Not Found", "There is no API at this path.");
    };
    let mut headers = request.headers().clone();
    let access_key = access_key(&headers);
    if let Err(error) = begin_trace(&mut headers, access_key.is_some()) {
        return problem(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error", &error.to_string());
    }
    let logged = ForwardedRequest::begin(request.method().clone(), caller.ip(), &headers);
    let answer = answer(&door, api, access_key, headers, request).await;
    let name = format!("{}-{}", api.prefix, api.stage);
    door.access_logs.write((&api.account, &name, &api.access_log), &logged, &answer);
    answer
}

async fn answer(
    door: &Door,
    api: &Api,
    access_key: Option<String>,
    mut headers: HeaderMap,
    request: Request,
) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    let (_, rest) = path.split_once('/').unwrap_or((path, ""));
    let query = match access_key {
        None => {
            // The emulator takes the account of an unsigned call from this hint.
            let hint = format!("X-Amz-Credential={}/x/{REGION}/execute-api/aws4_request", api.account);
            request.uri().query().map_or_else(|| hint.clone(), |query| format!("{query}&{hint}"))
        }
        Some(key) => {
            if !door.is_known(&key).await {
                return problem(StatusCode::FORBIDDEN, "Forbidden", "The access key is not known.");
            }
            vouch(&mut headers, &api.account);
            request.uri().query().unwrap_or_default().to_owned()
        }
    };
    door.delay.hold(path, &headers).await;
    let url = format!("{}/restapis/{}/{}/_user_request_/{rest}?{query}", door.endpoint, api.id, api.stage);
    let (parts, body) = request.into_parts();
    relay(&door.client, parts.method, url, headers, body).await
}
