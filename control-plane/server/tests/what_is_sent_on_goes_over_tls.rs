//! Spans and alerts reach a receiver over TLS: one whose certificate the system trusts, and no other.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use testkit::control_plane::{Server, span};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::mpsc,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer, version::TLS13},
};

/// Where a receiver is, its certificate, and the request lines that it gets.
async fn receiver() -> (String, String, mpsc::UnboundedReceiver<String>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("https://localhost:{}/v1/traces", listener.local_addr().unwrap().port());
    let (seen, requests) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (connection, _) = listener.accept().await.unwrap();
            // Whoever does not trust the certificate hangs up.
            let Ok(mut connection) = acceptor.accept(connection).await else { continue };
            let mut bytes = vec![0; 64 * 1024];
            let length = connection.read(&mut bytes).await.unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
            connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await.unwrap();
            let _test_is_over = seen.send(text.lines().next().unwrap_or_default().to_owned());
        }
    });
    (url, made.cert.pem(), requests)
}

#[tokio::test]
async fn a_receiver_is_reached_over_tls_if_it_is_trusted() {
    let dir = tempfile::tempdir().unwrap();
    let ((trusted, certificate, mut of_trusted), (other, _, mut of_other)) = (receiver().await, receiver().await);
    let roots = dir.path().join("roots.pem");
    std::fs::write(&roots, certificate).unwrap();
    let config = format!("[[forward]]\nurl = \"{trusted}\"\n[[forward]]\nurl = \"{other}\"\n");
    let server = Server::with_environment(dir.path(), &config, &[("SSL_CERT_FILE", &roots)]);
    assert_eq!(server.send(vec![span(1, 0)]).await.unwrap().status(), 200);
    let got = tokio::time::timeout(Duration::from_secs(60), of_trusted.recv()).await.expect("it is reached");
    assert_eq!(got.as_deref(), Some("POST /v1/traces HTTP/1.1"));
    assert!(tokio::time::timeout(Duration::from_secs(2), of_other.recv()).await.is_err());
}

#[tokio::test]
async fn a_machine_without_authorities_serves_whoever_needs_none() {
    let dir = tempfile::tempdir().unwrap();
    let none = dir.path().join("none.pem");
    std::fs::write(&none, "").unwrap();
    let config = "[[forward]]\nurl = \"http://127.0.0.1:9/v1/traces\"\n";
    let server = Server::with_environment(dir.path(), config, &[("SSL_CERT_FILE", &none)]);
    assert_eq!(server.send(vec![span(1, 0)]).await.unwrap().status(), 200);
}
