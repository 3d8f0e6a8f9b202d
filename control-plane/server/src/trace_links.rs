//! Links from a trace to the same trace in other tools, by templates of the configuration.

use control_plane_model::trace::{Span, Trace};
use reqwest::Url;
use serde::{Deserialize, Serialize};

const NANOSECONDS_PER_MS: i64 = 1_000_000;

/// A `[[trace_link]]` of the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Setting {
    /// What the other tool is called.
    name: String,
    /// The address of a trace there, with placeholders.
    pub(crate) url: String,
    /// Whether tenants' users are shown it too.
    #[serde(default)]
    tenants: bool,
}

/// A trace in another tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceLink {
    /// What that tool is called.
    pub name: String,
    /// The trace's address there.
    pub url: String,
}

/// Templates that have been found to be good, in the order of the configuration.
#[derive(Debug, Default)]
pub(crate) struct TraceLinks(Vec<Template>);

impl TraceLinks {
    /// Of what the configuration says.
    ///
    /// # Errors
    ///
    /// What is wrong with the first that is no template of an address.
    pub(crate) fn of(settings: &[Setting]) -> Result<Self, String> {
        settings.iter().map(Template::of).collect::<Result<_, _>>().map(Self)
    }

    /// Where else a trace is to be seen. A link that needs what the trace does not say is left out.
    pub(crate) fn of_trace(&self, trace: &Trace, is_staff: bool) -> Vec<TraceLink> {
        let shown = self.0.iter().filter(|template| is_staff || template.tenants);
        shown
            .filter_map(|template| Some(TraceLink { name: template.name.clone(), url: template.url(trace)? }))
            .collect()
    }
}

/// What a placeholder stands for in a trace.
type Value = fn(&Trace) -> Option<String>;

const PLACEHOLDERS: [(&str, Value); 8] = [
    ("trace_id", |trace| Some(trace.trace_id.to_string())),
    ("xray_trace_id", |trace| Some(trace.xray_trace_id.clone())),
    ("span_id", |trace| Some(trace.spans.first()?.span_id.clone())),
    ("service", |trace| Some(trace.spans.first()?.service.clone())),
    ("start_ms", |trace| Some(began(trace)?.to_string())),
    ("end_ms", |trace| Some(ended(trace)?.to_string())),
    ("account", |trace| first_label(trace, |span| span.account.as_deref())),
    ("region", |trace| first_label(trace, |span| span.resource.get("cloud.region")?.as_str())),
];

/// Placeholders that may stand in the name of a host, before its domain: they have the letters of one.
const IN_HOSTS: [&str; 2] = ["account", "region"];

/// Milliseconds since 1970, rounded down.
fn began(trace: &Trace) -> Option<i64> {
    trace.spans.iter().map(|span| span.start_unix_ns.div_euclid(NANOSECONDS_PER_MS)).min()
}

/// Milliseconds since 1970, after its last end.
fn ended(trace: &Trace) -> Option<i64> {
    trace.spans.iter().map(|span| span.end_unix_ns.div_euclid(NANOSECONDS_PER_MS).saturating_add(1)).max()
}

/// What the first span says that says it in letters, digits and hyphens: senders choose it, and it may be part of the name of a host.
fn first_label<'a>(trace: &'a Trace, value: impl Fn(&'a Span) -> Option<&'a str>) -> Option<String> {
    let is_label =
        |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    trace.spans.iter().filter_map(value).find(is_label).map(str::to_owned)
}

#[derive(Debug)]
enum Part {
    Text(String),
    /// A placeholder by its name, and what it stands for.
    Value(&'static str, Value),
}

#[derive(Debug)]
struct Template {
    name: String,
    tenants: bool,
    parts: Vec<Part>,
}

impl Template {
    fn of(setting: &Setting) -> Result<Self, String> {
        let wrong = |why: String| format!("trace_link {:?}: {why}", setting.name);
        let named = setting.name.trim();
        if named.is_empty() {
            return Err(wrong("it needs a name".to_owned()));
        }
        let template =
            Self { name: named.to_owned(), tenants: setting.tenants, parts: parts(&setting.url).map_err(wrong)? };
        match template.is_of_one_host() {
            Some(true) => Ok(template),
            Some(false) => Err(wrong(
                "senders of spans would choose the host by a placeholder; {account} and {region} alone may stand there, before the last two names of it"
                    .to_owned(),
            )),
            None => Err(wrong(format!("{:?} is no address that begins with http:// or https://", setting.url))),
        }
    }

    /// Whether it leads to the same host and port, or within the same domain, whatever the values are; `None` if it is no address. Browsers mend addresses
    /// (`https:/host`, `https:\host`), so what has been parsed is compared, not the text.
    fn is_of_one_host(&self) -> Option<bool> {
        let with = |label: &str, other: &str| {
            let value = |name: &str, _: &Value| Some(if IN_HOSTS.contains(&name) { label } else { other }.to_owned());
            parsed(&self.filled(value)?)
        };
        let (url, others_differ, labels_differ) = (with("a", "a")?, with("a", "b")?, with("b", "a")?);
        let same_server = |other: &Url| {
            (url.scheme(), url.username(), url.password(), url.port())
                == (other.scheme(), other.username(), other.password(), other.port())
        };
        let host_is_fixed = url.host() == labels_differ.host();
        let domain_is_fixed = match (url.domain(), labels_differ.domain()) {
            (Some(one), Some(other)) => domain(one) == domain(other),
            _ => false,
        };
        Some(
            same_server(&others_differ)
                && same_server(&labels_differ)
                && url.host() == others_differ.host()
                && (host_is_fixed || domain_is_fixed),
        )
    }

    fn url(&self, trace: &Trace) -> Option<String> {
        parsed(&self.filled(|_, value| value(trace))?).map(String::from)
    }

    fn filled(&self, of: impl Fn(&str, &Value) -> Option<String>) -> Option<String> {
        let text = |part: &Part| match part {
            Part::Text(text) => Some(text.clone()),
            Part::Value(name, value) => Some(encoded(&of(name, value)?)),
        };
        self.parts.iter().map(text).collect()
    }
}

/// An address that a page may link to, as a browser reads it.
fn parsed(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
}

/// The last two names of a host: what is before them belongs to whoever has these.
fn domain(host: &str) -> Vec<&str> {
    host.trim_end_matches('.').rsplit('.').take(2).collect()
}

/// A value as it may stand anywhere in an address.
fn encoded(value: &str) -> String {
    form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>().replace('+', "%20")
}

/// The text and the placeholders of a template; `{{` and `}}` are braces, percent-encoded as addresses want them.
fn parts(template: &str) -> Result<Vec<Part>, String> {
    let (mut parts, mut text, mut rest) = (Vec::new(), String::new(), template);
    while let Some(at) = rest.find(['{', '}']) {
        text.push_str(&rest[..at]);
        let found = &rest[at..];
        rest = if let Some(after) = found.strip_prefix("{{") {
            text.push_str("%7B");
            after
        } else if let Some(after) = found.strip_prefix("}}") {
            text.push_str("%7D");
            after
        } else {
            let inner = found.strip_prefix('{').and_then(|inner| inner.split_once('}'));
            let (name, after) = inner.ok_or("a brace stands alone; {{ and }} are braces that are meant as such")?;
            let known = PLACEHOLDERS.iter().find(|(known, _)| *known == name);
            let (name, value) = known.ok_or_else(|| {
                format!(
                    "there is no {{{name}}}, but {}",
                    PLACEHOLDERS.map(|(known, _)| format!("{{{known}}}")).join(", ")
                )
            })?;
            parts.extend([Part::Text(std::mem::take(&mut text)), Part::Value(name, *value)]);
            after
        };
    }
    text.push_str(rest);
    parts.push(Part::Text(text));
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn trace(region: &str, service: &str) -> Trace {
        let span = |id: &str, start: i64, region: &str| {
            json!({
                "span_id": id, "parent_span_id": null, "name": "n", "kind": "SERVER", "service": service, "account": "111111111111",
                "tenant": "acme", "tier": null, "start_unix_ns": start, "end_unix_ns": start + 1_500_000, "duration_ns": 1_500_000,
                "status": "UNSET", "error": null, "attributes": {}, "resource": { "cloud.region": region }, "links": [], "events": [],
            })
        };
        let id = "5759e988bd862e3fe1be46a994272793";
        let spans = [
            span("00000000000000aa", 1_800_000_000_000_400_000, region),
            span("00000000000000bb", 1_800_000_000_100_000_000, ""),
        ];
        let trace = json!({ "trace_id": id, "xray_trace_id": "1-5759e988-bd862e3fe1be46a994272793", "spans": spans });
        serde_json::from_value(trace).unwrap()
    }

    fn links(url: &str) -> Result<TraceLinks, String> {
        TraceLinks::of(&[Setting { name: "Elsewhere".to_owned(), url: url.to_owned(), tenants: false }])
    }

    fn url(template: &str, trace: &Trace) -> Option<String> {
        links(template).unwrap().of_trace(trace, true).pop().map(|link| link.url)
    }

    #[test]
    fn a_trace_is_found_in_other_tools() {
        let trace = trace("eu-central-1", "booking-api");
        let grafana = "https://grafana.example/explore?schemaVersion=1&orgId=1&panes={{\"a\":{{\"datasource\":\"jaeger\",\"queries\":[{{\"refId\":\"A\",\"query\":\"{trace_id}\"}}],\"range\":{{\"from\":\"{start_ms}\",\"to\":\"{end_ms}\"}}}}}}";
        for (template, expected) in [
            (
                "https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#xray:traces/{xray_trace_id}",
                "https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#xray:traces/1-5759e988-bd862e3fe1be46a994272793",
            ),
            (
                "http://jaeger.example/trace/{trace_id}?uiFind={span_id}",
                "http://jaeger.example/trace/5759e988bd862e3fe1be46a994272793?uiFind=00000000000000aa",
            ),
            (
                grafana,
                "https://grafana.example/explore?schemaVersion=1&orgId=1&panes=%7B%22a%22:%7B%22datasource%22:%22jaeger%22,%22queries%22:[%7B%22refId%22:%22A%22,%22query%22:%225759e988bd862e3fe1be46a994272793%22%7D],%22range%22:%7B%22from%22:%221800000000000%22,%22to%22:%221800000000102%22%7D%7D%7D",
            ),
            ("https://logs.example/{account}", "https://logs.example/111111111111"),
        ] {
            assert_eq!(url(template, &trace).as_deref(), Some(expected));
        }
    }

    #[test]
    fn values_stay_values_whatever_senders_call_themselves() {
        let odd = trace("evil.example/#", "a/../b?c=d&e#f +ä\"");
        let found = url("https://logs.example/{service}?q={service}#{service}", &odd).unwrap();
        let value = "a%2F..%2Fb%3Fc%3Dd%26e%23f%20%2B%C3%A4%22";
        assert_eq!(found, format!("https://logs.example/{value}?q={value}#{value}"));
        // A region that is none is as good as none, and so is the link.
        assert_eq!(url("https://{region}.logs.example/", &odd), None);
    }

    #[test]
    fn a_template_that_could_lead_anywhere_is_refused() {
        for (template, why) in [
            ("https://x.example/{trace}", "there is no {trace}, but {trace_id}, {xray_trace_id}"),
            ("https://x.example/{trace_id", "a brace stands alone"),
            ("https://x.example/}", "a brace stands alone"),
            ("javascript:alert(1)", "http:// or https://"),
            ("/trace/{trace_id}", "http:// or https://"),
            ("ftp://x.example/{trace_id}", "http:// or https://"),
            ("{service}://x.example/", "http:// or https://"),
            ("https://x.example:{account}/", "http:// or https://"),
            ("https://{service}.x.example/", "would choose the host"),
            ("https://x.example{service}/", "would choose the host"),
            ("https://{region}/", "would choose the host"),
            ("https://{region}.example/", "would choose the host"),
            ("https://{region}.example./", "would choose the host"),
            ("https://x.{region}/", "would choose the host"),
            ("https://x.{region}:80/", "would choose the host"),
            ("https://x.example.{region}./", "would choose the host"),
            ("https://0x{region}.0.0.1/", "would choose the host"),
            ("https://{region}@x.example/", "would choose the host"),
            ("https://x:{service}@x.example/", "would choose the host"),
            // What browsers mend.
            ("https:{service}/x.example/", "would choose the host"),
            ("https:/{service}/x.example/", "would choose the host"),
            ("https:///{service}/x.example/", "would choose the host"),
            ("https:\\\\{service}/x.example/", "would choose the host"),
            (" https:/\t/{service}/x.example/", "would choose the host"),
            ("", "http:// or https://"),
        ] {
            let error = links(template).err().unwrap_or_else(|| panic!("{template}"));
            assert!(error.starts_with("trace_link \"Elsewhere\": ") && error.contains(why), "{template}: {error}");
        }
        let nameless = Setting { name: " ".to_owned(), url: "https://x.example/".to_owned(), tenants: false };
        assert!(TraceLinks::of(&[nameless]).is_err());
    }

    #[test]
    fn tenants_are_shown_what_is_meant_for_them() {
        let setting =
            |name: &str, tenants| Setting { name: name.to_owned(), url: "https://x.example/".to_owned(), tenants };
        let links = TraceLinks::of(&[setting("ours", false), setting("all", true)]).unwrap();
        let names = |is_staff| {
            let found = links.of_trace(&trace("r", "s"), is_staff).into_iter();
            found.map(|link| link.name).collect::<Vec<_>>()
        };
        assert_eq!(names(true), ["ours", "all"]);
        assert_eq!(names(false), ["all"]);
    }
}
