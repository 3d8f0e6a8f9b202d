//! Tokens and service keys.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use testkit::provider::{CLI_CLIENT, CLIENT, Misdeed, Provider};

use super::{
    Attack,
    here::{Here, KEY, KEY_SHA256, OLD_KEY, OWN, SESSION, admin, operators},
    wire::Request,
};

/// What only the staff may ask for.
const STAFFS: &[&str] = &["/api/audit", "/api/audit?format=csv", "/audit"];
const ASKED: &str = "/api/slo";

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

fn header() -> Value {
    json!({ "alg": "ES256", "kid": "1", "typ": "JWT" })
}

/// Null takes the member away.
fn with(mut object: Value, name: &str, value: Value) -> Value {
    match value {
        Value::Null => drop(object.as_object_mut().unwrap().remove(name)),
        value => object[name] = value,
    }
    object
}

fn claims(here: &Here) -> Value {
    let mut claims = operators();
    claims["iss"] = here.staff.issuer().into();
    claims["aud"] = CLIENT.into();
    claims["iat"] = now().into();
    claims["exp"] = (now() + 3_600).into();
    claims
}

/// A token with which nothing is wrong: else the rows would prove nothing.
pub(crate) fn genuine(here: &Here) -> String {
    here.staff.sign(&header().to_string(), &claims(here).to_string())
}

/// `stranger` is a provider that the control plane does not know.
pub(crate) fn all(here: &Here, stranger: &Provider) -> Vec<Attack> {
    let mut all = forged(here, stranger);
    all.extend(wrong_claims(here));
    all.extend(of_tenants(here));
    all.extend(shapes(here));
    all.extend(keys(here));
    all
}

fn refused(name: impl Into<String>, token: &str) -> Attack {
    Attack::new(name, 401, Request::get(ASKED).bearer(token))
}

fn forged(here: &Here, stranger: &Provider) -> Vec<Attack> {
    let body = claims(here).to_string();
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let by = |provider: &Provider, header: Value| provider.sign(&header.to_string(), &body);
    let mut all = Vec::new();
    for alg in ["none", "None", "nOnE", ""] {
        let head = with(header(), "alg", alg.into()).to_string();
        all.push(refused(format!("alg {alg:?}"), &format!("{}.{}.", encode(&head), encode(&body))));
    }
    let jwk = here.staff.jwk();
    let point = [&jwk["x"], &jwk["y"]].map(|part| URL_SAFE_NO_PAD.decode(part.as_str().unwrap()).unwrap()).concat();
    for (form, secret) in [("a point", point), ("JSON", jwk.to_string().into_bytes()), ("nothing", Vec::new())] {
        let head = with(header(), "alg", "HS256".into()).to_string();
        let message = format!("{}.{}", encode(&head), encode(&body));
        let key = EncodingKey::from_secret(&secret);
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
        all.push(refused(format!("HS256 with the public key as {form}"), &format!("{message}.{signature}")));
    }
    for alg in ["RS256", "PS256", "ES384", "EdDSA", "es256", "ES256 "] {
        all.push(refused(format!("alg {alg:?}"), &by(&here.staff, with(header(), "alg", alg.into()))));
    }
    all.push(refused("a stranger's key under the provider's kid", &by(stranger, header())));
    all.push(refused("the tenants' key in the staff's name", &by(&here.tenants, header())));
    let url = format!("{}/keys", stranger.issuer());
    for (name, value) in [("jku", json!(url)), ("x5u", json!(url)), ("jwk", stranger.jwk()), ("x5c", json!(["MIIB"]))] {
        let announced = with(header(), name, value);
        all.push(refused(format!("a stranger's key, announced by {name}"), &by(stranger, announced.clone())));
        let alone = with(announced, "kid", Value::Null);
        all.push(refused(format!("a stranger's key, announced by {name} alone"), &by(stranger, alone)));
    }
    for kid in
        ["2", "", "../../../../dev/null", "' OR 1=1 --", "1\0", "${jndi:ldap://127.0.0.1/x}", &"1".repeat(10_000)]
    {
        let name = format!("kid {kid:.30?}");
        all.push(refused(name, &by(&here.staff, with(header(), "kid", kid.into()))));
    }
    for crit in [json!(["exp"]), json!([]), json!("b64")] {
        all.push(refused(format!("crit {crit}"), &by(&here.staff, with(header(), "crit", crit.clone()))));
    }
    all.push(refused("two algorithms", &here.staff.sign(r#"{"alg":"none","alg":"ES256","kid":"1"}"#, &body)));
    all
}

fn wrong_claims(here: &Here) -> Vec<Attack> {
    let signed = |claims: Value| here.staff.sign(&header().to_string(), &claims.to_string());
    let rows = [
        ("exp", json!(now() - 60)),
        ("exp", json!(0)),
        ("exp", json!("9999999999")),
        ("exp", Value::Null),
        ("nbf", json!(now() + 3_600)),
        ("iss", json!(stranger_issuer())),
        ("iss", json!(here.tenants.issuer())),
        ("iss", json!([here.staff.issuer()])),
        ("iss", json!(format!("{}/", here.staff.issuer()))),
        ("iss", json!(format!("{}@evil.example", here.staff.issuer()))),
        ("iss", Value::Null),
        ("aud", json!("another")),
        ("aud", json!([CLIENT, "another"])),
        ("aud", json!([CLI_CLIENT, CLIENT])),
        ("aud", json!({ "0": CLIENT })),
        ("aud", json!("")),
        ("aud", Value::Null),
        ("token_use", json!("access")),
        ("token_use", json!("refresh")),
        ("typ", json!("Bearer")),
        ("typ", json!("Refresh")),
        ("scp", json!("openid")),
    ];
    let mut all: Vec<_> = rows
        .into_iter()
        .map(|(name, value)| refused(format!("{name}: {value}"), &signed(with(claims(here), name, value))))
        .collect();
    for groups in [json!(["sre-emeritus"]), json!("sre,support"), json!({ "sre": true }), json!([["sre"]]), Value::Null]
    {
        let name = format!("groups {groups}");
        let sent = Request::get(ASKED).bearer(&signed(with(claims(here), "groups", groups)));
        all.push(Attack::new(name, 403, sent));
    }
    all
}

fn stranger_issuer() -> &'static str {
    "https://login.evil.example/"
}

/// A user of a tenant who says more of themselves.
fn of_tenants(here: &Here) -> Vec<Attack> {
    let also = |name: &str, value: Value| here.tenants.token(&with(admin(OWN), name, value));
    let mut all = Vec::new();
    for (name, value) in [("groups", json!(["sre"])), ("cognito:groups", json!(["sre"])), ("role", json!("operator"))] {
        for path in STAFFS {
            let sent = Request::get(*path).bearer(&also(name, value.clone()));
            all.push(Attack::new(format!("a tenant's user says {name}: {value} and asks for {path}"), 403, sent));
        }
    }
    let in_the_staffs_name = also("iss", here.staff.issuer().into());
    all.push(refused("the tenants' key in the staff's name, as an admin", &in_the_staffs_name));
    for (role, status) in
        [(json!("member"), 403), (json!("operator"), 403), (json!(["admin"]), 401), (Value::Null, 403)]
    {
        let sent = Request::get(ASKED).bearer(&also("custom:role", role.clone()));
        all.push(Attack::new(format!("a tenant's user with the role {role}"), status, sent));
    }
    for tenant in
        ["", "*", "acme globex", "acme,globex", "acme\0", "../globex", "' OR 1=1 --", "ａcme", &"a".repeat(65)]
    {
        let sent = Request::get(ASKED).bearer(&also("custom:tenant-id", tenant.into()));
        all.push(Attack::new(format!("the tenant {tenant:.20?}"), 403, sent));
    }
    let list = Request::get(ASKED).bearer(&also("custom:tenant-id", json!(["acme", "globex"])));
    all.push(Attack::new("a list of tenants", 401, list));
    all.push(Attack::new("no tenant", 403, Request::get(ASKED).bearer(&also("custom:tenant-id", Value::Null))));
    let expired = here.tenants.wrong_token(&admin(OWN), Misdeed::Expired);
    all.push(refused("a tenant's user whose token is over", &expired));
    all
}

/// How a token is sent.
fn shapes(here: &Here) -> Vec<Attack> {
    let token = genuine(here);
    let parts: Vec<&str> = token.split('.').collect();
    let authorization = |value: String| Request::get(ASKED).with("Authorization", value);
    let mut all = vec![
        Attack::new("nothing", 401, Request::get(ASKED)),
        Attack::new("a token as a parameter", 401, Request::get(format!("{ASKED}?access_token={token}"))),
        Attack::new("a token as a cookie", 401, Request::get(ASKED).cookie(&format!("{SESSION}={token}"))),
        Attack::new(
            "a session as a token",
            401,
            Request::get(ASKED).bearer(here.operator.0.split_once('=').unwrap().1),
        ),
        Attack::new("two headers, both genuine", 401, Request::get(ASKED).bearer(&token).bearer(&token)),
        Attack::new("two headers, one empty", 401, Request::get(ASKED).bearer(&token).with("Authorization", "")),
        Attack::new(
            "a wrong token beside a session",
            401,
            Request::get(ASKED).bearer("a.b.c").cookie(&here.operator.0),
        ),
        Attack::new(
            "a wrong token that asks for a page",
            401,
            Request::get("/tenants").bearer("a.b.c").with("Accept", "text/html"),
        ),
    ];
    for name in ["Proxy-Authorization", "X-Authorization", "X-Forwarded-Access-Token", "X-Amzn-Oidc-Data", "Cookie"] {
        let sent = Request::get(ASKED).with(name, format!("Bearer {token}"));
        all.push(Attack::new(format!("a token in {name}"), 401, sent));
    }
    for (name, value) in [
        ("an empty header", String::new()),
        ("Bearer alone", "Bearer".to_owned()),
        ("Bearer and a space", "Bearer ".to_owned()),
        ("no scheme", token.clone()),
        ("Basic", "Basic YWRtaW46YWRtaW4=".to_owned()),
        ("a token as Basic", format!("Basic {token}")),
        ("Digest", format!("Digest {token}")),
        ("Bearer twice", format!("Bearer Bearer {token}")),
        ("two tokens", format!("Bearer {token}, Bearer {token}")),
        ("a token in quotes", format!("Bearer \"{token}\"")),
        ("two parts", format!("Bearer {}.{}", parts[0], parts[1])),
        ("four parts", format!("Bearer {token}.{}", parts[2])),
        ("no signature", format!("Bearer {}.{}.", parts[0], parts[1])),
        ("half a signature", format!("Bearer {}", &token[..token.len() - 40])),
        ("padding", format!("Bearer {token}==")),
        ("in capitals", format!("Bearer {}", token.to_uppercase())),
        ("a token of 100 kB", format!("Bearer {}", "a".repeat(100_000))),
        ("a token of 100,000 dots", format!("Bearer {}", ".".repeat(100_000))),
        ("claims 50,000 deep", format!("Bearer {}.{}.x", parts[0], URL_SAFE_NO_PAD.encode("[".repeat(50_000)))),
    ] {
        all.push(Attack::new(format!("authorization: {name}"), 401, authorization(value)));
    }
    all.push(Attack::broken("a token of 1 MB", 431, authorization(format!("Bearer {}", "a".repeat(1 << 20)))));
    all
}

fn keys(here: &Here) -> Vec<Attack> {
    let mut all = vec![
        Attack::new("a key as a parameter", 401, Request::get(format!("{ASKED}?access_token={KEY}&key={KEY}"))),
        Attack::new("a key as a cookie", 401, Request::get(ASKED).cookie(&format!("{SESSION}={KEY}"))),
        Attack::new("a key in X-Api-Key", 401, Request::get(ASKED).with("X-Api-Key", KEY)),
        Attack::new("a key as Basic", 401, Request::get(ASKED).with("Authorization", format!("Basic {KEY}"))),
    ];
    for (name, key) in [
        ("an unknown key", "cpk_unknown"),
        ("a key that is over", OLD_KEY),
        ("a key's prefix alone", "cpk_"),
        ("a key's hash in its place", KEY_SHA256),
        ("a key's hash behind the prefix", &format!("cpk_{KEY_SHA256}")),
        ("a key in capitals", &KEY.to_uppercase()),
        ("a part of a key", &KEY[..KEY.len() - 1]),
        ("a key and more", &format!("{KEY}x")),
        ("a key of 100 kB", &format!("cpk_{}", "a".repeat(100_000))),
        ("a key with a token behind", &format!("{KEY}.{}", genuine(here))),
    ] {
        all.push(refused(name, key));
    }
    all
}
