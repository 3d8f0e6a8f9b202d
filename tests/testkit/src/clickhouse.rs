//! A ClickHouse of the test's own: a real server where `CLICKHOUSE_URL` names one, else its engine behind `tests/clickhouse/shim.py`.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use tempfile::TempDir;

static DATABASES: AtomicU32 = AtomicU32::new(0);

/// A database of the test's own; it ends when dropped, or with the test.
pub struct ClickHouse {
    /// Where it answers: `http://host:port`, with `user:password@` where that is needed.
    pub url: String,
    /// The name of the database, which is not made yet.
    pub database: String,
    shim: Option<Shim>,
}

/// It ends with its standard input.
struct Shim {
    process: Child,
    dir: TempDir,
}

impl Drop for Shim {
    fn drop(&mut self) {
        let _ended_already = self.process.kill();
        let _waited_already = self.process.wait();
    }
}

impl ClickHouse {
    /// Starts it, or finds it.
    pub fn start() -> Self {
        match std::env::var("CLICKHOUSE_URL") {
            Ok(url) => Self { url, database: database(), shim: None },
            Err(_) => Self::with_fault(("", "")),
        }
    }

    /// One that reads the second text where its SQL holds the first; never a real server.
    pub fn with_fault(fault: (&str, &str)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (process, url) = run(dir.path(), fault);
        Self { url, database: database(), shim: Some(Shim { process, dir }) }
    }

    /// Whether it is one that can be ended: no real server.
    pub fn is_own(&self) -> bool {
        self.shim.is_some()
    }

    /// `kill -9`, and another process with the same data; it answers elsewhere.
    pub fn restart(&mut self) {
        let shim = self.shim.as_mut().expect("one that can be ended");
        shim.process.kill().unwrap();
        shim.process.wait().unwrap();
        (shim.process, self.url) = run(shim.dir.path(), ("", ""));
    }

    /// As `control-plane serve --store` takes it.
    pub fn store(&self) -> String {
        format!("{}/{}", self.url.replacen("http", "clickhouse", 1), self.database)
    }

    /// Runs a statement; its answer, tab-separated.
    pub async fn sql(&self, sql: &str) -> String {
        run_sql(&self.url, &self.database, sql).await
    }

    /// The same, where the database may not be there.
    pub async fn sql_outside(&self, sql: &str) -> String {
        run_sql(&self.url, "default", sql).await
    }
}

impl Drop for ClickHouse {
    fn drop(&mut self) {
        if self.shim.is_none() {
            let (url, drop) = (self.url.clone(), format!("DROP DATABASE IF EXISTS {}", self.database));
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            // Not within the test's own runtime.
            let _failed_already = thread::spawn(move || runtime.block_on(run_sql(&url, "default", &drop))).join();
        }
    }
}

fn database() -> String {
    format!("test_{}_{}", std::process::id(), DATABASES.fetch_add(1, Ordering::Relaxed))
}

fn run(dir: &Path, (text, replacement): (&str, &str)) -> (Child, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut process = Command::new(root.join(".local/venv/bin/python"))
        .arg("-B")
        .arg(root.join("tests/clickhouse/shim.py"))
        .arg(dir)
        .args([text, replacement])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("make .local/venv/clickhouse.ready");
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (process, line.trim().to_owned())
}

async fn run_sql(url: &str, database: &str, sql: &str) -> String {
    let request = reqwest::Client::new().post(url).query(&[("database", database)]).body(sql.to_owned());
    let answer = request.send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert!(status.is_success(), "{sql}: {text}");
    text
}
