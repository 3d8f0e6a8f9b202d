//! Authorization headers: nothing that the pool's key has not signed is accepted.
#![no_main]

use std::{sync::LazyLock, time::Duration};

use lambda_host::aws::{Aws, CLIENT_ID, USER_POOL_ID};
use libfuzzer_sys::fuzz_target;
use lambda_http_client::HttpClient;
use tenant_auth::{JwtSettings, JwtVerifier};
use tokio::runtime::Runtime;

struct Pool {
    runtime: Runtime,
    verifier: JwtVerifier,
    token: String,
    _aws: Aws,
}

static POOL: LazyLock<Pool> = LazyLock::new(|| {
    let runtime = Runtime::new().expect("a runtime");
    let aws = runtime.block_on(Aws::start(Duration::ZERO)).expect("a user pool");
    let http = HttpClient::new(Duration::from_secs(5));
    let verifier = JwtVerifier::new(JwtSettings::cognito(USER_POOL_ID, CLIENT_ID, Some(&aws.url), airline_events::TIERS), http);
    let token = aws.token("acme", "basic", "user").expect("a token");
    runtime.block_on(verifier.verify(Some(&token))).expect("the pool's own token is accepted");
    Pool { runtime, verifier, token, _aws: aws }
});

fuzz_target!(|input: &str| {
    let genuine: Vec<&str> = POOL.token.split('.').collect();
    // As it is; and with parts of a genuine token where the input asks for them.
    let mixed = input.replace("$h", genuine[0]).replace("$c", genuine[1]).replace("$s", genuine[2]);
    let accepted = POOL.runtime.block_on(POOL.verifier.verify(Some(&mixed))).is_ok();
    assert!(!accepted || mixed.contains(&POOL.token), "{mixed}");
});
