//! Cookies of sessions.

use super::{
    Attack,
    here::{Here, SESSION, SIGN_IN},
    wire::Request,
};

const ASKED: &str = "/api/traces";

/// `over` is the cookie of a session that was signed out of.
pub(crate) fn all(here: &Here, over: &str) -> Vec<Attack> {
    let (own, csrf) = (&here.operator.0, &here.operator.1);
    let id = own.split_once('=').unwrap().1;
    let rows = [
        ("a session that was signed out of", over.to_owned()),
        ("an empty cookie", format!("{SESSION}=")),
        ("a guess", format!("{SESSION}={}", "A".repeat(43))),
        ("a part of a session's id", format!("{SESSION}={}", &id[1..])),
        ("a session's id and more", format!("{own}x")),
        ("a session's id in capitals", format!("{SESSION}={}", id.to_uppercase())),
        ("a session's id in quotes, twice", format!("{SESSION}=\"\"{id}\"\"")),
        ("two sessions", format!("{own}; {}", here.pilot.0)),
        ("a session and an attacker's", format!("{own}; {SESSION}=attacker")),
        ("an attacker's, and a session", format!("{SESSION}=attacker; {own}")),
        ("the same session twice", format!("{own}; {own}")),
        ("a cookie of another port", own.replace("session-1", "session-2")),
        ("a cookie without a port", own.replace("session-1", "session")),
        ("a cookie of https", format!("__Host-{}", own.replace("session-1", "session"))),
        ("a cookie's name in capitals", own.replace(SESSION, &SESSION.to_uppercase())),
        (
            "the cookie of a sign-in, as a session",
            format!("{SESSION}={}", here.begin("staff", "/").0.split_once('=').unwrap().1),
        ),
        ("a session, as the cookie of a sign-in", format!("{SIGN_IN}={id}")),
        ("what a form brings along", format!("{SESSION}={csrf}")),
        ("the name of an entry", format!("{SESSION}=session/{id}")),
        ("SQL", format!("{SESSION}=' OR 1=1 --")),
        ("another column", format!("{SESSION}=x' UNION SELECT body FROM entries --")),
        ("a path", format!("{SESSION}=../../states")),
        ("JSON", format!("{SESSION}={{\"role\":\"operator\"}}")),
        ("a role", "role=operator; user=ada@staff.example; admin=1".to_owned()),
        ("an attribute in a cookie", format!("{SESSION}; {id}; $Path=/")),
        ("a comma between cookies", format!("theme=dark, {own}")),
        ("a cookie of 100 kB", format!("{SESSION}={}", "a".repeat(100_000))),
        ("10,000 cookies", "a=b; ".repeat(10_000) + SESSION),
    ];
    let mut all: Vec<_> =
        rows.into_iter().map(|(name, cookie)| Attack::new(name, 401, Request::get(ASKED).cookie(&cookie))).collect();
    let two = Request::get(ASKED).cookie(own).cookie(&format!("{SESSION}=attacker"));
    all.push(Attack::new("a session and an attacker's, in two headers", 401, two));
    for (name, bytes) in
        [("no UTF-8", b"\xff\xfe".as_slice()), ("a tab", b"\t"), ("Latin-1", b"\xe9"), ("an emoji", "😀".as_bytes())]
    {
        let cookie = [SESSION.as_bytes(), b"=", bytes].concat();
        all.push(Attack::new(format!("{name} in a cookie"), 401, Request::get(ASKED).with("Cookie", cookie)));
    }
    let zero = Request::get(ASKED).with("Cookie", format!("{own}\0"));
    all.push(Attack::broken("a zero byte in a cookie", 400, zero));
    // A person is led to the sign-in.
    for (name, cookie) in [("a guess", format!("{SESSION}=x")), ("a session that was signed out of", over.to_owned())] {
        let sent = Request::get("/tenants?tier=basic").cookie(&cookie);
        all.push(Attack::in_a_browser(format!("{name}, in a browser"), 303, sent));
    }
    all
}
