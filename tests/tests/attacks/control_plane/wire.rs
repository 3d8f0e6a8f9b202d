//! Requests as bytes, and their answers.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

/// Where it goes: `{host}` is the server's own in every part.
pub(crate) const HOST: &str = "{host}";

/// A request, part by part, as it stands on the wire.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    method: String,
    target: String,
    version: &'static str,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
    /// Whether its length is said.
    has_length: bool,
}

impl Request {
    pub(crate) fn new(method: &str, target: impl Into<String>) -> Self {
        Self {
            method: method.to_owned(),
            target: target.into(),
            version: "HTTP/1.1",
            headers: vec![("Host".into(), HOST.into()), ("Connection".into(), "close".into())],
            body: Vec::new(),
            has_length: false,
        }
    }

    pub(crate) fn get(target: impl Into<String>) -> Self {
        Self::new("GET", target)
    }

    /// A form of the server's own page, but for what brings it along.
    pub(crate) fn form(target: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self::new("POST", target).with("Content-Type", "application/x-www-form-urlencoded").body(body)
    }

    #[must_use]
    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.has_length = true;
        self
    }

    /// A body whose length its headers say, if anything does.
    #[must_use]
    pub(crate) fn raw_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.has_length = false;
        self
    }

    #[must_use]
    pub(crate) fn with(mut self, name: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    #[must_use]
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name.as_bytes()));
        self
    }

    #[must_use]
    pub(crate) fn version(mut self, version: &'static str) -> Self {
        self.version = version;
        self
    }

    #[must_use]
    pub(crate) fn host(self, host: impl Into<Vec<u8>>) -> Self {
        self.without("host").with("Host", host)
    }

    #[must_use]
    pub(crate) fn bearer(self, token: &str) -> Self {
        self.with("Authorization", format!("Bearer {token}"))
    }

    #[must_use]
    pub(crate) fn cookie(self, cookie: &str) -> Self {
        self.with("Cookie", cookie)
    }

    pub(crate) fn mentions(&self, text: &str) -> bool {
        contains(&self.bytes(HOST), text)
    }

    fn bytes(&self, host: &str) -> Vec<u8> {
        let line = format!("{} {} {}\r\n", self.method, self.target, self.version);
        let mut bytes = line.replace(HOST, host).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend([name.as_slice(), b": ", &replaced(value, HOST, host), b"\r\n"].concat());
        }
        if self.has_length {
            bytes.extend(format!("Content-Length: {}\r\n", self.body.len()).into_bytes());
        }
        bytes.extend(b"\r\n");
        bytes.extend(&self.body);
        bytes
    }

    /// Sends it, and reads what comes until the server has no more to say.
    pub(crate) fn send(&self, host: &str) -> Answer {
        let mut connection = TcpStream::connect(host).unwrap();
        connection.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut reading = connection.try_clone().unwrap();
        // The server may answer, and close, while a large request is still on its way.
        let reader = std::thread::spawn(move || {
            let mut answer = Vec::new();
            let _closed_early = reading.read_to_end(&mut answer);
            answer
        });
        let _closed_early = connection.write_all(&self.bytes(host));
        Answer::of(&reader.join().unwrap())
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    String::from_utf8_lossy(bytes).contains(text)
}

/// Bodies are large, and seldom hold it.
fn replaced(bytes: &[u8], text: &str, with: &str) -> Vec<u8> {
    if !contains(bytes, text) {
        return bytes.to_vec();
    }
    let mut left = bytes;
    let mut all = Vec::new();
    while let Some(at) = left.windows(text.len()).position(|window| window == text.as_bytes()) {
        all.extend([&left[..at], with.as_bytes()].concat());
        left = &left[at + text.len()..];
    }
    all.extend(left);
    all
}

/// What the server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case; without the date.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    fn of(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or_default();
        let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        let headers = lines.filter_map(header).filter(|(name, _)| name != "date").collect();
        Self { status, headers, body: body.to_owned() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The cookies that it sets: `name=value`.
    pub(crate) fn cookies(&self) -> Vec<&str> {
        let set = self.headers.iter().filter(|(name, _)| name == "set-cookie");
        set.filter_map(|(_, value)| value.split(';').next()).collect()
    }
}
