//! A table of DynamoDB for a test's own: in MiniStack.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpSocket;

/// An emulator with one table, keyed by `pk` and `sk`. It ends when dropped.
pub struct Table {
    /// The emulator's URL.
    pub url: String,
    /// Of the table.
    pub name: &'static str,
    process: Child,
    _dir: TempDir,
}

impl Table {
    /// Starts it.
    pub async fn start() -> Self {
        // No other process is given the port while this socket has it. The emulator may listen there: both say SO_REUSEADDR.
        let held = TcpSocket::new_v4().unwrap();
        held.set_reuseaddr(true).unwrap();
        held.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let port = held.local_addr().unwrap().port();
        if !cfg!(target_os = "linux") {
            drop(held);
        }
        let dir = tempfile::tempdir().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let process = Command::new(root.join(".local/venv/bin/ministack"))
            .env_clear()
            .env("HOME", dir.path())
            .env("TMPDIR", dir.path())
            .env("STATE_DIR", dir.path().join("state"))
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            .env("IOT_MTLS_ENABLED", "0")
            .env("LOG_LEVEL", "WARNING")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("make .local/venv");
        let (url, name) = (format!("http://127.0.0.1:{port}"), "states");
        let mut table = Self { url, name, process, _dir: dir };
        while reqwest::get(format!("{}/_ministack/health", table.url)).await.is_err() {
            assert_eq!(table.process.try_wait().unwrap(), None, "the emulator ended");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let keys = [("pk", "HASH"), ("sk", "RANGE")];
        let request = json!({
            "TableName": name,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": keys.map(|(name, _)| json!({ "AttributeName": name, "AttributeType": "S" })),
            "KeySchema": keys.map(|(name, kind)| json!({ "AttributeName": name, "KeyType": kind })),
        });
        table.ask("CreateTable", &request).await;
        table
    }

    /// What a process needs to find it at this URL, or behind another.
    pub fn environment(&self, url: &str) -> Vec<(&'static str, String)> {
        let names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_ENDPOINT_URL"];
        names.into_iter().zip(["111111111111".into(), "local".into(), "us-east-1".into(), url.to_owned()]).collect()
    }

    /// What DynamoDB answers to this.
    pub async fn ask(&self, action: &str, request: &Value) -> Value {
        let authorization = "AWS4-HMAC-SHA256 Credential=111111111111/20260101/us-east-1/dynamodb/aws4_request, \
                             SignedHeaders=host, Signature=0";
        let call = reqwest::Client::new()
            .post(&self.url)
            .header("x-amz-target", format!("DynamoDB_20120810.{action}"))
            .header("content-type", "application/x-amz-json-1.0")
            .header("authorization", authorization);
        let answer = call.body(request.to_string()).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{action}: {text}");
        serde_json::from_str(&text).unwrap()
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        let _ended_already = self.process.kill();
        let _waited_already = self.process.wait();
    }
}
