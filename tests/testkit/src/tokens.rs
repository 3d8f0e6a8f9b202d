//! Tokens, as tables: what is sent, and the status that a function must give to it.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use lambda_host::{
    aws::{Aws, CLIENT_ID, USER_POOL_ID},
    function::Function,
    payloads,
};
use serde_json::{Value, json};

use crate::{DEADLINE, eventually};

/// An `Authorization` header and what a function must answer.
pub struct Attack {
    pub name: String,
    pub authorization: String,
    pub status: u64,
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

fn header() -> Value {
    json!({ "alg": "RS256", "kid": "key-1", "typ": "JWT" })
}

fn claims() -> Value {
    json!({
        "sub": "6c5c42f2-fcaa-4337-aea0-9130cc09cdf7",
        "iss": format!("https://cognito-idp.us-east-1.amazonaws.com/{USER_POOL_ID}"),
        "aud": CLIENT_ID,
        "token_use": "id",
        "iat": now(),
        "exp": now() + 3600,
        "custom:tenant-id": "acme",
        "custom:tier-level": "basic",
    })
}

/// Null takes the member away.
fn with(mut object: Value, name: &str, value: Value) -> Value {
    match (object.as_object_mut(), value) {
        (Some(members), Value::Null) => drop(members.remove(name)),
        (Some(members), value) => drop(members.insert(name.to_owned(), value)),
        (None, _) => {}
    }
    object
}

fn encode(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// The same token with nothing wrong, which must be served: else the rows below would prove nothing.
pub fn genuine(pool: &Aws) -> String {
    signed(pool, &header(), &claims())
}

/// Genuine too: claims nobody reads are passed over, whatever they are.
pub fn genuine_but_odd(pool: &Aws) -> Vec<String> {
    let odd = [format!("{}{}", "[".repeat(5_000), "]".repeat(5_000)), "1e999".to_owned(), "9".repeat(5_000)];
    let token = |value: String| {
        let claims = claims().to_string().replacen('{', &format!("{{\"odd\":{value},"), 1);
        format!("Bearer {}", pool.sign(&header().to_string(), &claims, Algorithm::RS256).unwrap())
    };
    let mut tokens: Vec<String> = odd.into_iter().map(token).collect();
    // RFC 7519 lets an audience be a list, and a type be written in any case, or left out, as Cognito does.
    tokens.push(signed(pool, &header(), &with(claims(), "aud", json!([CLIENT_ID]))));
    for typ in [json!("jwt"), json!("application/JWT"), Value::Null] {
        tokens.push(signed(pool, &with(header(), "typ", typ), &claims()));
    }
    tokens.push(signed(pool, &with(header(), "x-of-no-meaning", json!({ "crit": ["x"] })), &claims()));
    tokens
}

fn signed(pool: &Aws, header: &Value, claims: &Value) -> String {
    format!("Bearer {}", pool.sign(&header.to_string(), &claims.to_string(), Algorithm::RS256).unwrap())
}

/// All of them. `pool` signs, `stranger` is somebody else's pool.
pub fn all(pool: &Aws, stranger: &Aws) -> Vec<Attack> {
    let mut all = Vec::new();
    let mut add = |status: u64, name: String, authorization: String| all.push(Attack { name, authorization, status });
    algorithms(pool, &mut add);
    keys(pool, stranger, &mut add);
    headers(pool, &mut add);
    shapes(pool, &mut add);
    registered_claims(pool, &mut add);
    tenants(pool, &mut add);
    all
}

/// Sends `GET` of this resource with every token to the function, whose user pool is `pool`.
pub async fn assert_only_genuine_are_taken(function: &mut Function, resource: &str, pool: &Aws) {
    // The registry has the tenant, so that only their tokens are wrong.
    pool.token("acme", "basic", "user-1").unwrap();
    let stranger = Aws::start(Duration::ZERO).await.unwrap();
    for taken in [vec![genuine(pool)], genuine_but_odd(pool)].concat() {
        let answer = function.invoke(payloads::get(resource, &taken), DEADLINE).await.unwrap();
        assert_eq!(answer.http().0, 200, "{resource}: {taken:.100}");
    }
    let calls = pool.requests().len();

    let attacks = all(pool, &stranger);
    assert!(attacks.len() >= 100, "{} tokens", attacks.len());
    let mut codes = Vec::new();
    for attack in &attacks {
        let event = payloads::get(resource, &attack.authorization);
        let (status, body) = function.invoke(event, DEADLINE).await.unwrap().http();
        assert_eq!(status, attack.status, "{resource}, {}: {body}", attack.name);
        let quoted = body["detail"].as_str().unwrap_or_default();
        assert!(!quoted.contains("acme") && !quoted.contains("globex"), "{}: {body}", attack.name);
        codes.push(body["code"].clone());
    }
    assert_eq!(pool.requests().len(), calls, "a refused token led to a call of AWS");
    assert_eq!(stranger.requests().len(), 0, "a token made a function call a stranger");
    // The line of a request comes after its answer.
    let (logs, told) = eventually("the log's line of the last refusal", async || {
        let logs = function.logs();
        let lines = logs.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let told: Vec<_> = lines.filter_map(|mut line| Some(line.get_mut("problem.code")?.take())).collect();
        (told.len() >= codes.len()).then_some((logs, told))
    })
    .await;
    assert_eq!(told, codes, "the log tells of each refusal why");
    for line in logs {
        assert!(!line.contains("acme") && !line.contains("globex"), "a log line names a tenant: {line}");
    }
}

fn algorithms(pool: &Aws, add: &mut impl FnMut(u64, String, String)) {
    let claims_text = encode(claims().to_string());
    for alg in ["none", "None", "NONE", "nOnE"] {
        let head = encode(with(header(), "alg", alg.into()).to_string());
        add(401, format!("alg {alg}, no signature"), format!("Bearer {head}.{claims_text}."));
    }
    add(401, "alg none, signed all the same".into(), signed(pool, &with(header(), "alg", "none".into()), &claims()));

    // The public key as an HMAC secret, in each form it may be known in.
    let der = &pool.public_key;
    let pem = format!(
        "-----BEGIN RSA PUBLIC KEY-----\n{}\n-----END RSA PUBLIC KEY-----\n",
        base64::engine::general_purpose::STANDARD.encode(der)
    );
    for (secret, form) in [(der.as_slice(), "DER"), (pem.as_bytes(), "PEM"), (b"".as_slice(), "nothing")] {
        for (alg, algorithm) in [("HS256", Algorithm::HS256), ("HS384", Algorithm::HS384), ("HS512", Algorithm::HS512)]
        {
            let message = format!("{}.{claims_text}", encode(with(header(), "alg", alg.into()).to_string()));
            let key = EncodingKey::from_secret(secret);
            let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, algorithm).unwrap();
            add(401, format!("{alg} with {form} of the public key"), format!("Bearer {message}.{signature}"));
        }
    }
    for (alg, algorithm) in [
        ("RS384", Algorithm::RS384),
        ("RS512", Algorithm::RS512),
        ("PS256", Algorithm::PS256),
        ("PS384", Algorithm::PS384),
        ("PS512", Algorithm::PS512),
    ] {
        let head = with(header(), "alg", alg.into()).to_string();
        let token = pool.sign(&head, &claims().to_string(), algorithm).unwrap();
        add(401, format!("{alg}, truly signed by the pool's key"), format!("Bearer {token}"));
        let head = header().to_string();
        let token = pool.sign(&head, &claims().to_string(), algorithm).unwrap();
        add(401, format!("RS256 with a signature of {alg}"), format!("Bearer {token}"));
    }
    for alg in ["ES256", "ES384", "EdDSA", "RS256 ", "rs256", "", "RSA1_5", "dir"] {
        add(401, format!("alg {alg:?}"), signed(pool, &with(header(), "alg", alg.into()), &claims()));
    }
    for alg in [json!(["RS256"]), json!(256), json!({ "name": "RS256" }), Value::Null] {
        add(401, format!("alg {alg}"), signed(pool, &with(header(), "alg", alg), &claims()));
    }
}

fn keys(pool: &Aws, stranger: &Aws, add: &mut impl FnMut(u64, String, String)) {
    let kids = [
        json!(""),
        json!("key-2"),
        json!("KEY-1"),
        json!("key-1 "),
        json!("key-1\u{0}"),
        json!("../../../../dev/null"),
        json!("/dev/null"),
        json!("file:///etc/passwd"),
        json!(format!("{}/stolen/jwks.json", stranger.url)),
        json!("' OR '1'='1' --"),
        json!("key-1'; DROP TABLE keys; --"),
        json!("$(id)"),
        json!("${jndi:ldap://127.0.0.1/x}"),
        json!("key-1\r\nX-Amz-Tenant-Id: globex"),
        json!("k".repeat(10_000)),
        json!(1),
        json!(["key-1"]),
        Value::Null,
    ];
    for kid in kids {
        add(401, format!("kid {:.60}", kid.to_string()), signed(pool, &with(header(), "kid", kid), &claims()));
    }
    add(401, "a stranger's key under the pool's kid".into(), signed(stranger, &header(), &claims()));
    let certificate = json!([base64::engine::general_purpose::STANDARD.encode(&stranger.public_key)]);
    let jwks = json!(format!("{}/{USER_POOL_ID}/.well-known/jwks.json", stranger.url));
    let jwk = json!({ "kty": "RSA", "kid": "key-1", "alg": "RS256", "n": encode(&stranger.public_key), "e": "AQAB" });
    for (name, value) in [("jku", jwks.clone()), ("x5u", jwks), ("jwk", jwk), ("x5c", certificate)] {
        let head = with(header(), name, value);
        add(401, format!("a stranger's key, announced by {name}"), signed(stranger, &head, &claims()));
        let head = with(head, "kid", Value::Null);
        add(401, format!("a stranger's key, announced by {name} alone"), signed(stranger, &head, &claims()));
    }
}

/// Headers that ask for more than is understood, or for something else.
fn headers(pool: &Aws, add: &mut impl FnMut(u64, String, String)) {
    let crits =
        [json!(["exp-policy"]), json!(["b64"]), json!(["alg", "kid"]), json!([]), json!("b64"), json!({}), Value::Null];
    for crit in crits {
        let mut head = with(header(), "exp-policy", "strict".into());
        head["b64"] = true.into();
        head["crit"] = crit.clone();
        add(401, format!("crit {crit}"), signed(pool, &head, &claims()));
        let head = header().to_string().replacen('{', &format!("{{\"crit\":{crit},"), 1);
        let token = pool.sign(&head, &claims().to_string(), Algorithm::RS256).unwrap();
        add(401, format!("crit {crit} and nothing else"), format!("Bearer {token}"));
    }
    for (name, value) in [
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("typ", json!("at+jwt")),
        ("typ", json!("logout+jwt")),
        ("typ", json!("JWS")),
        ("typ", json!("")),
        ("typ", json!(["JWT"])),
        ("cty", json!("JWT")),
        ("cty", json!("application/jwt")),
    ] {
        add(401, format!("{name} {value}"), signed(pool, &with(header(), name, value), &claims()));
    }
    let sign = |head: &str| format!("Bearer {}", pool.sign(head, &claims().to_string(), Algorithm::RS256).unwrap());
    for (name, twice) in [
        ("alg", r#""alg":"none""#),
        ("alg, the same", r#""alg":"RS256""#),
        ("kid", r#""kid":"key-2""#),
        ("kid in escapes", r#""k\u0069d":"key-2""#),
        ("crit, empty at last", r#""crit":["x"],"crit":[]"#),
        ("a member of no meaning", r#""x":1,"x":1"#),
    ] {
        add(401, format!("twice: {name}"), sign(&header().to_string().replacen('{', &format!("{{{twice},"), 1)));
    }
    let nested = genuine(pool).trim_start_matches("Bearer ").to_owned();
    let token = pool.sign(&with(header(), "cty", "JWT".into()).to_string(), &nested, Algorithm::RS256).unwrap();
    add(401, "a genuine token within a token".into(), format!("Bearer {token}"));
}

fn shapes(pool: &Aws, add: &mut impl FnMut(u64, String, String)) {
    let genuine = genuine(pool);
    let token = genuine.strip_prefix("Bearer ").unwrap().to_owned();
    let parts: Vec<&str> = token.split('.').collect();
    let (head, body, signature) = (parts[0], parts[1], parts[2]);
    let globex = with(claims(), "custom:tenant-id", "globex".into());
    let other = signed(pool, &header(), &globex);
    let other = other.split('.').nth(1).unwrap();
    let mut flipped = signature.to_owned();
    flipped.replace_range(..1, if flipped.starts_with('A') { "B" } else { "A" });
    for (name, authorization) in [
        ("nothing", String::new()),
        ("a space", " ".to_owned()),
        ("Bearer alone", "Bearer ".to_owned()),
        ("Basic", "Basic YWNtZTphY21l".to_owned()),
        ("Digest with a token", format!("Digest {token}")),
        ("Bearer twice", format!("Bearer Bearer {token}")),
        ("two tokens", format!("Bearer {token}, Bearer {token}")),
        ("garbage", "Bearer garbage".to_owned()),
        ("dots", "Bearer ..".to_owned()),
        ("two parts", format!("Bearer {head}.{body}")),
        ("four parts", format!("Bearer {token}.{signature}")),
        ("five parts", format!("Bearer {token}.{body}.{signature}")),
        ("no signature", format!("Bearer {head}.{body}.")),
        ("half a signature", format!("Bearer {head}.{body}.{}", &signature[..signature.len() / 2])),
        ("a changed signature", format!("Bearer {head}.{body}.{flipped}")),
        ("a signature of zeros", format!("Bearer {head}.{body}.{}", encode([0; 256]))),
        ("a signature of 10 kB", format!("Bearer {head}.{body}.{}", "A".repeat(10_000))),
        ("a signature with padding", format!("Bearer {token}==")),
        ("claims of another token", format!("Bearer {head}.{other}.{signature}")),
        ("no claims", format!("Bearer {head}..{signature}")),
        ("no header", format!("Bearer .{body}.{signature}")),
        ("in capitals", format!("Bearer {}", token.to_uppercase())),
        ("backwards", format!("Bearer {}", token.chars().rev().collect::<String>())),
    ] {
        add(401, name.to_owned(), authorization);
    }
    let sign = |head: &str, body: &str| format!("Bearer {}", pool.sign(head, body, Algorithm::RS256).unwrap());
    let good = claims().to_string();
    let twice = good.replacen('{', "{\"custom:tenant-id\":\"globex\",", 1);
    for (name, head, body) in [
        ("a header that is no JSON", "{", good.as_str()),
        ("a header that is a list", "[]", good.as_str()),
        ("an empty header", "{}", good.as_str()),
        ("claims that are no JSON", &header().to_string(), "{"),
        ("claims that are a list", &header().to_string(), "[]"),
        ("claims that are null", &header().to_string(), "null"),
        ("claims with two tenants", &header().to_string(), &twice),
    ] {
        add(401, name.to_owned(), sign(head, body));
    }
}

fn registered_claims(pool: &Aws, add: &mut impl FnMut(u64, String, String)) {
    let issuer = format!("https://cognito-idp.us-east-1.amazonaws.com/{USER_POOL_ID}");
    let cases = [
        // Clocks may differ by five seconds.
        ("exp", json!(now() - 6)),
        ("exp", json!(now() - 86_400)),
        ("exp", json!(0)),
        ("exp", json!(-1)),
        ("exp", json!("9999999999")),
        ("exp", json!([now() + 3600])),
        ("exp", Value::Null),
        ("nbf", json!(now() + 60)),
        ("nbf", json!(now() + 86_400 * 365)),
        ("iss", json!("https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Other")),
        ("iss", json!("https://cognito-idp.eu-west-1.amazonaws.com/us-east-1_Example1")),
        ("iss", json!(format!("{issuer}/"))),
        ("iss", json!(format!("{issuer}.evil.example"))),
        ("iss", json!(issuer.replace("https", "http"))),
        ("iss", json!(issuer.replace("https://", "https://evil.example@"))),
        ("iss", json!("")),
        ("iss", json!([])),
        ("iss", json!([issuer])),
        ("iss", json!([issuer, "https://evil.example"])),
        ("iss", json!({ "0": issuer })),
        ("iss", Value::Null),
        ("aud", json!("client-2")),
        ("aud", json!("CLIENT-1")),
        ("aud", json!("")),
        ("aud", json!([])),
        ("aud", json!(["client-2", "client-3"])),
        ("aud", json!([CLIENT_ID, "client-2"])),
        ("aud", json!(["client-2", CLIENT_ID])),
        ("aud", json!([CLIENT_ID, 1])),
        ("aud", json!([[CLIENT_ID]])),
        ("aud", json!({ "0": CLIENT_ID })),
        ("aud", json!(1)),
        ("aud", Value::Null),
        ("token_use", json!("access")),
        ("token_use", json!("refresh")),
        ("token_use", json!("ID")),
        ("token_use", json!(["id"])),
        ("token_use", Value::Null),
        ("sub", json!(7)),
        ("sub", json!(["a"])),
        ("sub", Value::Null),
    ];
    for (name, value) in cases {
        add(401, format!("{name}: {value}"), signed(pool, &header(), &with(claims(), name, value)));
    }
    for sub in ["", "a#USER#b", "a\n", "*", "ada lovelace", &"x".repeat(10_000)] {
        let name = format!("sub: {:.30?}", sub);
        add(403, name, signed(pool, &header(), &with(claims(), "sub", sub.into())));
    }
}

fn tenants(pool: &Aws, add: &mut impl FnMut(u64, String, String)) {
    for tenant in [
        "",
        " ",
        " acme",
        "acme ",
        "acme\n",
        "acme\r\nX-Amz-Tenant-Id: globex",
        "acme\u{0}",
        "\u{7f}",
        "acme#",
        "#",
        "acme#USER#ada",
        "TENANT#acme",
        "acme/../globex",
        "acme*",
        "*",
        "acme?",
        "acme%23",
        "acme,globex",
        "acme;globex",
        "acme=globex",
        "' OR '1'='1",
        "${aws:PrincipalTag/tenant_id}",
        // Cyrillic а, full width, zero width space, right-to-left override, combining accent.
        "\u{430}cme",
        "ａcme",
        "ac\u{200b}me",
        "\u{202e}emca",
        "acme\u{301}",
        "😀",
        &"x".repeat(65),
        &"x".repeat(10_000),
    ] {
        let name = format!("tenant {:.40?}", tenant);
        add(403, name, signed(pool, &header(), &with(claims(), "custom:tenant-id", tenant.into())));
    }
    add(403, "no tenant".into(), signed(pool, &header(), &with(claims(), "custom:tenant-id", Value::Null)));
    for tenant in [json!(["acme"]), json!({ "id": "acme" }), json!(7), json!(true)] {
        let name = format!("tenant {tenant}");
        add(401, name, signed(pool, &header(), &with(claims(), "custom:tenant-id", tenant)));
    }
    for tier in ["", "gold", "BASIC", "premium ", "basic,premium", "administrator"] {
        let name = format!("tier {tier:?}");
        add(403, name, signed(pool, &header(), &with(claims(), "custom:tier-level", tier.into())));
    }
    add(403, "no tier".into(), signed(pool, &header(), &with(claims(), "custom:tier-level", Value::Null)));
    add(401, "a list of tiers".into(), signed(pool, &header(), &with(claims(), "custom:tier-level", json!(["basic"]))));
}
