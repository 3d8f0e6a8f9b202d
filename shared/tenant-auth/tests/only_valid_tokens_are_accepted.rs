//! Only an ID token of this pool, this client and this moment names a tenant.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use axum::{Json, Router, routing::get};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use lambda_http::{Body, Request, RequestExt};
use lambda_http_client::HttpClient;
use lambda_problem::Problem;
use serde_json::{Value, json};
use tenancy::{TenantContext, Tier};
use tenant_auth::{AuthError, AuthLayer, JwtSettings, JwtVerifier};
use tower::{Layer, ServiceExt, service_fn};

const POOL: &str = "us-east-1_Example1";
const CLIENT: &str = "client-1";
const TIERS: [Tier; 3] = [Tier::named("basic"), Tier::named("standard"), Tier::named("premium")];

struct Key {
    pkcs8: Vec<u8>,
    encoding: EncodingKey,
}

impl Key {
    fn generate() -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let pkcs8 = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap().as_ref().to_vec();
        // jsonwebtoken takes PKCS #1, which PKCS #8 wraps in a header of 26 bytes for a key of this size.
        Self { encoding: EncodingKey::from_rsa_der(&pkcs8[26..]), pkcs8 }
    }

    fn jwk(&self, kid: &str) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.encoding, Algorithm::RS256).unwrap();
        jwk.common.key_id = Some(kid.to_owned());
        serde_json::to_value(jwk).unwrap()
    }
}

static POOLS_KEY: LazyLock<Key> = LazyLock::new(Key::generate);
static FOREIGN_KEY: LazyLock<Key> = LazyLock::new(Key::generate);

/// A verifier and the count of requests for its keys.
async fn verifier() -> (JwtVerifier, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let keys = json!({ "keys": [POOLS_KEY.jwk("key-1")] });
    let serve = get(move || {
        count.fetch_add(1, Ordering::SeqCst);
        async { Json(keys) }
    });
    let router = Router::new().route(&format!("/{POOL}/.well-known/jwks.json"), serve);
    tokio::spawn(async { axum::serve(listener, router).await });
    (
        JwtVerifier::new(
            JwtSettings::cognito(POOL, CLIENT, Some(&endpoint), TIERS),
            HttpClient::new(Duration::from_secs(30)),
        ),
        asked,
    )
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

fn claims() -> Value {
    json!({
        "sub": "6c5c42f2-fcaa-4337-aea0-9130cc09cdf7",
        "iss": format!("https://cognito-idp.us-east-1.amazonaws.com/{POOL}"),
        "aud": CLIENT,
        "token_use": "id",
        "iat": now(),
        "exp": now() + 3600,
        "custom:tenant-id": "acme",
        "custom:tier-level": "basic",
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn sign(claims: &Value, kid: Option<&str>, key: &Key) -> String {
    let mut header = Header::new(Algorithm::RS256);
    header.kid = kid.map(str::to_owned);
    encode(&header, claims, &key.encoding).unwrap()
}

fn token(claims: &Value) -> String {
    sign(claims, Some("key-1"), &POOLS_KEY)
}

async fn status(verifier: &JwtVerifier, token: &str) -> u16 {
    match verifier.verify(Some(&format!("Bearer {token}"))).await {
        Ok(_) => 200,
        Err(error) => Problem::from(error).status().as_u16(),
    }
}

#[tokio::test]
async fn a_valid_token_names_its_tenant() {
    let (verifier, asked) = verifier().await;
    for authorization in
        [format!("Bearer {}", token(&claims())), token(&claims()), format!("bearer {}", token(&claims()))]
    {
        let tenant = verifier.verify(Some(&authorization)).await.unwrap().tenant;
        assert_eq!((tenant.tenant_id.as_str(), tenant.tier.as_str()), ("acme", "basic"));
        assert_eq!(tenant.user_id.as_ref().unwrap().as_str(), "6c5c42f2-fcaa-4337-aea0-9130cc09cdf7");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1, "the keys are fetched once");
}

#[tokio::test]
async fn every_other_token_is_refused() {
    let (verifier, _) = verifier().await;
    let valid = token(&claims());
    let parts: Vec<&str> = valid.split('.').collect();
    let claims_of_globex = token(&with("custom:tenant-id", "globex".into()));
    // The classic confusion: the public key as an HMAC secret.
    let public = aws_lc_rs::rsa::KeyPair::from_pkcs8(&POOLS_KEY.pkcs8).unwrap();
    let mut hmac = Header::new(Algorithm::HS256);
    hmac.kid = Some("key-1".into());
    let hmac = encode(&hmac, &claims(), &EncodingKey::from_secret(public.public_key().as_ref())).unwrap();
    let mut rs512 = Header::new(Algorithm::RS512);
    rs512.kid = Some("key-1".into());
    let cases: Vec<(&str, String, u16)> = vec![
        ("expired", token(&with("exp", (now() - 60).into())), 401),
        ("not yet valid", token(&with("nbf", (now() + 600).into())), 401),
        ("no expiry", token(&without("exp")), 401),
        ("expiry is text", token(&with("exp", "tomorrow".into())), 401),
        (
            "another pool",
            token(&with("iss", "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Other".into())),
            401,
        ),
        ("issuer elsewhere", token(&with("iss", "https://evil.example".into())), 401),
        ("no issuer", token(&without("iss")), 401),
        ("another client", token(&with("aud", "client-2".into())), 401),
        ("no audience", token(&without("aud")), 401),
        ("an access token", token(&with("token_use", "access".into())), 401),
        ("no token_use", token(&without("token_use")), 401),
        ("no subject", token(&without("sub")), 401),
        ("a foreign key under the pool's kid", sign(&claims(), Some("key-1"), &FOREIGN_KEY), 401),
        ("an unknown kid", sign(&claims(), Some("key-2"), &FOREIGN_KEY), 401),
        ("no kid", sign(&claims(), None, &POOLS_KEY), 401),
        ("a kid that is a path", sign(&claims(), Some("../../etc/passwd"), &POOLS_KEY), 401),
        ("HMAC with the public key", hmac, 401),
        ("RS512", encode(&rs512, &claims(), &POOLS_KEY.encoding).unwrap(), 401),
        // {"alg":"none","kid":"key-1"}
        ("alg none", format!("eyJhbGciOiJub25lIiwia2lkIjoia2V5LTEifQ.{}.", parts[1]), 401),
        ("claims swapped", [parts[0], claims_of_globex.split('.').nth(1).unwrap(), parts[2]].join("."), 401),
        ("no signature", format!("{}.{}.", parts[0], parts[1]), 401),
        ("two parts", format!("{}.{}", parts[0], parts[1]), 401),
        ("garbage", "garbage".into(), 401),
        ("empty", String::new(), 401),
        ("no tenant", token(&without("custom:tenant-id")), 403),
        ("empty tenant", token(&with("custom:tenant-id", "".into())), 403),
        ("a tenant that is a key", token(&with("custom:tenant-id", "acme#USER#x".into())), 403),
        ("a tenant with a newline", token(&with("custom:tenant-id", "acme\n".into())), 403),
        ("a tenant of 10 kB", token(&with("custom:tenant-id", "x".repeat(10_000).into())), 403),
        ("a tenant that is a number", token(&with("custom:tenant-id", 7.into())), 401),
        ("no tier", token(&without("custom:tier-level")), 403),
        ("an unknown tier", token(&with("custom:tier-level", "gold".into())), 403),
        ("a tier in capitals", token(&with("custom:tier-level", "BASIC".into())), 403),
    ];
    for (case, token, expected) in cases {
        assert_eq!(status(&verifier, &token).await, expected, "{case}");
    }
    assert!(matches!(verifier.verify(None).await, Err(AuthError::MissingToken)));
    assert!(matches!(verifier.verify(Some("Basic YTpi")).await, Err(AuthError::MissingToken)));
}

/// What the pool's key makes of a header and claims, written as they are.
fn sign_as_written(header: &str, claims: &Value) -> String {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let signed = format!("{}.{}", encode(header), encode(&claims.to_string()));
    let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &POOLS_KEY.encoding, Algorithm::RS256).unwrap();
    format!("{signed}.{signature}")
}

/// RFC 7515 §4.1.11: what a header calls critical is understood, or the token is refused. Nothing is understood here.
#[tokio::test]
async fn a_header_that_asks_for_more_than_is_understood_is_refused() {
    let (verifier, _) = verifier().await;
    for (header, expected) in [
        (r#"{"alg":"RS256","kid":"key-1"}"#, 200),
        (r#"{"alg":"RS256","kid":"key-1","typ":"JWT"}"#, 200),
        (r#"{"alg":"RS256","kid":"key-1","typ":"application/jwt"}"#, 200),
        (r#"{"alg":"RS256","kid":"key-1","x":{"crit":["x"]}}"#, 200),
        (r#"{"alg":"RS256","kid":"key-1","crit":["exp-policy"],"exp-policy":"strict"}"#, 401),
        (r#"{"alg":"RS256","kid":"key-1","crit":["b64"],"b64":true}"#, 401),
        (r#"{"alg":"RS256","kid":"key-1","crit":["b64"],"b64":false}"#, 401),
        (r#"{"alg":"RS256","kid":"key-1","crit":["kid"]}"#, 401),
        (r#"{"alg":"RS256","kid":"key-1","crit":[]}"#, 401),
        (r#"{"alg":"RS256","kid":"key-1","crit":null}"#, 401),
        (r#"{"alg":"RS256","kid":"key-1","crit":"exp-policy"}"#, 401),
        (r#"{"alg":"RS256","kid":"key-1","cr\u0069t":["exp-policy"]}"#, 401),
        (r#"{"alg":"RS256","kid":"key-1","b64":false}"#, 401),
        (r#"{"alg":"RS256","kid":"key-1","typ":"at+jwt"}"#, 401),
        (r#"{"alg":"RS256","kid":"key-1","cty":"JWT"}"#, 401),
        (r#"{"alg":"RS256","alg":"RS256","kid":"key-1"}"#, 401),
        (r#"{"alg":"RS256","kid":"key-2","kid":"key-1"}"#, 401),
        (r#"{"alg":"RS256","kid":"key-1","x":1,"x":1}"#, 401),
        (r#"["RS256","key-1"]"#, 401),
    ] {
        assert_eq!(status(&verifier, &sign_as_written(header, &claims())).await, expected, "{header}");
    }
}

/// An issuer is one string; an audience may be a list (RFC 7519 §4.1.1, §4.1.3), but of this client alone.
#[tokio::test]
async fn an_issuer_is_no_list_and_an_audience_has_no_others_in_it() {
    let (verifier, _) = verifier().await;
    let issuer = claims()["iss"].clone();
    for (name, value, expected) in [
        ("iss", json!([issuer]), 401),
        ("iss", json!([issuer, "https://evil.example"]), 401),
        ("iss", json!([]), 401),
        ("aud", json!([CLIENT]), 200),
        ("aud", json!([CLIENT, "client-2"]), 401),
        ("aud", json!(["client-2", CLIENT]), 401),
        ("aud", json!(["client-2"]), 401),
        ("aud", json!([]), 401),
        ("aud", json!([[CLIENT]]), 401),
        ("aud", json!([CLIENT, 1]), 401),
    ] {
        assert_eq!(status(&verifier, &token(&with(name, value.clone()))).await, expected, "{name} {value}");
    }
}

#[tokio::test]
async fn invented_kids_do_not_make_load() {
    let (verifier, asked) = verifier().await;
    for n in 0..100 {
        assert_eq!(status(&verifier, &sign(&claims(), Some(&format!("kid-{n}")), &FOREIGN_KEY)).await, 401);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn unreachable_keys_are_the_services_fault() {
    let closed = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap();
    let endpoint = format!("http://{closed}");
    let verifier = JwtVerifier::new(
        JwtSettings::cognito(POOL, CLIENT, Some(&endpoint), TIERS),
        HttpClient::new(Duration::from_secs(30)),
    );
    assert_eq!(status(&verifier, &token(&claims())).await, 503);
}

/// Lambda names the tenant of a sandbox where a function has one for each.
#[tokio::test]
async fn a_sandbox_of_another_tenant_refuses_the_token() {
    let (verifier, _) = verifier().await;
    let serve = service_fn(async |request: Request| {
        Ok::<_, Problem>(request.extensions().get::<TenantContext>().unwrap().tenant_id.to_string())
    });
    let service = AuthLayer::new(verifier).layer(serve);
    for (sandbox, expected) in
        [(None, Ok("acme")), (Some("acme"), Ok("acme")), (Some("acme2"), Err((403, "wrong_tenant")))]
    {
        let mut lambda = lambda_runtime::Context::default();
        lambda.tenant_id = sandbox.map(str::to_owned);
        let mut request = Request::new(Body::Empty).with_lambda_context(lambda);
        request.headers_mut().insert("authorization", format!("Bearer {}", token(&claims())).parse().unwrap());
        let answer = service.clone().oneshot(request).await;
        let answer = answer.as_deref().map_err(|problem| (problem.status().as_u16(), problem.code()));
        assert_eq!(answer, expected, "{sandbox:?}");
    }
}
