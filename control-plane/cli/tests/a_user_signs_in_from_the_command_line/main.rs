//! `control-plane login`: a user signs in with a browser; their token goes to that control plane alone, and is kept where nobody else reads it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod here;

use std::{
    fs::{self, Permissions},
    net::TcpListener,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::PathBuf,
    process::Command,
    time::Duration,
};

use here::{Here, output, recorder, stderr, visit, way_back};
use reqwest::{Client, StatusCode};
use serde_json::json;
use testkit::{
    control_plane::Server,
    provider::{Misdeed, access},
};

/// How long a request may take that a command has sent already.
const SOON: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn signed_in_until_signed_out() {
    let here = Here::new().await;
    let refused = here.map().await;
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains(&format!("control-plane login --url {}", here.server.url)), "{refused:?}");
    assert!(!here.file().exists(), "who is not signed in has no file");

    let output = here
        .login(&["--no-browser"], async |page| {
            assert!(page.starts_with(here.staff.issuer()), "the staff's, where nothing else is said: {page}");
            let answer = visit(page).await;
            assert_eq!(answer.headers()["content-security-policy"], "default-src 'none'; frame-ancestors 'none'");
            assert_eq!(answer.headers()["cache-control"], "no-store");
            assert!(answer.text().await.unwrap().contains("You are signed in"));
        })
        .await;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(told, format!("Signed in to {} as ada@staff.example.\n", here.server.url));
    assert!(here.map().await.status.success());

    let mode = |path: PathBuf| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(here.file()), 0o600);
    assert_eq!(mode(here.home.path().join("control-plane")), 0o700);
    let tokens = here.kept()[&here.server.url].clone();
    for secret in [&tokens["id_token"], &tokens["refresh_token"]].map(|secret| secret.as_str().unwrap()) {
        assert!(!told.contains(secret) && !stderr(&output).contains(secret));
    }

    // The same user, as somebody of a tenant.
    let output = here.login(&["--as", "tenants"], async |page| drop(visit(page).await)).await;
    assert!(String::from_utf8_lossy(&output.stdout).contains("as pilot@acme.example"), "{output:?}");
    assert_eq!(mode(here.file()), 0o600);
    let logs = here.command(&["map", "--url", &here.server.url, "--json"]);
    assert!(self::output(logs).await.status.success());

    assert_eq!(here.tenants.refresh_tokens().len(), 1);
    let out = self::output(here.command(&["logout", "--url", &here.server.url])).await;
    assert!(out.status.success(), "{out:?}");
    assert_eq!(here.kept(), json!({}));
    assert_eq!(here.tenants.refresh_tokens(), [] as [String; 0], "the provider forgets, too");
    assert_eq!(here.map().await.status.code(), Some(2));
    let again = self::output(here.command(&["logout", "--url", &here.server.url])).await;
    assert!(again.status.success() && String::from_utf8_lossy(&again.stdout).contains("were not signed in"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_back_is_this_sign_ins_alone() {
    let here = Here::new().await;
    let output = here
        .login(&[], async |page| {
            let back = way_back(page).await;
            let (address, _) = back.split_once('?').unwrap();
            let client = Client::new();
            // Pages of others send a browser here; somebody's own code would sign the user in as somebody else.
            for query in
                ["", "?code=x", "?code=x&state=", "?code=x&state=made-up", "?error=access_denied", "?code=x&code=y"]
            {
                let answer = client.get(format!("{address}{query}")).send().await.unwrap();
                assert_eq!(answer.status(), 400, "{query}");
            }
            let rebound = client.get(&back).header("host", "evil.example").send().await.unwrap();
            assert_eq!(rebound.status(), 400);
            assert_eq!(client.post(&back).send().await.unwrap().status(), 405);
            let elsewhere = back.replace("/callback", "/");
            assert_eq!(client.get(elsewhere).send().await.unwrap().status(), 404);
            assert_eq!(client.get(&back).send().await.unwrap().status(), 200, "none of these ended it");
            // It is over; nobody listens, or not for this.
            let again = client.get(&back).send().await.map(|answer| answer.status());
            assert!(
                again.as_ref().is_ok_and(|status| *status == StatusCode::BAD_REQUEST) || again.is_err(),
                "{again:?}"
            );
        })
        .await;
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_come_back_leaves_nothing() {
    let here = Here::new().await;
    let output = here.login(&["--wait", "1"], async |_| {}).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("nobody signed in within 1 s"), "{output:?}");
    assert!(!here.home.path().join("control-plane").exists());
    // Nor does who ends it. Not by the signal of Ctrl-C: what a shell starts in the background ignores that.
    let ended = here
        .login_process(&[], async |_, process| {
            let kill = Command::new("kill").args(["-TERM", &process.to_string()]).status();
            assert!(kill.unwrap().success());
        })
        .await;
    assert!(!ended.status.success() && !here.home.path().join("control-plane").exists(), "{ended:?}");
    // And with the port of somebody else, it says so.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = self::output(here.command(&["login", "--url", &here.server.url, "--port", &port])).await;
    assert!(output.status.code() == Some(2) && stderr(&output).contains("is not free"), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_provider_answers_is_kept_if_it_is_all_right() {
    let here = Here::new().await;
    for misdeed in [
        Misdeed::Denies,
        Misdeed::OtherIss,
        Misdeed::Rubbish,
        Misdeed::Endless,
        Misdeed::Fails,
        Misdeed::NoIdToken,
        Misdeed::OtherNonce,
        Misdeed::NoNonce,
        Misdeed::OtherClient,
        Misdeed::OtherClientBesides,
        Misdeed::OtherIssuer,
        Misdeed::Expired,
        Misdeed::Hangs,
    ] {
        here.staff.does(misdeed);
        let output = here
            .login(&[], async |page| {
                let answer = visit(page).await;
                assert_eq!(answer.status(), 400, "{misdeed:?}");
                assert!(answer.text().await.unwrap().contains("Nobody was signed in"), "{misdeed:?}");
            })
            .await;
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{misdeed:?}: {said}");
        assert!(said.contains("provider"), "{misdeed:?}: {said}");
        assert!(!said.contains('\u{1b}'), "{misdeed:?} commands the terminal: {said:?}");
        assert!(!here.file().exists(), "{misdeed:?}");
    }
    here.staff.does(Misdeed::None);
    for misdeed in [Misdeed::Rubbish, Misdeed::Endless, Misdeed::Fails] {
        here.staff.publishes(misdeed);
        let output = here.login(&[], async |page| panic!("{misdeed:?}: {page}")).await;
        assert_eq!(output.status.code(), Some(2), "{misdeed:?}");
    }
    here.staff.publishes(Misdeed::None);
    here.signed_in(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_over_is_exchanged_for_another() {
    let here = Here::new().await;
    here.staff.tokens_last(1);
    here.signed_in(&[]).await;
    let first = here.staff.refresh_tokens();
    here.staff.tokens_last(3_600);
    // Commands at once exchange it once: a refresh token is good once.
    let exchanged = || here.staff.requested_paths().iter().filter(|path| *path == "/token").count();
    let before = exchanged();
    let commands = (0..6).map(|_| output(here.command(&["map", "--url", &here.server.url])));
    for output in futures_util::future::join_all(commands).await {
        assert!(output.status.success(), "{output:?}");
    }
    assert_eq!(exchanged() - before, 1);
    let second = here.staff.refresh_tokens();
    assert!(second.len() == 1 && second != first, "{second:?}");
    assert_eq!(here.kept()[&here.server.url]["refresh_token"], *second[0]);
    assert_eq!(fs::metadata(here.file()).unwrap().mode() & 0o777, 0o600);

    // As if an hour had passed.
    let expire = || {
        let over = here.staff.wrong_token(&json!({ "sub": "1" }), Misdeed::Expired);
        let mut kept = here.kept();
        kept[&here.server.url]["id_token"] = over.into();
        here.keep(&kept);
    };
    // A provider that is away, or gives somebody else's, ends nothing.
    for misdeed in [Misdeed::Fails, Misdeed::Rubbish] {
        expire();
        here.staff.does(misdeed);
        assert_eq!(here.map().await.status.code(), Some(2), "{misdeed:?}");
        assert_eq!(here.kept()[&here.server.url]["refresh_token"], *second[0], "{misdeed:?}");
    }
    here.staff.does(Misdeed::OtherUser);
    let output = here.map().await;
    assert!(output.status.code() == Some(2) && stderr(&output).contains("somebody else's"), "{output:?}");
    // That took the refresh token: nobody is signed in any more, and it says how to be.
    here.staff.does(Misdeed::None);
    let output = here.map().await;
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(said.contains("has expired") && said.contains("control-plane login --url"), "{said}");
    assert_eq!(here.kept(), json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_goes_to_its_own_control_plane_alone() {
    let here = Here::new().await;
    here.signed_in(&[]).await;
    let empty = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let (other, came) = recorder(empty.to_owned());
    output(here.command(&["map", "--url", &other])).await;
    assert!(!came.recv_timeout(SOON).unwrap().contains("authorization"), "another server is told nothing");

    // One that sends its askers elsewhere: it is not followed.
    let moved = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: {other}/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    let (moving, asked) = recorder(moved);
    let mut kept = here.kept();
    let own = kept[&here.server.url].clone();
    kept[&moving] = own.clone();
    kept["http://cp.example"] = own;
    here.keep(&kept);
    let output = output(here.command(&["map", "--url", &moving])).await;
    assert!(output.status.code() == Some(2) && stderr(&output).contains("redirects to another address"), "{output:?}");
    assert!(asked.recv_timeout(SOON).unwrap().contains("authorization: bearer"), "else this proves nothing");
    assert!(came.try_recv().is_err());

    // Nor through a proxy, nor in clear to another machine.
    let mut command = here.command(&["map", "--url", &here.server.url]);
    command.env("HTTP_PROXY", &other).env("http_proxy", &other);
    assert!(self::output(command).await.status.success());
    assert!(came.try_recv().is_err());
    for token in [None, Some("cpk_x")] {
        let mut command = here.command(&["map", "--url", "http://cp.example"]);
        command.envs(token.map(|token| ("CONTROL_PLANE_TOKEN", token))).env("http_proxy", &other);
        let output = self::output(command).await;
        assert!(
            output.status.code() == Some(2) && stderr(&output).contains("only by https or to loopback"),
            "{output:?}"
        );
    }
    assert!(came.try_recv().is_err());

    // What the environment holds comes first.
    let mut command = here.command(&["map", "--url", &here.server.url]);
    let refused = self::output({
        command.env("CONTROL_PLANE_TOKEN", "cpk_unknown");
        command
    })
    .await;
    assert!(refused.status.code() == Some(2) && stderr(&refused).contains("CONTROL_PLANE_TOKEN"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_others_could_read_or_write_is_not_used() {
    let here = Here::new().await;
    here.signed_in(&[]).await;
    let folder = here.home.path().join("control-plane");
    let set = |path: &PathBuf, mode: u32| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    for (path, wrong, right) in [(&here.file(), 0o640, 0o600), (&here.file(), 0o604, 0o600), (&folder, 0o777, 0o700)] {
        set(path, wrong);
        for args in [["map", "--url", &here.server.url], ["logout", "--url", &here.server.url]] {
            let output = output(here.command(&args)).await;
            assert_eq!(output.status.code(), Some(2), "{wrong:o}");
            assert!(stderr(&output).contains("by others"), "{output:?}");
        }
        let output = here.login(&[], async |page| panic!("somebody would sign in for nothing: {page}")).await;
        assert_eq!(output.status.code(), Some(2), "{wrong:o}");
        set(path, right);
        assert!(here.map().await.status.success());
    }
    fs::write(here.file(), "{").unwrap();
    let output = here.map().await;
    assert!(output.status.code() == Some(2) && stderr(&output).contains("is not as it was written"), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_others_prepared_is_not_used() {
    let here = Here::new().await;
    let folder = here.home.path().join("control-plane");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
    let output = here.login(&[], async |page| panic!("somebody would sign in for nothing: {page}")).await;
    assert!(output.status.code() == Some(2) && stderr(&output).contains("by others"), "{output:?}");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    // It was opened while the browser was.
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    let output = here
        .login(&[], async |page| {
            fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
            drop(visit(page).await);
        })
        .await;
    assert!(output.status.code() == Some(2) && stderr(&output).contains("by others"), "{output:?}");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    // A link that somebody left there leads nowhere.
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    let elsewhere = here.home.path().join("elsewhere");
    std::os::unix::fs::symlink(&elsewhere, folder.join("tokens.lock")).unwrap();
    let output = here.login(&[], async |page| drop(visit(page).await)).await;
    assert!(output.status.code() == Some(2) && stderr(&output).contains("tokens.lock"), "{output:?}");
    assert!(!elsewhere.exists() && !here.file().exists());
    fs::remove_file(folder.join("tokens.lock")).unwrap();
    here.signed_in(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_can_sign_in_it_says_so() {
    let here = Here::new().await;
    let dir = tempfile::tempdir().unwrap();
    let open = Server::start(dir.path());
    let output = output(here.command(&["login", "--url", &open.url])).await;
    assert!(output.status.code() == Some(2) && stderr(&output).contains("Sign-in is not configured"), "{output:?}");
    let dir = tempfile::tempdir().unwrap();
    let config = access(&here.staff, &here.tenants).replace(", cli_client_id = \"control-plane-cli\"", "");
    let without = Server::configured(dir.path(), &config);
    let output = self::output(here.command(&["login", "--url", &without.url])).await;
    assert!(output.status.code() == Some(2) && stderr(&output).contains("cli_client_id"), "{output:?}");
}
