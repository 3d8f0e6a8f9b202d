//! The threshold of a trace, as `tracestate` carries it.

use opentelemetry::trace::TraceState;
use xray_sampler::Threshold;

use crate::tracestate::OPENTELEMETRY;

/// The threshold in a `tracestate`.
pub(super) fn in_state(state: &TraceState) -> Option<Threshold> {
    let members = state.get(OPENTELEMETRY)?.split(';');
    members
        .filter_map(|member| member.split_once(':'))
        .find(|(key, _)| *key == "th")
        .and_then(|(_, th)| th.parse().ok())
}

/// The state with this threshold in place of any other, or with none: whoever decides for itself says nothing of another's odds.
pub(super) fn with_threshold(state: &TraceState, threshold: Option<Threshold>) -> TraceState {
    let Some(member) = state.get(OPENTELEMETRY).or(threshold.map(|_| "")) else { return state.clone() };
    let others = member.split(';').filter(|field| !field.is_empty() && !field.starts_with("th:")).map(str::to_owned);
    let fields: Vec<_> = others.chain(threshold.map(|threshold| format!("th:{threshold}"))).collect();
    let changed =
        if fields.is_empty() { state.delete(OPENTELEMETRY) } else { state.insert(OPENTELEMETRY, fields.join(";")) };
    changed.unwrap_or_default()
}
