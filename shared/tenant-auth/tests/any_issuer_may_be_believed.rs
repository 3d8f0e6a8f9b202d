//! Who verified a caller is a setting: a token of any issuer, or a Lambda authorizer. What is not set is not believed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{sync::LazyLock, time::Duration};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use axum::{Json, Router, routing::get};
use function_settings::Variables;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use lambda_http::{Body, Request, request};
use lambda_http_client::HttpClient;
use lambda_problem::Problem;
use serde_json::{Value, json};
use tenancy::{Role, Tier, Tiers};
use tenant_auth::{AuthorizerContext, ClaimNames, Identify, JwtSettings, JwtVerifier, SigningAlgorithm};

const ISSUER: &str = "https://login.example/";
const AUDIENCE: &str = "https://api.example";
const FREE: Tier = Tier::named("free");
const PRO: Tier = Tier::named("pro");

static RSA: LazyLock<EncodingKey> = LazyLock::new(|| {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let pkcs8 = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap().as_ref().to_vec();
    // jsonwebtoken takes PKCS #1, which PKCS #8 wraps in a header of 26 bytes for a key of this size.
    EncodingKey::from_rsa_der(&pkcs8[26..])
});
static P256: LazyLock<EncodingKey> = LazyLock::new(|| {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref())
});

fn jwk(kid: &str, key: &EncodingKey, algorithm: Algorithm, says_for_what: bool) -> Value {
    let mut jwk = Jwk::from_encoding_key(key, algorithm).unwrap();
    jwk.common.key_id = Some(kid.to_owned());
    if !says_for_what {
        jwk.common.key_algorithm = None;
    }
    serde_json::to_value(jwk).unwrap()
}

/// As Auth0 and others have it: names of claims are URLs, machines have no `sub` of a user.
fn names() -> ClaimNames {
    ClaimNames {
        tenant_id: "https://example.com/tenant".to_owned(),
        tier: "https://example.com/plan".to_owned(),
        tier_if_absent: Some(FREE),
        user_id: "sub".to_owned(),
        role: "https://example.com/role".to_owned(),
        tiers: Tiers::from([FREE, PRO]),
    }
}

async fn verifier(algorithms: &[SigningAlgorithm]) -> JwtVerifier {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let jwks_url = format!("http://{}/keys", listener.local_addr().unwrap());
    let keys = json!({ "keys": [
        jwk("rsa", &RSA, Algorithm::RS256, true),
        jwk("rsa-for-anything", &RSA, Algorithm::RS256, false),
        jwk("p256", &P256, Algorithm::ES256, true),
    ] });
    let router = Router::new().route("/keys", get(async || Json(keys)));
    tokio::spawn(async { axum::serve(listener, router).await });
    let settings = JwtSettings {
        issuer: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
        jwks_url,
        algorithms: algorithms.to_vec(),
        token_use: None,
        claims: names(),
    };
    JwtVerifier::new(settings, HttpClient::new(Duration::from_secs(30)))
}

fn claims() -> Value {
    json!({
        "iss": ISSUER,
        "sub": "auth0|65f1",
        "aud": AUDIENCE,
        "exp": jiff::Timestamp::now().as_second() + 3600,
        "https://example.com/tenant": "acme",
        "https://example.com/plan": "pro",
        "https://example.com/role": "admin",
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn sign(claims: &Value, kid: &str, key: &EncodingKey, algorithm: Algorithm) -> String {
    let mut header = Header::new(algorithm);
    header.kid = Some(kid.to_owned());
    encode(&header, claims, key).unwrap()
}

type Outcome = Result<(String, String, Option<String>, Role), u16>;

fn told(identity: Result<tenant_auth::Identity, tenant_auth::AuthError>) -> Outcome {
    let identity = identity.map_err(|error| Problem::from(error).status().as_u16())?;
    let tenant = identity.tenant;
    let user = tenant.user_id.as_ref().map(ToString::to_string);
    Ok((tenant.tenant_id.to_string(), tenant.tier.to_string(), user, identity.role))
}

async fn outcome(verifier: &JwtVerifier, token: &str) -> Outcome {
    told(verifier.verify(Some(&format!("Bearer {token}"))).await)
}

fn acme(tier: &str, user: &str, role: Role) -> Outcome {
    Ok(("acme".to_owned(), tier.to_owned(), Some(user.to_owned()), role))
}

#[tokio::test]
async fn an_issuer_of_ones_own_names_tenants_as_it_likes() {
    let verifier = verifier(&[SigningAlgorithm::Rs256]).await;
    let rsa = |claims: &Value| sign(claims, "rsa", &RSA, Algorithm::RS256);
    assert_eq!(outcome(&verifier, &rsa(&claims())).await, acme("pro", "auth0|65f1", Role::Admin));
    let mut plain = claims();
    plain.as_object_mut().unwrap().retain(|name, _| !name.ends_with("plan") && !name.ends_with("role"));
    assert_eq!(outcome(&verifier, &rsa(&plain)).await, acme("free", "auth0|65f1", Role::Member));
    for (what, claims, expected) in [
        ("a list of this service alone", with("aud", json!([AUDIENCE])), Ok(())),
        ("a plan that nobody sells", with("https://example.com/plan", json!("gold")), Err(403)),
        ("a plan that is no text", with("https://example.com/plan", json!(1)), Err(401)),
        ("no tenant", with("https://example.com/tenant", json!("")), Err(403)),
        ("a tenant that is no id", with("https://example.com/tenant", json!("a#b")), Err(403)),
        ("a user that would end a key", with("sub", json!("a#b")), Err(403)),
        ("Cognito's names", with("custom:tenant-id", json!("other")), Ok(())),
        ("another issuer", with("iss", json!("https://login.example")), Err(401)),
        ("for others too", with("aud", json!([AUDIENCE, "https://other.example"])), Err(401)),
    ] {
        let outcome = outcome(&verifier, &rsa(&claims)).await.map(|(tenant, ..)| assert_eq!(tenant, "acme"));
        assert_eq!(outcome, expected, "{what}");
    }
}

#[tokio::test]
async fn a_claim_that_is_there_twice_is_none() {
    let verifier = verifier(&[SigningAlgorithm::Rs256]).await;
    let body = claims().to_string().replacen('{', r#"{"https://example.com/tenant":"globex","#, 1);
    let header = sign(&claims(), "rsa", &RSA, Algorithm::RS256);
    let header = header.split('.').next().unwrap();
    let encoded = jsonwebtoken_base64(body.as_bytes());
    let signed = format!("{header}.{encoded}");
    let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &RSA, Algorithm::RS256).unwrap();
    assert_eq!(outcome(&verifier, &format!("{signed}.{signature}")).await, Err(401));
}

fn jsonwebtoken_base64(bytes: &[u8]) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(bytes)
}

/// RFC 8725 §3.1: the verifier says which algorithms there are, and a key is for one of them.
#[tokio::test]
async fn a_token_is_signed_as_the_settings_and_its_key_say() {
    use SigningAlgorithm::{Es256, Ps256, Rs256};
    for (allowed, kid, key, algorithm, is_good) in [
        (&[Es256][..], "p256", &*P256, Algorithm::ES256, true),
        (&[Rs256, Es256], "p256", &*P256, Algorithm::ES256, true),
        (&[Rs256, Es256], "rsa", &*RSA, Algorithm::RS256, true),
        (&[Rs256], "p256", &*P256, Algorithm::ES256, false),
        (&[Es256], "rsa", &*RSA, Algorithm::RS256, false),
        // The key is for RS256, and says so.
        (&[Rs256, Ps256], "rsa", &*RSA, Algorithm::PS256, false),
        (&[Rs256, Ps256], "rsa-for-anything", &*RSA, Algorithm::PS256, true),
        // A key of another kind than the header's algorithm.
        (&[Rs256, Es256], "rsa", &*P256, Algorithm::ES256, false),
        (&[Rs256, Es256], "p256", &*RSA, Algorithm::RS256, false),
        (&[], "rsa", &*RSA, Algorithm::RS256, false),
    ] {
        let outcome = outcome(&verifier(allowed).await, &sign(&claims(), kid, key, algorithm)).await;
        let expected = if is_good { acme("pro", "auth0|65f1", Role::Admin) } else { Err(401) };
        assert_eq!(outcome, expected, "{algorithm:?} by {kid} where {allowed:?} are allowed");
    }
    // A secret is no key pair: who knows the public key could sign.
    let symmetric = sign(&claims(), "rsa", &EncodingKey::from_secret(b"public"), Algorithm::HS256);
    assert_eq!(outcome(&verifier(&[Rs256, Es256, Ps256]).await, &symmetric).await, Err(401));
}

fn through_an_authorizer(context: Value) -> Request {
    let event = json!({
        "resource": "/x", "path": "/x", "httpMethod": "GET", "headers": {}, "multiValueHeaders": {}, "body": null, "isBase64Encoded": false,
        "requestContext": {
            "accountId": "1", "apiId": "a", "resourceId": "r", "resourcePath": "/x", "httpMethod": "GET", "stage": "dev", "requestId": "i",
            "identity": {}, "authorizer": context,
        },
    });
    request::from_str(&event.to_string()).unwrap()
}

#[tokio::test]
async fn what_a_lambda_authorizer_says_is_believed() {
    let identify = AuthorizerContext::new(ClaimNames {
        tenant_id: "tenant".to_owned(),
        tier: "plan".to_owned(),
        user_id: "user".to_owned(),
        role: "role".to_owned(),
        ..names()
    });
    let said = async |context: Value| told(identify.identify(&through_an_authorizer(context)).await);
    let user = json!({ "principalId": "p", "tenant": "acme", "plan": "pro", "user": "ann@example.com" });
    assert_eq!(said(user).await, acme("pro", "ann@example.com", Role::Member));
    let machine = said(json!({ "principalId": "p", "tenant": "acme" })).await;
    assert_eq!(machine, Ok(("acme".to_owned(), "free".to_owned(), None, Role::Member)));
    for (context, status) in [
        (json!({}), 401),
        (Value::Null, 401),
        (json!({ "principalId": "p" }), 403),
        (json!({ "principalId": "p", "tenant": 7 }), 403),
        (json!({ "principalId": "p", "tenant": "acme", "plan": "gold" }), 403),
        (json!({ "principalId": "p", "tenant": "acme", "user": "a b" }), 403),
    ] {
        assert_eq!(said(context.clone()).await, Err(status), "{context}");
    }
    // Nor does a header say anything, nor a request that came through nothing.
    let mut bare = Request::new(Body::Empty);
    bare.headers_mut().insert("tenant", "acme".parse().unwrap());
    assert_eq!(told(identify.identify(&bare).await), Err(401));
}

#[cfg(feature = "http-api")]
#[tokio::test]
async fn an_http_api_has_the_same_context_elsewhere() {
    let event = json!({
        "version": "2.0", "routeKey": "GET /x", "rawPath": "/x", "rawQueryString": "", "headers": {}, "isBase64Encoded": false,
        "requestContext": {
            "accountId": "1", "apiId": "a", "stage": "$default", "requestId": "i", "routeKey": "GET /x",
            "http": { "method": "GET", "path": "/x", "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "x" },
            "time": "12/Mar/2026:19:03:58 +0000", "timeEpoch": 1,
            "authorizer": { "lambda": { "https://example.com/tenant": "acme", "sub": "u1" } },
        },
    });
    let request = request::from_str(&event.to_string()).unwrap();
    assert_eq!(told(AuthorizerContext::new(names()).identify(&request).await), acme("free", "u1", Role::Member));
}

#[test]
fn all_that_is_missing_is_told_at_once() {
    let missing = Variables::from_fn(|_| None).read(|read| JwtSettings::read_cognito(read, [FREE])).unwrap_err();
    assert_eq!(missing.to_string(), "settings: USER_POOL_ID is not set; USER_POOL_CLIENT_ID is not set");
}
