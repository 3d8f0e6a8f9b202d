//! A user of their own, a control plane that asks who they are, and commands between the two.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::PathBuf,
    process::{Command, Output, Stdio},
    sync::mpsc,
};

use reqwest::{Client, Response, redirect::Policy};
use serde_json::{Value, json};
use testkit::{
    control_plane::Server,
    provider::{Provider, access},
};

/// A control plane with two providers, and a user's own configuration folder.
pub(crate) struct Here {
    pub(crate) server: Server,
    pub(crate) staff: Provider,
    pub(crate) tenants: Provider,
    pub(crate) home: tempfile::TempDir,
    _dir: tempfile::TempDir,
}

impl Here {
    pub(crate) async fn new() -> Self {
        let (staff, tenants) = (Provider::start().await, Provider::start().await);
        staff.user(json!({ "sub": "1", "email": "ada@staff.example", "groups": ["sre"] }));
        let pilot =
            json!({ "sub": "2", "email": "pilot@acme.example", "custom:tenant-id": "acme", "custom:role": "admin" });
        tenants.user(pilot);
        let dir = tempfile::tempdir().unwrap();
        let server = Server::configured(dir.path(), &access(&staff, &tenants));
        Self { server, staff, tenants, home: tempfile::tempdir().unwrap(), _dir: dir }
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_control-plane"));
        command.args(args).env("XDG_CONFIG_HOME", self.home.path());
        for name in ["CONTROL_PLANE_URL", "CONTROL_PLANE_TOKEN", "DISPLAY", "WAYLAND_DISPLAY"] {
            command.env_remove(name);
        }
        command
    }

    /// Asks this server for its map.
    pub(crate) async fn map(&self) -> Output {
        output(self.command(&["map", "--url", &self.server.url])).await
    }

    /// Signs in with a browser that is given the page to open.
    pub(crate) async fn login(&self, more: &[&str], browser: impl AsyncFnOnce(&str)) -> Output {
        self.login_process(more, async |page, _| browser(page).await).await
    }

    /// The same; the browser's user knows the command's process.
    pub(crate) async fn login_process(&self, more: &[&str], browser: impl AsyncFnOnce(&str, u32)) -> Output {
        let args = [&["login", "--url", &self.server.url, "--port", "0"], more].concat();
        let mut child = self.command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let (sender, page) = mpsc::channel();
        let rest = tokio::task::spawn_blocking(move || {
            let (mut all, mut line) = (String::new(), String::new());
            while said.read_line(&mut line).unwrap() > 0 {
                if line.starts_with("http") {
                    sender.send(line.trim().to_owned()).unwrap();
                }
                all += &std::mem::take(&mut line);
            }
            all
        });
        let page = tokio::task::spawn_blocking(move || page.recv().ok()).await.unwrap();
        if let Some(page) = page {
            browser(&page, child.id()).await;
        }
        let output = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap()).await.unwrap();
        Output { stderr: rest.await.unwrap().into_bytes(), ..output }
    }

    pub(crate) async fn signed_in(&self, more: &[&str]) {
        let output = self.login(more, async |page| assert_eq!(visit(page).await.status(), 200)).await;
        assert!(output.status.success(), "{output:?}");
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.home.path().join("control-plane/tokens.json")
    }

    pub(crate) fn kept(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(self.file()).unwrap()).unwrap()
    }

    /// Changes what is kept, as nobody should.
    pub(crate) fn keep(&self, kept: &Value) {
        fs::write(self.file(), kept.to_string()).unwrap();
    }
}

pub(crate) async fn output(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Where the provider sends a browser that opens its page.
pub(crate) async fn way_back(page: &str) -> String {
    let client = Client::builder().redirect(Policy::none()).build().unwrap();
    let answer = client.get(page).send().await.unwrap();
    assert_eq!(answer.status(), 303, "{page}");
    answer.headers()["location"].to_str().unwrap().to_owned()
}

/// Opens the provider's page, and goes where it leads.
pub(crate) async fn visit(page: &str) -> Response {
    reqwest::get(way_back(page).await).await.unwrap()
}

/// Answers every request so, and tells of each what came.
pub(crate) fn recorder(answer: String) -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, came) = mpsc::channel();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && connection.read(&mut byte).unwrap_or_default() == 1 {
                request.push(byte[0]);
            }
            let _gone = connection.write_all(answer.as_bytes());
            if sender.send(String::from_utf8_lossy(&request).to_lowercase()).is_err() {
                return;
            }
        }
    });
    (url, came)
}
