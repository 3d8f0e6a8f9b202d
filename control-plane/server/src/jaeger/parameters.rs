//! What a request to Jaeger's API asks for.

use axum::http::Uri;
use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use control_plane_model::{
    search::{attribute, quoted},
    trace::{InvalidTraceId, TraceId},
};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::spans::{Span, Trace};
use crate::{api::WindowQuery, problem::Problem, window::Window};

/// Traces that are found where nothing is said, as with Jaeger.
const USUAL_LIMIT: usize = 100;
/// The most traces that a request gets, since each is read whole.
const MOST_TRACES: usize = 300;
/// How far back the unversioned search looks where nothing is said, as with Jaeger.
const USUAL_LOOKBACK: &str = "48h";

/// The parameters of a query; some are given several times.
#[derive(Debug)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(super) fn of(uri: &Uri) -> Self {
        let all = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        Self(all.into_owned().filter(|(_, value)| !value.is_empty()).collect())
    }

    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// The first of several names that one thing has had.
    fn any(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.get(name))
    }

    fn parsed<T>(&self, names: &[&str], parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Problem> {
        let Some(text) = self.any(names) else { return Ok(None) };
        let wrong = || Problem::bad_request(format!("malformed parameter {}: {text:?}", names[0]));
        parse(text).map(Some).ok_or_else(wrong)
    }

    /// A number; `usual` where it is left out.
    pub(super) fn number(&self, name: &str, usual: i64) -> Result<i64, Problem> {
        Ok(self.parsed(&[name], |text| text.parse().ok())?.unwrap_or(usual))
    }
}

/// A search for traces in which a single span matches all of this.
#[derive(Debug, Default, PartialEq)]
pub(super) struct SpanFilter {
    service: Option<String>,
    operation: Option<String>,
    tags: Vec<(String, String)>,
    at_least_ns: Option<u64>,
    at_most_ns: Option<u64>,
    pub(super) limit: usize,
}

impl SpanFilter {
    /// Reads a request of the unversioned search, and its window.
    pub(super) fn unversioned(parameters: &Parameters, now: Timestamp) -> Result<(Self, Window), Problem> {
        let microseconds =
            |name| parameters.parsed(&[name], |text| Timestamp::from_microsecond(text.parse().ok()?).ok());
        let (from, to) = (microseconds("start")?, microseconds("end")?);
        let text = |time: Timestamp| time.to_string();
        let window = WindowQuery { window: None, from: from.map(text), to: to.map(text) };
        let mut tags = Vec::new();
        for tag in parameters.all("tag") {
            let (key, value) = tag.split_once(':').ok_or_else(|| {
                Problem::bad_request(format!("malformed 'tag' parameter, expecting key:value, received: {tag}"))
            })?;
            tags.push((key.to_owned(), value.to_owned()));
        }
        for json in parameters.all("tags") {
            tags.extend(tags_of("tags", json)?);
        }
        let asked = Self {
            service: Some(
                parameters
                    .get("service")
                    .ok_or_else(|| Problem::bad_request("parameter 'service' is required"))?
                    .to_owned(),
            ),
            operation: parameters.get("operation").map(str::to_owned),
            tags,
            at_least_ns: parameters.parsed(&["minDuration"], duration)?,
            at_most_ns: parameters.parsed(&["maxDuration"], duration)?,
            limit: limit(parameters, &["limit"])?,
        };
        let window =
            if from.is_some() { window } else { WindowQuery { window: Some(USUAL_LOOKBACK.to_owned()), ..window } };
        Ok((asked, window.resolve(now)?))
    }

    /// Reads a request of version 3, and its window.
    pub(super) fn v3(parameters: &Parameters, now: Timestamp) -> Result<(Self, Window), Problem> {
        let time = |names: [&str; 2]| {
            // Grafana sends the + of a zone as it is.
            let time = parameters.parsed(&names, |text| text.replace(' ', "+").parse::<Timestamp>().ok())?;
            let required = || Problem::bad_request("query.startTimeMin and query.startTimeMax are required");
            Ok::<_, Problem>(time.ok_or_else(required)?.to_string())
        };
        let from = time(["query.startTimeMin", "query.start_time_min"])?;
        let to = time(["query.startTimeMax", "query.start_time_max"])?;
        if parameters.get("query.filter").is_some() {
            return Err(Problem::bad_request("query.filter is not answered here; query.attributes is"));
        }
        let asked = Self {
            service: parameters.any(&["query.serviceName", "query.service_name"]).map(str::to_owned),
            operation: parameters.any(&["query.operationName", "query.operation_name"]).map(str::to_owned),
            tags: parameters
                .get("query.attributes")
                .map_or(Ok(Vec::new()), |json| tags_of("query.attributes", json))?,
            at_least_ns: parameters.parsed(&["query.durationMin", "query.duration_min"], duration)?,
            at_most_ns: parameters.parsed(&["query.durationMax", "query.duration_max"], duration)?,
            limit: limit(parameters, &["query.searchDepth", "query.search_depth", "query.num_traces"])?,
        };
        Ok((asked, WindowQuery { window: None, from: Some(from), to: Some(to) }.resolve(now)?))
    }

    /// The filter expression that is true of every trace that is meant, and of few others.
    pub(super) fn expression(&self) -> Option<String> {
        let service = self.service.iter().map(|service| format!("service({})", quoted(service)));
        let operation = self.operation.iter().map(|operation| attribute("span.name", operation));
        let tags = self.tags.iter().filter_map(|(key, value)| match (key.as_str(), value.as_str()) {
            ("error", "true") => Some("(fault OR error)".to_owned()),
            (key, value) => (!MADE_HERE.contains(&key)).then(|| attribute(key, value)),
        });
        // A trace takes as long as each of its spans.
        let longer = self.at_least_ns.map(|nanoseconds| format!("duration >= {}", nanoseconds as f64 / 1e9));
        let parts: Vec<_> = service.chain(operation).chain(tags).chain(longer).collect();
        (!parts.is_empty()).then(|| parts.join(" AND "))
    }

    /// How many traces the expression has to find for so many to be left.
    pub(super) fn candidates(&self) -> usize {
        let one_says_all =
            self.operation.is_none() && self.tags.is_empty() && self.at_least_ns.is_none() && self.at_most_ns.is_none();
        if one_says_all { self.limit } else { (3 * self.limit).min(MOST_TRACES) }
    }

    /// Whether one span of a trace has all that is asked for.
    pub(super) fn is_met_by(&self, trace: &Trace) -> bool {
        trace.spans.iter().any(|span| self.is_met_by_span(trace, span))
    }

    fn is_met_by_span(&self, trace: &Trace, span: &Span) -> bool {
        self.service.as_ref().is_none_or(|service| *service == span.service)
            && self.operation.as_ref().is_none_or(|operation| *operation == span.operation_name)
            && self.at_least_ns.is_none_or(|least| span.duration_ns >= least)
            && self.at_most_ns.is_none_or(|most| span.duration_ns <= most)
            && self.tags.iter().all(|(key, value)| trace.span_says(span, key, value))
    }
}

/// Tags that Jaeger makes of what is no attribute.
const MADE_HERE: [&str; 7] = [
    "error",
    "event",
    "span.kind",
    "otel.status_code",
    "otel.status_description",
    "otel.scope.name",
    "otel.scope.version",
];

/// An object of texts.
fn tags_of(name: &str, json: &str) -> Result<Vec<(String, String)>, Problem> {
    let wrong = || Problem::bad_request(format!("malformed parameter {name}: expecting a JSON object of texts"));
    let object: Map<String, Value> = serde_json::from_str(json).map_err(|_| wrong())?;
    let text = |(key, value): (String, Value)| Some((key, value.as_str()?.to_owned()));
    object.into_iter().map(text).collect::<Option<_>>().ok_or_else(wrong)
}

fn limit(parameters: &Parameters, names: &[&str]) -> Result<usize, Problem> {
    let limit = parameters.parsed(names, |text| text.parse().ok().filter(|limit| *limit > 0))?;
    Ok(limit.unwrap_or(USUAL_LIMIT).min(MOST_TRACES))
}

/// A duration as Go writes it, such as `1.2s`, `100ms` or `1h30m`; nanoseconds. <https://pkg.go.dev/time#ParseDuration>
fn duration(text: &str) -> Option<u64> {
    if text == "0" {
        return Some(0);
    }
    let (mut rest, mut sum) = (text, 0.0);
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?);
        let (unit, after) =
            after.split_at(after.find(|letter: char| letter.is_ascii_digit() || letter == '.').unwrap_or(after.len()));
        let nanoseconds = match unit {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3_600e9,
            _ => return None,
        };
        sum += number.parse::<f64>().ok()? * nanoseconds;
        rest = after;
    }
    (!text.is_empty() && sum < u64::MAX as f64).then_some(sum as u64)
}

/// A trace id: hexadecimal digits, of which leading zeros may be missing, or 16 bytes in base64 of any sort, as Jaeger takes them; or X-Ray's form.
pub(super) fn trace_id(text: &str) -> Result<TraceId, InvalidTraceId> {
    if text.len() <= 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return format!("{text:0>32}").parse();
    }
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let bytes = [alphabet::STANDARD, alphabet::URL_SAFE]
        .iter()
        .find_map(|alphabet| GeneralPurpose::new(alphabet, config).decode(text).ok());
    bytes.map_or_else(|| text.parse(), |bytes| TraceId::from_bytes(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(query: &str) -> Parameters {
        Parameters::of(&format!("/x?{query}").parse().unwrap())
    }

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    #[test]
    fn durations_are_gos() {
        for (text, nanoseconds) in [
            ("1.2s", 1_200_000_000),
            ("100ms", 100_000_000),
            ("1h2m3.5s", 3_723_500_000_000),
            ("15us", 15_000),
            ("15µs", 15_000),
            ("7ns", 7),
            ("0", 0),
            (".5s", 500_000_000),
        ] {
            assert_eq!(duration(text), Some(nanoseconds), "{text}");
        }
        for text in ["", "s", "5", "-1s", "1 s", "1d", "1s2", "99999999999999h", "1.2.3s"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn a_trace_id_is_taken_in_each_form_that_jaeger_takes() {
        let id = "5759e988bd862e3fe1be46a994272793";
        for text in [id, "1-5759e988-bd862e3fe1be46a994272793", "V1npiL2GLj/hvkaplCcnkw==", "V1npiL2GLj_hvkaplCcnkw"] {
            assert_eq!(trace_id(text).unwrap().to_string(), id, "{text}");
        }
        assert_eq!(trace_id("ab12").unwrap().to_string(), format!("{:0>32}", "ab12"));
        for text in ["", "0", "nonsense", "V1npiL2GLj", &"f".repeat(33)] {
            assert!(trace_id(text).is_err(), "{text}");
        }
    }

    #[test]
    fn both_searches_ask_for_the_same() {
        let unversioned = "service=a%22b&operation=GET&tags=%7B%22error%22%3A%22true%22%2C%22k%22%3A%22v%22%7D&minDuration=5ms&maxDuration=1s&limit=7&start=1799999000500000&end=1799999999000000&lookback=custom";
        let v3 = "query.service_name=a%22b&query.operationName=GET&query.attributes=%7B%22error%22%3A%22true%22%2C%22k%22%3A%22v%22%7D&query.durationMin=5ms&query.duration_max=1s&query.searchDepth=7&query.startTimeMin=2027-01-15T07:43:20.5Z&query.startTimeMax=2027-01-15T08:59:59+01:00";
        let one = SpanFilter::unversioned(&parameters(unversioned), now()).unwrap();
        assert_eq!(one, SpanFilter::v3(&parameters(v3), now()).unwrap());
        assert_eq!((one.1.from_ns, one.1.to_ns), (1_799_999_000_500_000_000, 1_799_999_999_000_000_000));
        let expected = r#"service("a\"b") AND attribute[span.name] = "GET" AND (fault OR error) AND attribute[k] = "v" AND duration >= 0.005"#;
        assert_eq!(one.0.expression().as_deref(), Some(expected));
        assert!(expected.parse::<control_plane_model::search::Expression>().is_ok());
    }

    #[test]
    fn what_is_left_out_is_as_with_jaeger() {
        let (asked, window) = SpanFilter::unversioned(&parameters("service=a&tag=k:v:w"), now()).unwrap();
        assert_eq!((asked.limit, asked.tags), (100, vec![("k".to_owned(), "v:w".to_owned())]));
        assert_eq!(window.seconds(), (1_800_000_000 - 2 * 86_400, 1_800_000_000));
        assert_eq!(SpanFilter::unversioned(&parameters("service=a&limit=100000"), now()).unwrap().0.limit, MOST_TRACES);
    }

    #[test]
    fn what_cannot_be_asked_is_told() {
        for (query, why) in [
            ("", "'service' is required"),
            ("service=a&start=soon", "malformed parameter start"),
            ("service=a&start=999999999999999999", "malformed parameter start"),
            ("service=a&start=1800000000000000&end=1700000000000000", "from must be before to"),
            ("service=a&tags=%5B%5D", "malformed parameter tags"),
            ("service=a&tag=k", "malformed 'tag'"),
            ("service=a&minDuration=5", "malformed parameter minDuration"),
            ("service=a&limit=0", "malformed parameter limit"),
        ] {
            let problem = SpanFilter::unversioned(&parameters(query), now()).unwrap_err();
            assert!(problem.detail.contains(why), "{query}: {}", problem.detail);
        }
        for (query, why) in [
            ("query.startTimeMin=2027-01-01T00:00:00Z", "are required"),
            ("query.startTimeMin=1&query.startTimeMax=2", "malformed parameter query.startTimeMin"),
            (
                "query.startTimeMin=2027-01-01T00:00:00Z&query.startTimeMax=2027-01-02T00:00:00Z&query.filter=x",
                "query.filter",
            ),
        ] {
            let problem = SpanFilter::v3(&parameters(query), now()).unwrap_err();
            assert!(problem.detail.contains(why), "{query}: {}", problem.detail);
        }
    }
}
