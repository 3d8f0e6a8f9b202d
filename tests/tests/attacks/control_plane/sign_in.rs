//! Ways back from a provider that are not this sign-in's, and ways on to elsewhere.

use super::{
    Attack,
    here::{Here, SIGN_IN},
    wire::Request,
};

/// Where a sign-in might lead, as it stands in the URL that begins it; none of it may be another server's.
pub(crate) const LEADS: &[&str] = &[
    "https://evil.example/",
    "http://evil.example",
    "HTTPS://evil.example",
    "https:evil.example",
    "https:/evil.example",
    "http:///evil.example",
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "/%5Cevil.example",
    "%2F%2Fevil.example",
    "/%2Fevil.example",
    "/%2F%2Fevil.example",
    "/%252Fevil.example",
    "/%09/evil.example",
    "%09//evil.example",
    "/%0A/evil.example",
    "/%0D%0ALocation:%20https://evil.example",
    "/%0D%0ASet-Cookie:%20control-plane-session-1=attacker",
    "/%E5%98%8D%E5%98%8ALocation:evil.example",
    "/%00/evil.example",
    "%20//evil.example",
    "/.//evil.example",
    "/..//evil.example",
    "/./%2Fevil.example",
    "/@evil.example",
    "@evil.example",
    "//ada@evil.example",
    "https://127.0.0.1:1@evil.example",
    "/%EF%BC%8Fevil.example",
    "/%E3%80%82evil.example",
    "//evil%E3%80%82example",
    "%E2%80%AE//evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "evil.example",
    "?next=//evil.example",
    "%23//evil.example",
];

/// A way back, as it should be.
struct Way {
    /// The sign-in's.
    cookie: String,
    back: String,
    code: String,
    state: String,
    iss: String,
}

impl Way {
    async fn new(here: &Here, issuer: &str) -> Self {
        let (cookie, page) = here.begin(issuer, "/");
        let back = here.at_provider(&page).await;
        let part = |name: &str| {
            let (_, after) = back.split_once(&format!("{name}=")).unwrap();
            after.split('&').next().unwrap().to_owned()
        };
        Self { cookie, code: part("code"), state: part("state"), iss: part("iss"), back }
    }
}

/// Makes one of a way back, another of the same provider, and one of the other: its target, and the browser's cookie.
type Wrong<'a> = &'a (dyn Fn(&Way, &Way, &Way) -> (String, String) + Sync);

/// Ways back, each with one thing that is not this sign-in's, and a code that nobody has exchanged.
pub(crate) async fn ways_back(here: &Here) -> Vec<Attack> {
    let half = |state: &str| state.split('.').next().unwrap().to_owned();
    let proof = |state: &str| state.split('.').nth(1).unwrap().to_owned();
    // With this query, and the browser's own cookie.
    let own = |way: &Way, query: String| (format!("/sign-in/callback?{query}"), way.cookie.clone());
    let rows: &[(&str, Wrong)] = &[
        ("no cookie", &|way, _, _| (way.back.clone(), String::new())),
        ("another browser's cookie", &|way, other, _| (way.back.clone(), other.cookie.clone())),
        ("two cookies", &|way, _, _| (way.back.clone(), format!("{}; {SIGN_IN}=attacker", way.cookie))),
        ("an attacker's cookie", &|way, _, _| (way.back.clone(), format!("{SIGN_IN}={}", "A".repeat(43)))),
        ("an empty cookie", &|way, _, _| (way.back.clone(), format!("{SIGN_IN}="))),
        ("a session's cookie", &|way, _, _| (way.back.clone(), here.operator.0.replace("session", "sign-in"))),
        ("nothing", &|way, _, _| own(way, String::new())),
        ("a code alone", &|way, _, _| own(way, format!("code={}", way.code))),
        ("a state alone", &|way, _, _| own(way, format!("state={}", way.state))),
        ("an empty code", &|way, _, _| own(way, format!("code=&state={}", way.state))),
        ("an empty state", &|way, _, _| own(way, format!("code={}&state=", way.code))),
        ("another sign-in's state", &|way, other, _| own(way, format!("code={}&state={}", way.code, other.state))),
        ("another sign-in's code", &|way, other, _| own(way, format!("code={}&state={}", other.code, way.state))),
        ("another sign-in's state and cookie", &|way, other, _| {
            own(other, format!("code={}&state={}", way.code, other.state))
        }),
        ("a state that was changed", &|way, _, _| own(way, format!("code={}&state=x{}", way.code, way.state))),
        ("a state without its proof", &|way, _, _| own(way, format!("code={}&state={}", way.code, half(&way.state)))),
        ("another state's proof", &|way, other, _| {
            own(way, format!("code={}&state={}.{}", way.code, half(&way.state), proof(&other.state)))
        }),
        ("another provider's name", &|way, _, _| {
            own(way, format!("code={}&state={}&iss=https%3A%2F%2Fevil.example", way.code, way.state))
        }),
        ("the other provider's name", &|way, _, tenants| {
            own(way, format!("code={}&state={}&iss={}", way.code, way.state, tenants.iss))
        }),
        ("two names of providers", &|way, _, tenants| {
            own(way, format!("code={}&state={}&iss={}&iss={}", way.code, way.state, way.iss, tenants.iss))
        }),
        ("the other provider's code", &|way, _, tenants| {
            own(way, format!("code={}&state={}&iss={}", tenants.code, way.state, way.iss))
        }),
        ("a code for the other provider's sign-in", &|way, _, tenants| {
            own(tenants, format!("code={}&state={}&iss={}", way.code, tenants.state, tenants.iss))
        }),
        ("two codes", &|way, other, _| own(way, format!("code={}&code={}&state={}", way.code, other.code, way.state))),
        ("two states", &|way, other, _| {
            own(way, format!("code={}&state={}&state={}", way.code, way.state, other.state))
        }),
        ("a code that was never given", &|way, _, _| own(way, format!("code=code-99999&state={}", way.state))),
        ("a code of 50 kB", &|way, _, _| own(way, format!("code={}&state={}", "x".repeat(50_000), way.state))),
        ("a state of 50 kB", &|way, _, _| own(way, format!("code={}&state={}", way.code, "x".repeat(50_000)))),
        ("a script", &|way, _, _| own(way, "code=x&state=%3Cscript%3E&error=%3Cscript%3E".to_owned())),
        ("an error", &|way, _, _| {
            own(way, format!("error=access_denied&error_description=%3Cscript%3E&state={}", way.state))
        }),
    ];
    let mut all = Vec::new();
    for (name, wrong) in rows {
        let (way, other, tenants) =
            (Way::new(here, "staff").await, Way::new(here, "staff").await, Way::new(here, "tenants").await);
        let (target, cookie) = wrong(&way, &other, &tenants);
        all.push(Attack::in_a_browser(format!("a way back with {name}"), 400, Request::get(target).cookie(&cookie)));
    }
    for issuer in ["nobody", "STAFF", "staff%00", "..%2fstaff", "callback%2f..%2fstaff", "tenants%20"] {
        let sent = Request::get(format!("/sign-in/{issuer}"));
        all.push(Attack::in_a_browser(format!("a sign-in at {issuer}"), 400, sent));
    }
    let way = Way::new(here, "staff").await;
    let posted = Request::form("/sign-in/callback", way.back.split_once('?').unwrap().1).cookie(&way.cookie);
    all.push(Attack::new("a way back that is posted", 405, posted));
    all
}
