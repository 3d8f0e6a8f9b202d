//! Which traces are kept, and what one kept trace stands for.
//!
//! The probability of a decision made here rides in `tracestate` as OpenTelemetry's consistent-probability threshold
//! (`ot=th:…`, <https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/>) and on the span as
//! `sampling.adjusted_count`, so that counts can be scaled back. Where no probability is known — a reservoir, a trace forced by
//! a header, a decision X-Ray made — the span says `sampling.estimated`.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, StatusCode, header};
use lambda_http_client::HttpClient;
use opentelemetry::{
    Context, KeyValue,
    trace::{Link, SpanKind, TraceContextExt, TraceId, TraceState},
};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, SamplingDecision, SamplingResult, ShouldSample};
use xray_sampler::{Answer, By, Sampler, SystemClock, Transport, TransportError};

use super::{TelemetryError, semconv, tracestate::OPENTELEMETRY};

/// The longest a call for rules or targets may take. It is made after a response.
const XRAY_TIMEOUT: Duration = Duration::from_secs(1);

/// Bits of a trace id that are random, and so decide (W3C Trace Context Level 2).
const RANDOM_BITS: u32 = 56;

/// In a context whose trace was asked for by `X-Debug`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Forced;

/// Who decided whether the trace of a remote parent is kept. In its context, if it is not the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum DecidedBy {
    /// The caller, as `traceparent` says.
    #[default]
    Caller,
    /// X-Ray, which does not say how likely that was.
    Xray,
    /// Nobody yet: the caller leaves it to us.
    Nobody,
}

/// A probability as the threshold that trace ids are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Threshold(u64);

impl Threshold {
    fn of(probability: f64) -> Self {
        let all = (1_u64 << RANDOM_BITS) as f64;
        Self(((1.0 - probability.clamp(0.0, 1.0)) * all).round() as u64)
    }

    fn admits(self, trace_id: TraceId) -> bool {
        let random = u128::from_be_bytes(trace_id.to_bytes()) as u64 & ((1 << RANDOM_BITS) - 1);
        random >= self.0
    }

    fn adjusted_count(self) -> f64 {
        let all = 1_u64 << RANDOM_BITS;
        all as f64 / (all - self.0.min(all - 1)) as f64
    }

    /// Hexadecimal, without the zeros it ends in.
    fn text(self) -> String {
        let digits = format!("{:014x}", self.0);
        let digits = digits.trim_end_matches('0');
        if digits.is_empty() { "0".to_owned() } else { digits.to_owned() }
    }

    fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.is_empty() || text.len() > 14 || !text.bytes().all(is_digit) {
            return None;
        }
        u64::from_str_radix(&format!("{text:0<14}"), 16).ok().map(Self)
    }

    /// The threshold in a `tracestate`.
    fn in_state(state: &TraceState) -> Option<Self> {
        let members = state.get(OPENTELEMETRY)?.split(';');
        members
            .filter_map(|member| member.split_once(':'))
            .find(|(key, _)| *key == "th")
            .and_then(|(_, th)| Self::parse(th))
    }

    fn onto(self, state: &TraceState) -> TraceState {
        with_threshold(state, Some(self))
    }
}

/// The state with this threshold in place of any other, or with none: whoever decides for itself says nothing of another's odds.
fn with_threshold(state: &TraceState, threshold: Option<Threshold>) -> TraceState {
    let Some(member) = state.get(OPENTELEMETRY).or(threshold.map(|_| "")) else { return state.clone() };
    let others = member.split(';').filter(|field| !field.is_empty() && !field.starts_with("th:")).map(str::to_owned);
    let fields: Vec<_> = others.chain(threshold.map(|threshold| format!("th:{}", threshold.text()))).collect();
    let changed =
        if fields.is_empty() { state.delete(OPENTELEMETRY) } else { state.insert(OPENTELEMETRY, fields.join(";")) };
    changed.unwrap_or_default()
}

/// How the root of a trace is decided.
#[derive(Debug, Clone)]
enum Root {
    On,
    Off,
    Ratio(Threshold),
    /// By rules that live in X-Ray.
    Xray(Sampler),
}

/// The sampler of `OTEL_TRACES_SAMPLER`.
#[derive(Debug, Clone)]
pub(super) struct TenantSampler {
    root: Root,
    follows_parent: bool,
    service_name: String,
}

impl TenantSampler {
    /// The standard names; `parentbased_always_on` where there is none. And `xray`, which follows parents too; its argument is
    /// `endpoint=<URL>` of whatever passes the two calls on to X-Ray, `http://127.0.0.1:2000` where there is none.
    pub(super) fn from_settings(name: &str, arg: &str, service_name: &str) -> Result<Self, TelemetryError> {
        let unusable =
            || TelemetryError::Sampler(format!("OTEL_TRACES_SAMPLER={name:?} OTEL_TRACES_SAMPLER_ARG={arg:?}"));
        let ratio = || match arg {
            "" => Ok(1.0),
            arg => arg.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio)).ok_or_else(unusable),
        };
        let name = if name.is_empty() { "parentbased_always_on" } else { name };
        let root = match name.trim_start_matches("parentbased_") {
            "always_on" => Root::On,
            "always_off" => Root::Off,
            "traceidratio" => Root::Ratio(Threshold::of(ratio()?)),
            "xray" => Root::Xray(xray(arg)),
            _ => return Err(unusable()),
        };
        let follows_parent = name == "xray" || name.starts_with("parentbased_");
        Ok(Self { root, follows_parent, service_name: service_name.to_owned() })
    }

    /// The rules of X-Ray, if they decide: they want to be asked for and told now and then.
    pub(super) fn xray(&self) -> Option<&Sampler> {
        match &self.root {
            Root::Xray(sampler) => Some(sampler),
            _ => None,
        }
    }
}

fn xray(arg: &str) -> Sampler {
    let endpoint = arg.split(',').find_map(|part| part.trim().strip_prefix("endpoint="));
    let transport = XrayApi {
        endpoint: endpoint.unwrap_or("http://127.0.0.1:2000").trim_end_matches('/').to_owned(),
        http: HttpClient::new(XRAY_TIMEOUT),
    };
    let mut client_id = RandomIdGenerator::default().new_trace_id().to_string();
    client_id.truncate(24);
    Sampler::new(client_id, Arc::new(transport), Arc::new(SystemClock))
}

/// X-Ray's sampling calls, through the collector or daemon that signs them.
#[derive(Debug)]
struct XrayApi {
    endpoint: String,
    http: HttpClient,
}

impl Transport for XrayApi {
    fn post(&self, path: &'static str, body: Vec<u8>) -> Answer<'_> {
        Box::pin(async move {
            let failed = |error: &dyn std::fmt::Display| TransportError(error.to_string());
            let request = Request::post(format!("{}{path}", self.endpoint))
                .header(header::CONTENT_TYPE, "application/json")
                .body(Bytes::from(body))
                .map_err(|error| failed(&error))?;
            let response = self.http.send(request).await.map_err(|error| failed(&error))?;
            if response.status() != StatusCode::OK {
                return Err(failed(&response.status()));
            }
            Ok(response.into_body().to_vec())
        })
    }
}

fn result(sampled: bool, state: TraceState, attributes: Vec<KeyValue>) -> SamplingResult {
    let decision = if sampled { SamplingDecision::RecordAndSample } else { SamplingDecision::Drop };
    SamplingResult { decision, attributes, trace_state: state }
}

fn estimated() -> Vec<KeyValue> {
    vec![KeyValue::new(semconv::SAMPLING_ESTIMATED, true)]
}

fn weighing(threshold: Threshold) -> Vec<KeyValue> {
    vec![KeyValue::new(semconv::SAMPLING_ADJUSTED_COUNT, threshold.adjusted_count())]
}

impl ShouldSample for TenantSampler {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        _name: &str,
        _kind: &SpanKind,
        attributes: &[KeyValue],
        _links: &[Link],
    ) -> SamplingResult {
        let span = parent.filter(|cx| cx.has_active_span()).map(|cx| cx.span().span_context().clone());
        let span = span.filter(|span| span.is_valid());
        let state = span.as_ref().map(|span| span.trace_state().clone()).unwrap_or_default();
        let own = || with_threshold(&state, None);
        if parent.is_some_and(|cx| cx.get::<Forced>().is_some()) {
            return result(true, own(), estimated());
        }
        let decided_by = parent.and_then(|cx| cx.get::<DecidedBy>().copied()).unwrap_or_default();
        match span {
            // Within a process the first span's decision is everyone's, and its weight stands on the first span.
            Some(span) if !span.is_remote() => result(span.is_sampled(), state, Vec::new()),
            Some(span) if self.follows_parent && decided_by != DecidedBy::Nobody => {
                let attributes = match Threshold::in_state(&state) {
                    Some(threshold) => weighing(threshold),
                    None if decided_by == DecidedBy::Xray => estimated(),
                    None => Vec::new(),
                };
                result(span.is_sampled(), state, attributes)
            }
            _ => match &self.root {
                Root::On => result(true, own(), Vec::new()),
                Root::Off => result(false, own(), Vec::new()),
                Root::Ratio(threshold) => {
                    result(threshold.admits(trace_id), threshold.onto(&state), weighing(*threshold))
                }
                Root::Xray(sampler) => {
                    let arn = attributes.iter().find(|attribute| attribute.key.as_str() == semconv::CLOUD_RESOURCE_ID);
                    let arn = arn.map(|attribute| attribute.value.as_str()).unwrap_or_default();
                    let request = xray_sampler::Request {
                        service_name: &self.service_name,
                        service_type: "AWS::Lambda::Function",
                        resource_arn: &arn,
                        attributes,
                    };
                    let decision = sampler.decide(trace_id, &request);
                    match decision.by {
                        By::FixedRate(rate) => {
                            let threshold = Threshold::of(rate);
                            result(decision.sampled, threshold.onto(&state), weighing(threshold))
                        }
                        By::Reservoir | By::Borrowed => result(decision.sampled, own(), estimated()),
                    }
                }
            },
        }
    }
}

/// So many a second, and no more: what keeps a header that anyone can send from turning sampling off.
#[derive(Debug)]
pub(super) struct Reservoir {
    per_second: u32,
    window: Mutex<Option<(Instant, u32)>>,
}

impl Reservoir {
    pub(super) fn new(per_second: u32) -> Self {
        Self { per_second, window: Mutex::default() }
    }

    pub(super) fn take(&self, now: Instant) -> bool {
        let mut window = self.window.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match &mut *window {
            Some((began, taken)) if now.saturating_duration_since(*began) < Duration::from_secs(1) => {
                let admitted = *taken < self.per_second;
                *taken += u32::from(admitted);
                admitted
            }
            _ => {
                *window = Some((now, 1));
                self.per_second > 0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags};

    use super::*;

    fn decide(sampler: &TenantSampler, parent: Option<&Context>, trace_id: u128) -> SamplingResult {
        let trace_id = TraceId::from_bytes(trace_id.to_be_bytes());
        sampler.should_sample(parent, trace_id, "", &SpanKind::Server, &[], &[])
    }

    fn sampler(name: &str, arg: &str) -> TenantSampler {
        TenantSampler::from_settings(name, arg, "booking-api").unwrap()
    }

    fn remote(sampled: bool, state: &str) -> Context {
        let flags = if sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
        let state = state.parse().unwrap();
        let span = SpanContext::new(TraceId::from(7), SpanId::from(7), flags, true, state);
        Context::new().with_remote_span_context(span)
    }

    fn sampled(result: &SamplingResult) -> bool {
        result.decision == SamplingDecision::RecordAndSample
    }

    #[test]
    fn a_ratio_keeps_its_share_and_says_what_each_stands_for() {
        let quarter = sampler("traceidratio", "0.25");
        // Weyl's sequence: evenly spread ids, the same in every run.
        let ids = (1..=10_000_u128).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835));
        let results: Vec<_> = ids.map(|id| decide(&quarter, None, id)).collect();
        let kept = results.iter().filter(|result| sampled(result)).count();
        assert!((2_400..=2_600).contains(&kept), "{kept}");
        assert_eq!(results[0].trace_state.get("ot"), Some("th:c"));
        assert_eq!(results[0].attributes, [KeyValue::new(semconv::SAMPLING_ADJUSTED_COUNT, 4.0)]);
    }

    #[test]
    fn a_parents_decision_is_followed_with_its_weight() {
        let sampler = sampler("parentbased_traceidratio", "0.0");
        let followed = decide(&sampler, Some(&remote(true, "ot=th:8")), 1);
        assert!(sampled(&followed));
        assert_eq!(followed.attributes, [KeyValue::new(semconv::SAMPLING_ADJUSTED_COUNT, 2.0)]);
        assert!(!sampled(&decide(&sampler, Some(&remote(false, "")), 1)));
        let xray = remote(true, "").with_value(DecidedBy::Xray);
        assert_eq!(decide(&sampler, Some(&xray), 1).attributes, estimated());
    }

    #[test]
    fn who_decides_for_itself_drops_the_parents_threshold() {
        for (name, arg, own) in
            [("always_on", "", None), ("always_off", "", None), ("traceidratio", "0.5", Some("rv:01;th:8"))]
        {
            let parent = remote(true, "a=1,ot=th:ffffffffffffff;rv:01");
            let decided = decide(&sampler(name, arg), Some(&parent), u128::MAX);
            assert_eq!(decided.trace_state.get("ot"), Some(own.unwrap_or("rv:01")), "{name}");
            assert_eq!(decided.trace_state.get("a"), Some("1"), "{name}");
            let alone = decide(&sampler(name, arg), Some(&remote(true, "ot=th:f")), u128::MAX);
            assert_eq!(alone.trace_state.get("ot"), own.map(|_| "th:8"), "{name}");
        }
    }

    #[test]
    fn what_the_caller_leaves_open_is_decided_here() {
        let undecided = remote(false, "").with_value(DecidedBy::Nobody);
        assert!(sampled(&decide(&sampler("parentbased_always_on", ""), Some(&undecided), 1)));
        assert!(!sampled(&decide(&sampler("parentbased_always_off", ""), Some(&undecided), 1)));
    }

    #[test]
    fn always_on_asks_nobody() {
        assert!(sampled(&decide(&sampler("always_on", ""), Some(&remote(false, "")), 1)));
        assert!(!sampled(&decide(&sampler("always_off", ""), Some(&remote(true, "")), 1)));
    }

    #[test]
    fn a_forced_trace_is_kept_and_marked() {
        let forced = decide(&sampler("always_off", ""), Some(&Context::new().with_value(Forced)), 1);
        assert!(sampled(&forced));
        assert_eq!(forced.attributes, estimated());
    }

    #[test]
    fn what_is_no_sampler_is_refused() {
        for (name, arg) in [("sometimes", ""), ("traceidratio", "2"), ("traceidratio", "x"), ("jaeger_remote", "")] {
            assert!(TenantSampler::from_settings(name, arg, "booking-api").is_err(), "{name} {arg}");
        }
    }

    #[test]
    fn a_threshold_survives_its_text() {
        for probability in [1.0, 0.5, 0.25, 0.1, 0.000_001] {
            let threshold = Threshold::of(probability);
            assert_eq!(Threshold::parse(&threshold.text()), Some(threshold), "{probability}");
            assert!((threshold.adjusted_count() * probability - 1.0).abs() < 1e-6, "{probability}");
        }
        assert_eq!(Threshold::of(1.0).text(), "0");
        for text in ["", "g", "C", "000000000000000", "+1"] {
            assert_eq!(Threshold::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_reservoir_gives_so_many_a_second() {
        let (reservoir, start) = (Reservoir::new(2), Instant::now());
        let taken = |ms| reservoir.take(start + Duration::from_millis(ms));
        assert_eq!([taken(0), taken(1), taken(2), taken(999), taken(1000)], [true, true, false, false, true]);
    }
}
