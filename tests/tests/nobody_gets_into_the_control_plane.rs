//! Whoever attacks a control plane that asks who they are gets the status that the tables of `attacks/control_plane` say, and learns nothing: no other
//! tenant's name, no trace, no secret. Afterwards the server still answers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "attacks/control_plane/mod.rs"]
mod attacks;

use std::time::{Duration, Instant};

use attacks::{
    Attack, Reader, cookies, forms,
    here::{Here, KEY, NO_TRACE, NOBODY, OTHER, OTHERS_TRACE, OWN, SESSION, admin, operators, registered},
    hosts, others, sign_in, tokens,
    wire::{Answer, Request},
};
use testkit::{
    browser::csrf,
    control_plane::Server,
    dynamodb::Table,
    provider::{Misdeed, Provider, access},
};

/// What stands in no answer, unless whoever asks has said it.
fn never_told(here: &Here, sent: &Request) -> Vec<String> {
    let mut told: Vec<String> =
        ["globex", "oceanic", "0b0b0b0b0b0b", "ada@staff", "user-of-"].map(str::to_owned).to_vec();
    told.extend(["panicked", ".rs:", "sqlite", "SELECT", "backtrace", "RUST_", KEY].map(str::to_owned));
    told.retain(|text| !sent.mentions(text));
    // What a session's own forms bring along stands in its own pages.
    for (session, csrf) in [&here.operator, &here.pilot].into_iter().filter(|(session, _)| !sent.mentions(session)) {
        told.extend([session.split_once('=').unwrap().1.to_owned(), csrf.clone()]);
    }
    told
}

/// What is wrong with an answer, if anything is.
fn wrong(here: &Here, attack: &Attack, answer: &Answer) -> Option<String> {
    if answer.status != attack.status {
        return Some(format!("{}, not {}", answer.status, attack.status));
    }
    let all = format!("{:?} {}", answer.headers, answer.body);
    if let Some(told) = never_told(here, &attack.sent).into_iter().find(|text| all.contains(text)) {
        return Some(format!("it tells {told}"));
    }
    let content_type = answer.header("content-type").unwrap_or_default();
    let right = match attack.reader {
        _ if answer.status < 300 => true,
        Reader::Program => content_type == "application/problem+json" && answer.body.contains("\"detail\""),
        Reader::Person if answer.status == 303 => {
            answer.header("location").is_some_and(|location| location.starts_with("/sign-in?return_to=%2F"))
        }
        Reader::Person => content_type == "text/html; charset=utf-8" && !answer.body.contains("<script>"),
        Reader::Nobody => answer.body.is_empty(),
    };
    if answer.headers.iter().any(|(name, _)| name.starts_with("access-control-allow")) {
        return Some("pages of others may read it".to_owned());
    }
    // Whoever is refused is given no session.
    let given = answer.cookies().iter().any(|cookie| cookie.starts_with(SESSION) && !cookie.ends_with('='));
    if given {
        return Some("it sets a session".to_owned());
    }
    (!right).then(|| format!("{content_type} for {:?}", attack.reader))
}

/// Sends them all, and says which did not get what they must.
fn assert_refused(here: &Here, attacks: &[Attack], at_least: usize) {
    assert!(attacks.len() >= at_least, "{} attacks", attacks.len());
    let mut failed = Vec::new();
    for attack in attacks {
        let answer = here.send(&attack.sent);
        if let Some(why) = wrong(here, attack, &answer) {
            failed.push(format!("{}: {why}: {:.300}", attack.name, format!("{answer:?}")));
        }
        let still = here.send(&Request::get("/api/slo").bearer(KEY));
        assert_eq!(still.status, 200, "after {}: {still:?}", attack.name);
    }
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), attacks.len(), failed.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_and_no_key_but_a_genuine_one_is_taken() {
    let (here, stranger) = (Here::new().await, Provider::start().await);
    for (token, status) in [(tokens::genuine(&here), 200), (here.staff.token(&operators()), 200), (KEY.to_owned(), 200)]
    {
        assert_eq!(here.send(&Request::get("/api/slo").bearer(&token)).status, status, "else the rows prove nothing");
    }
    assert_refused(&here, &tokens::all(&here, &stranger), 100);
    assert_eq!(stranger.requested_paths(), [] as [String; 0], "a token made the server ask a stranger");
    // Nor does whoever invents tokens make it ask its own providers each time.
    let keys = |provider: &Provider| provider.requested_paths().iter().filter(|path| *path == "/keys").count();
    assert!(keys(&here.staff) <= 4 && keys(&here.tenants) <= 4, "{} and {}", keys(&here.staff), keys(&here.tenants));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_cookie_but_a_sessions_own_is_taken() {
    let here = Here::new().await;
    let (over, csrf) = here.session("staff").await;
    let out = Request::form("/sign-out", format!("csrf={csrf}")).cookie(&over).with("Origin", &*here.server.url);
    assert_eq!(here.send(&out).status, 303);
    assert_refused(&here, &cookies::all(&here, &over), 30);
    assert!(here.is_signed_in(&here.operator.0) && here.is_signed_in(&here.pilot.0), "else the rows prove nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_form_but_of_the_sessions_own_page_does_anything() {
    let table = Table::start().await;
    let here = Here::with_registry(Some(&table)).await;
    let before = registered(&table, OTHER).await;
    let attacks = forms::all(&here);
    assert!(attacks.len() >= 200, "{} attacks", attacks.len());
    for attack in &attacks {
        assert_refused(&here, std::slice::from_ref(attack), 1);
        assert!(here.is_signed_in(&here.operator.0), "{} ended a session", attack.name);
    }
    assert_eq!(registered(&table, OTHER).await, before);
    let genuine = |path: &str| {
        let form = Request::form(path, format!("csrf={}&{}", here.operator.1, forms::FILLED)).cookie(&here.operator.0);
        here.send(&form.with("Origin", &*here.server.url)).status
    };
    assert_eq!((genuine(forms::SUSPEND), genuine("/sign-out")), (200, 303), "else the rows prove nothing");
    assert_eq!(registered(&table, OTHER).await["status"]["S"], "suspended");
    assert!(!here.is_signed_in(&here.operator.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_name_and_no_broken_http_is_answered() {
    let here = Here::new().await;
    assert_refused(&here, &hosts::all(&here), 60);
    // Nor does a header lead somebody who signs in to another host.
    for name in ["X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "X-Host", "Referer", "Origin"] {
        let begun = here.send(&Request::get("/sign-in/staff").with(name, "host=evil.example"));
        let location = begun.header("location").unwrap();
        assert!(location.starts_with(here.staff.issuer()) && !location.contains("evil"), "{name}: {location}");
    }
}

/// An answer without what was asked for, which it may repeat, and without the token of its forms, which differs from answer to answer.
fn bare(answer: &Answer, tenant: &str, trace: &str) -> Answer {
    let mut upper = tenant.to_owned();
    upper[..1].make_ascii_uppercase();
    let x_ray = format!("1-{}-{}", &trace[..8], &trace[8..]);
    let bare = |text: &str| {
        let text = text.replace(trace, "TRACE").replace(&trace.to_uppercase(), "TRACE").replace(&x_ray, "TRACE");
        text.replace(tenant, "TENANT").replace(&upper, "TENANT").replace(&tenant.to_uppercase(), "TENANT")
    };
    let headers = answer.headers.iter().map(|(name, value)| (name.clone(), bare(value))).collect();
    let token = answer.body.contains("name=\"csrf\"").then(|| csrf(&answer.body));
    let body = token.map_or_else(|| answer.body.clone(), |token| answer.body.replace(&token, "TOKEN"));
    Answer { body: bare(&body), headers, ..answer.clone() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_others_is_answered_as_what_is_not_there() {
    let here = Here::new().await;
    let token = here.tenants.token(&admin(OWN));
    let now = jiff::Timestamp::now();
    let window = format!("from={}&to={now}", now - jiff::Span::new().hours(1));
    let by: [(&str, &dyn Fn(Request) -> Request); 2] =
        [("a token", &|asked| asked.bearer(&token)), ("a session", &|asked| asked.cookie(&here.pilot.0))];
    let own = here.send(&Request::get(format!("/api/traces?{window}")).bearer(&token));
    assert!(own.body.contains("acme-fares"), "else the rows prove nothing: {}", own.body);
    let mut rows: Vec<_> = others::READS.iter().map(|(path, status)| (*path, *status, None)).collect();
    rows.extend(others::HEADERS.iter().map(|header| ("/api/traces?{window}&tenant=acme", 200, Some(*header))));
    assert!(rows.len() * by.len() >= 120, "{} rows", rows.len());
    let mut failed = Vec::new();
    for (path, status, header) in &rows {
        for (who, brought) in &by {
            let [theirs, nobodys] = [(OTHER, OTHERS_TRACE), (NOBODY, NO_TRACE)].map(|(tenant, trace)| {
                let filled = |text: &str| others::filled(text, tenant, trace, &window);
                let mut sent = brought(Request::get(filled(path)));
                if let Some((name, value)) = header {
                    sent = sent.with(*name, filled(value));
                }
                let answer = here.send(&sent);
                let name = format!("{path} {header:?} with {who}");
                let reader = if path.starts_with("/api/") { Reader::Program } else { Reader::Person };
                let attack = Attack { name, sent, status: *status, reader };
                failed.extend(wrong(&here, &attack, &answer).map(|why| format!("{}: {why}: {answer:?}", attack.name)));
                bare(&answer, tenant, trace)
            });
            if theirs != nobodys {
                failed.push(format!("{path} {header:?} with {who} tells what there is:\n{theirs:?}\n{nobodys:?}"));
            }
            if theirs.header("server-timing").is_some() {
                failed.push(format!("{path} with {who} tells how long it took"));
            }
        }
    }
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), rows.len(), failed.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_way_back_but_this_sign_ins_own_signs_in() {
    let here = Here::new().await;
    assert_refused(&here, &sign_in::ways_back(&here).await, 35);
    // A genuine one does, once; and whoever had set a session's cookie before has nothing of it.
    let (cookie, page) = here.begin("staff", "/");
    let back = here.at_provider(&page).await;
    let before = &here.session("tenants").await.0;
    for fixed in [format!("{SESSION}=attacker"), before.clone()] {
        let sent = Request::get(back.clone()).cookie(&format!("{cookie}; {fixed}"));
        let answer = here.send(&sent);
        if fixed.ends_with("attacker") {
            assert_eq!(answer.status, 303, "{answer:?}");
            let session = answer.cookies().into_iter().find(|cookie| cookie.starts_with(SESSION)).unwrap();
            assert!(session != fixed && here.is_signed_in(session) && !here.is_signed_in(&fixed));
        } else {
            assert_eq!(answer.status, 400, "a code is good once: {answer:?}");
        }
    }
    // Signing in ends the session that was there.
    let (cookie, page) = here.begin("staff", "/");
    let back = here.at_provider(&page).await;
    assert_eq!(here.send(&Request::get(back).cookie(&format!("{cookie}; {before}"))).status, 303);
    assert!(!here.is_signed_in(before));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_sign_in_leads_to_another_server() {
    let here = Here::new().await;
    assert!(sign_in::LEADS.len() >= 40);
    let own = reqwest::Url::parse(&here.server.url).unwrap();
    for lead in sign_in::LEADS {
        let (cookie, page) = here.begin("staff", lead);
        let back = here.send(&Request::get(here.at_provider(&page).await).cookie(&cookie));
        assert_eq!(back.status, 303, "{lead}: {back:?}");
        // As a browser reads it: https://url.spec.whatwg.org
        let location = back.header("location").unwrap();
        let led = own.join(location).unwrap_or_else(|error| panic!("{lead}: {location}: {error}"));
        assert_eq!(led.origin(), own.origin(), "{lead} leads to {location}");
        assert!(back.cookies().iter().all(|cookie| !cookie.contains("attacker")), "{lead}: {back:?}");
        // The page that asks who somebody is leads nowhere else either.
        let choose = here.send(&Request::get(format!("/sign-in?return_to={lead}")));
        let links = choose.body.split("href=\"").skip(1).filter_map(|after| after.split('"').next());
        assert_eq!(choose.status, 200, "{lead}");
        for link in links {
            assert_eq!(own.join(&link.replace("&amp;", "&")).unwrap().origin(), own.origin(), "{lead}: {link}");
        }
    }
}

/// A provider that hangs or answers rubbish costs whoever asks by it seconds, and nobody else anything.
#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_provider_is_told_of_in_time() {
    let misdeeds = [Misdeed::Hangs, Misdeed::Rubbish, Misdeed::Endless, Misdeed::Fails];
    let all = misdeeds.into_iter().flat_map(|misdeed| [(misdeed, true), (misdeed, false)]);
    futures_util::future::join_all(all.map(async |(misdeed, configuration)| {
        let (staff, tenants) = (Provider::start().await, Provider::start().await);
        if configuration {
            staff.publishes(misdeed)
        } else {
            staff.publishes_keys(misdeed)
        }
        let dir = tempfile::tempdir().unwrap();
        let server = Server::configured(dir.path(), &access(&staff, &tenants));
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let ask = |path: &str, token: &str| client.get(format!("{}{path}", server.url)).bearer_auth(token).send();
        let begun = Instant::now();
        let token = staff.token(&operators());
        // Many at once do not queue up for it.
        let answers = futures_util::future::join_all((0..20).map(|_| ask("/api/slo", &token))).await;
        for answer in answers {
            let answer = answer.unwrap();
            assert_eq!(answer.status(), 503, "{misdeed:?}");
            assert_eq!(answer.headers()["content-type"], "application/problem+json");
            assert!(answer.headers().contains_key("retry-after"));
            let text = answer.text().await.unwrap();
            assert!(!text.contains("not now") && !text.contains("127.0.0.1"), "{misdeed:?}: {text}");
        }
        if configuration {
            let page =
                client.get(format!("{}/sign-in/staff", server.url)).header("accept", "text/html").send().await.unwrap();
            assert_eq!(
                (page.status().as_u16(), &page.headers()["content-type"]),
                (503, &"text/html; charset=utf-8".parse().unwrap())
            );
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{misdeed:?}: {:?}", begun.elapsed());
        // Whoever is known by another issuer is answered meanwhile.
        assert_eq!(ask("/api/slo", &tenants.token(&admin(OWN))).await.unwrap().status(), 200, "{misdeed:?}");
        // And once it answers as it should, so does the server.
        staff.publishes(Misdeed::None);
        staff.publishes_keys(Misdeed::None);
        let deadline = Instant::now() + Duration::from_secs(180);
        while ask("/api/slo", &token).await.unwrap().status() != 200 {
            assert!(Instant::now() < deadline, "{misdeed:?}: it is not asked again");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }))
    .await;
}
