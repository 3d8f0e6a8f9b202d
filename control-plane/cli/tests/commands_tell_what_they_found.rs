//! What a pipeline builds on: exit codes, closed pipes, when `serve` says that it listens, who holds a folder.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, Command, Output, Stdio},
};

use testkit::control_plane::{Server, span};

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_control-plane"));
    command.args(args).env_remove("CONTROL_PLANE_URL");
    command
}

fn run(args: &[&str]) -> Output {
    command(args).output().unwrap()
}

/// An address where nobody listens: it was free a moment ago.
fn nowhere() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn no_answer_is_not_violated() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let nowhere = nowhere();
    for args in [
        &["slo", "--url", &nowhere][..],
        &["alerts", "--url", &nowhere],
        &["trace", "07070707070707070707070707070707", "--url", &server.url],
        &["traces", "fault AND", "--url", &server.url],
        &["slo", "--tenant", "nobody", "--url", &server.url],
        &["slo", "--no-such-option"],
        &["serve", "--config", "/nowhere/control-plane.toml"],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{args:?}");
    }
    assert_eq!(run(&["alerts", "--url", &server.url]).status.code(), Some(0));
    let help = String::from_utf8(run(&["--help"]).stdout).unwrap();
    assert!(help.contains("Exit codes"), "{help}");
}

#[tokio::test]
async fn a_closed_pipe_is_no_error() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    for first in [0, 2_000] {
        server.send((first..first + 2_000).map(|n| span(7, n)).collect()).await.unwrap();
    }
    for more in ["--color=never", "--json"] {
        let args = ["trace", "07070707070707070707070707070707", "--url", &server.url, more];
        let mut child = command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Reads a little, and goes; there is more than a pipe holds.
        let mut little = [0; 10];
        child.stdout.take().unwrap().read_exact(&mut little).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            (output.status.code(), output.stderr.len()),
            (Some(0), 0),
            "{:?}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn a_folder_has_one_server() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let mut first = Server::start(dir.path());
    let second = run(&["serve", "--listen", "127.0.0.1:0", "--data", data]);
    let reason = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(2));
    assert!(second.stdout.is_empty(), "one that does not serve does not say that it listens");
    assert!(reason.contains(&format!("process {} holds this folder", first.process.id())), "{reason}");
    // However the first ends, another can follow.
    first.kill();
    Server::start(dir.path());
}

/// Nobody reads what it says, and it serves.
#[tokio::test]
async fn serve_goes_on_without_a_reader() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let args = ["serve", "--listen", "127.0.0.1:0", "--data", data];
    let mut server = Ended(command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    drop(server.0.stderr.take());
    let mut line = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("listening on ").unwrap().to_owned();
    assert_eq!(reqwest::get(format!("{url}/api/facets")).await.unwrap().status(), 200, "at once");
    assert!(server.0.try_wait().unwrap().is_none());
}

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _waited_already = self.0.wait();
    }
}

#[test]
fn filter_expressions_are_judged_line_by_line() {
    let mut child = command(&["check-filter"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let expressions = "ok !partial duration <3\nroot AND fault\nfault AND\n\nservice(id(name: \"a\", type: \"AWS::EC2::Instance\"))\n";
    child.stdin.take().unwrap().write_all(expressions.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let verdicts: Vec<&str> = text.lines().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(verdicts, ["ok", "elsewhere", "refused", "refused", "elsewhere"], "{text}");
    assert!(text.contains("refused: column 10: expected a keyword"), "{text}");
    assert_eq!(output.status.code(), Some(1));
}
