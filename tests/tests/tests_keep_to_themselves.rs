//! A demo, a collector or an X-Ray daemon may run on the machine that tests run on: no test sends anything to a port where these are by
//! default.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    net::{TcpListener, UdpSocket},
    path::{Path, PathBuf},
    time::Duration,
};

use lambda_host::{aws::Aws, function::Function};
use serde_json::json;
use testkit::{
    DEADLINE, Setup,
    notes::{NotesApi, notes_inbox},
};

/// OTLP by gRPC and HTTP, the demo's front door, the X-Ray daemon, and what emulators of AWS listen at.
const DEFAULT_PORTS: [u16; 5] = [4317, 4318, 8080, 2000, 4566];

/// The default ports, as far as they are free, with nobody behind them.
struct Ears {
    streams: Vec<TcpListener>,
    datagrams: Vec<UdpSocket>,
}

impl Ears {
    fn listen() -> Self {
        let addresses =
            || DEFAULT_PORTS.into_iter().flat_map(|port| [format!("127.0.0.1:{port}"), format!("[::1]:{port}")]);
        let streams: Vec<_> = addresses().filter_map(|address| TcpListener::bind(address).ok()).collect();
        let datagrams: Vec<_> = addresses().filter_map(|address| UdpSocket::bind(address).ok()).collect();
        streams.iter().for_each(|socket| socket.set_nonblocking(true).unwrap());
        datagrams.iter().for_each(|socket| socket.set_nonblocking(true).unwrap());
        Self { streams, datagrams }
    }

    fn assert_heard_nothing(&self) {
        for socket in &self.streams {
            let heard = socket.accept();
            assert!(heard.is_err(), "somebody connected to {}", socket.local_addr().unwrap());
        }
        for socket in &self.datagrams {
            let heard = socket.recv(&mut [0; 1]);
            assert!(heard.is_err(), "somebody sent to {}", socket.local_addr().unwrap());
        }
    }
}

/// Holds also where the ports are taken, by whatever runs there.
fn assert_is_told_where_to_send(function: &Function) {
    let environment = std::fs::read(format!("/proc/{}/environ", function.id())).unwrap();
    let environment = String::from_utf8(environment).unwrap();
    let environment: BTreeMap<&str, &str> = environment.split('\0').filter_map(|pair| pair.split_once('=')).collect();
    for name in ["AWS_ENDPOINT_URL", "OTEL_EXPORTER_OTLP_ENDPOINT", "AWS_XRAY_DAEMON_ADDRESS"] {
        let value = environment.get(name).unwrap_or_else(|| panic!("no {name}: the SDK's default counts"));
        let port = value.rsplit(':').next().and_then(|port| port.trim_end_matches('/').parse::<u16>().ok());
        assert!(port.is_some_and(|port| !DEFAULT_PORTS.contains(&port)), "{name}={value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_under_test_that_is_told_of_no_collector_has_none() {
    let ears = Ears::listen();
    let mut notes = NotesApi::start(Setup::default()).await;
    notes.note().await;
    let aws = Aws::start(Duration::ZERO).await.unwrap();
    let mut inbox = notes_inbox(&aws, Setup::default()).await;
    let _unknown_event = inbox.invoke(json!({ "Records": [] }).to_string(), DEADLINE).await;
    for function in [&notes.function, &inbox] {
        // Spans are sent before the next invocation is asked for.
        function.idle().await.unwrap();
        assert_is_told_where_to_send(function);
    }
    ears.assert_heard_nothing();
}

/// Everything below a folder of tests.
fn sources(of: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(of).unwrap().map(|entry| entry.unwrap().path());
    let is_ours = |path: &PathBuf| !path.ends_with("node_modules") && !path.is_symlink();
    let found = entries.filter(is_ours).flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    found
        .filter(|path| path.extension().is_some_and(|end| ["rs", "py", "mjs", "ts"].iter().any(|ours| end == *ours)))
        .collect()
}

#[test]
fn no_test_names_a_default_port_or_starts_a_cloud_on_one() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folders = [
        "tests",
        "shared/airline-events/tests",
        "shared/tenant-auth/tests",
        "shared/xray-sampler/tests",
        "control-plane/server/tests",
        "control-plane/cli/tests",
        "control-plane/slo-evaluator/tests",
        "examples",
    ];
    let files: Vec<_> = folders.iter().flat_map(|folder| sources(&project.join(folder))).collect();
    assert!(files.len() > 60, "{} files", files.len());
    for file in files.iter().filter(|file| !file.ends_with(file!().rsplit('/').next().unwrap())) {
        let text = std::fs::read_to_string(file).unwrap();
        for port in DEFAULT_PORTS {
            let named = text.contains(&format!(":{port}")) || text.contains(&format!("\"{port}\""));
            assert!(!named, "{} names port {port}", file.display());
        }
        if text.contains("\"up\"") {
            for flag in ["--port", "--control-plane-port"] {
                let free = text.contains(&format!("\"{flag}\", \"0\""));
                assert!(free, "{} starts a local cloud without {flag} 0", file.display());
            }
        }
    }
}
