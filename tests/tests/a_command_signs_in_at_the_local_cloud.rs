//! `control-plane login` at the local cloud, whose user pool is held to what Cognito takes: an operator signs in with one click, works for longer than a
//! token lasts, and signs out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Output, Stdio},
};

use aws_sdk_cognitoidentityprovider::{Client, types::OAuthFlowType};
use local::{
    ministack::{OBSERVABILITY_ACCOUNT, sdk_config},
    port::Port,
};
use serde_json::Value;
use testkit::{Cloud, program};

/// Has the user pool know another port of this machine: several tests may run at once, and one may be signed in on the usual one.
async fn register(cloud: &Cloud, port: u16) {
    let how: Value =
        reqwest::get(format!("{}/api/sign-in", cloud.outputs.control_plane_url)).await.unwrap().json().await.unwrap();
    let staff = &how["issuers"][0];
    assert_eq!(staff["name"], "staff");
    let client = Client::new(&sdk_config(&cloud.outputs.aws_endpoint_url, OBSERVABILITY_ACCOUNT).await);
    let update = client
        .update_user_pool_client()
        .user_pool_id(staff["issuer"].as_str().unwrap().rsplit('/').next().unwrap())
        .client_id(staff["client_id"].as_str().unwrap())
        .callback_urls(format!("http://localhost:{port}/callback"))
        .supported_identity_providers("COGNITO")
        .allowed_o_auth_flows_user_pool_client(true)
        .allowed_o_auth_flows(OAuthFlowType::Code);
    let scopes = ["openid", "email", "profile"];
    scopes.into_iter().fold(update, |update, scope| update.allowed_o_auth_scopes(scope)).send().await.unwrap();
}

/// A command with a configuration folder of its own.
fn command(cloud: &Cloud, home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program("control-plane"));
    command.args(args).args(["--url", &cloud.outputs.control_plane_url]).env("XDG_CONFIG_HOME", home);
    command.env_remove("CONTROL_PLANE_TOKEN");
    command
}

/// Opens the page, and clicks on a user: where the browser ends up.
async fn click(page: &str, username: &str) -> reqwest::Response {
    let client = reqwest::Client::new();
    let html = client.get(page).send().await.unwrap().error_for_status().unwrap().text().await.unwrap();
    let hidden = html.split("type=\"hidden\" name=\"").skip(1).map(|field| {
        let (name, rest) = field.split_once("\" value=\"").unwrap();
        (name, rest.split('"').next().unwrap().replace("&amp;", "&"))
    });
    let form =
        form_urlencoded::Serializer::new(String::new()).extend_pairs(hidden).append_pair("username", username).finish();
    let (action, _) = page.split_once('?').unwrap();
    client.post(action).header("content-type", "application/x-www-form-urlencoded").body(form).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_signs_in_works_and_signs_out() {
    let cloud = Cloud::start();
    let home = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| -> Output { command(&cloud, home.path(), args).output().unwrap() };
    let refused = run(&["map"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("control-plane login"), "{refused:?}");

    let held = Port::free().unwrap();
    let port = held.number;
    register(&cloud, port).await;
    let mut login = command(&cloud, home.path(), &["login", "--no-browser", "--port", &port.to_string()]);
    let mut child = login.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let page = said.find_map(|line| line.ok().filter(|line| line.starts_with("http"))).unwrap();
    let operator = &cloud.outputs.staff[0].username;
    let back = click(&page, operator).await;
    let (url, text) = (back.url().clone(), back.text().await.unwrap());
    let output = child.wait_with_output().unwrap();
    assert!(url.as_str().starts_with(&format!("http://localhost:{port}/callback")), "{url}");
    assert!(text.contains("You are signed in"), "{text} {:?}", said.collect::<Vec<_>>());
    assert!(String::from_utf8_lossy(&output.stdout).contains(&format!("as {operator}.")), "{output:?}");
    assert!(run(&["map"]).status.success());

    // Later, as if the ID token had lasted until now: it is exchanged by the refresh token. What the emulator gives then lacks the user's groups,
    // which Cognito's has, so that the control plane knows its bearer, and no role of theirs.
    let file = home.path().join("control-plane/tokens.json");
    let read = || -> Value { serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap() };
    let mut kept = read();
    let token = kept[&cloud.outputs.control_plane_url]["id_token"].as_str().unwrap().to_owned();
    kept[&cloud.outputs.control_plane_url]["id_token"] = over(&token).into();
    std::fs::write(&file, kept.to_string()).unwrap();
    let output = run(&["map"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("no role"), "{output:?}");
    let fresh = read()[&cloud.outputs.control_plane_url]["id_token"].clone();
    assert!(fresh != token && fresh != over(&token));

    assert!(run(&["logout"]).status.success());
    assert_eq!(run(&["map"]).status.code(), Some(2));
}

/// The same claims, a token that ended long ago; whether it is signed is looked at where it is sent.
fn over(token: &str) -> String {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

    let parts: Vec<&str> = token.split('.').collect();
    let mut claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    claims["exp"] = 1.into();
    format!("{}.{}.{}", parts[0], BASE64_URL_SAFE_NO_PAD.encode(claims.to_string()), parts[2])
}
