//! Operators suspend, resume and re-tier tenants from a tenant's page: with a reason, of what they were shown, and never without a record of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod here;

use std::cell::Cell;

use axum::http::StatusCode;
use futures_util::future::join_all;
use serde_json::json;
use testkit::{
    browser::{Browser, csrf, location},
    control_plane::{Server, span, text},
    eventually,
};

use here::{Here, KEY, REGISTRY, Weather};

/// A page but for the token of its forms, which differs from answer to answer.
fn without_token(page: &str) -> String {
    page.replace(&csrf(page), "")
}

#[tokio::test]
async fn an_operator_suspends_resumes_and_sets_tier_and_quota_each_with_its_record() {
    let here = Here::new().await;
    let (mut ada, csrf) = here.staff("ada", "sre").await;
    let page = ada.open("/tenant?id=acme").await.text().await.unwrap();
    assert!(page.contains("Acme Air") && page.contains("active") && page.contains("/tenants/acme/suspend"), "{page}");
    assert!(!page.contains("/tenants/acme/resume"), "{page}");

    let origin = here.server.url.clone();
    let reason = "%3Cscript%3Ealert(1)%3C%2Fscript%3E+unpaid";
    let answer = ada.post("/tenants/acme/suspend", &origin, format!("csrf={csrf}&reason={reason}")).await;
    let back = location(&answer);
    assert_eq!(back, "/tenant?id=acme#registry");
    assert!(here.is("acme", "status", "suspended").await && here.is("globex", "status", "active").await);
    let page = ada.open(&back).await.text().await.unwrap();
    assert!(page.contains("suspended") && page.contains("/tenants/acme/resume"), "{page}");
    assert!(page.contains("by ada@staff.example: &lt;script&gt;alert(1)&lt;/script&gt; unpaid"), "{page}");
    assert!(!page.contains("/tenants/acme/suspend"), "{page}");

    let form = format!("csrf={csrf}&reason=grown&shown=basic&tier=premium");
    assert_eq!(location(&ada.post("/tenants/acme/tier", &origin, form).await), back);
    let answer = ada.post("/tenants/acme/resume", &origin, format!("csrf={csrf}&reason=paid")).await;
    assert_eq!(location(&answer), back);
    assert!(here.is("acme", "status", "active").await && here.is("acme", "tier", "premium").await);
    assert!(here.is("acme", "change_reason", "paid").await && here.is("acme", "changed_by", "ada@staff.example").await);

    let quota = "requests_per_second=20&burst=50&bookings_per_day=1000";
    let form = format!("csrf={csrf}&reason=asked&shown=&{quota}");
    assert_eq!(location(&ada.post("/tenants/acme/quota", &origin, form).await), back);
    let page = ada.open(&back).await.text().await.unwrap();
    assert!(page.contains("20 requests a second, 50 at once, 1000 bookings a day"), "{page}");
    let form = format!("csrf={csrf}&reason=enough&shown=20/50/1000&default=true&{quota}");
    assert_eq!(location(&ada.post("/tenants/acme/quota", &origin, form).await), back);
    let page = ada.open(&back).await.text().await.unwrap();
    assert!(page.contains("what its tier gives"), "{page}");

    let form = format!("csrf={csrf}&reason=guesses&list=block&network=203.0.113.7/24&user=&hours=");
    assert_eq!(location(&ada.post("/tenants/acme/access-lists", &origin, form).await), back);
    let page = ada.open(&back).await.text().await.unwrap();
    assert!(page.contains("block network 203.0.113.0/24"), "{page}");
    let form = format!("csrf={csrf}&reason=over&list=block&network=203.0.113.0/24&remove=true");
    assert_eq!(location(&ada.post("/tenants/acme/access-lists", &origin, form).await), back);
    assert!(here.item("acme").await.get("access_lists").is_none());

    let both = |what: &str, rest: &str| {
        ["begun", "done"].map(|end| format!("tenant.{what} acme {end} by ada@staff.example: {rest}"))
    };
    let expected = [
        both("suspend", r#"<script>alert(1)</script> unpaid, {"status":"active"} → {"status":"suspended"}"#),
        both("set_tier", r#"grown, {"tier":"basic"} → {"tier":"premium"}"#),
        both("resume", r#"paid, {"status":"suspended"} → {"status":"active"}"#),
        both("set_quota", r#"asked, {"quota":null} → {"quota":"20/50/1000"}"#),
        both("set_quota", r#"enough, {"quota":"20/50/1000"} → {"quota":null}"#),
        both("set_access_lists", r#"guesses, {"access_lists":null} → {"access_lists":"block network 203.0.113.0/24"}"#),
        both("set_access_lists", r#"over, {"access_lists":"block network 203.0.113.0/24"} → {"access_lists":null}"#),
    ];
    assert_eq!(here.recorded().await, expected.concat());
}

#[tokio::test]
async fn a_quota_that_cannot_be_read_is_shown_as_wrong_and_taken_away() {
    let here = Here::new().await;
    let (mut ada, csrf) = here.staff("ada", "sre").await;
    let mut item = here.item("acme").await;
    item["quota"] = json!({ "M": { "burst": { "N": "0" } } });
    here.table.ask("PutItem", &json!({ "TableName": REGISTRY, "Item": item })).await;
    let page = ada.open("/tenant?id=acme").await.text().await.unwrap();
    assert!(page.contains("since its own cannot be read") && page.contains(r#"name="shown" value="wrong""#), "{page}");
    let form = format!("csrf={csrf}&reason=a+slip&shown=wrong&default=true");
    let answer = ada.post("/tenants/acme/quota", &here.server.url.clone(), form).await;
    assert_eq!(location(&answer), "/tenant?id=acme#registry");
    assert!(here.item("acme").await["quota"].is_null());
}

#[tokio::test]
async fn a_form_that_is_wrong_changes_nothing() {
    let here = Here::new().await;
    let (mut ada, csrf) = here.staff("ada", "sre").await;
    let before = here.item("acme").await;
    let (own, long) = (here.server.url.clone(), "x".repeat(501));
    let with = |rest: &str| format!("csrf={csrf}&{rest}");
    let cases = [
        (403, "/tenants/acme/suspend", &*own, "reason=r".to_owned()),
        (403, "/tenants/acme/suspend", &own, "csrf=x&reason=r".into()),
        (403, "/tenants/acme/suspend", &own, format!("csrf={}&reason=r", &csrf[1..])),
        (403, "/tenants/acme/suspend", "https://evil.example", with("reason=r")),
        (403, "/tenants/acme/suspend", "null", with("reason=r")),
        (404, "/tenants/nobody/suspend", &own, with("reason=r")),
        (404, "/tenants/a%23b/suspend", &own, with("reason=r")),
        (404, "/tenants/%00/suspend", &own, with("reason=r")),
        (409, "/tenants/acme/resume", &own, with("reason=r")),
        (409, "/tenants/acme/tier", &own, with("reason=r&shown=premium&tier=basic")),
        (413, "/tenants/acme/suspend", &own, with(&format!("reason={}", "x".repeat(10_000_000)))),
        (422, "/tenants/acme/suspend", &own, with("")),
        (422, "/tenants/acme/suspend", &own, with("reason=++")),
        (422, "/tenants/acme/suspend", &own, with("reason=a%0Ab")),
        (422, "/tenants/acme/suspend", &own, with("reason=%1B%5B2J")),
        (422, "/tenants/acme/suspend", &own, with(&format!("reason={long}"))),
        (422, "/tenants/acme/suspend", &own, with("reason=r&reason=s")),
        (422, "/tenants/acme/suspend", &own, with(&format!("csrf={csrf}&reason=r"))),
        (422, "/tenants/acme/tier", &own, with("reason=r&shown=basic")),
        (422, "/tenants/acme/tier", &own, with("reason=r&shown=basic&tier=gold")),
        (422, "/tenants/acme/tier", &own, with("reason=r&shown=basic&tier=standard")),
        (422, "/tenants/acme/tier", &own, with("reason=r&shown=&tier=premium")),
        (422, "/tenants/acme/tier", &own, with("reason=r&shown=basic&tier=basic")),
        (409, "/tenants/acme/quota", &own, with("reason=r&shown=1/1/1&default=true")),
        (422, "/tenants/acme/quota", &own, with("reason=r&shown=wrong&default=maybe")),
        (422, "/tenants/acme/quota", &own, with("reason=r&shown=1/1/1&requests_per_second=&burst=&bookings_per_day=")),
        (422, "/tenants/acme/quota", &own, with("reason=r&shown=&default=true")),
        (422, "/tenants/acme/quota", &own, with("reason=r&shown=")),
        (422, "/tenants/acme/access-lists", &own, with("reason=r&list=block&network=0.0.0.0/0")),
        (422, "/tenants/acme/access-lists", &own, with("reason=r&list=block&network=203.0.113.0/24&remove=true")),
        (422, "/tenants/acme/access-lists", &own, with("reason=r&list=allow&user=ann")),
        (422, "/tenants/acme/quota", &own, with("reason=r&shown=1&requests_per_second=1&burst=1&bookings_per_day=1")),
        (422, "/tenants/acme/quota", &own, with("reason=r&requests_per_second=0&burst=1&bookings_per_day=1")),
        (422, "/tenants/acme/quota", &own, with("reason=r&requests_per_second=1&burst=1")),
        (422, "/tenants/acme/quota", &own, with("reason=r&requests_per_second=1e3&burst=1&bookings_per_day=1")),
    ];
    for (status, path, origin, form) in cases {
        let told = format!("{path} {form:.80}");
        let answer = ada.post(path, origin, form).await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["content-type"]),
            (status, &"text/html; charset=utf-8".parse().unwrap()),
            "{told}"
        );
        let page = answer.text().await.unwrap();
        assert!(
            page.contains("role=\"alert\"") && page.contains("<a class=\"button primary\" href=\"/"),
            "{told}: {page}"
        );
    }
    // What is no form is none.
    let request = ada.client.post(format!("{own}/tenants/acme/suspend")).bearer_auth(KEY);
    assert_eq!(request.json(&json!({ "reason": "r" })).send().await.unwrap().status(), 415);
    assert_eq!(here.item("acme").await, before);
    assert_eq!(here.recorded().await, [""; 0]);
}

#[tokio::test]
async fn nobody_but_an_operator_changes_a_tenant() {
    let here = Here::new().await;
    let own = here.server.url.clone();
    let (mut viewer, csrf) = here.staff("vera", "support").await;
    let page = viewer.open("/tenant?id=acme").await.text().await.unwrap();
    assert!(page.contains("Acme Air") && !page.contains("/tenants/acme/"), "{page}");
    let claims = json!({ "sub": "p", "email": "pilot@acme.example", "custom:tenant-id": "acme", "custom:role": "admin", "groups": ["sre"] });
    here.tenants.user(claims);
    let mut tenant = Browser::new(&here.server);
    tenant.sign_in("tenants", "/tenant?id=acme").await;
    for action in ["suspend", "resume", "tier", "quota", "access-lists"] {
        for id in ["acme", "globex", "nobody"] {
            let (path, form) =
                (format!("/tenants/{id}/{action}"), format!("csrf={csrf}&reason=r&shown=basic&tier=premium"));
            for browser in [&mut viewer, &mut tenant] {
                assert_eq!(browser.post(&path, &own, form.clone()).await.status(), 403, "{path}");
            }
            // Somebody who is not signed in is led to where they can.
            assert_eq!(Browser::new(&here.server).post(&path, &own, form).await.status(), 303, "{path}");
        }
    }
    assert!(here.is("acme", "status", "active").await && here.is("acme", "tier", "basic").await);
    assert_eq!(here.recorded().await, [""; 0]);
}

#[tokio::test]
async fn a_tenant_sees_how_it_stands_and_not_who_decided_it() {
    let here = Here::new().await;
    for id in ["acme", "globex"] {
        let form = [("reason", "the secret reason")];
        assert_eq!(here.program(&format!("/tenants/{id}/suspend"), &form).await.0, 200);
    }
    let listed = [("reason", "r"), ("list", "block"), ("user", "mallory-of-acme")];
    assert_eq!(here.program("/tenants/acme/access-lists", &listed).await.0, 200);
    here.tenants
        .user(json!({ "sub": "p", "email": "pilot@acme.example", "custom:tenant-id": "acme", "custom:role": "admin" }));
    let mut tenant = Browser::new(&here.server);
    let page = tenant.sign_in("tenants", "/tenant?id=acme").await.text().await.unwrap();
    assert!(page.contains("Acme Air") && page.contains("suspended"), "{page}");
    for hidden in ["secret reason", "billing", "mallory-of-acme", "/tenants/acme/"] {
        assert!(!page.contains(hidden), "{hidden}: {page}");
    }
    // What the registry has of others is as if it were not there.
    let others = tenant.open("/tenant?id=quiet").await;
    let nobody = tenant.open("/tenant?id=nobody").await;
    assert_eq!((others.status(), nobody.status()), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
    let (others, nobody) = (others.text().await.unwrap(), nobody.text().await.unwrap());
    // It is what a button is called, too.
    let bare = |page: &str, id: &str| without_token(page).replace("class=\"quiet\"", "").replace(id, "…");
    assert_eq!(bare(&others, "quiet"), bare(&nobody, "nobody"));
}

#[tokio::test]
async fn a_tenant_that_has_sent_nothing_yet_can_be_suspended() {
    let here = Here::new().await;
    let (mut ada, _) = here.staff("ada", "sre").await;
    let page = ada.open("/tenant?id=quiet").await;
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    assert!(
        page.contains("Quiet Air") && page.contains("/tenants/quiet/suspend") && page.contains("No span has named"),
        "{page}"
    );
    assert_eq!(ada.open("/tenant?id=nobody").await.status(), 404);
}

#[tokio::test]
async fn of_many_who_suspend_a_tenant_at_once_one_has_done_it() {
    let here = Here::new().await;
    // The registry is given two seconds, which a busy machine may take: then nobody can tell who did it, and they begin anew.
    let round = Cell::new(0);
    let answers = eventually("each is told whether it did it", async || {
        round.set(round.get() + 1);
        let suspend = async |number: u8| {
            let reason = format!("round {}, {number}", round.get());
            here.program("/tenants/acme/suspend", &[("reason", &reason)]).await
        };
        let answers = join_all((0..8).map(suspend)).await;
        if answers.iter().all(|(status, _)| *status != 503) {
            return Some(answers);
        }
        eventually("it is as it was", async || {
            here.program("/tenants/acme/resume", &[("reason", "anew")]).await;
            here.is("acme", "status", "active").await.then_some(())
        })
        .await;
        None
    })
    .await;
    let (done, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|(status, _)| *status == 200);
    assert_eq!((done.len(), refused.len()), (1, 7), "{answers:?}");
    assert!(
        refused.iter().all(|(status, body)| *status == 409
            && body["detail"].as_str().unwrap().contains("acme is suspended, basic by now")),
        "{answers:?}"
    );
    let reason = done[0].1["change_reason"].as_str().unwrap();
    assert!(here.is("acme", "change_reason", reason).await && done[0].1["status"] == "suspended");
    // Each that began has ended, and one of them did it.
    let recorded = here.recorded().await;
    let ended = |how: &str| {
        let of_round = format!(" {how} by billing: round {}, ", round.get());
        recorded.iter().filter(|line| line.contains(&of_round)).count()
    };
    assert_eq!((ended("done"), ended("begun")), (1, 1 + ended("failed")), "{recorded:?}");
}

#[tokio::test]
async fn without_its_registry_a_page_shows_all_else_and_nothing_is_changed() {
    let here = Here::new().await;
    let (mut ada, csrf) = here.staff("ada", "sre").await;
    let own = here.server.url.clone();
    let form = format!("csrf={csrf}&reason=r");
    let suspend = async |ada: &mut Browser, weather| {
        here.way.turns(weather);
        let answer = ada.post("/tenants/acme/suspend", &own, form.clone()).await;
        assert_eq!(answer.status(), 503);
        answer.text().await.unwrap()
    };
    let told = suspend(&mut ada, Weather::Away).await;
    assert!(told.contains("did not answer within 2 s") && told.contains("Nothing was changed"), "{told}");
    let page = ada.open("/tenant?id=acme").await;
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    assert!(page.contains("did not answer within 2 s") && page.contains("Slowest traces"), "{page}");
    assert!(!page.contains("/tenants/acme/"), "{page}");
    let told = suspend(&mut ada, Weather::Denied).await;
    assert!(told.contains("AccessDeniedException: not you") && told.contains("Nothing was changed"), "{told}");
    assert!(here.is("acme", "status", "active").await);
    let told = suspend(&mut ada, Weather::AnswerLost).await;
    assert!(told.contains("it is unknown whether the change was made"), "{told}");
    assert!(here.is("acme", "status", "suspended").await);
    here.way.turns(Weather::AnswerUnread);
    let answer = ada.post("/tenants/globex/suspend", &own, form.clone()).await;
    let (status, told) = (answer.status(), answer.text().await.unwrap());
    assert!(status == 503 && told.contains("it is unknown whether the change was made"), "{told}");
    assert!(here.is("globex", "status", "suspended").await);
    let recorded = here.recorded().await;
    let ends: Vec<&str> = recorded.iter().map(|line| line.split(' ').nth(2).unwrap()).collect();
    assert_eq!(ends, ["begun", "failed", "begun", "begun"], "{recorded:?}");
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_done() {
    let here = Here::new().await;
    // That the key came is recorded too, once.
    assert_eq!(here.program("/tenants/quiet/suspend", &[("reason", "r")]).await.0, 200);
    let store = rusqlite::Connection::open(here.dir.path().join(control_plane_embedded::FILE)).unwrap();
    store.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (status, answer) = here.program("/tenants/acme/suspend", &[("reason", "r")]).await;
    assert_eq!(status, 503, "{answer}");
    assert!(answer["detail"].as_str().unwrap().contains("nothing was changed"), "{answer}");
    store.execute_batch("ROLLBACK").unwrap();
    assert!(here.is("acme", "status", "active").await);
    assert_eq!(here.program("/tenants/acme/suspend", &[("reason", "r")]).await.0, 200);
}

/// On loopback, without sign-in, everybody is an operator; another site's page is still refused.
#[tokio::test]
async fn on_loopback_a_form_needs_to_be_of_the_servers_own_page() {
    let here = Here::new().await;
    let dir = tempfile::tempdir().unwrap();
    let config = format!("[tenants]\ntable = '{REGISTRY}'\ntiers = ['basic']");
    let server = Server::with_environment(dir.path(), &config, &here.table.environment(&here.table.url));
    let mut browser = Browser::new(&server);
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
        assert_eq!(browser.post("/tenants/acme/suspend", origin, "reason=r".into()).await.status(), 403, "{origin}");
    }
    assert!(here.is("acme", "status", "active").await);
    let answer = browser.post("/tenants/acme/suspend", &server.url, "reason=r".into()).await;
    assert_eq!(location(&answer), "/tenant?id=acme#registry");
    assert!(here.is("acme", "changed_by", "loopback").await);
}

#[tokio::test]
async fn a_company_is_found_by_its_name_and_by_a_tenant_only_its_own() {
    let here = Here::new().await;
    let (mut ada, _) = here.staff("ada", "sre").await;
    here.tenants
        .user(json!({ "sub": "u", "email": "u@acme.example", "custom:tenant-id": "acme", "custom:role": "admin" }));
    let mut user = Browser::new(&here.server);
    user.sign_in("tenants", "/").await;
    for (q, operators, users) in [
        ("GLOBEX & sons", Some("/tenant?id=globex"), None),
        ("globex", Some("/tenant?id=globex"), None),
        // Nobody has seen a span of it.
        ("quiet a", Some("/tenant?id=quiet"), None),
        ("quiet", Some("/tenant?id=quiet"), None),
        ("acme air", Some("/tenant?id=acme"), Some("/tenant?id=acme")),
        ("nobody", None, None),
    ] {
        let path = format!("/find?{}", form_urlencoded::Serializer::new(String::new()).append_pair("q", q).finish());
        for (browser, expected) in [(&mut ada, operators), (&mut user, users)] {
            let answer = browser.open(&path).await;
            let location = answer.headers().get("location").map(|location| location.to_str().unwrap().to_owned());
            assert_eq!(location.as_deref(), expected, "{q}");
        }
    }
    // What is another's is told of in the words for what is not there.
    let mut told = Vec::new();
    for q in ["globex", "nobody"] {
        told.push(user.open(&format!("/find?q={q}")).await.text().await.unwrap().replace(q, "…"));
    }
    assert_eq!(without_token(&told[0]), without_token(&told[1]));
    // Neither when names were read nor how many there are.
    assert!(told[0].contains("It is not the name of your company, nor how that begins."), "{}", told[0]);
}

/// Ten requests from an office, twelve from another, and one of which nobody knows where it came from.
#[tokio::test]
async fn lists_that_would_have_refused_most_of_the_day_are_confirmed() {
    let here = Here::new().await;
    let from = |network: &'static str, traces: std::ops::Range<u8>| {
        traces.map(move |trace| {
            let mut request = span(trace, 0);
            request.attributes.push(text("client.network", network));
            request
        })
    };
    let sent = from("203.0.113.0/24", 10..20).chain(from("2001:db8:1::/48", 20..32)).collect();
    assert_eq!(here.server.send(sent).await.unwrap().status(), 200);
    let (mut ada, csrf) = here.staff("ada", "sre").await;
    let own = here.server.url.clone();
    let before = here.item("acme").await;

    let form = format!("csrf={csrf}&reason=they+<guess>&list=block&network=2001:db8::/32&user=&hours=24");
    let asked = ada.post("/tenants/acme/access-lists", &own, form.clone()).await;
    assert_eq!(asked.status(), 409);
    let page = asked.text().await.unwrap();
    for told in [
        "These lists would have refused 52 % of the tenant's requests of the last 24 hours (12 of 23 that were looked at). Of 4 % it is not known",
        "name=\"refuse_most\"",
        "name=\"reason\" value=\"they &lt;guess&gt;\"",
        "name=\"network\" value=\"2001:db8::/32\"",
        "name=\"hours\" value=\"24\"",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    assert_eq!(here.item("acme").await, before);
    assert_eq!(ada.post("/tenants/acme/access-lists", &own, form + "&refuse_most=true").await.status(), 303);
    assert!(here.item("acme").await["access_lists"].to_string().contains("2001:db8::/32"));

    let lists = async |id: &str, form: &[(&str, &str)]| {
        let (status, body) =
            here.program(&format!("/tenants/{id}/access-lists"), &[&[("reason", "r")], form].concat()).await;
        (status, body["detail"].as_str().unwrap_or_default().to_owned())
    };
    // Who takes somebody off the list of the blocked refuses nobody, and less than half is not most.
    assert_eq!(lists("acme", &[("list", "block"), ("network", "2001:db8::/32"), ("remove", "true")]).await.0, 200);
    assert_eq!(lists("acme", &[("list", "block"), ("network", "203.0.113.0/24")]).await.0, 200);
    let (status, why) =
        lists("acme", &[("list", "allow"), ("network", "203.0.113.0/24"), ("refuse_others", "true")]).await;
    assert!(
        status == 409 && why.contains("refused 96 %") && why.contains("with refuse_most=true it is"),
        "{status} {why}"
    );
    // Of a tenant without requests nobody knows: one user is blocked at once, and what may refuse everybody is confirmed.
    assert_eq!(lists("quiet", &[("list", "block"), ("user", "guest")]).await.0, 200);
    let wide = [("list", "block"), ("network", "203.0.0.0/16")];
    let (status, why) = lists("quiet", &wide).await;
    assert!(status == 409 && why.contains("No request of this tenant is known"), "{status} {why}");
    assert_eq!(lists("quiet", &[&wide[..], &[("refuse_most", "true")]].concat()).await.0, 200);
}
