//! Which traces are kept, and what one kept trace stands for.
//!
//! The probability of a decision made here rides in `tracestate` as OpenTelemetry's consistent-probability threshold
//! (`ot=th:…`, <https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/>) and on the span as
//! `sampling.adjusted_count`, so that counts can be scaled back. Where no probability is known — a reservoir, a trace forced by
//! a header, a decision X-Ray made — the span says `sampling.estimated`.

mod forced;
mod threshold;
mod xray;

use lambda_http_client::Roots;
use opentelemetry::{
    Context, KeyValue,
    trace::{Link, SpanKind, TraceContextExt, TraceId, TraceState},
};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};
use xray_sampler::{By, Sampler, Threshold};

pub(super) use self::forced::{Forced, Reservoir};
use self::threshold::{in_state, with_threshold};
use super::semconv;

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

/// How the root of a trace is decided.
#[derive(Debug, Clone, Default)]
enum Root {
    #[default]
    On,
    Off,
    Ratio(Threshold),
    /// X-Ray's sampling rules decide.
    Xray(Sampler),
}

/// The sampler of `OTEL_TRACES_SAMPLER`.
#[derive(Debug, Clone, Default)]
pub(super) struct TenantSampler {
    root: Root,
    follows_parent: bool,
    service_name: String,
}

impl TenantSampler {
    /// The standard names; `parentbased_always_on` where there is none. And `xray`, which follows parents too; its argument is
    /// `endpoint=<URL>` of whatever passes the two calls on to X-Ray, `http://127.0.0.1:2000` where there is none.
    pub(super) fn from_settings(name: &str, arg: &str, service_name: &str, roots: Roots) -> Result<Self, String> {
        let unusable = || format!("OTEL_TRACES_SAMPLER={name:?} with OTEL_TRACES_SAMPLER_ARG={arg:?} is no sampler");
        let ratio = || match arg {
            "" => Ok(1.0),
            arg => arg.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio)).ok_or_else(unusable),
        };
        let name = if name.is_empty() { "parentbased_always_on" } else { name };
        let root = match name.trim_start_matches("parentbased_") {
            "always_on" => Root::On,
            "always_off" => Root::Off,
            "traceidratio" => Root::Ratio(Threshold::of(ratio()?)),
            "xray" => Root::Xray(xray::sampler(arg, roots)),
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
                let attributes = match in_state(&state) {
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
                    result(threshold.admits(trace_id), with_threshold(&state, Some(*threshold)), weighing(*threshold))
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
                            result(decision.sampled, with_threshold(&state, Some(threshold)), weighing(threshold))
                        }
                        By::Reservoir | By::Borrowed => result(decision.sampled, own(), estimated()),
                    }
                }
            },
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
        TenantSampler::from_settings(name, arg, "booking-api", Roots::Amazon).unwrap()
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
            assert!(TenantSampler::from_settings(name, arg, "booking-api", Roots::Amazon).is_err(), "{name} {arg}");
        }
    }
}
