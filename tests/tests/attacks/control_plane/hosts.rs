//! Names that are not the server's, and broken HTTP.

use super::{
    Attack,
    here::Here,
    tokens::genuine,
    wire::{HOST, Request},
};

/// Each with a genuine token.
pub(crate) fn all(here: &Here) -> Vec<Attack> {
    let mut all = names(here);
    all.extend(broken(here));
    all
}

fn get(here: &Here) -> Request {
    Request::get("/api/slo").bearer(&genuine(here))
}

fn names(here: &Here) -> Vec<Attack> {
    let mut all = Vec::new();
    for host in [
        "evil.example",
        "evil.example:80",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1.nip.example:1",
        "evil.localhost",
        "{host}.evil.example",
        "evil.example#{host}",
        "ada@127.0.0.1",
        "127.0.0.1@evil.example",
        "{host}, evil.example",
        "{host} evil.example",
        "0.0.0.0",
        "127.1",
        "2130706433",
        "0x7f000001",
        "127.0.0.2",
        "[::]",
        "[::ffff:127.0.0.1]",
        "localhost.",
        "127.0.0.1:x",
        "",
    ] {
        all.push(Attack::new(format!("host {host:?}"), 403, get(here).host(host)));
    }
    all.push(Attack::in_a_browser(
        "a name that was made to point here",
        403,
        Request::get("/sign-in").host("evil.example"),
    ));
    let rebound = Request::form("/sign-out", "").host("evil.example").with("Origin", "http://evil.example");
    all.push(Attack::new("a form of a name that was made to point here", 403, rebound.cookie(&here.operator.0)));
    for name in ["X-Forwarded-Host", "Forwarded", "X-Host", "X-Original-Host"] {
        let sent = get(here).host("evil.example").with(name, HOST);
        all.push(Attack::new(format!("another host with the server's own in {name}"), 403, sent));
    }
    all.push(Attack::new("two hosts", 403, get(here).with("Host", "evil.example")));
    all.push(Attack::new("no host", 403, get(here).without("host").version("HTTP/1.0")));
    for target in ["http://evil.example/api/slo", "http://{host}@evil.example/api/slo", "https://evil.example/api/slo"]
    {
        let sent = Request::get(target).bearer(&genuine(here));
        all.push(Attack::new(format!("asked for {target}"), 403, sent));
    }
    for path in ["/api/slo", "/tenants/globex/suspend", "/sign-out", "/nothing"] {
        let asked = Request::new("OPTIONS", path).with("Origin", "http://evil.example").cookie(&here.operator.0);
        let asked =
            asked.with("Access-Control-Request-Method", "POST").with("Access-Control-Request-Headers", "authorization");
        let status = if path == "/nothing" { 404 } else { 405 };
        all.push(Attack::new(format!("another site's page asks whether it may send to {path}"), status, asked));
    }
    // No header makes another request of one.
    for name in ["X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix", "X-Forwarded-Uri"] {
        let sent = Request::get("/nothing").with(name, "/api/slo").bearer(&genuine(here));
        all.push(Attack::new(format!("another path in {name}"), 404, sent));
    }
    for path in [
        "//api/slo",
        "/api//slo",
        "/API/SLO",
        "/api/slo/",
        "/api/./slo",
        "/api/%2e%2e/api/slo",
        "/static/../api/slo",
        "/api/slo;x=y",
        "/api%2fslo",
    ] {
        all.push(Attack::new(format!("nobody asks for {path}"), 404, Request::get(path)));
    }
    all
}

fn broken(here: &Here) -> Vec<Attack> {
    let smuggled = format!("0\r\n\r\nGET /api/traces HTTP/1.1\r\nHost: {}\r\n\r\n", here.host);
    let post = || {
        Request::new("POST", "/sign-out")
            .with("Content-Type", "application/x-www-form-urlencoded")
            .with("Origin", "http://evil.example")
    };
    let rows = [
        ("a space before the colon", get(here).with("X-A ", "b")),
        ("a space in a name", get(here).with("X A", "b")),
        ("a tab in a name", get(here).with("X\tA", "b")),
        ("an empty name", get(here).with("", "b")),
        ("a name in brackets", get(here).with("(x)", "b")),
        ("a folded header", get(here).with("X-A", "b\r\n c: d")),
        ("a carriage return in a header", get(here).with("X-A", "b\rc: d")),
        ("a zero byte in a header", get(here).with("X-A", "b\0c")),
        ("a header without a colon", get(here).with("X-A", "b\r\nAuthorization")),
        ("a method with a space", Request::new("GET /api/slo", "x").bearer(&genuine(here))),
        ("a method in brackets", Request::new("(GET)", "/api/slo")),
        ("a target without a slash", Request::get("api/slo").bearer(&genuine(here))),
        ("a target with a space", Request::get("/api/slo x")),
        ("another version", get(here).version("HTTP/3.7")),
        ("no version", get(here).version("")),
        ("two lengths", post().with("Content-Length", "0").with("Content-Length", "5").raw_body("csrf=")),
        ("a list of lengths", post().with("Content-Length", "0, 5").raw_body("csrf=")),
        ("a length with a sign", post().with("Content-Length", "+5").raw_body("csrf=")),
        ("a length below zero", post().with("Content-Length", "-1").raw_body("csrf=")),
        ("a length in hexadecimal", post().with("Content-Length", "0x5").raw_body("csrf=")),
        ("a length beyond all", post().with("Content-Length", "99999999999999999999").raw_body("csrf=")),
        ("chunks and identity", post().with("Transfer-Encoding", "chunked, identity").raw_body(smuggled.clone())),
        ("an encoding that is none", post().with("Transfer-Encoding", "xchunked").raw_body(smuggled.clone())),
    ];
    let mut all: Vec<_> = rows.into_iter().map(|(name, sent)| Attack::broken(name, 400, sent)).collect();
    for (name, sent) in [
        ("a header of 1 MB", get(here).with("X-A", "a".repeat(1 << 20))),
        ("a thousand headers", (0..1_000).fold(get(here), |request, n| request.with(format!("X-{n}"), "a"))),
        ("a target of 1 MB", Request::get(format!("/api/slo?x={}", "a".repeat(1 << 20)))),
    ] {
        all.push(Attack::broken(name, 431, sent));
    }
    // What comes after the body is a request of its own, if it is any: it is not asked with this one's cookie.
    let both = post()
        .cookie(&here.operator.0)
        .with("Content-Length", smuggled.len().to_string())
        .with("Transfer-Encoding", "chunked");
    all.push(Attack::new("a length and chunks", 403, both.raw_body(smuggled)));
    all
}
