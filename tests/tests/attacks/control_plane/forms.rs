//! What another site's page sends in the name of somebody who is signed in (cross-site request forgery), and odd forms.

use super::{
    Attack,
    here::{Here, KEY, OWN, admin},
    wire::{HOST, Request},
};

/// Each with the cookie of a genuine session, which none of them may end; and none may change a tenant.
pub(crate) fn all(here: &Here) -> Vec<Attack> {
    let mut all = Vec::new();
    for path in FORMS {
        let rows = [origins(here, path), proofs(here, path)].into_iter().flatten();
        all.extend(rows.map(|attack| Attack { name: format!("{path}: {}", attack.name), ..attack }));
    }
    all.extend(methods(here));
    all.extend(encodings(here));
    all.extend(roles(here));
    all
}

/// What changes something.
const FORMS: &[&str] = &["/sign-out", SUSPEND, TIER];
pub(crate) const SUSPEND: &str = "/tenants/globex/suspend";
const TIER: &str = "/tenants/globex/tier";
/// What such a form says besides.
pub(crate) const FILLED: &str = "reason=overdue&shown=basic&tier=premium";

fn own_form(here: &Here, path: &str, body: impl Into<Vec<u8>>) -> Request {
    Request::form(path, body).cookie(&here.operator.0).with("Origin", format!("http://{HOST}"))
}

/// Whose form is right, but who may not.
fn roles(here: &Here) -> Vec<Attack> {
    let mut all = Vec::new();
    for (who, (session, csrf)) in [("a tenant's user", &here.pilot), ("a viewer", &here.viewer)] {
        for path in [
            SUSPEND,
            TIER,
            "/tenants/acme/suspend",
            "/tenants/acme/resume",
            "/tenants/nobody/suspend",
            "/tenants/..%2fglobex/suspend",
        ] {
            let sent = Request::form(path, format!("csrf={csrf}&{FILLED}")).cookie(session);
            all.push(Attack::new(format!("{path} by {who}"), 403, sent.with("Origin", format!("http://{HOST}"))));
        }
    }
    for (who, bearer) in [("a tenant's user", here.tenants.token(&admin(OWN))), ("a viewer's key", KEY.to_owned())] {
        for path in [SUSPEND, TIER, "/tenants/acme/resume"] {
            all.push(Attack::new(
                format!("{path} by the token of {who}"),
                403,
                Request::form(path, FILLED).bearer(&bearer),
            ));
        }
    }
    for path in FORMS.iter().filter(|path| **path != "/sign-out") {
        all.push(Attack::new(
            format!("{path} by nobody"),
            401,
            Request::form(*path, FILLED).with("Origin", format!("http://{HOST}")),
        ));
        // A program brings no form's proof: none is asked of it, and none helps it.
        let key = Request::form(*path, format!("csrf={}&{FILLED}", here.operator.1)).bearer("cpk_unknown");
        all.push(Attack::new(format!("{path} by an unknown key beside a session"), 401, key.cookie(&here.operator.0)));
    }
    all
}

/// Where the page is from.
fn origins(here: &Here, path: &str) -> Vec<Attack> {
    let bare = || Request::form(path, format!("csrf={}&{FILLED}", here.operator.1)).cookie(&here.operator.0);
    let mut all = vec![
        Attack::new("no origin", 403, bare()),
        Attack::new("a referrer alone", 403, bare().with("Referer", format!("http://{HOST}/"))),
        Attack::new(
            "an origin twice",
            403,
            bare().with("Origin", format!("http://{HOST}")).with("Origin", "http://evil.example"),
        ),
    ];
    for origin in [
        "null",
        "",
        "http://evil.example",
        "https://{host}",
        "http://127.0.0.1",
        "http://127.0.0.1:1",
        "http://evil.{host}",
        "http://{host}.evil.example",
        "http://{host}/",
        "http://ada@{host}",
        "HTTP://{host}",
        "http://{host} http://evil.example",
        "http://{host}, http://evil.example",
        "//{host}",
        "{host}",
        "file://",
        "chrome-extension://abcdefgh",
    ] {
        all.push(Attack::new(format!("origin {origin:?}"), 403, bare().with("Origin", origin)));
        let page = bare().with("Origin", origin).with("Sec-Fetch-Site", "same-origin");
        all.push(Attack::in_a_browser(format!("origin {origin:?}, in a browser that says otherwise"), 403, page));
    }
    for site in ["cross-site", "same-site", "none", "", "same-origin, cross-site"] {
        all.push(Attack::new(format!("sec-fetch-site {site:?}"), 403, bare().with("Sec-Fetch-Site", site)));
    }
    all
}

/// What the form brings along.
fn proofs(here: &Here, path: &str) -> Vec<Attack> {
    let own = &here.operator.1;
    let session = here.operator.0.split_once('=').unwrap().1;
    let rows = [
        ("nothing", String::new()),
        ("nothing after its name", "csrf=".to_owned()),
        ("another session's", format!("csrf={}", here.pilot.1)),
        ("a guess", format!("csrf={}", "0".repeat(64))),
        ("a part of it", format!("csrf={}", &own[1..])),
        ("it and more", format!("csrf={own}0")),
        ("it in capitals", format!("csrf={}", own.to_uppercase())),
        ("the session itself", format!("csrf={session}")),
        ("it under another name", format!("csrf_token={own}&_csrf={own}&CSRF={own}")),
        ("it in brackets", format!("csrf[]={own}")),
        ("it as an object", format!("csrf[token]={own}")),
        ("10,000 fields", "a=b&".repeat(10_000)),
        ("a name of 10,000 brackets", format!("{}=1", "a[".repeat(10_000))),
        ("percent signs that are none", "csrf=%zz%".to_owned()),
        ("a zero byte", "csrf=%00".to_owned()),
    ];
    let mut all: Vec<_> = rows
        .into_iter()
        .map(|(name, body)| {
            Attack::new(format!("a form with {name}"), 403, own_form(here, path, format!("{body}&{FILLED}")))
        })
        .collect();
    all.push(Attack::new("a form with no UTF-8", 403, own_form(here, path, b"csrf=%ff\xfe&reason=x".to_vec())));
    all.push(Attack::new("a form with it twice", 422, own_form(here, path, format!("csrf={own}&csrf={own}&{FILLED}"))));
    let elsewhere = Request::form(format!("{path}?csrf={own}"), FILLED).cookie(&here.operator.0);
    let elsewhere = elsewhere.with("Origin", format!("http://{HOST}")).with("X-Csrf-Token", own.as_str());
    all.push(Attack::new("a form with it in the URL and in a header", 403, elsewhere));
    // The pilot's form, sent with the operator's cookie by a page that the pilot made.
    let both = Request::form(path, format!("csrf={}&{FILLED}", here.pilot.1))
        .cookie(&format!("{}; {}", here.operator.0, here.pilot.0));
    all.push(Attack::new("a form with two sessions, from elsewhere", 403, both.with("Origin", "http://evil.example")));
    all
}

/// Ways around `POST`.
fn methods(here: &Here) -> Vec<Attack> {
    let own = &here.operator.1;
    let get = |target: String| Request::get(target).cookie(&here.operator.0);
    let mut all = vec![
        Attack::new("sign-out by a link", 405, get(format!("/sign-out?csrf={own}"))),
        Attack::in_a_browser("sign-out by an image", 405, get("/sign-out".to_owned())),
        Attack::new("sign-out by a parameter", 405, get(format!("/sign-out?_method=POST&csrf={own}"))),
    ];
    for name in ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"] {
        all.push(Attack::new(
            format!("sign-out by {name}"),
            405,
            get(format!("/sign-out?csrf={own}")).with(name, "POST"),
        ));
    }
    for method in ["PUT", "PATCH", "DELETE", "post", "PROPFIND"] {
        let sent = Request::new(method, format!("/sign-out?csrf={own}")).cookie(&here.operator.0);
        all.push(Attack::new(format!("sign-out by {method}"), 405, sent));
    }
    let basic = Request::form("/sign-out", "").cookie(&here.operator.0).with("Authorization", "Basic YTpi");
    all.push(Attack::new("a name and a password in a form's URL", 401, basic));
    all
}

/// What is no form, or too much of one.
fn encodings(here: &Here) -> Vec<Attack> {
    let own = &here.operator.1;
    let typed = |content_type: &str, body: String| {
        own_form(here, "/sign-out", body).without("content-type").with("Content-Type", content_type)
    };
    let multipart = format!("--x\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{own}\r\n--x--\r\n");
    let mut all = vec![
        Attack::new("a form of several parts", 415, typed("multipart/form-data; boundary=x", multipart)),
        Attack::new("JSON", 415, typed("application/json", format!("{{\"csrf\":\"{own}\"}}"))),
        Attack::new("plain text, as a page without a script can send", 415, typed("text/plain", format!("csrf={own}"))),
        Attack::new("XML", 415, typed("application/xml", "<!DOCTYPE x [<!ENTITY a \"a\">]><x>&a;</x>".to_owned())),
        Attack::new("no type", 415, own_form(here, "/sign-out", format!("csrf={own}")).without("content-type")),
        Attack::new("a type that is none", 415, typed("x", format!("csrf={own}"))),
    ];
    for (name, bytes) in [("10 MB", 10 << 20), ("20 MB", 20 << 20)] {
        all.push(Attack::new(
            format!("a form of {name}"),
            413,
            own_form(here, "/sign-out", "csrf=".to_owned() + &"x".repeat(bytes)),
        ));
    }
    let chunk = format!("{:x}\r\n{}\r\n0\r\n\r\n", 10 << 20, "x".repeat(10 << 20));
    let chunked = own_form(here, "/sign-out", "").raw_body(chunk).with("Transfer-Encoding", "chunked");
    all.push(Attack::new("a form of 10 MB that does not say so", 413, chunked));
    let nobody = Request::form("/sign-out", "x".repeat(10 << 20)).with("Origin", format!("http://{HOST}"));
    all.push(Attack::new("a form of 10 MB of nobody", 413, nobody));
    all
}
