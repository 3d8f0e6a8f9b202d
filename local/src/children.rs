//! Processes that die with us, however we die.
//!
//! Each child runs under a reaper: this binary again, which waits for the end of its standard input. That pipe closes when
//! we close it and when we are killed, so not even `kill -9` leaves a process behind. Child and grandchildren share a
//! process group of their own, so that Ctrl-C in the terminal reaches only us, and we decide the order.

use std::{
    fs::File,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::{
    process::{Child, ChildStdin, Command},
    sync::oneshot,
    time::sleep,
};

/// How long a child may take to end by itself.
const GRACE: Duration = Duration::from_secs(5);

/// A supervised process.
#[derive(Debug)]
pub struct Supervised {
    /// What it is, for messages.
    pub name: &'static str,
    /// Where its output goes.
    pub log: PathBuf,
    reaper: Child,
    leash: Option<ChildStdin>,
}

impl Supervised {
    /// Starts `program` with a cleared environment but for `env`, its output in `log`.
    pub fn start(
        name: &'static str,
        program: &Path,
        args: &[String],
        env: &[(String, String)],
        log: PathBuf,
    ) -> Result<Self> {
        let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = std::process::Command::new(std::env::current_exe()?);
        command.arg("reap").arg("--").arg(program).args(args);
        command.env_clear().envs(env.iter().cloned());
        command.stdin(Stdio::piped()).stdout(output.try_clone()?).stderr(output).process_group(0);
        let mut reaper = Command::from(command).spawn().with_context(|| format!("cannot start {name}"))?;
        let leash = reaper.stdin.take();
        Ok(Self { name, log, reaper, leash })
    }

    /// Waits until the process ends by itself.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        Ok(self.reaper.wait().await?)
    }

    /// Ends the process and all it started.
    pub async fn stop(&mut self) -> Result<()> {
        drop(self.leash.take());
        self.reaper.wait().await?;
        Ok(())
    }

    /// The last lines of its output.
    pub fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

/// The reaper: runs a command in a process group of its own until standard input ends, then ends the whole group.
pub async fn reap(command: &[String]) -> Result<ExitStatus> {
    let (program, args) = command.split_first().context("nothing to run")?;
    let mut child = std::process::Command::new(program);
    child.args(args).stdin(Stdio::piped()).process_group(0);
    let mut child = Command::from(child).spawn().with_context(|| format!("cannot start {program}"))?;
    // It has this end of its own input while it runs: a child that reads it ends with us, however we end.
    let _leash = child.stdin.take();
    let group = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)).context("no process id")?;
    let status = tokio::select! {
        status = child.wait() => Some(status?),
        () = stdin_closed() => None,
    };
    end_group(group, &mut child).await;
    match status {
        Some(status) => Ok(status),
        None => Ok(child.wait().await?),
    }
}

/// Waits for the end of standard input. On a thread of its own: Tokio's would keep the runtime from ending while it reads.
pub async fn stdin_closed() {
    let (closed, ended) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        let _read_to_the_end = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        drop(closed);
    });
    let _closed = ended.await;
}

async fn end_group(group: Pid, child: &mut Child) {
    // An error means that nobody is left in the group.
    if kill_process_group(group, Signal::TERM).is_err() {
        return;
    }
    let _timeout_is_fine = tokio::time::timeout(GRACE, async {
        let _ended = child.wait().await;
        while test_kill_process_group(group).is_ok() {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let _nobody_left = kill_process_group(group, Signal::KILL);
}
