//! Whoever registers a company gets a tenant that the service made up; whoever is invited gets the inviter's.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use aws_sdk_cognitoidentityprovider::{
    Client,
    types::{AttributeType, AuthFlowType, ChallengeNameType},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures_util::future::join_all;
use local::{ministack::sdk_config, outputs::User};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use testkit::{Answer, Caller, Cloud, JOURNEY, assert_journey, book, eventually, has_steps, send};

static CLOUD: LazyLock<Cloud> = LazyLock::new(Cloud::start);

const NEW_PASSWORD: &str = "A-password-of-mine-7";

/// A call without a token, from a network of its own.
fn call(method: Method, path: &str, source: &str) -> RequestBuilder {
    let url = format!("{}{path}", CLOUD.outputs.booking_url);
    reqwest::Client::new().request(method, url).header("x-forwarded-for", source)
}

fn registration(email: &str, source: &str) -> RequestBuilder {
    registration_of("Hooli Air", email, source)
}

fn registration_of(company_name: &str, email: &str, source: &str) -> RequestBuilder {
    call(Method::POST, "/registrations", source).json(&json!({ "company_name": company_name, "email": email }))
}

async fn register(email: &str, source: &str) -> Answer {
    let answer = send(registration(email, source)).await;
    assert_eq!((answer.status, &answer.body), (202, &json!({ "email": email })), "{}", answer.body);
    answer
}

async fn invite(by: &Caller, body: Value) -> Answer {
    by.send(by.booking(Method::POST, "/invitations").json(&body)).await
}

async fn cognito() -> Client {
    Client::new(&sdk_config(&CLOUD.outputs.aws_endpoint_url, &CLOUD.outputs.booking_account).await)
}

/// The mails to an address, each with its subject and text.
async fn mails(email: &str) -> Vec<(String, String)> {
    let url = format!("{}/_ministack/ses/messages", CLOUD.outputs.aws_endpoint_url);
    let mailbox: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    let mails = mailbox["messages"][&CLOUD.outputs.booking_account].as_array().cloned().unwrap_or_default();
    let theirs = mails.iter().filter(|mail| mail["To"] == json!([email]));
    let text = |mail: &Value, part: &str| mail[part].as_str().unwrap().to_owned();
    theirs.map(|mail| (text(mail, "Subject"), text(mail, "BodyText"))).collect()
}

/// The passwords that were mailed to an address.
async fn mailed_passwords(email: &str) -> Vec<String> {
    let password = |(_, text): (String, String)| {
        let (_, after) = text.split_once(&format!("as {email} with the password ")).unwrap();
        after.split_once(' ').unwrap().0.to_owned()
    };
    mails(email).await.into_iter().map(password).collect()
}

/// Signs in for the first time, with the mailed password, and chooses one; the ID token.
async fn first_sign_in(email: &str) -> String {
    let mailed = eventually(&format!("mail to {email}"), async || mailed_passwords(email).await.pop()).await;
    let (client, cognito) = (&CLOUD.outputs.user_pool_client_id, cognito().await);
    let sign_in = cognito.initiate_auth().auth_flow(AuthFlowType::UserPasswordAuth).client_id(client);
    let asked = sign_in.auth_parameters("USERNAME", email).auth_parameters("PASSWORD", mailed).send().await.unwrap();
    assert_eq!(asked.challenge_name(), Some(&ChallengeNameType::NewPasswordRequired));
    let signed_in = cognito
        .respond_to_auth_challenge()
        .client_id(client)
        .challenge_name(ChallengeNameType::NewPasswordRequired)
        .session(asked.session().unwrap())
        .challenge_responses("USERNAME", email)
        .challenge_responses("NEW_PASSWORD", NEW_PASSWORD)
        .send()
        .await
        .unwrap();
    signed_in.authentication_result().unwrap().id_token().unwrap().to_owned()
}

/// What a token says of its bearer.
#[derive(Debug, Clone, PartialEq)]
struct Claims {
    tenant: String,
    tier: String,
    role: String,
}

fn claims(token: &str) -> Claims {
    let payload = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&payload).unwrap();
    let text = |name: &str| claims[name].as_str().unwrap_or_default().to_owned();
    Claims { tenant: text("custom:tenant-id"), tier: text("custom:tier-level"), role: text("custom:role") }
}

async fn newcomer(email: &str) -> Caller {
    let token = first_sign_in(email).await;
    let Claims { tenant, tier, .. } = claims(&token);
    let user = User { username: email.to_owned(), password: NEW_PASSWORD.to_owned(), tenant, tier };
    Caller::with_token(&CLOUD.outputs, user, token)
}

async fn admin_of_a_new_company(email: &str, source: &str) -> Caller {
    register(email, source).await;
    newcomer(email).await
}

/// Company names by tenant.
async fn companies() -> HashMap<String, String> {
    let items = CLOUD.items(&CLOUD.outputs.booking_account, &CLOUD.outputs.tenants_table).await;
    let text = |value: &aws_sdk_dynamodb::types::AttributeValue| value.as_s().unwrap().clone();
    items.iter().map(|item| (text(&item["tenant_id"]), text(&item["company_name"]))).collect()
}

/// What the pool knows of a user, by attribute.
async fn attributes(email: &str) -> HashMap<String, String> {
    let get = cognito().await.admin_get_user().user_pool_id(&CLOUD.outputs.user_pool_id).username(email);
    let user = get.send().await.unwrap();
    let pair =
        |attribute: &AttributeType| (attribute.name().to_owned(), attribute.value().unwrap_or_default().to_owned());
    user.user_attributes().iter().map(pair).collect()
}

#[tokio::test]
async fn a_company_registers_and_its_admin_books() {
    let admin = admin_of_a_new_company("ada@hooli.example", "192.0.2.1").await;
    let Claims { tenant, tier, role } = claims(&admin.token);
    assert!(tenant.len() == 14 && tenant.starts_with("t-"), "{tenant}");
    assert_eq!((tier.as_str(), role.as_str()), ("basic", "admin"));
    assert_eq!(attributes("ada@hooli.example").await["email_verified"], "true");

    let items = CLOUD.items(&CLOUD.outputs.booking_account, &CLOUD.outputs.tenants_table).await;
    let item = items.iter().find(|item| item["tenant_id"].as_s() == Ok(&tenant)).expect("no such tenant");
    let text = |name: &str| item[name].as_s().unwrap().as_str();
    assert_eq!((text("company_name"), text("tier"), text("status")), ("Hooli Air", "basic", "active"));
    assert!(text("created_at").parse::<jiff::Timestamp>().is_ok());

    let booked = book(&admin, "LHR", "JFK").await;
    let trace = CLOUD.trace(&booked.trace_id(), |trace| has_steps(trace, JOURNEY.len())).await;
    assert_journey(&trace, &admin.user, &booked.booking_number());
}

#[tokio::test]
async fn a_registration_is_traced_under_the_tenant_it_makes() {
    let answer = register("trace@hooli.example", "192.0.2.2").await;
    // registration-api's own with its four calls, and that of invitation-mail, which Cognito invoked.
    let trace = CLOUD
        .trace(&answer.trace_id(), |trace| {
            let of = |service: &str| trace.spans.iter().filter(|span| span.service == service).count();
            of("registration-api") >= 5 && of("invitation-mail") >= 1
        })
        .await;
    let tenant = attributes("trace@hooli.example").await["custom:tenant-id"].clone();
    for span in &trace.spans {
        let labels = (span.tenant.as_ref(), span.tier.as_deref());
        assert_eq!(labels, (Some(&tenant), Some("basic")), "{} of {}", span.name, span.service);
    }
    assert!(!serde_json::to_string(&trace.spans).unwrap().contains("trace@hooli"), "an address is in the trace");
}

#[tokio::test]
async fn mails_name_the_company() {
    let sign_in = format!("Sign in at {} as ", CLOUD.outputs.portal_url);
    let admin = admin_of_a_new_company("judy@massive.example", "192.0.2.9").await;
    assert_eq!(invite(&admin, json!({ "email": "kim@massive.example" })).await.status, 202);
    for email in ["judy@massive.example", "kim@massive.example"] {
        let mails = mails(email).await;
        let [(subject, text)] = &mails[..] else { panic!("{mails:?}") };
        assert_eq!(subject, "Your account at Hooli Air");
        assert!(text.starts_with(&format!("You have an account at Hooli Air. {sign_in}{email} with ")), "{text}");
    }
}

#[tokio::test]
async fn a_name_that_somebody_chose_is_no_markup_and_no_link_and_keeps_nobody_out() {
    for (n, (name, subject, begins)) in [
        (
            "<b>Evil & Sons</b> https://evil.example",
            "Your account at <b>Evil & Sons</b> https: / /evil. example",
            "You have an account at &lt;b&gt;Evil &amp; Sons&lt;/b&gt; https: / /evil. example. Sign in at ",
        ),
        // It would have the password mailed in the subject.
        ("{####}", "Your account", "Sign in at "),
        // A character that nobody sees, which Cognito does not mail.
        ("Evil\u{200b}Air", "Your account", "Sign in at "),
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("mallory{n}@evil.example");
        assert_eq!(send(registration_of(name, &email, "192.0.2.10")).await.status, 202, "{name}");
        let mails = mails(&email).await;
        let [(mailed, text)] = &mails[..] else { panic!("{name}: {mails:?}") };
        assert_eq!(mailed, subject);
        assert!(text.starts_with(begins), "{text}");
        first_sign_in(&email).await;
    }
}

#[tokio::test]
async fn nothing_a_caller_sends_chooses_tenant_tier_or_role() {
    let source = "192.0.2.3";
    let email = "eve@evil.example";
    for (field, value) in [
        ("tenant_id", "acme"),
        ("custom:tenant-id", "acme"),
        ("tier", "premium"),
        ("custom:tier-level", "premium"),
        ("role", "admin"),
        ("attributes", "custom:tenant-id=acme"),
    ] {
        let body = json!({ "company_name": "Evil", "email": email, field: value });
        let answer = send(call(Method::POST, "/registrations", source).json(&body)).await;
        answer.assert_problem(422, field);
        assert_eq!(answer.body["errors"][0]["field"], format!("/{field}"));
    }
    assert!(mailed_passwords(email).await.is_empty(), "a refused registration made a user");

    let all = registration(email, source)
        .query(&[("tenant_id", "acme"), ("tier", "premium"), ("role", "owner")])
        .header("x-tenant-id", "acme")
        .header("tenant-id", "acme")
        .header("tier-level", "premium")
        .header("baggage", "tenant.id=acme,tenant.tier=premium")
        // A token of somebody's company says nothing about a new one.
        .bearer_auth(CLOUD.caller(2).await.token);
    assert_eq!(send(all).await.status, 202);
    let eve = claims(&first_sign_in(email).await);
    assert!(eve.tenant.starts_with("t-"), "{}", eve.tenant);
    assert_eq!((eve.tier.as_str(), eve.role.as_str()), ("basic", "admin"));
}

#[tokio::test]
async fn the_pool_is_told_to_let_nobody_write_their_tenant_or_sign_up() {
    // The emulator holds neither SignUp nor UpdateUserAttributes to what it is told; Cognito does.
    let (pool, client, cognito) = (&CLOUD.outputs.user_pool_id, &CLOUD.outputs.user_pool_client_id, cognito().await);
    let described = cognito.describe_user_pool().user_pool_id(pool).send().await.unwrap();
    let create = described.user_pool().unwrap().admin_create_user_config().unwrap();
    assert!(create.allow_admin_create_user_only());

    let described = cognito.describe_user_pool_client().user_pool_id(pool).client_id(client).send().await.unwrap();
    let mut writable = described.user_pool_client().unwrap().write_attributes().to_vec();
    writable.sort();
    assert_eq!(writable, ["email", "name"]);
}

#[tokio::test]
async fn a_known_address_is_accepted_and_nothing_changes() {
    let (email, source) = ("bob@initech.example", "192.0.2.4");
    // Thrice with one key: one tenant, one mail. Not at once: Cognito lets one of several through, while the emulator looks for the
    // user and adds them in two steps, each request in a thread of its own, so that two at once may both be added.
    for _ in 0..3 {
        let answer = send(registration(email, source).header("idempotency-key", "once")).await;
        assert_eq!((answer.status, answer.body), (202, json!({ "email": email })));
    }
    assert_eq!(mailed_passwords(email).await.len(), 1);
    let bob = attributes(email).await;
    let theirs = &bob["custom:tenant-id"];
    assert!(companies().await.contains_key(theirs));

    let pilot = &CLOUD.outputs.users[0];
    let before = attributes(&pilot.username).await;
    let again = register(&pilot.username, source).await;
    assert_eq!(attributes(&pilot.username).await, before);
    // Nothing failed, and the trace of whoever asked names nobody's tenant.
    let trace = CLOUD.trace(&again.trace_id(), |trace| trace.spans.len() >= 6).await;
    for span in &trace.spans {
        assert_eq!((span.status.as_str(), span.tenant.as_ref()), ("UNSET", None), "{}", span.name);
    }
    assert!(mailed_passwords(&pilot.username).await.is_empty());

    // Another spelling is the same person.
    assert_eq!(send(registration("Pilot@ACME.example", source)).await.body, json!({ "email": pilot.username }));
    assert_eq!(attributes(&pilot.username).await, before);

    // A tenant that turned out to have no user is taken back. Those of other tests get theirs within the patience.
    let named = companies().await;
    eventually("tenants without users to be gone", async || {
        let (with_users, now) = (tenants_of_users().await, companies().await);
        named.keys().filter(|tenant| now.contains_key(*tenant)).all(|tenant| with_users.contains(tenant)).then_some(())
    })
    .await;
}

async fn tenants_of_users() -> HashSet<String> {
    let list = cognito().await.list_users().user_pool_id(&CLOUD.outputs.user_pool_id).into_paginator().items().send();
    let users: Vec<_> = list.collect::<Result<_, _>>().await.unwrap();
    let attributes = users.iter().flat_map(|user| user.attributes());
    let tenants = attributes.filter(|attribute| attribute.name() == "custom:tenant-id");
    tenants.filter_map(|tenant| tenant.value()).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_colleague_joins_the_admins_tenant_as_a_member() {
    let admin = admin_of_a_new_company("carol@umbrella.example", "192.0.2.5").await;
    let answer = invite(&admin, json!({ "email": "dan@umbrella.example" })).await;
    assert_eq!((answer.status, answer.body), (202, json!({ "email": "dan@umbrella.example" })));
    let member = newcomer("dan@umbrella.example").await;
    let expected = Claims { role: "member".to_owned(), ..claims(&admin.token) };
    assert_eq!(claims(&member.token), expected);
    book(&member, "LHR", "JFK").await;

    let refused = invite(&member, json!({ "email": "erin@umbrella.example" })).await;
    refused.assert_problem(403, "a member invites");
    assert_eq!(refused.body["code"], "not_an_admin");
    assert!(mailed_passwords("erin@umbrella.example").await.is_empty());

    // A tier is inherited too.
    let premium = CLOUD.caller(2).await;
    assert_eq!(invite(&premium, json!({ "email": "frank@oceanic.example" })).await.status, 202);
    let frank = claims(&first_sign_in("frank@oceanic.example").await);
    assert_eq!(frank, Claims { tenant: "oceanic".into(), tier: "premium".into(), role: "member".into() });
}

#[tokio::test]
async fn an_invitation_moves_nobody_and_needs_a_token() {
    let admin = CLOUD.caller(0).await;
    let other = &CLOUD.outputs.users[1].username;
    let before = attributes(other).await;
    assert_eq!(invite(&admin, json!({ "email": other })).await.status, 202);
    assert_eq!(attributes(other).await, before);

    for (field, value) in [("tenant_id", "globex"), ("tier", "premium"), ("role", "admin")] {
        let answer = invite(&admin, json!({ "email": "gina@acme.example", field: value })).await;
        answer.assert_problem(422, field);
    }
    let no_token = call(Method::POST, "/invitations", "192.0.2.6").json(&json!({ "email": "gina@acme.example" }));
    send(no_token).await.assert_problem(401, "no token");
    let nobody = Caller::with_token(&CLOUD.outputs, admin.user.clone(), "garbage".to_owned());
    invite(&nobody, json!({ "email": "gina@acme.example" })).await.assert_problem(401, "garbage");
    assert!(mailed_passwords("gina@acme.example").await.is_empty());
}

#[tokio::test]
async fn what_is_wrong_with_a_field_is_said() {
    let cases = [
        ("{", 400, vec![]),
        ("[]", 400, vec![]),
        ("{}", 422, vec!["/company_name", "/email"]),
        (r#"{"company_name":" ","email":"a@b.example"}"#, 422, vec!["/company_name"]),
        (r#"{"company_name":"Hooli","email":"a@b"}"#, 422, vec!["/email"]),
        (r#"{"company_name":7,"email":["a@b.example"]}"#, 422, vec!["/company_name", "/email"]),
    ];
    for (body, status, fields) in cases {
        let answer = send(call(Method::POST, "/registrations", "192.0.2.7").body(body)).await;
        answer.assert_problem(status, body);
        let named: Vec<_> = answer.body["errors"].as_array().into_iter().flatten().map(|e| &e["field"]).collect();
        assert_eq!(named, fields, "{body}");
    }
    let answer = invite(&CLOUD.caller(0).await, json!({ "email": "nobody" })).await;
    answer.assert_problem(422, "an invitation");
    assert_eq!(answer.body["errors"][0]["field"], "/email");
}

#[tokio::test]
async fn browsers_may_ask_before_they_send() {
    for path in ["/registrations", "/invitations"] {
        let preflight = call(Method::OPTIONS, path, "192.0.2.8")
            .header("origin", "https://portal.example")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type,idempotency-key,traceparent");
        let answer = send(preflight).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.headers.contains_key("access-control-allow-origin"), "{path}");
    }
}

/// Sends requests, four at a time, until one is refused for being too many; how many were accepted. A stretch of time may
/// end meanwhile, once.
async fn accepted_until_refused(most: usize, request: impl Fn(usize) -> RequestBuilder) -> usize {
    let mut accepted = 0;
    for first in (0..2 * most + 4).step_by(4) {
        let answers = join_all((first..first + 4).map(|n| send(request(n)))).await;
        let (served, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 202);
        accepted += served.len();
        for answer in &refused {
            answer.assert_problem(429, "too many");
            let seconds: u32 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
            assert!((1..=24 * 60 * 60).contains(&seconds), "{seconds}");
        }
        if !refused.is_empty() {
            return accepted;
        }
    }
    panic!("{accepted} were accepted")
}

#[tokio::test]
async fn an_address_gets_no_more_than_three_mails_a_day() {
    let accepted = accepted_until_refused(3, |n| registration("many@hooli.example", &format!("198.51.100.{n}"))).await;
    assert!(accepted >= 3, "{accepted}");
    // Invitations count too, and other addresses are not concerned.
    let admin = CLOUD.caller(0).await;
    invite(&admin, json!({ "email": "many@hooli.example" })).await.assert_problem(429, "an invitation");
    register("few@hooli.example", "198.51.100.99").await;

    let counts = CLOUD.items(&CLOUD.outputs.booking_account, "registrations-local").await;
    assert!(!counts.is_empty() && !format!("{counts:?}").contains('@'), "an address is stored");
    assert!(counts.iter().all(|count| count["expires_at"].is_n()), "a count stays for ever");
}

#[tokio::test]
async fn a_network_registers_no_more_than_it_may() {
    // As local/src/cloud.rs sets it. Each address is a new one.
    let most = 50;
    let accepted = accepted_until_refused(most, |n| registration(&format!("n{n}@flood.example"), "203.0.113.1")).await;
    assert!(accepted >= most, "{accepted}");
    register("neighbour@hooli.example", "203.0.113.2").await;
}

#[tokio::test]
async fn a_tenant_invites_no_more_than_it_may() {
    let admin = CLOUD.caller(1).await;
    let most = 50;
    let accepted = accepted_until_refused(most, |n| {
        admin.booking(Method::POST, "/invitations").json(&json!({ "email": format!("n{n}@globex.example") }))
    })
    .await;
    assert!(accepted >= most, "{accepted}");
    let other = CLOUD.caller(2).await;
    assert_eq!(invite(&other, json!({ "email": "hugo@oceanic.example" })).await.status, 202);
}
