//! However the local cloud ends, no process is left; and while it runs, nothing listens beyond loopback.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use procfs::{
    net::TcpState,
    process::{FDTarget, Process, all_processes},
};
use testkit::program;
use testkit::{Cloud, book};

/// A process: an id may be used again, an id with its start time not.
type Identity = (i32, u64);

/// A process and all its descendants.
fn family(root: u32) -> BTreeSet<Identity> {
    let stats: Vec<_> = all_processes().unwrap().filter_map(|process| process.ok()?.stat().ok()).collect();
    let mut members = BTreeSet::from([i32::try_from(root).unwrap()]);
    while let Some(child) = stats.iter().find(|stat| members.contains(&stat.ppid) && !members.contains(&stat.pid)) {
        members.insert(child.pid);
    }
    stats.iter().filter(|stat| members.contains(&stat.pid)).map(|stat| (stat.pid, stat.starttime)).collect()
}

fn living(family: &BTreeSet<Identity>) -> Vec<String> {
    let alive = |(pid, start): &Identity| {
        let process = Process::new(*pid).ok()?;
        let stat = process.stat().ok()?;
        // A zombie has ended; who should have waited for it has too.
        (stat.starttime == *start && stat.state != 'Z').then(|| format!("{pid} {}", stat.comm))
    };
    family.iter().filter_map(alive).collect()
}

fn assert_ends(family: &BTreeSet<Identity>, how: &str) {
    let started = Instant::now();
    while !living(family).is_empty() {
        assert!(started.elapsed() < Duration::from_secs(60), "after {how}: {:?}", living(family));
        sleep(Duration::from_millis(50));
    }
}

fn signal(process: &Child, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &process.id().to_string()]).status().unwrap().success());
}

fn run_dir(pid: u32) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../.local").join(format!("run-{pid}"))
}

#[tokio::test]
async fn nothing_listens_beyond_loopback_and_nothing_is_left() {
    let ways = ["INT", "TERM", "KILL", "end of input"].map(|how| (how, "embedded"));
    for (how, store) in ways.into_iter().chain([("INT", "clickhouse"), ("KILL", "clickhouse")]) {
        let mut cloud = Cloud::start_with(&["--store", store]);
        // Functions start with the first call.
        book(&cloud.caller(0).await, "LHR", "JFK").await;
        let pid = cloud.process.id();
        let family = family(pid);
        assert!(family.len() >= 5, "supervisor, two reapers, control plane, emulator: {family:?}");
        assert_listens_on_loopback_only(&family);
        match how {
            "end of input" => cloud.release(),
            name => signal(&cloud.process, name),
        }
        cloud.process.wait().unwrap();
        assert_ends(&family, how);
        if how != "KILL" {
            assert!(!run_dir(pid).exists(), "after {how}");
        }
    }
}

#[test]
fn an_interrupt_while_starting_leaves_nothing() {
    for milliseconds in [50, 400, 1500] {
        let mut process = Command::new(program("local"))
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .args(["up", "--port", "0", "--control-plane-port", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        sleep(Duration::from_millis(milliseconds));
        let family = family(process.id());
        signal(&process, "INT");
        process.wait().unwrap();
        assert_ends(&family, &format!("an interrupt after {milliseconds} ms"));
    }
}

fn assert_listens_on_loopback_only(family: &BTreeSet<Identity>) {
    let mut inodes = BTreeSet::new();
    for (pid, _) in family {
        let Ok(fds) = Process::new(*pid).and_then(|process| process.fd()) else { continue };
        inodes.extend(fds.filter_map(|fd| match fd.ok()?.target {
            FDTarget::Socket(inode) => Some(inode),
            _ => None,
        }));
    }
    let sockets = procfs::net::tcp().unwrap().into_iter().chain(procfs::net::tcp6().unwrap_or_default());
    let listening: Vec<_> = sockets
        .filter(|socket| socket.state == TcpState::Listen && inodes.contains(&socket.inode))
        .map(|socket| socket.local_address)
        .collect();
    assert!(listening.len() >= 3, "front door, control plane, emulator: {listening:?}");
    for address in listening {
        assert!(address.ip().is_loopback(), "{address} is open to the network");
    }
}
