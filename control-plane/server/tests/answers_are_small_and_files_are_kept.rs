//! What is answered is compressed for whoever takes it so, and holds the same; a file of the pages is asked for once, and anew when it changed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::Read;

use reqwest::{Client, Method, Response};
use testkit::control_plane::{Server, span};

async fn ask(server: &Server, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
    let request = Client::new().request(method, format!("{}{path}", server.url));
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().await.unwrap()
}

async fn get(server: &Server, path: &str, headers: &[(&str, &str)]) -> Response {
    ask(server, Method::GET, path, headers).await
}

/// What is in a gzipped answer.
async fn unpacked(answer: Response) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(&*answer.bytes().await.unwrap()).read_to_string(&mut text).unwrap();
    text
}

#[tokio::test]
async fn compressed_or_not_an_answer_says_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    assert_eq!(server.send(vec![span(1, 0)]).await.unwrap().status(), 200);
    let window = "from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z";
    for path in [
        format!("/?{window}&live=on"),
        format!("/traces?{window}"),
        format!("/api/map?{window}"),
        format!("/api/cost?{window}&format=csv"),
        "/static/htmx.js".to_owned(),
    ] {
        for page in [[("accept", "text/html")].as_slice(), &[("hx-request", "true")]] {
            let plain = get(&server, &path, page).await;
            assert_eq!((plain.status(), plain.headers().get("content-encoding")), (200.try_into().unwrap(), None));
            let content_type = plain.headers()["content-type"].clone();
            let small = get(&server, &path, &[page, &[("accept-encoding", "gzip, deflate, br, zstd")]].concat()).await;
            assert_eq!(small.headers()["content-encoding"], "gzip", "{path}");
            assert!(small.headers()["vary"].to_str().unwrap().contains("accept-encoding"), "{path}");
            assert_eq!(small.headers()["content-type"], content_type);
            assert_eq!(unpacked(small).await, plain.text().await.unwrap(), "{path}");
        }
        let head = ask(&server, Method::HEAD, &path, &[("accept-encoding", "gzip")]).await;
        assert_eq!(head.status(), 200, "{path}");
        assert!(head.bytes().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_file_is_kept_under_the_address_that_pages_name_and_under_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let page = get(&server, "/traces", &[]).await.text().await.unwrap();
    let named: Vec<&str> = page.split(['"', '\'']).filter(|text| text.starts_with("/static/")).collect();
    assert!(named.len() >= 4, "{named:?}");
    for address in named {
        let kept = get(&server, address, &[]).await;
        assert_eq!(kept.headers()["cache-control"], "public, max-age=31536000, immutable", "{address}");
        let (path, _) = address.split_once('?').expect(address);
        for other in [path.to_owned(), format!("{path}?v=0000000000000000"), format!("{address}0")] {
            let asked = get(&server, &other, &[]).await;
            assert_eq!(
                (asked.status().as_u16(), &asked.headers()["cache-control"]),
                (200, &"no-cache".parse().unwrap())
            );
        }
    }
}
