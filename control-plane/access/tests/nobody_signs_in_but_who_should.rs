//! Whoever signs in has been at the provider, in the browser that began it; and what a provider answers is believed only if it is all right.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use control_plane_access::{
    Access, AccessError, IssuerSettings, Role, SESSION_COOKIE, SIGN_IN_COOKIE, ServiceKeySettings, SessionSettings,
    Settings, SignedIn, StaffSettings, TenantsSettings,
};
use control_plane_embedded::{Embedded, Retention};
use http::{HeaderMap, HeaderValue, Method, header};
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};
use testkit::provider::{CLIENT, Misdeed, Provider};

/// A control plane's access, with two providers and sessions in a file.
struct Here {
    access: Access,
    staff: Provider,
    tenants: Provider,
    _dir: tempfile::TempDir,
}

fn settings(staff: &Provider, tenants: &Provider) -> Settings {
    let provider = |provider: &Provider| IssuerSettings {
        issuer: provider.issuer().to_owned(),
        discovery_url: None,
        client_id: CLIENT.into(),
        client_secret: None,
        bearer_client_ids: Vec::new(),
        cli_client_id: None,
        name_claim: "email".into(),
    };
    Settings {
        url: "https://cp.example".into(),
        staff: Some(StaffSettings {
            provider: provider(staff),
            role_claim: "groups".into(),
            operators: vec!["sre".into()],
            viewers: vec!["support".into()],
        }),
        tenants: Some(TenantsSettings {
            provider: provider(tenants),
            tenant_claim: "custom:tenant-id".into(),
            role_claim: "custom:role".into(),
            roles: vec!["admin".into()],
        }),
        allowed_origins: Vec::new(),
        service_keys: vec![ServiceKeySettings {
            name: "ci".into(),
            sha256: "0".repeat(64),
            role: "viewer".into(),
            expires: Timestamp::MAX,
        }],
        session: SessionSettings::default(),
    }
}

impl Here {
    async fn new() -> Self {
        let (staff, tenants) = (Provider::start().await, Provider::start().await);
        let dir = tempfile::tempdir().unwrap();
        let states = Embedded::open(&dir.path().join("store.sqlite"), Retention::default()).unwrap();
        let access = Access::new(settings(&staff, &tenants), Arc::new(states)).unwrap();
        staff.user(json!({ "sub": "1", "email": "ada@staff.example", "groups": ["sre"] }));
        tenants.user(
            json!({ "sub": "2", "email": "pilot@acme.example", "custom:tenant-id": "acme", "custom:role": "admin" }),
        );
        Self { access, staff, tenants, _dir: dir }
    }

    /// To the provider and back: the query that it sends the browser back with, and the browser's cookie.
    async fn at_provider(&self, issuer: &str, return_to: &str) -> (Vec<(String, String)>, HeaderMap) {
        let begun = self.access.begin(issuer, return_to, Timestamp::now()).await.unwrap();
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let answer = client.get(&begun.location).send().await.unwrap();
        assert_eq!(answer.status(), 303, "{}", begun.location);
        let back = answer.headers()[header::LOCATION].to_str().unwrap().to_owned();
        let (url, query) = back.split_once('?').unwrap();
        assert_eq!(url, "https://cp.example/sign-in/callback");
        let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap());
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        (pairs, cookie(SIGN_IN_COOKIE, &begun.cookie))
    }

    async fn back(&self, query: &[(String, String)], headers: &HeaderMap) -> Result<SignedIn, AccessError> {
        let of = |name: &str| query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let (code, state) = (of("code").unwrap_or_default(), of("state").unwrap_or_default());
        let vouched = self.access.finish(code, state, of("iss"), headers, Timestamp::now()).await?;
        self.access.begin_session(vouched, headers, Timestamp::now()).await
    }

    async fn sign_in(&self, issuer: &str) -> Result<SignedIn, AccessError> {
        let (query, headers) = self.at_provider(issuer, "/tenants").await;
        self.back(&query, &headers).await
    }

    async fn who(&self, headers: &HeaderMap) -> Option<Role> {
        self.access.authenticate(headers, Timestamp::now()).await.unwrap().map(|known| known.principal.role)
    }
}

fn cookie(name: &str, value: &str) -> HeaderMap {
    headers(header::COOKIE, &format!("theme=dark; __Host-{name}={value}"))
}

fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
    HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
}

fn bearer(token: &str) -> HeaderMap {
    headers(header::AUTHORIZATION, &format!("Bearer {token}"))
}

fn tenant(id: &str) -> Role {
    Role::Tenant(id.parse().unwrap())
}

#[tokio::test]
async fn who_signs_in_has_a_session_until_they_sign_out() {
    let here = Here::new().await;
    let signed_in = here.sign_in("staff").await.unwrap();
    assert_eq!((&signed_in.principal.role, signed_in.return_to.as_str()), (&Role::Operator, "/tenants"));
    assert_eq!(signed_in.principal.name, "ada@staff.example");
    let session = cookie(SESSION_COOKIE, &signed_in.session);
    assert_eq!(here.who(&session).await, Some(Role::Operator));
    assert_eq!(here.who(&HeaderMap::new()).await, None);

    let other = here.sign_in("tenants").await.unwrap();
    assert_eq!(here.who(&cookie(SESSION_COOKIE, &other.session)).await, Some(tenant("acme")));
    // A copy of the cookie is worth nothing afterwards, and nobody else's session ends.
    here.access.sign_out(&session).await.unwrap();
    assert_eq!(here.who(&session).await, None);
    assert_eq!(here.who(&cookie(SESSION_COOKIE, &other.session)).await, Some(tenant("acme")));
}

#[tokio::test]
async fn a_session_ends_by_itself() {
    let here = Here::new().await;
    let signed_in = here.sign_in("staff").await.unwrap();
    let session = cookie(SESSION_COOKIE, &signed_in.session);
    let begun = Timestamp::now();
    let at =
        async |minutes: i64| here.access.authenticate(&session, begun + minutes.minutes()).await.unwrap().is_some();
    assert!(at(59).await, "it was used within the hour");
    assert!(at(118).await, "and again");
    assert!(!at(179).await, "an hour without a request");
    // Whatever is done with it, twelve hours are its longest.
    let again = here.sign_in("staff").await.unwrap();
    let session = cookie(SESSION_COOKIE, &again.session);
    for minutes in (30..720).step_by(30) {
        assert!(here.access.authenticate(&session, begun + minutes.minutes()).await.unwrap().is_some(), "{minutes}");
    }
    assert!(here.access.authenticate(&session, begun + 721.minutes()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_sign_in_is_good_once_in_the_browser_that_began_it() {
    let here = Here::new().await;
    let (query, browser) = here.at_provider("staff", "/").await;
    let (others, other_browser) = here.at_provider("staff", "/").await;
    let refused = async |query: &[(String, String)], headers: &HeaderMap| {
        assert!(matches!(here.back(query, headers).await, Err(AccessError::SignIn(_))));
    };
    // Somebody's link with a code of their own, opened by a victim: another browser, or one without a sign-in.
    refused(&query, &HeaderMap::new()).await;
    // Nor does that spoil it for who began it; but ten minutes do.
    let of = |name: &str| query.iter().find(|(known, _)| known == name).unwrap().1.clone();
    let late = here.access.finish(&of("code"), &of("state"), None, &browser, Timestamp::now() + 11.minutes()).await;
    assert!(matches!(late, Err(AccessError::SignIn(_))));
    assert!(here.back(&query, &browser).await.is_ok());
    refused(&query, &browser).await;
    let signed_in = here.back(&others, &other_browser).await.unwrap();
    refused(&others, &other_browser).await;
    let (third, third_browser) = here.at_provider("staff", "/").await;
    let with = |name: &str, value: &str| -> Vec<_> {
        let pair = |(known, old): &(String, String)| {
            (known.clone(), if known == name { value.to_owned() } else { old.clone() })
        };
        third.iter().map(pair).collect()
    };
    refused(&with("state", "made-up"), &third_browser).await;
    refused(&with("state", ""), &third_browser).await;
    refused(&with("state", &"x".repeat(100_000)), &third_browser).await;
    refused(&third, &other_browser).await;
    let (fourth, fourth_browser) = here.at_provider("staff", "/").await;
    let other_iss: Vec<_> = fourth
        .iter()
        .map(|(name, value)| {
            (name.clone(), if name == "iss" { "https://evil.example".to_owned() } else { value.clone() })
        })
        .collect();
    refused(&other_iss, &fourth_browser).await;
    // Signing in ends the session that the browser had: one that somebody else had put there is nobody's.
    let (fifth, mut both) = here.at_provider("staff", "/").await;
    let session = cookie(SESSION_COOKIE, &signed_in.session);
    both.append(header::COOKIE, session[header::COOKIE].clone());
    let fresh = here.back(&fifth, &both).await.unwrap();
    assert_ne!(fresh.session, signed_in.session);
    assert_eq!(here.who(&session).await, None);
}

#[tokio::test]
async fn a_code_of_another_sign_in_is_not_taken() {
    let here = Here::new().await;
    let (one, browser) = here.at_provider("staff", "/").await;
    let (other, _) = here.at_provider("staff", "/").await;
    let code = other.iter().find(|(name, _)| name == "code").unwrap().clone();
    let mixed: Vec<_> = one.into_iter().map(|pair| if pair.0 == "code" { code.clone() } else { pair }).collect();
    assert!(matches!(here.back(&mixed, &browser).await, Err(AccessError::SignIn(_))), "PKCE holds it to its sign-in");
}

#[tokio::test]
async fn what_a_provider_answers_is_believed_if_it_is_all_right() {
    let here = Here::new().await;
    for misdeed in [
        Misdeed::Rubbish,
        Misdeed::Endless,
        Misdeed::NoIdToken,
        Misdeed::Fails,
        Misdeed::OtherNonce,
        Misdeed::NoNonce,
        Misdeed::OtherClient,
        Misdeed::OtherClientBesides,
        Misdeed::OtherIssuer,
        Misdeed::OtherKey,
        Misdeed::Unsigned,
        Misdeed::Expired,
        Misdeed::AccessToken,
    ] {
        here.staff.does(misdeed);
        let error = here.sign_in("staff").await.err().unwrap_or_else(|| panic!("{misdeed:?} is believed"));
        assert!(matches!(error, AccessError::SignIn(_) | AccessError::NotAuthenticated), "{misdeed:?}: {error:?}");
    }
    here.staff.does(Misdeed::Hangs);
    let hung = tokio::time::timeout(Duration::from_secs(60), here.sign_in("staff")).await;
    assert!(matches!(hung.expect("it is given up"), Err(AccessError::SignIn(_))));
    here.staff.does(Misdeed::None);
    assert!(here.sign_in("staff").await.is_ok());
}

#[tokio::test]
async fn a_provider_that_is_away_is_told_of_and_asked_again() {
    let gone = Provider::start().await;
    let mut settings = settings(&gone, &gone);
    settings.tenants = None;
    settings.staff.as_mut().unwrap().provider.discovery_url = Some("http://127.0.0.1:9/".into());
    let dir = tempfile::tempdir().unwrap();
    let states = Embedded::open(&dir.path().join("store.sqlite"), Retention::default()).unwrap();
    let access = Access::new(settings, Arc::new(states)).unwrap();
    for _ in 0..2 {
        let begun = access.begin("staff", "/", Timestamp::now()).await;
        assert!(matches!(begun, Err(AccessError::Unavailable(_))));
    }
    assert!(matches!(access.begin("nobody", "/", Timestamp::now()).await, Err(AccessError::SignIn(_))));
    let token = gone.token(&json!({ "sub": "1", "groups": "sre" }));
    assert!(matches!(access.authenticate(&bearer(&token), Timestamp::now()).await, Err(AccessError::Unavailable(_))));
}

#[tokio::test]
async fn the_tenants_issuer_makes_no_operator_whatever_its_tokens_say() {
    let here = Here::new().await;
    let everything = json!({
        "sub": "2", "groups": ["sre"], "cognito:groups": ["sre"], "role": "operator", "custom:role": "admin",
        "custom:tenant-id": "acme", "email": "ada@staff.example",
    });
    assert_eq!(here.who(&bearer(&here.tenants.token(&everything))).await, Some(tenant("acme")));
    here.tenants.user(everything);
    assert_eq!(here.sign_in("tenants").await.unwrap().principal.role, tenant("acme"));
    // Signed by the tenants' issuer, in the name of the staff's.
    let forged = here.tenants.token(&json!({ "sub": "1", "iss": here.staff.issuer(), "groups": ["sre"] }));
    let outcome = here.access.authenticate(&bearer(&forged), Timestamp::now()).await;
    assert!(matches!(outcome, Err(AccessError::NotAuthenticated)));
    // And one issuer cannot be both.
    let dir = tempfile::tempdir().unwrap();
    let states = Embedded::open(&dir.path().join("store.sqlite"), Retention::default()).unwrap();
    let states: Arc<Embedded> = Arc::new(states);
    assert!(Access::new(settings(&here.staff, &here.staff), states.clone()).is_err());
    // Nor is one believed that whoever is on the way can answer for; nor does a session last no time.
    let (mut public, mut short) = (settings(&here.staff, &here.tenants), settings(&here.staff, &here.tenants));
    public.staff.as_mut().unwrap().provider.issuer = "http://login.example".into();
    short.session.idle_minutes = 0;
    assert!(Access::new(public, states.clone()).is_err() && Access::new(short, states).is_err());
}

#[tokio::test]
async fn a_role_follows_from_claims() {
    let here = Here::new().await;
    let staff = async |claims: Value| {
        let token = here.staff.token(&claims);
        here.access.authenticate(&bearer(&token), Timestamp::now()).await.map(|known| known.unwrap().principal.role)
    };
    assert_eq!(staff(json!({ "sub": "1", "groups": ["support", "sre"] })).await.unwrap(), Role::Operator);
    assert_eq!(staff(json!({ "sub": "1", "groups": "support" })).await.unwrap(), Role::Viewer);
    for nobody in
        [json!({ "sub": "1" }), json!({ "sub": "1", "groups": ["sr"] }), json!({ "sub": "1", "groups": { "sre": 1 } })]
    {
        assert!(matches!(staff(nobody.clone()).await, Err(AccessError::NotAllowed(_))), "{nobody}");
    }
    let tenants = async |tenant: Value, role: Value| {
        let token = here.tenants.token(&json!({ "sub": "2", "custom:tenant-id": tenant, "custom:role": role }));
        here.access.authenticate(&bearer(&token), Timestamp::now()).await
    };
    assert!(tenants(json!("acme"), json!("admin")).await.is_ok());
    for (id, role) in [
        (json!("acme"), json!("member")),
        (json!("acme"), Value::Null),
        (json!("acme"), json!(["admin"])),
        (Value::Null, json!("admin")),
        (json!("a#b"), json!("admin")),
        (json!(""), json!("admin")),
        (json!(["acme"]), json!("admin")),
        (json!("x".repeat(65)), json!("admin")),
    ] {
        assert!(tenants(id.clone(), role.clone()).await.is_err(), "{id} {role}");
    }
}

#[tokio::test]
async fn no_token_but_a_genuine_one_is_taken() {
    let here = Here::new().await;
    let claims = json!({ "sub": "1", "groups": ["sre"] });
    let refused = async |headers: HeaderMap| {
        let outcome = here.access.authenticate(&headers, Timestamp::now()).await;
        assert!(matches!(outcome, Err(AccessError::NotAuthenticated)), "{headers:?}");
    };
    for misdeed in [
        Misdeed::OtherClient,
        Misdeed::OtherClientBesides,
        Misdeed::OtherIssuer,
        Misdeed::OtherKey,
        Misdeed::Unsigned,
        Misdeed::Expired,
        Misdeed::AccessToken,
    ] {
        refused(bearer(&here.staff.wrong_token(&claims, misdeed))).await;
    }
    let good = here.staff.token(&claims);
    for access_token in [json!({ "typ": "Bearer" }), json!({ "scp": "openid" })] {
        let mut claims = claims.clone();
        claims.as_object_mut().unwrap().extend(access_token.as_object().unwrap().clone());
        refused(bearer(&here.staff.token(&claims))).await;
    }
    for headers in [
        bearer(""),
        bearer("a.b.c"),
        bearer(&good[..good.len() - 4]),
        bearer("cpk_unknown"),
        headers(header::AUTHORIZATION, &good),
        headers(header::AUTHORIZATION, &format!("Basic {good}")),
        headers(header::AUTHORIZATION, &format!("Bearer {good}, Bearer {good}")),
    ] {
        refused(headers).await;
    }
    // Two of them: whoever stands in front may have read the other.
    let mut twice = bearer(&good);
    twice.append(header::AUTHORIZATION, HeaderValue::from_static("Bearer x"));
    refused(twice).await;
    // A token that is wrong is not made good by a cookie that is right.
    let signed_in = here.sign_in("staff").await.unwrap();
    let mut both = cookie(SESSION_COOKIE, &signed_in.session);
    both.extend(bearer("a.b.c"));
    refused(both).await;
    assert_eq!(here.who(&bearer(&good)).await, Some(Role::Operator));
}

#[tokio::test]
async fn no_cookie_but_a_sessions_is_taken() {
    let here = Here::new().await;
    let id = here.sign_in("staff").await.unwrap().session;
    for value in ["", "x", &id[1..], &format!("{id}x"), &id.to_uppercase(), "' OR 1=1 --", "session/1"] {
        assert_eq!(here.who(&cookie(SESSION_COOKIE, value)).await, None, "{value}");
    }
    // Without the prefix another host may have set it; of two, one is somebody else's.
    assert_eq!(here.who(&headers(header::COOKIE, &format!("{SESSION_COOKIE}={id}"))).await, None);
    assert_eq!(
        here.who(&headers(header::COOKIE, &format!("__Host-{SESSION_COOKIE}={id}; __Host-{SESSION_COOKIE}=x"))).await,
        None
    );
    assert_eq!(here.who(&cookie(SESSION_COOKIE, &id)).await, Some(Role::Operator));
}

#[tokio::test]
async fn only_an_own_page_changes_something() {
    let here = Here::new().await;
    let source = |pairs: &[(&'static str, &'static str)]| {
        let headers =
            pairs.iter().map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_static(value)));
        here.access.check_source(&Method::POST, &headers.collect())
    };
    assert!(source(&[("host", "cp.example"), ("origin", "https://cp.example")]).is_ok());
    assert!(
        source(&[("host", "cp.example"), ("authorization", "Bearer x")]).is_ok(),
        "no browser sends that by itself"
    );
    assert!(source(&[("host", "cp.example"), ("origin", "https://evil.example")]).is_err());
    assert!(source(&[("host", "cp.example")]).is_err());
    assert!(source(&[("host", "evil.example"), ("origin", "https://evil.example")]).is_err());
}

#[test]
fn cookies_are_of_this_host_alone_and_for_no_script() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let here = runtime.block_on(Here::new());
    let cookie = here.access.session_cookie("abc");
    for part in ["__Host-control-plane-session=abc", "HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Domain"));
    assert!(here.access.no_cookie(SESSION_COOKIE).contains("Max-Age=0"));
}

#[tokio::test]
async fn a_provider_and_a_program_may_exchange_their_keys() {
    let (staff, tenants) = (Provider::start().await, Provider::start().await);
    let key = |sha256: &str, expires: Timestamp| ServiceKeySettings {
        name: "nightly".into(),
        sha256: sha256.into(),
        role: "viewer".into(),
        expires,
    };
    let (soon, later) = (Timestamp::now() + 1.hour(), Timestamp::now() + 48.hours());
    // Of cpk_old and cpk_new, as `sha256sum` says them.
    let (old, new) = (
        "4fd5878c7cb246d11825ee8b56fa809249ad0858c8a2c4a27ee8f94b6b510971",
        "c9a77ea76628985a124c75a849db698e82e7d3a6cb80d008a091b7ffc93d965f",
    );
    let settings = Settings { service_keys: vec![key(old, soon), key(new, later)], ..settings(&staff, &tenants) };
    let dir = tempfile::tempdir().unwrap();
    let states = Embedded::open(&dir.path().join("store.sqlite"), Retention::default()).unwrap();
    let access = Access::new(settings, Arc::new(states)).unwrap();
    let who = async |bearer: &str, now: Timestamp| {
        access
            .authenticate(&headers(header::AUTHORIZATION, &format!("Bearer {bearer}")), now)
            .await
            .map(|who| who.unwrap().principal.role)
    };
    let claims = json!({ "sub": "1", "groups": ["sre"] });
    let before = staff.token(&claims);
    assert_eq!(who(&before, Timestamp::now()).await.unwrap(), Role::Operator);
    staff.rotates();
    let after = staff.token(&claims);
    for token in [&before, &after] {
        assert_eq!(who(token, Timestamp::now()).await.unwrap(), Role::Operator);
    }
    let at = |hours: i64| Timestamp::now() + hours.hours();
    for (key, hours, is_good) in
        [("cpk_old", 0, true), ("cpk_new", 0, true), ("cpk_old", 2, false), ("cpk_new", 2, true)]
    {
        assert_eq!(who(key, at(hours)).await.is_ok(), is_good, "{key} in {hours} hours");
    }
}
