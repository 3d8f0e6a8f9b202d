//! The control plane that a command asks.

use std::{fmt, time::Duration};

use anyhow::{Context, Result, bail};
use reqwest::{Client, RequestBuilder, StatusCode, Url, redirect::Policy};

/// A server gives up a question before.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

const FORM: &str = "application/x-www-form-urlencoded";

/// A control plane by its origin: scheme, host and port. Tokens are kept by it.
pub(crate) struct Server {
    url: Url,
    origin: String,
}

impl Server {
    pub(crate) fn at(url: &str) -> Result<Self> {
        let url = Url::parse(url).context("the URL of the control plane")?;
        if !matches!(url.scheme(), "http" | "https") {
            bail!("the URL of a control plane begins with https: or http:");
        }
        let origin = url.origin().ascii_serialization();
        Ok(Self { url, origin })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.origin
    }

    /// Whether it may be told who asks.
    pub(super) fn is_told_secrets(&self) -> Result<()> {
        if is_private(&self.url) {
            return Ok(());
        }
        bail!("tokens and keys are sent only by https or to loopback, not to {self}")
    }

    /// How to sign in.
    pub(super) fn way_in(&self) -> String {
        format!("control-plane login --url {self} signs you in")
    }

    /// What the API answers.
    pub(crate) async fn get(&self, path: &str, query: &[(&str, String)], token: Option<&str>) -> Result<String> {
        let mut url = self.url.join(path)?;
        url.query_pairs_mut().extend_pairs(query.iter().filter(|(_, value)| !value.is_empty()));
        self.answer(client(&self.url, ANSWER_WITHIN)?.get(url), token).await
    }

    /// What is answered to a form.
    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)], token: Option<&str>) -> Result<String> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = client(&self.url, ANSWER_WITHIN)?.post(self.url.join(path)?);
        // A server that asks nobody who they are takes a form from its own pages alone.
        let request = request.header("origin", &self.origin).header("content-type", FORM).body(body);
        self.answer(request, token).await
    }

    async fn answer(&self, mut request: RequestBuilder, token: Option<&str>) -> Result<String> {
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.with_context(|| format!("no answer from {self}"))?;
        let status = answer.status();
        if status.is_redirection() {
            bail!("{self} redirects to another address: is this the control plane's own?");
        }
        let text = answer.text().await?;
        if status.is_success() {
            return Ok(text);
        }
        let problem: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        let detail = problem["detail"].as_str().unwrap_or(status.as_str());
        match (status, std::env::var_os(super::VARIABLE)) {
            (StatusCode::UNAUTHORIZED, None) => bail!("{detail} {}", self.way_in()),
            (StatusCode::UNAUTHORIZED, Some(_)) => bail!("{detail} It did not take what {} holds", super::VARIABLE),
            _ => bail!("{detail}"),
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

/// Whether nobody on the way can read what is sent there.
pub(super) fn is_private(url: &Url) -> bool {
    url.scheme() == "https" || url.scheme() == "http" && is_loopback(url)
}

fn is_loopback(url: &Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

/// A client for this URL alone: it follows nobody elsewhere with what it brings along, and what is for this machine goes through no proxy.
pub(super) fn client(url: &Url, timeout: Duration) -> reqwest::Result<Client> {
    let mut client = Client::builder().timeout(timeout).redirect(Policy::none());
    if is_loopback(url) {
        client = client.no_proxy();
    }
    // The system's certificate authorities are read where TLS needs them: a machine that sends nothing by TLS may have none.
    if url.scheme() != "https" {
        client = client.tls_certs_only([]);
    }
    client.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_by_https_or_on_loopback_alone() {
        for url in ["https://cp.example", "http://localhost:1", "http://127.0.0.1", "http://[::1]:2/"] {
            assert!(Server::at(url).unwrap().is_told_secrets().is_ok(), "{url}");
        }
        for url in ["http://cp.example", "http://localhost.example", "http://10.0.0.1:4318", "http://127.0.0.1.example"]
        {
            assert!(Server::at(url).unwrap().is_told_secrets().is_err(), "{url}");
        }
        assert!(Server::at("ftp://localhost").is_err() && Server::at("localhost").is_err());
    }

    #[test]
    fn a_server_is_known_by_its_origin() {
        for url in ["https://CP.example", "https://cp.example:443/tenants?x=y", "https://ada:secret@cp.example/"] {
            assert_eq!(Server::at(url).unwrap().as_str(), "https://cp.example", "{url}");
        }
        assert_ne!(Server::at("http://cp.example:443").unwrap().as_str(), "https://cp.example");
    }
}
