//! The registry has the last word: a tenant it suspends is refused in both accounts although its tokens verify, and so is a caller whom the tenant's
//! access lists refuse; its tier counts over the tokens', and a tenant it does not know is nobody.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, process::Command, sync::LazyLock};

use aws_sdk_sns::types::MessageAttributeValue;
use aws_sdk_wafv2::types::{IpAddressVersion, Scope};
use axum::http::Method;
use local::{ministack::sdk_config, users};
use serde_json::{Value, json};
use testkit::{
    Answer, Caller, Cloud, book,
    browser::{Browser, location},
    control_plane::Server,
    eventually, program,
};

static CLOUD: LazyLock<Cloud> = LazyLock::new(Cloud::start);

/// What a process needs that has the rights of account A.
fn account_a() -> [(&'static str, &'static str); 4] {
    [
        ("AWS_ENDPOINT_URL", &CLOUD.outputs.aws_endpoint_url),
        ("AWS_REGION", &CLOUD.outputs.region),
        ("AWS_ACCESS_KEY_ID", &CLOUD.outputs.booking_account),
        ("AWS_SECRET_ACCESS_KEY", "local"),
    ]
}

/// What `operator tenant …` prints and whether it succeeds.
fn tenant_command(arguments: &[&str]) -> (bool, String) {
    operator(&[&["tenant"], arguments, &["--table", &CLOUD.outputs.tenants_table]].concat())
}

/// What `operator …` prints with the rights of account A and a key of the control plane, and whether it succeeds.
fn operator(arguments: &[&str]) -> (bool, String) {
    let key = CLOUD.outputs.control_plane_key.iter().map(|key| ("CONTROL_PLANE_TOKEN", key));
    let mut command = Command::new(program("operator"));
    let output = command.args(arguments).env_clear().envs(account_a()).envs(key).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

fn succeeds(arguments: &[&str]) -> String {
    let (success, text) = tenant_command(arguments);
    assert!(success, "{arguments:?}: {text}");
    text
}

/// A user of a tenant made by the command line, signed in with a token of this tier.
async fn new_tenant(name: &str, tier: &str) -> Caller {
    let created = succeeds(&["create", "--company-name", name, "--tier", tier, "--json"]);
    let created: Value = serde_json::from_str(&created).unwrap();
    user_of(created["tenant_id"].as_str().unwrap(), tier).await
}

async fn user_of(tenant: &str, tier: &str) -> Caller {
    named_user_of("pilot", tenant, tier).await
}

async fn named_user_of(name: &str, tenant: &str, tier: &str) -> Caller {
    let config = sdk_config(&CLOUD.outputs.aws_endpoint_url, &CLOUD.outputs.booking_account).await;
    let cognito = aws_sdk_cognitoidentityprovider::Client::new(&config);
    let claims = [("custom:tenant-id", tenant), ("custom:tier-level", tier)];
    let email = format!("{name}@{tenant}.example");
    let user = users::create_one(&cognito, &CLOUD.outputs.user_pool_id, &email, &claims).await.unwrap();
    Caller::sign_in(&CLOUD.outputs, user).await
}

/// Asks both accounts until each answers with this status, and with this code where it refuses.
async fn both_answer(caller: &Caller, status: u16, code: Option<&str>) {
    eventually(&format!("{status} {code:?}"), async || {
        for answer in [caller.get("/bookings").await, caller.get_mileage("/mileage").await] {
            if answer.status != status || answer.body["code"].as_str() != code {
                return None;
            }
        }
        Some(())
    })
    .await;
}

/// The attributes of the SERVER span of a request that was refused, once it is there, and its tenant.
async fn refused_span(answer: &Answer) -> (BTreeMap<String, Value>, Option<String>) {
    let trace = CLOUD
        .trace(&answer.trace_id(), |trace| trace.spans.iter().any(|span| span.attributes.contains_key("problem.code")))
        .await;
    assert!(trace.spans.iter().all(|span| span.status != "ERROR"), "a refusal is nobody's failure: {trace:?}");
    let span = trace.spans.into_iter().find(|span| span.attributes.contains_key("problem.code")).unwrap();
    assert_eq!((&span.attributes["problem.code"], span.kind.as_str()), (&answer.body["code"], "SERVER"));
    (span.attributes, span.tenant)
}

#[tokio::test]
async fn a_span_says_why_a_verified_caller_was_refused() {
    let (caller, other) = (new_tenant("Curious Air", "basic").await, CLOUD.caller(0).await);
    let of_other = book(&other, "LHR", "JFK").await.booking_number();
    let stranger = user_of("t-nobody-knows", "basic").await;
    for (asked, status, code, by) in [
        (caller.get(&format!("/bookings/{of_other}")).await, 404, "no_such_booking", &caller),
        (caller.get("/bookings/7T42H7MK").await, 404, "no_such_booking", &caller),
        (caller.get_mileage("/mileage/no-number").await, 404, "no_such_booking", &caller),
        (caller.get("/bookings?limit=many").await, 400, "invalid_parameter", &caller),
        (
            caller.send(caller.booking(Method::POST, "/bookings").json(&json!({}))).await,
            422,
            "invalid_booking",
            &caller,
        ),
        (
            caller.send(caller.booking(Method::POST, "/invitations").json(&json!({}))).await,
            403,
            "not_an_admin",
            &caller,
        ),
        (stranger.get("/bookings").await, 403, "unknown_tenant", &stranger),
    ] {
        assert_eq!((asked.status, asked.body["code"].as_str()), (status, Some(code)), "{:?}", asked.body);
        let (attributes, tenant) = refused_span(&asked).await;
        assert_eq!(tenant.as_deref(), Some(by.user.tenant.as_str()), "{code}");
        assert!(attributes.contains_key("enduser.id"), "{code}: {attributes:?}");
    }
}

#[tokio::test]
async fn suspended_and_resumed_with_one_token() {
    let caller = new_tenant("Suspended Air", "basic").await;
    let tenant = caller.user.tenant.as_str();
    book(&caller, "LHR", "JFK").await;
    both_answer(&caller, 200, None).await;

    let why = ["--reason", "unpaid since May"];
    assert!(succeeds(&[&["suspend", tenant], &why[..]].concat()).ends_with("active → suspended, unpaid since May\n"));
    both_answer(&caller, 403, Some("tenant_suspended")).await;
    assert!(succeeds(&[&["suspend", tenant], &why[..]].concat()).contains("as before"));
    let listed: Vec<Value> = serde_json::from_str(&succeeds(&["list", "--json"])).unwrap();
    let listed = listed.iter().find(|listed| listed["tenant_id"] == tenant).unwrap();
    assert_eq!((&listed["status"], &listed["change_reason"]), (&json!("suspended"), &json!("unpaid since May")));
    assert!(listed["changed_by"].as_str().unwrap().starts_with("arn:aws:"), "{listed}");
    // Nobody else is touched.
    both_answer(&CLOUD.caller(0).await, 200, None).await;

    assert!(succeeds(&["resume", tenant, "--reason", "paid"]).contains("suspended → active"));
    both_answer(&caller, 200, None).await;
}

#[tokio::test]
async fn suspended_resumed_and_promoted_by_button() {
    let caller = new_tenant("Button Air", "basic").await;
    let tenant = caller.user.tenant.as_str();
    let dir = tempfile::tempdir().unwrap();
    let table = &CLOUD.outputs.tenants_table;
    let config = format!("[tenants]\ntable = '{table}'\ntiers = ['basic', 'premium']");
    let server = Server::with_environment(dir.path(), &config, &account_a());
    let mut browser = Browser::new(&server);
    let mut press = async |button: &str, form: &str| {
        let pressed = browser.post(&format!("/tenants/{tenant}/{button}"), &server.url, form.to_owned()).await;
        browser.open(&location(&pressed)).await.text().await.unwrap()
    };
    both_answer(&caller, 200, None).await;
    let page = press("suspend", "reason=unpaid+since+May").await;
    assert!(page.contains("Button Air") && page.contains("suspended") && page.contains("unpaid since May"), "{page}");
    both_answer(&caller, 403, Some("tenant_suspended")).await;
    press("resume", "reason=paid").await;
    both_answer(&caller, 200, None).await;
    press("tier", "reason=grown&shown=basic&tier=premium").await;
    // What the button did, the command sees, and the other way round.
    assert!(succeeds(&["set-tier", tenant, "basic", "--reason", "shrunk"]).contains("premium → basic"));
    let quota = ["--requests-per-second", "1", "--burst", "2", "--bookings-per-day", "3", "--reason", "sold"];
    let set = succeeds(&[&["set-quota", tenant], &quota[..]].concat());
    assert!(set.contains("what its tier gives → 1 requests a second, 2 at once, 3 bookings a day"), "{set}");
    eventually("both accounts go by it, whether they serve it or not", async || {
        for answer in [caller.get("/bookings").await, caller.get_mileage("/mileage").await] {
            if answer.headers.get("ratelimit-policy")? != "\"requests\";q=2;w=2" {
                return None;
            }
        }
        Some(())
    })
    .await;
    press("quota", "reason=more&shown=1/2/3&requests_per_second=50&burst=100&bookings_per_day=9").await;
    let back = succeeds(&["set-quota", tenant, "--default", "--reason", "over"]);
    assert!(back.contains("50 requests a second, 100 at once, 9 bookings a day → what its tier gives"), "{back}");
    let (path, form) = (format!("/tenants/{tenant}/tier"), "reason=r&shown=premium&tier=basic".to_owned());
    assert_eq!(browser.post(&path, &server.url, form).await.status(), 409);
}

/// Asks both accounts, as from an address, until each answers with this status and, where it refuses, this code. API Gateway names the address of
/// whoever opened the connection; the local cloud takes it from the header, so that a test can call from anywhere.
async fn both_answer_to(caller: &Caller, address: &str, status: u16, code: Option<&str>) {
    eventually(&format!("{address}: {status} {code:?}"), async || {
        for request in [caller.booking(Method::GET, "/bookings"), caller.mileage("/mileage")] {
            let answer = caller.send(request.header("x-forwarded-for", address)).await;
            if answer.status != status || answer.body["code"].as_str() != code {
                return None;
            }
        }
        Some(())
    })
    .await;
}

#[tokio::test]
async fn blocked_and_allowed_by_network_and_user() {
    let caller = new_tenant("Guarded Air", "basic").await;
    let tenant = caller.user.tenant.as_str();
    let why = ["--reason", "guesses booking numbers"];
    let (office, elsewhere) = ("203.0.113.7", "198.51.100.1");
    both_answer_to(&caller, office, 200, None).await;

    let block = [&["block", tenant, "--network", "203.0.113.0/24", "--for", "7d"], &why[..]].concat();
    eventually("the control plane knows from where both were asked", async || {
        let answer = CLOUD.ask_control_plane(&format!("/api/tenants/{tenant}/callers")).await;
        let callers = answer["callers"].as_array()?;
        let of_office = callers.iter().find(|caller| caller["network"] == "203.0.113.0/24")?;
        (of_office["requests"].as_u64()? >= 2).then_some(())
    })
    .await;
    let control_plane = ["--control-plane", &CLOUD.outputs.control_plane_url];
    let (done, asked) = tenant_command(&[&block[..], &control_plane].concat());
    assert!(!done && asked.contains("would have refused 100 % of the tenant's requests"), "{asked}");
    // Nobody called from there.
    let quiet = ["--network", "198.18.0.0/15"];
    succeeds(&[&["block", tenant], &quiet[..], &why, &control_plane].concat());
    succeeds(&[&["unblock", tenant], &quiet[..], &why].concat());
    // Where nobody is asked, a network of that size is blocked by the command alone, and a larger one is not.
    let (done, asked) = tenant_command(&[&["block", tenant, "--network", "203.0.112.0/23"], &why[..]].concat());
    assert!(!done && asked.contains("no control plane is named"), "{asked}");
    let blocked = succeeds(&block);
    assert!(blocked.contains("Nobody can say whom these lists would have refused"), "{blocked}");
    assert!(blocked.contains("nothing → block network 203.0.113.0/24 until 2"), "{blocked}");
    both_answer_to(&caller, office, 403, Some("network_not_allowed")).await;
    both_answer_to(&caller, "::ffff:203.0.113.7", 403, Some("network_not_allowed")).await;
    both_answer_to(&caller, elsewhere, 200, None).await;
    // Nobody else's lists are touched.
    both_answer_to(&CLOUD.caller(0).await, office, 200, None).await;
    // Its spans say whose lists refused it, and by what.
    let refused = eventually("a process that has read the lists", async || {
        let answer = caller.send(caller.booking(Method::GET, "/bookings").header("x-forwarded-for", office)).await;
        (answer.status == 403).then_some(answer)
    })
    .await;
    let (attributes, of_tenant) = refused_span(&refused).await;
    assert_eq!((&attributes["access_list.refused"], of_tenant.as_deref()), (&json!("network"), Some(tenant)));
    assert_eq!(attributes["client.network"], "203.0.113.0/24");

    succeeds(&[&["unblock", tenant, "--network", "203.0.113.0/24"], &why[..]].concat());
    // The block is forgotten everywhere before anybody is allowed, so that what is answered then is the other list's.
    both_answer_to(&caller, office, 200, None).await;
    let allow = [&["allow", tenant, "--network", "198.51.100.0/24", "--refuse-most"], &why[..]].concat();
    assert!(tenant_command(&allow).1.contains("all others are refused then"), "the first is asked for twice");
    succeeds(&[&allow[..], &["--refuse-others"]].concat());
    both_answer_to(&caller, "192.0.2.1", 403, Some("network_not_allowed")).await;
    both_answer_to(&caller, office, 403, Some("network_not_allowed")).await;
    both_answer_to(&caller, elsewhere, 200, None).await;

    let user = attributes["enduser.id"].as_str().unwrap();
    succeeds(&[&["block", tenant, "--user", user], &why[..]].concat());
    both_answer_to(&caller, elsewhere, 403, Some("user_not_allowed")).await;
    let listed = succeeds(&["access-lists", tenant]);
    assert_eq!(listed, format!("block user {user}\nallow network 198.51.100.0/24\n"));
    succeeds(&[&["unblock", tenant, "--user", user], &why[..]].concat());
    // With the last that was allowed, all are let in again: nobody is refused by that.
    let open = succeeds(&[&["disallow", tenant, "--network", "198.51.100.0/24"], &why[..]].concat());
    assert!(open.contains("allow network 198.51.100.0/24 → nothing"), "{open}");
    both_answer_to(&caller, office, 200, None).await;
}

#[tokio::test]
async fn whoever_guesses_booking_numbers_is_found_and_blocked_by_one_command() {
    let guesser = new_tenant("Guessed Air", "basic").await;
    let tenant = guesser.user.tenant.as_str();
    let colleague = named_user_of("purser", tenant, "basic").await;
    let guesses = ["7T42H7MK", "7T42H7MM", "7T42H7MN", "7T42H7MP"];
    for number in guesses {
        assert_eq!(guesser.get(&format!("/bookings/{number}")).await.status, 404);
    }
    assert_eq!(colleague.get("/bookings").await.status, 200);

    let turned_away = async |reason: &str| {
        let path = format!("/api/turned-away?tenant={tenant}&reason={reason}&window=15m");
        CLOUD.ask_control_plane(&path).await["lines"].as_array().unwrap().clone()
    };
    let lines = eventually("all guesses are told of", async || {
        let lines = turned_away("no_such_booking").await;
        (lines.first()?["requests"] == guesses.len()).then_some(lines)
    })
    .await;
    let [line] = &lines[..] else { panic!("not one user: {lines:?}") };
    let whom = [&line["tenant"], &line["operation"], &line["status"]];
    assert_eq!(whom, [&json!(tenant), &json!("GET /bookings/{number}"), &json!(404)]);
    let traces = line["trace_ids"].as_array().unwrap();
    let trace = CLOUD.trace(traces[0].as_str().unwrap(), |trace| !trace.spans.is_empty()).await;
    assert!(trace.spans.iter().all(|span| span.tenant.as_deref() == Some(tenant)), "{trace:?}");

    let user = line["user"].as_str().unwrap();
    succeeds(&["block", tenant, "--user", user, "--reason", "guesses booking numbers"]);
    both_answer(&guesser, 403, Some("user_not_allowed")).await;
    for other in [&colleague, &CLOUD.caller(0).await] {
        both_answer(other, 200, None).await;
    }
    let refused = eventually("what comes after the block", async || turned_away("user_not_allowed").await.pop()).await;
    assert_eq!(refused["user"], line["user"]);
    let of_other = CLOUD.ask_control_plane("/api/turned-away?tenant=acme&reason=user_not_allowed&window=15m").await;
    assert_eq!(of_other["requests"], 0, "{of_other}");
}

#[tokio::test]
async fn networks_are_blocked_for_everybody_in_the_firewall() {
    let config = sdk_config(&CLOUD.outputs.aws_endpoint_url, &CLOUD.outputs.booking_account).await;
    let firewall = aws_sdk_wafv2::Client::new(&config);
    let command = |arguments: &[&str]| operator(&[&["firewall"], arguments, &["--stage", "walled"]].concat());
    let (success, text) = command(&["list"]);
    assert!(!success && text.contains("no API of stage walled in this account has a firewall"), "{text}");
    // As the templates name them; locally nothing is in front of the APIs.
    for (name, version) in [
        ("booking-walled-blocked-ipv4", IpAddressVersion::Ipv4),
        ("booking-walled-blocked-ipv6", IpAddressVersion::Ipv6),
        ("parcel-walled-blocked-ipv4", IpAddressVersion::Ipv4),
        ("booking-open-blocked-ipv4", IpAddressVersion::Ipv4),
    ] {
        let set = firewall.create_ip_set().name(name).scope(Scope::Regional).ip_address_version(version);
        set.set_addresses(Some(Vec::new())).send().await.unwrap();
    }
    let (network, v6) = (["--network", "203.0.113.77/24"], ["--network", "2001:db8::/48"]);
    assert_eq!(command(&["list"]), (true, "no network is blocked\n".to_owned()));
    let each = |told: &str| format!("booking-walled-blocked-ipv4: {told}\nparcel-walled-blocked-ipv4: {told}\n");
    assert_eq!(command(&[&["block"], &network[..]].concat()), (true, each("203.0.113.0/24 is blocked now")));
    assert_eq!(command(&[&["block"], &network[..]].concat()), (true, each("203.0.113.0/24 is blocked already")));
    assert!(command(&[&["block"], &v6[..]].concat()).1.contains("2001:db8::/48 is blocked now"));
    let listed = [&each("203.0.113.0/24"), "booking-walled-blocked-ipv6: 2001:db8::/48\n"].concat();
    let (_, text) = command(&["list"]);
    assert_eq!(sorted(&text), sorted(&listed));
    assert_eq!(command(&[&["unblock"], &network[..]].concat()), (true, each("203.0.113.0/24 is let in again")));
    let (success, text) = command(&[&["unblock"], &network[..]].concat());
    assert!(!success && text.contains("203.0.113.0/24 is not on the list"), "{text}");
    assert_eq!(command(&["list"]), (true, "booking-walled-blocked-ipv6: 2001:db8::/48\n".to_owned()));
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    lines
}

#[tokio::test]
async fn a_booking_that_arrives_after_the_suspension_gets_its_miles() {
    let caller = new_tenant("Grounded Air", "standard").await;
    succeeds(&["suspend", &caller.user.tenant, "--reason", "fog"]);
    both_answer(&caller, 403, Some("tenant_suspended")).await;
    // As booking-publisher would send one that was made before.
    let number = "GRVNDED2";
    let booking = json!({
        "version": 1,
        "booking_number": number,
        "from_airport": "FRA",
        "to_airport": "SIN",
        "departure_date": testkit::day(30).to_string(),
        "sub": "user-1",
        "Tier-level": "standard",
        "Tenant-id": caller.user.tenant,
    });
    let attributes = [("tenant_id", caller.user.tenant.as_str()), ("tenant_tier", "standard")];
    let mut publish = CLOUD.sns().await.publish().topic_arn(&CLOUD.outputs.topic_arn).message(booking.to_string());
    for (name, value) in attributes.into_iter().chain([("event_type", "booking.confirmed")]) {
        let value = MessageAttributeValue::builder().data_type("String").string_value(value).build().unwrap();
        publish = publish.message_attributes(name, value);
    }
    publish.send().await.unwrap();
    eventually("the ledger's entry", async || {
        let entries = CLOUD.keys(&CLOUD.outputs.mileage_account, &CLOUD.outputs.ledger_table, "BOOKING#").await;
        entries.iter().any(|(_, sort_key)| sort_key.ends_with(number)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_registrys_tier_counts_over_the_tokens() {
    let caller = new_tenant("Promoted Air", "basic").await;
    let before = book(&caller, "CDG", "NRT").await;
    assert!(
        succeeds(&["set-tier", &caller.user.tenant, "premium", "--reason", "asked for more"])
            .contains("basic → premium")
    );
    eventually("premium spans", async || {
        let booked = book(&caller, "CDG", "NRT").await;
        let trace = CLOUD.trace(&booked.trace_id(), |trace| testkit::has_steps(trace, testkit::JOURNEY.len())).await;
        let tiers: Vec<_> = trace.spans.iter().map(|span| span.tier.as_deref().unwrap_or_default()).collect();
        assert!(tiers.windows(2).all(|pair| pair[0] == pair[1]), "one trace, two tiers: {tiers:?}");
        (tiers[0] == "premium").then_some(())
    })
    .await;

    // What was booked before is taken back where its miles are: from the publisher on, its cancellation is of the tier of the booking.
    let cancelled = caller.cancel(&before.booking_number()).await;
    assert_eq!(cancelled.status, 200, "{:?}", cancelled.body);
    let (trace_id, consumer) = (cancelled.trace_id(), "mileage-accrual");
    let trace = CLOUD.trace(&trace_id, |trace| trace.spans.iter().any(|span| span.service == consumer)).await;
    // Another process of the API may take it, one that has not read the new tier yet: the API's own spans are of either.
    for span in trace.spans.iter().filter(|span| span.service != "booking-api") {
        assert_eq!(span.tier.as_deref(), Some("basic"), "{} of {}", span.name, span.service);
    }
}

#[tokio::test]
async fn a_tenant_that_is_not_registered_is_nobody() {
    let stranger = user_of("t-invented", "premium").await;
    both_answer(&stranger, 403, Some("unknown_tenant")).await;
}

#[tokio::test]
async fn the_command_line_refuses_what_makes_no_sense() {
    let listed: Vec<Value> = serde_json::from_str(&succeeds(&["list", "--json"])).unwrap();
    assert!(listed.iter().any(|tenant| tenant["tenant_id"] == "acme" && tenant["status"] == "active"), "{listed:?}");
    assert!(succeeds(&["list"]).contains("oceanic"));
    for (arguments, reason) in [
        (&["suspend", "nobody-of-this-name", "--reason", "x"][..], "there is no tenant nobody-of-this-name"),
        (&["suspend", "a#b", "--reason", "x"], "the tenant id must be"),
        (&["suspend", "acme"], "--reason <REASON>"),
        (&["suspend", "acme", "--reason", " "], "the reason must be 1 to 500 printable characters"),
        (&["set-tier", "acme", "gold", "--reason", "x"], "there is no tier \"gold\""),
        (&["set-quota", "acme", "--reason", "x"], "--requests-per-second"),
        (&["set-quota", "acme", "--default", "--burst", "1", "--reason", "x"], "--default"),
        (
            &["set-quota", "acme", "--requests-per-second=0", "--burst=1", "--bookings-per-day=1", "--reason", "x"],
            "requests a second must be 1 to 10000",
        ),
        (&["block", "acme", "--reason", "x"], "--network <NETWORK>"),
        (&["block", "acme", "--network", "0.0.0.0/0", "--reason", "x"], "at least 8 bits of IPv4"),
        (&["allow", "acme", "--user", "ann", "--network", "10.0.0.0/8", "--reason", "x"], "cannot be used with"),
        (&["block", "acme", "--user", "ann", "--for", "0s", "--reason", "x"], "--for must be a time of up to 366 days"),
        (&["unblock", "acme", "--user", "ann", "--reason", "x"], "it is not on that list"),
        (&["create", "--company-name", " ", "--tier", "basic"], "the company's name must be"),
    ] {
        let (success, text) = tenant_command(arguments);
        assert!(!success && text.contains(reason), "{arguments:?}: {text}");
    }
    let again: Vec<Value> = serde_json::from_str(&succeeds(&["list", "--json"])).unwrap();
    assert!(again.iter().all(|tenant| tenant["tenant_id"] != "nobody-of-this-name"), "{again:?}");
}
