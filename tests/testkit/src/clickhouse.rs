//! A ClickHouse of the test's own: a real server where `CLICKHOUSE_URL` names one, else its engine behind `tests/clickhouse/shim.py`.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

/// It ends when dropped, or with the test.
pub struct ClickHouse {
    /// Where it answers: `http://…`.
    pub url: String,
    /// Its process ends with its standard input, and its data after it.
    shim: Option<(Child, TempDir)>,
}

impl ClickHouse {
    /// Starts it, or finds it.
    pub fn start() -> Self {
        if let Ok(url) = std::env::var("CLICKHOUSE_URL") {
            return Self { url, shim: None };
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let dir = tempfile::tempdir().unwrap();
        let mut process = Command::new(root.join(".local/venv/bin/python"))
            .arg("-B")
            .arg(root.join("tests/clickhouse/shim.py"))
            .arg(dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("make .local/venv/clickhouse.ready");
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { url: line.trim().to_owned(), shim: Some((process, dir)) }
    }
}

impl Drop for ClickHouse {
    fn drop(&mut self) {
        if let Some((process, _)) = &mut self.shim {
            let _ended_already = process.kill();
            let _waited_already = process.wait();
        }
    }
}
