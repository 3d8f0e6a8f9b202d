//! A team's workspace: three lines, and a crate that cargo makes.

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::lines::project;

/// A crate of the registry and its features, separated by commas.
pub(crate) type Crate = (&'static str, &'static str);

/// A folder that was empty.
pub(crate) struct Workspace(TempDir);

/// What cargo made of a function.
pub(crate) struct Built {
    /// The function.
    pub(crate) binary: PathBuf,
    /// Its size without debug information.
    pub(crate) bytes: u64,
    /// The crates that go into it, itself left out.
    pub(crate) crates: usize,
}

impl Workspace {
    /// A workspace with a new crate of this edition. The versions of others' crates are the project's, by its `Cargo.lock`: what is
    /// tried is the crates, not what was published last night.
    pub(crate) fn new(edition: &str) -> Result<Self> {
        let workspace = Self(tempfile::tempdir()?);
        let manifest = "[workspace]\nmembers = [\"hello\"]\nresolver = \"2\"\n";
        fs::write(workspace.0.path().join("Cargo.toml"), manifest)?;
        fs::copy(project().join("Cargo.lock"), workspace.0.path().join("Cargo.lock"))?;
        workspace.cargo(&["new", "hello", "--vcs", "none", "--edition", edition])?;
        Ok(workspace)
    }

    /// `cargo add`.
    pub(crate) fn add(&self, arguments: &[&str]) -> Result<()> {
        let arguments: Vec<_> = ["add", "--package", "hello", "--quiet"].iter().chain(arguments).copied().collect();
        self.cargo(&arguments).map(drop)
    }

    /// `cargo add --path` of a crate of `shared/`.
    pub(crate) fn add_shared(&self, name: &str) -> Result<()> {
        let folder = project().join("shared").join(name);
        self.add(&["--path", folder.to_str().context("a path that is no text")?])
    }

    /// Builds a function of this text.
    pub(crate) fn build(&self, main: &str) -> Result<Built> {
        fs::write(self.0.path().join("hello/src/main.rs"), main)?;
        self.cargo(&["build", "--quiet"])?;
        let tree =
            self.cargo(&["tree", "--package", "hello", "--edges", "normal", "--prefix", "none", "--format", "{p}"])?;
        let crates: BTreeSet<_> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
        // The next build overwrites it.
        let binary = self.0.path().join("bootstrap");
        fs::copy(target().join("debug/hello"), &binary)?;
        // Of another folder, it would be of no use to the next run.
        self.cargo(&["clean", "--quiet", "--package", "hello"])?;
        Ok(Built { bytes: fs::metadata(&binary)?.len(), binary, crates: crates.len() - 1 })
    }

    /// What cargo says. It needs no network, since the project's own build has fetched every crate.
    fn cargo(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new(env!("CARGO"))
            .args(arguments)
            .arg("--offline")
            .current_dir(self.0.path())
            .env("CARGO_TARGET_DIR", target())
            .env("CARGO_INCREMENTAL", "0")
            .env("CARGO_PROFILE_DEV_DEBUG", "false")
            .env("CARGO_PROFILE_DEV_STRIP", "symbols")
            .stdin(Stdio::null())
            .output()?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "cargo {}:\n{error}", arguments.join(" "));
        // An adopter sees the warnings of what is built of a path.
        ensure!(!error.contains("warning:"), "cargo {}:\n{error}", arguments.join(" "));
        Ok(String::from_utf8(output.stdout)?)
    }
}

/// Every case is built in one folder, so that what they share is built once.
fn target() -> PathBuf {
    project().join("target/adopters")
}
