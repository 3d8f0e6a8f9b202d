//! Whether a rule matches a request.

use opentelemetry::KeyValue;

use crate::protocol::Rule;

/// A request about to be traced.
#[derive(Debug, Clone, Copy, Default)]
pub struct Request<'a> {
    /// `service.name`.
    pub service_name: &'a str,
    /// X-Ray's name of the platform, such as `AWS::Lambda::Function`.
    pub service_type: &'a str,
    /// The ARN of what serves the request.
    pub resource_arn: &'a str,
    /// The span's attributes as it starts.
    pub attributes: &'a [KeyValue],
}

impl Request<'_> {
    fn attribute(&self, names: &[&str]) -> Option<std::borrow::Cow<'_, str>> {
        let found =
            names.iter().find_map(|name| self.attributes.iter().find(|attribute| attribute.key.as_str() == *name));
        found.map(|attribute| attribute.value.as_str())
    }

    fn path(&self) -> String {
        if let Some(path) = self.attribute(&["url.path", "http.target"]) {
            return path.split('?').next().unwrap_or_default().to_owned();
        }
        let url = self.attribute(&["url.full", "http.url"]).unwrap_or_default();
        let after_host = url.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
        after_host.unwrap_or_default().split('?').next().unwrap_or_default().to_owned()
    }
}

impl Rule {
    /// Whether every field and every attribute of the rule matches.
    pub(crate) fn matches(&self, request: &Request<'_>) -> bool {
        let fits = |pattern: &str, names: &[&str]| {
            pattern == "*" || request.attribute(names).is_some_and(|value| glob(pattern, &value))
        };
        glob(&self.service_name, request.service_name)
            && glob(&self.service_type, request.service_type)
            && glob(&self.resource_arn, request.resource_arn)
            && fits(&self.host, &["server.address", "http.host", "net.host.name"])
            && fits(&self.http_method, &["http.request.method", "http.method"])
            && (self.url_path == "*" || glob(&self.url_path, &request.path()))
            && self
                .attributes
                .iter()
                .all(|(name, pattern)| request.attribute(&[name.as_str()]).is_some_and(|value| glob(pattern, &value)))
    }
}

/// `*` stands for any text and `?` for one character; letters fit in either case. Linear: a failed star is tried again from
/// where it stood, never from before.
fn glob(pattern: &str, text: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    let lower = |text: &str| text.chars().flat_map(char::to_lowercase).collect::<Vec<char>>();
    let (pattern, text) = (lower(pattern), lower(text));
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    p = at + 1;
                    t = from + 1;
                    star = Some((at, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("book*", "Booking-API", true),
            ("*api", "booking-api", true),
            ("b?oking", "booking", true),
            ("b?oking", "bking", false),
            ("*a*b*c*", "xxaxxbxxcxx", true),
            ("*a*b*c*", "xxaxxcxxbxx", false),
            ("/bookings/*", "/bookings", false),
            ("a**", "a", true),
        ] {
            assert_eq!(glob(pattern, text), fits, "{pattern} on {text}");
        }
    }

    #[test]
    fn many_stars_do_not_take_long() {
        assert!(!glob(&"*a".repeat(200), &"b".repeat(20_000)));
    }
}
