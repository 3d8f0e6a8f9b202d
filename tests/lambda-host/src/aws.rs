//! AWS with a fixed latency: the few calls the functions make, a user pool, and a registry that knows whoever got a token.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::Result;
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use parking_lot::{Mutex, MutexGuard};
use serde_json::{Map, Value, json};

use crate::{
    items::{Items, NotDone},
    serve,
};

/// The user pool.
pub const USER_POOL_ID: &str = "us-east-1_Example1";
/// Its client.
pub const CLIENT_ID: &str = "client-1";

/// The role of tenants' sessions.
pub const TENANT_ROLE_ARN: &str = "arn:aws:iam::111111111111:role/tenant-role";
/// The registry of tenants.
pub const TENANTS_TABLE: &str = "tenants";

/// What DynamoDB and SQS answer in.
const JSON: &str = "application/x-amz-json-1.0";
/// What access keys of tenants' sessions begin with; the tenant follows.
const SESSION_KEY: &str = "ASIA";

/// How an action is answered otherwise than it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Not at all.
    Hang,
    /// So many times with throttling, then as it should be.
    Throttle(u32),
    /// Not at all, but an `UpdateItem` is done.
    LoseAnswer,
    /// Without the entry of a batch that has this id.
    Without(&'static str),
}

impl Fault {
    fn refuses(self, entry: &str) -> bool {
        matches!(self, Fault::Without(id) if id == entry)
    }
}

/// A fixed-latency AWS.
pub struct Aws {
    state: Arc<Mutex<State_>>,
    /// For `AWS_ENDPOINT_URL`.
    pub url: String,
    key: EncodingKey,
    /// The pool's public key, PKCS #1 in DER: what anybody can know.
    pub public_key: Vec<u8>,
}

#[derive(Default)]
struct State_ {
    latency: Duration,
    /// Of single actions, where it is another.
    latencies: HashMap<String, Duration>,
    hangs: bool,
    faults: HashMap<String, Fault>,
    /// Tenants and their tiers.
    tenants: HashMap<String, String>,
    /// What the registry has of tenants' quotas: requests a second, burst, bookings a day.
    quotas: HashMap<String, [u32; 3]>,
    items: Items,
    /// Records of idempotency keys, by their keys.
    records: HashMap<String, Value>,
    session_seconds: i64,
    requests: Vec<(String, String)>,
    trace_headers: Vec<(String, String)>,
    keys: Value,
    key_readings: usize,
}

impl Aws {
    /// Starts it.
    pub async fn start(latency: Duration) -> Result<Self> {
        let pair = KeyPair::generate(KeySize::Rsa2048)?;
        let public_key = pair.public_key().as_ref().to_vec();
        let pkcs8 = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair)?.as_ref().to_vec();
        // jsonwebtoken takes PKCS #1, which PKCS #8 wraps in a header of 26 bytes for a key of this size.
        let key = EncodingKey::from_rsa_der(pkcs8.get(26..).unwrap_or_default());
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::RS256)?;
        jwk.common.key_id = Some("key-1".to_owned());
        let keys = json!({ "keys": [serde_json::to_value(jwk)?] });
        let state =
            Arc::new(Mutex::new(State_ { latency, hangs: false, keys, session_seconds: 3_600, ..State_::default() }));
        let router = Router::new()
            .route("/", post(call))
            .route(&format!("/{USER_POOL_ID}/.well-known/jwks.json"), get(jwks))
            .with_state(state.clone());
        let url = format!("http://{}", serve(router).await?);
        Ok(Self { state, url, key, public_key })
    }

    fn state(&self) -> MutexGuard<'_, State_> {
        self.state.lock()
    }

    /// How long calls take from now on.
    pub fn take(&self, latency: Duration) {
        self.state().latency = latency;
    }

    /// How long calls of this action take from now on.
    pub fn take_for(&self, action: &str, latency: Duration) {
        self.state().latencies.insert(action.to_owned(), latency);
    }

    /// Whether calls go unanswered from now on.
    pub fn hang(&self, hangs: bool) {
        self.state().hangs = hangs;
    }

    /// How long tenants' sessions last from now on.
    pub fn let_sessions_last(&self, seconds: i64) {
        self.state().session_seconds = seconds;
    }

    /// The registry has this quota for the tenant from now on: requests a second, burst, bookings a day.
    pub fn give_quota(&self, tenant: &str, quota: [u32; 3]) {
        self.state().quotas.insert(tenant.to_owned(), quota);
    }

    /// Somebody has written this item of the tenant as a whole: its attributes as DynamoDB writes them in JSON.
    pub fn write_item(&self, table: &str, tenant: &str, sk: &str, item: Map<String, Value>) {
        let key = json!({ "pk": { "S": format!("TENANT#{tenant}#") }, "sk": { "S": sk } });
        self.state().items.put(table, &key, item);
    }

    /// How often this action was called so far.
    pub fn calls(&self, action: &str) -> usize {
        self.state().requests.iter().filter(|(called, _)| called == action).count()
    }

    /// Answers this action as it should be from now on.
    pub fn mend(&self, action: &str) {
        self.state().faults.remove(action);
    }

    /// Answers this action so from now on; `Jwks` is the reading of the user pool's keys.
    pub fn fail(&self, action: &str, fault: Fault) {
        self.state().faults.insert(action.to_owned(), fault);
    }

    /// The calls so far: action and body.
    pub fn requests(&self) -> Vec<(String, String)> {
        self.state().requests.clone()
    }

    /// How often the user pool's keys were asked for.
    pub fn key_readings(&self) -> usize {
        self.state().key_readings
    }

    /// The `X-Amzn-Trace-Id` headers of the calls so far that had one, each with its action.
    pub fn trace_headers(&self) -> Vec<(String, String)> {
        self.state().trace_headers.clone()
    }

    /// What the pool's key makes of a header and claims, whatever they say: RS256, unless another of RSA's algorithms is asked for.
    pub fn sign(&self, header: &str, claims: &str, algorithm: Algorithm) -> Result<String> {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &self.key, algorithm)?;
        Ok(format!("{signed}.{signature}"))
    }

    /// An ID token of the pool. The registry has the tenant, at this tier, from then on.
    pub fn token(&self, tenant: &str, tier: &str, sub: &str) -> Result<String> {
        self.state().tenants.insert(tenant.to_owned(), tier.to_owned());
        let now = jiff::Timestamp::now().as_second();
        let claims = json!({
            "sub": sub,
            "iss": format!("https://cognito-idp.us-east-1.amazonaws.com/{USER_POOL_ID}"),
            "aud": CLIENT_ID,
            "token_use": "id",
            "iat": now,
            "exp": now + 36_000,
            "custom:tenant-id": tenant,
            "custom:tier-level": tier,
        });
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some("key-1".to_owned());
        Ok(encode(&header, &claims, &self.key)?)
    }
}

async fn jwks(State(state): State<Arc<Mutex<State_>>>) -> axum::Json<Value> {
    let fault = {
        let mut state = state.lock();
        state.key_readings += 1;
        state.fault("Jwks")
    };
    if fault.is_some() {
        return std::future::pending().await;
    }
    axum::Json(state.lock().keys.clone())
}

async fn call(State(state): State<Arc<Mutex<State_>>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    let text = String::from_utf8_lossy(&body).into_owned();
    let query_action = text.split('&').find_map(|pair| pair.strip_prefix("Action="));
    let action =
        target.and_then(|target| target.split('.').next_back()).or(query_action).unwrap_or_default().to_owned();
    let (latency, hangs, fault) = {
        let mut state = state.lock();
        state.requests.push((action.clone(), text.clone()));
        if let Some(header) = headers.get("x-amzn-trace-id").and_then(|value| value.to_str().ok()) {
            state.trace_headers.push((action.clone(), header.to_owned()));
        }
        let latency = state.latencies.get(&action).copied().unwrap_or(state.latency);
        (latency, state.hangs, state.fault(&action))
    };
    if hangs || fault == Some(Fault::Hang) {
        return std::future::pending().await;
    }
    if let Some(Fault::Throttle(_)) = fault {
        return refused(&action, "ThrottlingException");
    }
    if !is_within_fence(&headers, &text) {
        return refused(&action, "AccessDeniedException");
    }
    if !latency.is_zero() {
        // Tokio's timer counts whole milliseconds and rounds up; a thread's sleep is off by a twentieth of one.
        let _slept = tokio::task::spawn_blocking(move || std::thread::sleep(latency)).await;
    }
    if action == "UpdateItem" {
        let answer = state.lock().update(&text);
        return if fault == Some(Fault::LoseAnswer) { std::future::pending().await } else { answer };
    }
    let (content_type, answer) = match action.as_str() {
        "PublishBatch" => ("text/xml", published(&text, fault)),
        "Query" => (JSON, "{\"Items\":[],\"Count\":0,\"ScannedCount\":0}".to_owned()),
        "SendMessage" => (JSON, "{\"MessageId\":\"1\"}".to_owned()),
        "AssumeRole" => ("text/xml", session(&text, state.lock().session_seconds)),
        "GetItem" => (JSON, state.lock().entry(&text)),
        "TransactWriteItems" => return state.lock().transact(&text),
        "PutItem" | "DeleteItem" => (JSON, "{}".to_owned()),
        _ => return Response::builder().status(StatusCode::NOT_IMPLEMENTED).body(Body::empty()).unwrap_or_default(),
    };
    answered(StatusCode::OK, content_type, answer)
}

fn answered(status: StatusCode, content_type: &str, body: String) -> Response {
    let response = Response::builder().status(status).header("content-type", content_type);
    response.header("x-amzn-requestid", "request-1").body(Body::from(body)).unwrap_or_default()
}

impl State_ {
    /// What goes wrong with this call of an action.
    fn fault(&mut self, action: &str) -> Option<Fault> {
        match self.faults.get_mut(action)? {
            Fault::Throttle(0) => None,
            Fault::Throttle(times) => {
                *times -= 1;
                Some(Fault::Throttle(*times))
            }
            fault @ (Fault::Hang | Fault::LoseAnswer | Fault::Without(_)) => Some(*fault),
        }
    }

    /// Keeps the record of an idempotency key, if the transaction has one, and refuses a second one.
    fn transact(&mut self, call: &str) -> Response {
        let call: Value = serde_json::from_str(call).unwrap_or_default();
        let items = call["TransactItems"].as_array().into_iter().flatten().map(|item| &item["Put"]["Item"]);
        for record in items.filter(|item| item["sk"]["S"].as_str().unwrap_or_default().starts_with("IDEM#")) {
            let key = json!({ "pk": record["pk"], "sk": record["sk"] }).to_string();
            if self.records.contains_key(&key) {
                let reasons = json!([{ "Code": "None" }, { "Code": "ConditionalCheckFailed" }]);
                let canceled = json!({ "__type": "TransactionCanceledException", "CancellationReasons": reasons });
                return answered(StatusCode::BAD_REQUEST, JSON, canceled.to_string());
            }
            self.records.insert(key, record.clone());
        }
        answered(StatusCode::OK, JSON, "{}".to_owned())
    }

    /// An entry of the registry, or the record of an idempotency key; of other items, nothing.
    fn entry(&self, get: &str) -> String {
        let get: Value = serde_json::from_str(get).unwrap_or_default();
        if let Some(record) = self.records.get(&get["Key"].to_string()) {
            return json!({ "Item": record }).to_string();
        }
        let tenant = get["Key"]["tenant_id"]["S"].as_str().unwrap_or_default();
        match self.tenants.get(tenant) {
            Some(tier) if get["TableName"] == TENANTS_TABLE => {
                let mut item = json!({ "tier": { "S": tier }, "status": { "S": "active" } });
                if let Some(quota) = self.quotas.get(tenant) {
                    let [requests, burst, bookings] = quota.map(|number| json!({ "N": number.to_string() }));
                    let quota =
                        json!({ "requests_per_second": requests, "burst": burst, "bookings_per_day": bookings });
                    item["quota"] = json!({ "M": quota });
                }
                json!({ "Item": item }).to_string()
            }
            _ => "{}".to_owned(),
        }
    }

    /// Changes an item of a tenant's quota; of any other, nothing is kept.
    fn update(&mut self, call: &str) -> Response {
        let call: Value = serde_json::from_str(call).unwrap_or_default();
        if !call["Key"]["sk"]["S"].as_str().unwrap_or_default().starts_with("QUOTA#") {
            return answered(StatusCode::OK, JSON, "{}".to_owned());
        }
        match self.items.update(&call) {
            Ok(item) => answered(StatusCode::OK, JSON, json!({ "Attributes": item }).to_string()),
            Err(NotDone::Unmet(item)) => {
                let unmet = json!({ "__type": "ConditionalCheckFailedException", "message": "unmet", "Item": item });
                answered(StatusCode::BAD_REQUEST, JSON, unmet.to_string())
            }
            Err(NotDone::Unknown) => refused("UpdateItem", "ValidationException"),
        }
    }
}

/// The fence of the tenant role's policy: every key of a call is of the tenant whose session calls.
fn is_within_fence(headers: &HeaderMap, body: &str) -> bool {
    let authorization = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let key = authorization.split_once("Credential=").and_then(|(_, rest)| rest.split('/').next());
    let session = key.and_then(|key| key.strip_prefix(SESSION_KEY));
    let mut tenants = body.split("TENANT#").skip(1).map(|rest| rest.split('#').next());
    tenants.all(|tenant| tenant.is_some() && tenant == session)
}

/// An error as the service of this action words it.
fn refused(action: &str, code: &str) -> Response {
    let (content_type, body) = if action == "AssumeRole" {
        let code = code.trim_end_matches("Exception");
        let error = format!("<ErrorResponse><Error><Code>{code}</Code></Error></ErrorResponse>");
        ("text/xml", error)
    } else {
        (JSON, json!({ "__type": code, "message": "refused" }).to_string())
    };
    let response = Response::builder().status(StatusCode::BAD_REQUEST).header("content-type", content_type);
    response.body(Body::from(body)).unwrap_or_default()
}

/// Credentials of a tenant's session, whose access key names the tenant.
fn session(form: &str, seconds: i64) -> String {
    let tenant = form.split('&').find_map(|pair| pair.strip_prefix("Tags.member.1.Value=")).unwrap_or_default();
    let expires = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
    format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
         <AccessKeyId>{SESSION_KEY}{tenant}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>\
         <SessionToken>token</SessionToken><Expiration>{expires:.0}</Expiration></Credentials></AssumeRoleResult>\
         <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></AssumeRoleResponse>"
    )
}

/// Every entry of a batch was published, but for one that the fault names.
fn published(form: &str, fault: Option<Fault>) -> String {
    let ids = form.split('&').filter_map(|pair| pair.split_once('=')).filter(|(name, _)| name.ends_with(".Id"));
    let (refused, sent): (Vec<_>, Vec<_>) =
        ids.map(|(_, id)| id).partition(|id| fault.is_some_and(|fault| fault.refuses(id)));
    let sent: String =
        sent.iter().map(|id| format!("<member><Id>{id}</Id><MessageId>message-{id}</MessageId></member>")).collect();
    let refused: String = refused
        .iter()
        .map(|id| {
            let why = "<Code>InternalError</Code><Message>not now</Message><SenderFault>false</SenderFault>";
            format!("<member><Id>{id}</Id>{why}</member>")
        })
        .collect();
    format!(
        "<PublishBatchResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishBatchResult>\
         <Successful>{sent}</Successful><Failed>{refused}</Failed></PublishBatchResult>\
         <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></PublishBatchResponse>"
    )
}
