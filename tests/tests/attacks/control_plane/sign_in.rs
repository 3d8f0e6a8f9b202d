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

/// Ways back, each with one thing that is not this sign-in's.
pub(crate) async fn ways_back(here: &Here) -> Vec<Attack> {
    let (cookie, page) = here.begin("staff", "/");
    let back = here.at_provider(&page).await;
    let (other_cookie, other_page) = here.begin("staff", "/");
    let other = here.at_provider(&other_page).await;
    let (tenants_cookie, tenants_page) = here.begin("tenants", "/");
    let tenants = here.at_provider(&tenants_page).await;
    let (code, state, iss) = parts(&back);
    let (other_code, other_state, _) = parts(&other);
    let (tenants_code, tenants_state, tenants_iss) = parts(&tenants);
    let way = |query: String| format!("/sign-in/callback?{query}");
    let mut all = Vec::new();
    let mut add = |name: &str, target: String, cookie: &str| {
        all.push(Attack::in_a_browser(format!("a way back with {name}"), 400, Request::get(target).cookie(cookie)));
    };
    add("no cookie", back.clone(), "");
    add("another browser's cookie", back.clone(), &other_cookie);
    add("two cookies", back.clone(), &format!("{cookie}; {SIGN_IN}=attacker"));
    add("an attacker's cookie", back.clone(), &format!("{SIGN_IN}={}", "A".repeat(43)));
    add("an empty cookie", back.clone(), &format!("{SIGN_IN}="));
    add("a session's cookie", back.clone(), &here.operator.0.replace("session", "sign-in"));
    add("nothing", "/sign-in/callback".to_owned(), &cookie);
    add("a code alone", way(format!("code={code}")), &cookie);
    add("a state alone", way(format!("state={state}")), &cookie);
    add("an empty code", way(format!("code=&state={state}")), &cookie);
    add("an empty state", way(format!("code={code}&state=")), &cookie);
    add("another sign-in's state", way(format!("code={code}&state={other_state}")), &cookie);
    add("another sign-in's state and cookie", way(format!("code={code}&state={other_state}")), &other_cookie);
    add("a state that was changed", way(format!("code={code}&state=x{state}")), &cookie);
    add(
        "a state whose proof was cut off",
        way(format!("code={code}&state={}", state.split('.').next().unwrap())),
        &cookie,
    );
    add(
        "another state's proof",
        way(format!(
            "code={code}&state={}.{}",
            state.split('.').next().unwrap(),
            other_state.split('.').nth(1).unwrap()
        )),
        &cookie,
    );
    add("another provider's name", way(format!("code={code}&state={state}&iss=https%3A%2F%2Fevil.example")), &cookie);
    add("the other provider's name", way(format!("code={code}&state={state}&iss={tenants_iss}")), &cookie);
    add("the other provider's code", way(format!("code={tenants_code}&state={state}&iss={iss}")), &cookie);
    add(
        "a code for the other provider's sign-in",
        way(format!("code={other_code}&state={tenants_state}&iss={tenants_iss}")),
        &tenants_cookie,
    );
    add("two names of providers", way(format!("code={code}&state={state}&iss={iss}&iss={tenants_iss}")), &cookie);
    add("two codes", way(format!("code={code}&code={other_code}&state={state}")), &cookie);
    add("two states", way(format!("code={code}&state={state}&state={other_state}")), &cookie);
    add("a code that was never given", way(format!("code=code-99999&state={state}")), &cookie);
    add("a code of 50 kB", way(format!("code={}&state={state}", "x".repeat(50_000))), &cookie);
    add("a state of 50 kB", way(format!("code={code}&state={}", "x".repeat(50_000))), &cookie);
    add("a script", way("code=x&state=%3Cscript%3Ealert(1)%3C/script%3E&error=%3Cscript%3E".to_owned()), &cookie);
    add("an error", way(format!("error=access_denied&error_description=%3Cscript%3E&state={state}")), &cookie);
    for issuer in ["nobody", "STAFF", "staff%00", "..%2fstaff", "callback%2f..%2fstaff", "tenants%20"] {
        let sent = Request::get(format!("/sign-in/{issuer}"));
        all.push(Attack::in_a_browser(format!("a sign-in at {issuer}"), 400, sent));
    }
    let posted = Request::form("/sign-in/callback", back.split_once('?').unwrap().1).cookie(&cookie);
    all.push(Attack::new("a way back that is posted", 405, posted));
    all
}

/// Code, state and issuer of a way back.
fn parts(back: &str) -> (String, String, String) {
    let part = |name: &str| {
        let (_, after) = back.split_once(&format!("{name}=")).unwrap();
        after.split('&').next().unwrap().to_owned()
    };
    (part("code"), part("state"), part("iss"))
}
