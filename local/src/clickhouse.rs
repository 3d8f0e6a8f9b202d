//! ClickHouse for the control plane: its engine behind `tests/clickhouse/shim.py`, since no package registry has its server.

use std::{convert::Infallible, path::Path, str::FromStr, time::Duration};

use anyhow::{Result, bail};

use crate::children::Supervised;

/// It is there in less than a second; a machine that does much else takes longer.
const TRIES: u32 = 600;
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

/// What keeps the control plane's spans.
#[derive(Debug, Clone)]
pub enum Store {
    /// The control plane itself, in its folder.
    Embedded,
    /// A ClickHouse that is started for it.
    ClickHouse,
    /// A ClickHouse that is there: `clickhouse://…`.
    At(String),
}

impl FromStr for Store {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "embedded" => Self::Embedded,
            "clickhouse" => Self::ClickHouse,
            other => Self::At(other.to_owned()),
        })
    }
}

/// A running engine.
#[derive(Debug)]
pub struct ClickHouse {
    /// Its process.
    pub process: Supervised,
    /// Its address, for the control plane: `clickhouse://…`.
    pub address: String,
}

impl ClickHouse {
    /// Starts it from the project's folder, with its data below `dir`.
    pub async fn start(project: &Path, dir: &Path) -> Result<Self> {
        // As it stands: a resolved link would lose the environment's packages.
        let python = std::path::absolute(project.join(".local/venv/bin/python"))?;
        let shim = std::path::absolute(project.join("tests/clickhouse/shim.py"))?;
        let args = ["-B".to_owned(), text(&shim), text(&dir.join("clickhouse"))];
        let log = dir.join("clickhouse.log");
        let mut process = Supervised::start("ClickHouse", &python, &args, &[], log)?;
        for _ in 0..TRIES {
            // It says where it answers once it does.
            let said = std::fs::read_to_string(&process.log).unwrap_or_default();
            let whole_lines = said.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
            if let Some(host) = whole_lines.filter_map(|line| line.strip_prefix("http://")).next() {
                let address = format!("clickhouse://{host}/control_plane");
                return Ok(Self { process, address });
            }
            tokio::select! {
                status = process.ended() => bail!("ClickHouse ended at once ({}):\n{}", status?, process.last_words()),
                () = tokio::time::sleep(BETWEEN_TRIES) => {}
            }
        }
        bail!("ClickHouse did not start:\n{}", process.last_words());
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
