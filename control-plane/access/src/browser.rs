//! What a browser says of where a request comes from, and which names this server answers to.
//!
//! A page of somebody else must not act in the name of a user who is signed in here (cross-site request forgery), nor reach a server on
//! loopback by a name of its own that it makes point there (DNS rebinding).

use http::{HeaderMap, HeaderValue, Method, Uri, header};

use crate::AccessError;

/// Which hosts a server answers to, and which origin its own pages have.
#[derive(Debug, Clone)]
pub struct Browser {
    /// Scheme and host of its own pages; none: they are on loopback, by whichever port the user forwards.
    own: Option<(String, String)>,
}

impl Browser {
    /// Checks for a server that browsers reach at this address: scheme and host.
    ///
    /// # Errors
    ///
    /// What is wrong with the address: it is no URL of a host, or neither https nor on loopback.
    pub fn at(url: &str) -> Result<Self, String> {
        Ok(Self { own: Some(parts("access.url", url)?) })
    }

    /// Checks for a server that answers only on loopback.
    pub fn on_loopback() -> Self {
        Self { own: None }
    }

    /// Whether cookies may be sent over TLS alone.
    pub(crate) fn is_secure(&self) -> bool {
        self.own.as_ref().is_some_and(|(scheme, _)| scheme == "https")
    }

    /// The port of its own address.
    pub(crate) fn port(&self) -> &str {
        let host = self.own.as_ref().map_or("", |(_, host)| host.as_str());
        host.rsplit_once(':').map_or("80", |(_, port)| port)
    }

    /// A path of this server, as others find it.
    pub(crate) fn url_of(&self, path: &str) -> String {
        self.own.as_ref().map_or_else(|| path.to_owned(), |(scheme, host)| format!("{scheme}://{host}{path}"))
    }

    /// Holds a request to this server's own names, and one that changes something to its own pages.
    ///
    /// # Errors
    ///
    /// [`AccessError::Foreign`].
    pub fn check(&self, method: &Method, headers: &HeaderMap) -> Result<(), AccessError> {
        let host = single_header(headers, header::HOST).map(str::to_ascii_lowercase);
        let Some(host) = host.filter(|host| self.is_own(host)) else {
            return Err(AccessError::Foreign("This server does not answer to that name."));
        };
        if method.is_safe() {
            return Ok(());
        }
        let scheme = if self.is_secure() { "https" } else { "http" };
        let own_page = match headers.get(header::ORIGIN) {
            Some(_) => single_header(headers, header::ORIGIN) == Some(&format!("{scheme}://{host}")),
            None => single_header(headers, "sec-fetch-site") == Some("same-origin"),
        };
        if own_page { Ok(()) } else { Err(AccessError::Foreign("Only a page of this server can ask for that.")) }
    }

    fn is_own(&self, host: &str) -> bool {
        is_loopback(host) && !self.is_secure() || self.own.as_ref().is_some_and(|(_, own)| own == host)
    }
}

/// The origin of somebody else's pages, as a browser writes it.
pub(crate) fn origin(url: &str) -> Result<HeaderValue, String> {
    let (scheme, host) = parts("access.allowed_origins", url)?;
    HeaderValue::from_str(&format!("{scheme}://{host}")).map_err(|_| format!("access.allowed_origins: {url}"))
}

/// Scheme and host of a URL in the configuration, as browsers write them.
fn parts(name: &str, url: &str) -> Result<(String, String), String> {
    let uri: Uri = url.trim_end_matches('/').parse().map_err(|_| format!("{name}: {url} is no URL"))?;
    let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.authority()) else {
        return Err(format!("{name} has a scheme and a host, as https://control-plane.example has: not {url}"));
    };
    if uri.path().len() > 1 || uri.query().is_some() {
        return Err(format!("{name} ends with the host, not as {url}"));
    }
    if host.as_str().contains('@') {
        return Err(format!("{name} names nobody before its host"));
    }
    if host.as_str().contains('*') {
        return Err(format!("{name} names one host, not those that {host} may stand for"));
    }
    if scheme != "https" && !is_loopback(host.as_str()) {
        return Err(format!("{name} begins with https: cookies and tokens must not be read on their way"));
    }
    // Browsers leave out a port that goes without saying.
    let default = if scheme == "https" { ":443" } else { ":80" };
    let host = host.as_str().to_ascii_lowercase();
    let host = host.strip_suffix(default).map(str::to_owned).unwrap_or(host);
    Ok((scheme.to_owned(), host))
}

/// The value of a header that is there once.
pub(crate) fn single_header(headers: &HeaderMap, name: impl header::AsHeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

/// Whether a host, with or without a port, is this machine by a name that nobody else can point elsewhere.
fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(named: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in named {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn a_server_answers_to_its_own_names() {
        let public = Browser::at("https://cp.example").unwrap();
        let local = Browser::on_loopback();
        let get = |browser: &Browser, host: &str| browser.check(&Method::GET, &headers(&[("host", host)])).is_ok();
        assert!(get(&public, "cp.example") && get(&public, "CP.example"));
        for host in ["evil.example", "cp.example.evil.example", "localhost", "127.0.0.1:1", "cp.example:8443", ""] {
            assert!(!get(&public, host), "{host}");
        }
        for host in ["localhost", "localhost:7777", "127.0.0.1:1", "[::1]:80"] {
            assert!(get(&local, host), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "0.0.0.0:1", "127.0.0.1:x"]
        {
            assert!(!get(&local, host), "{host}");
        }
        assert!(local.check(&Method::GET, &HeaderMap::new()).is_err());
        assert!(local.check(&Method::GET, &headers(&[("host", "localhost"), ("host", "evil.example")])).is_err());
    }

    #[test]
    fn only_its_own_pages_change_something() {
        let local = Browser::on_loopback();
        let post = |named: &[(&'static str, &str)]| {
            let all: Vec<_> = [("host", "localhost:80")].into_iter().chain(named.iter().copied()).collect();
            local.check(&Method::POST, &headers(&all)).is_ok()
        };
        assert!(post(&[("origin", "http://localhost:80")]));
        assert!(post(&[("sec-fetch-site", "same-origin")]));
        for origin in ["null", "http://evil.example", "http://localhost:81", "https://localhost:80", "http://localhost"]
        {
            assert!(!post(&[("origin", origin), ("sec-fetch-site", "same-origin")]), "{origin}");
        }
        for site in ["cross-site", "same-site", "none"] {
            assert!(!post(&[("sec-fetch-site", site)]), "{site}");
        }
        assert!(!post(&[]));
    }

    #[test]
    fn a_port_that_goes_without_saying_is_left_out() {
        let browser = Browser::at("https://cp.example:443").unwrap();
        assert!(browser.check(&Method::GET, &headers(&[("host", "cp.example")])).is_ok());
    }

    #[test]
    fn an_address_is_private_and_a_host() {
        for url in ["https://cp.example", "https://cp.example:8443/", "http://127.0.0.1:7777", "http://localhost"] {
            assert!(Browser::at(url).is_ok(), "{url}");
        }
        for url in [
            "http://cp.example",
            "cp.example",
            "https://",
            "https://cp.example/path",
            "https://cp.example?q",
            "https://a@cp.example",
        ] {
            assert!(Browser::at(url).is_err(), "{url}");
        }
    }

    #[test]
    fn an_allowed_origin_is_written_as_browsers_write_it() {
        for (url, written) in [
            ("https://Portal.example", "https://portal.example"),
            ("https://portal.example:443/", "https://portal.example"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ] {
            assert_eq!(origin(url).unwrap(), written);
        }
        let several = ["*", "https://*", "https://*.example", "https://*.example/x"];
        let none = ["null", "", "http://portal.example", "https://portal.example/app"];
        for url in several.into_iter().chain(none) {
            assert!(origin(url).is_err_and(|error| error.starts_with("access.allowed_origins")), "{url}");
        }
    }
}
