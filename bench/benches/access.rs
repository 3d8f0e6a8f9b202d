//! What it costs the control plane to know who sent a request: by the cookie of a session, by an ID token, by a service key. CPU, of all threads.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark stops where something is wrong")]

use std::{hint::black_box, sync::Arc, time::Duration};

use control_plane_access::{Access, Settings};
use control_plane_embedded::{Embedded, Retention};
use criterion::{Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;
use testkit::provider::{Provider, access};

const KEY: &str = "cpk_of-a-nightly-report";
/// The SHA-256 of [`KEY`], as `sha256sum` prints it.
const KEY_SHA256: &str = "772c3c4984bc5612a88c666ee6db88b46de91a3e5ee9f9f5cae71d2b216b58b1";

#[derive(serde::Deserialize)]
struct Config {
    access: Settings,
}

/// What all threads of this process have used so far.
fn cpu() -> Duration {
    clock_gettime(ClockId::ProcessCPUTime).try_into().unwrap()
}

/// The headers of a browser's request, with one that says who sent it.
fn headers(name: HeaderName, value: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, HeaderValue::from_static("127.0.0.1:1"));
    headers.insert(name, value.parse().unwrap());
    headers
}

/// `name=value` of a `Set-Cookie`.
fn pair(set_cookie: &str) -> String {
    set_cookie.split(';').next().unwrap().to_owned()
}

/// Signs somebody in as a browser would; the cookie of their session.
async fn signed_in(access: &Access) -> String {
    let now = Timestamp::now();
    let begun = access.begin("staff", "/", now).await.unwrap();
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let led_back =
        browser.get(&begun.location).send().await.unwrap().headers()["location"].to_str().unwrap().to_owned();
    let led_back = reqwest::Url::parse(&led_back).unwrap();
    let said = |name: &str| led_back.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    let headers = headers(header::COOKIE, &pair(&access.sign_in_cookie(&begun.cookie)));
    let vouched = access.finish(&said("code"), &said("state"), None, &headers, now).await.unwrap();
    let signed_in = access.begin_session(vouched, &headers, now).await.unwrap();
    pair(&access.session_cookie(&signed_in.session))
}

fn visitors(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (access, requests) = runtime.block_on(async {
        let (staff, tenants) = (Provider::start().await, Provider::start().await);
        let operator = json!({ "sub": "operator", "groups": ["sre"] });
        staff.user(operator.clone());
        let key = format!(
            "[[access.service_key]]\nname = 'report'\nrole = 'viewer'\nsha256 = '{KEY_SHA256}'\nexpires = '2100-01-01T00:00:00Z'"
        );
        let config: Config = toml::from_str(&format!("{}\n{key}", access(&staff, &tenants))).unwrap();
        let store = Embedded::open(&dir.path().join("control-plane.sqlite"), Retention::default()).unwrap();
        let access = Access::new(config.access, Arc::new(store)).unwrap();
        let cookie = signed_in(&access).await;
        let bearer = |token: &str| headers(header::AUTHORIZATION, &format!("Bearer {token}"));
        let by_token = bearer(&staff.token(&operator));
        (access, [("cookie", headers(header::COOKIE, &cookie)), ("token", by_token), ("service_key", bearer(KEY))])
    });
    for (name, headers) in requests {
        criterion.bench_function(&format!("access_by_{name}"), |bencher| {
            bencher.iter_custom(|times| {
                let before = cpu();
                for _ in 0..times {
                    access.check_source(&Method::GET, &headers).unwrap();
                    black_box(runtime.block_on(access.authenticate(&headers, Timestamp::now())).unwrap().unwrap());
                }
                cpu() - before
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(4));
    targets = visitors
}
criterion_main!(benches);
