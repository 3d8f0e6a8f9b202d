//! What a response says about a quota: the headers `RateLimit` and `RateLimit-Policy`, and status 429 once the quota is used up.
//!
//! Headers and problem types are those of draft-ietf-httpapi-ratelimit-headers-11, of May 2026,
//! <https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/11/>. The headers (sections 3 and 4) are structured fields (RFC 9651), each
//! a list of quoted names with parameters. The types (section 5) are not registered before it is an RFC.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use lambda_problem::Problem;
use opentelemetry::{Context, KeyValue, trace::TraceContextExt};
use tenancy::Quota;
use tenant_telemetry::semconv;

use crate::{
    pool::Answer,
    source::{Nanos, SECOND},
};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// The problem types and their titles.
const QUOTA_EXCEEDED: (&str, &str) =
    ("https://iana.org/assignments/http-problem-types#quota-exceeded", "Quota Exceeded");
const REDUCED_CAPACITY: (&str, &str) =
    ("https://iana.org/assignments/http-problem-types#temporary-reduced-capacity", "Temporary Reduced Capacity");
/// The extension member that names the quotas.
const VIOLATED_POLICIES: &str = "violated-policies";
/// A caller who has to wait for longer than this gets a time that is later by up to this many seconds. Everybody's day begins at the same moment, and
/// not all callers should return then (section 8.5).
const SPREAD_OVER: u32 = 60;
/// The longest `Retry-After`, in seconds, while the store does not answer and a process refuses by its own limit.
const LONGEST_UNAVAILABLE: u32 = 5;

/// Which of a tenant's two quotas a response is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    Requests,
    Bookings,
}

impl Policy {
    fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Bookings => "bookings",
        }
    }

    /// The quota as a number and the seconds in which it is given. A bucket is stated by its size and the time in which it fills, rounded up; a
    /// bucket that fills more than once in a second, by what it gives in a second.
    fn of(self, quota: Quota) -> (u32, u32) {
        match self {
            Self::Requests => {
                let most = quota.burst().max(quota.requests_per_second());
                (most, most.div_ceil(quota.requests_per_second()))
            }
            Self::Bookings => (quota.bookings_per_day(), 24 * 60 * 60),
        }
    }

    fn problem(self, quota: Quota, seconds: u32) -> Problem {
        let plural = if seconds == 1 { "" } else { "s" };
        let (code, most, next) = match self {
            Self::Requests => (
                "requests_quota_exceeded",
                format!("{} requests a second", quota.requests_per_second()),
                format!("Try again in {seconds} second{plural}."),
            ),
            Self::Bookings => (
                "bookings_quota_exceeded",
                format!("{} bookings a day", quota.bookings_per_day()),
                "A new day begins at midnight, UTC.".to_owned(),
            ),
        };
        let detail = format!("Your company has used up its quota of {most}. {next}");
        Problem::new(StatusCode::TOO_MANY_REQUESTS, code, detail)
            .of_type(QUOTA_EXCEEDED.0, QUOTA_EXCEEDED.1)
            .with_member(VIOLATED_POLICIES, vec![self.name()])
            .with_retry_after(seconds)
    }

    /// The 503 while the store does not answer. The store is asked again every second, so `Retry-After` stays short.
    fn unavailable(self, seconds: u32) -> Problem {
        let detail = "Your company's quota cannot be checked at the moment. Try again in a few seconds.";
        Problem::unavailable("quota_unavailable", detail)
            .of_type(REDUCED_CAPACITY.0, REDUCED_CAPACITY.1)
            .with_member(VIOLATED_POLICIES, vec![self.name()])
            .with_retry_after(seconds.min(LONGEST_UNAVAILABLE))
    }
}

/// The two headers about one quota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QuotaHeaders([(HeaderName, HeaderValue); 2]);

impl QuotaHeaders {
    /// Makes the headers for `left` tokens. `seconds` says when there will be more, if there are none.
    fn new(policy: Policy, quota: Quota, left: u32, seconds: Option<u32>) -> Option<Self> {
        let (name, (most, within)) = (policy.name(), policy.of(quota));
        let left = left.min(most);
        let state = match seconds {
            Some(seconds) => format!("\"{name}\";r={left};t={seconds}"),
            None => format!("\"{name}\";r={left}"),
        };
        let policy = HeaderValue::try_from(format!("\"{name}\";q={most};w={within}")).ok()?;
        Some(Self([(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, HeaderValue::try_from(state).ok()?)]))
    }

    pub(crate) fn add_to(self, headers: &mut HeaderMap) {
        for (name, value) in self.0 {
            headers.append(name, value);
        }
    }

    pub(crate) fn add_to_problem(self, problem: Problem) -> Problem {
        self.0.into_iter().fold(problem, |problem, (name, value)| problem.with_header(name, value))
    }
}

/// Records the decision on the request's span and returns the headers for its caller. There are none where the store did not say how much is left.
///
/// # Errors
///
/// Returns 429 if the quota is used up, and 503 if this process refuses by its own limit, since that is no fault of the tenant's.
pub(crate) fn record_decision(
    policy: Policy,
    quota: Quota,
    answer: Answer,
    left: u32,
    now: Nanos,
) -> Result<Option<QuotaHeaders>, Problem> {
    let is_local = matches!(answer, Answer::AdmittedLocally | Answer::RefusedLocally { .. });
    if is_local {
        mark(semconv::QUOTA_LOCAL);
    }
    match answer {
        Answer::AdmittedLocally => Ok(None),
        Answer::Admitted { .. } | Answer::Lease(_) => Ok(QuotaHeaders::new(policy, quota, left, None)),
        Answer::RefusedLocally { until } => Err(policy.unavailable(seconds_until(until, now))),
        Answer::Refused { until } => {
            mark(semconv::QUOTA_EXCEEDED);
            let seconds = seconds_until(until, now);
            let problem = policy.problem(quota, seconds);
            Err(match QuotaHeaders::new(policy, quota, 0, Some(seconds)) {
                Some(told) => told.add_to_problem(problem),
                None => problem,
            })
        }
    }
}

/// The wait in whole seconds, at least one. A long wait is spread by the moment within the second at which the caller asks, which is random enough.
fn seconds_until(until: Nanos, now: Nanos) -> u32 {
    let seconds = u32::try_from(until.saturating_sub(now).div_ceil(SECOND)).unwrap_or(u32::MAX).max(1);
    let later = now % SECOND * Nanos::from(SPREAD_OVER) / SECOND;
    if seconds > SPREAD_OVER { seconds.saturating_add(later as u32) } else { seconds }
}

fn mark(name: &'static str) {
    Context::map_current(|cx| cx.span().set_attribute(KeyValue::new(name, true)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota() -> Quota {
        "20/50/1000".parse().unwrap()
    }

    fn headers(problem: Problem) -> HeaderMap {
        problem.into_response::<String>().into_parts().0.headers
    }

    #[test]
    fn an_answer_says_how_much_is_left() {
        let told =
            record_decision(Policy::Requests, quota(), Answer::Admitted { renew: None }, 70, 0).unwrap().unwrap();
        let mut headers = HeaderMap::new();
        told.add_to(&mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"requests\";q=50;w=3", "3 s rather than 2.5: not more than there is");
        assert_eq!(headers["ratelimit"], "\"requests\";r=50");
        assert_eq!(record_decision(Policy::Requests, quota(), Answer::AdmittedLocally, 0, 0), Ok(None));
    }

    #[test]
    fn a_refusal_says_which_quota_and_when_to_come_back() {
        let until = 2 * SECOND + 1;
        let problem = record_decision(Policy::Bookings, quota(), Answer::Refused { until }, 0, 0).unwrap_err();
        assert_eq!((problem.status().as_u16(), problem.code()), (429, "bookings_quota_exceeded"));
        let told = problem.to_string();
        assert!(told.ends_with("its quota of 1000 bookings a day. A new day begins at midnight, UTC."), "{told}");
        let of_requests =
            record_decision(Policy::Requests, quota(), Answer::Refused { until: 1 }, 0, 0).unwrap_err().to_string();
        assert!(of_requests.ends_with("its quota of 20 requests a second. Try again in 1 second."), "{of_requests}");
        let document: serde_json::Value =
            serde_json::from_str(&problem.clone().into_response::<String>().into_body()).unwrap();
        assert_eq!(document["type"], "https://iana.org/assignments/http-problem-types#quota-exceeded");
        assert_eq!(document["violated-policies"], serde_json::json!(["bookings"]));
        let headers = headers(problem);
        assert_eq!(headers["retry-after"], "3");
        assert_eq!(headers["ratelimit"], "\"bookings\";r=0;t=3", "the same time");
        assert_eq!(headers["ratelimit-policy"], "\"bookings\";q=1000;w=86400");
    }

    #[test]
    fn a_store_that_is_away_is_not_told_as_the_tenants_fault() {
        for (policy, until, retry_after) in
            [(Policy::Requests, SECOND / 3, "1"), (Policy::Bookings, 24 * 60 * 60 * SECOND, "5")]
        {
            let problem = record_decision(policy, quota(), Answer::RefusedLocally { until }, 0, 0).unwrap_err();
            assert_eq!((problem.status().as_u16(), problem.code()), (503, "quota_unavailable"));
            let headers = headers(problem);
            let all: Vec<_> = headers.get_all("retry-after").iter().collect();
            assert_eq!(all, [retry_after]);
            assert!(!headers.contains_key("ratelimit"), "{headers:?}");
        }
    }

    #[test]
    fn nobody_is_told_to_come_back_at_once() {
        assert_eq!((seconds_until(0, 5), seconds_until(SECOND / 10, 0)), (1, 1));
        assert_eq!(seconds_until(Nanos::MAX, 0), u32::MAX);
    }

    #[test]
    fn not_everybody_is_told_the_same_moment() {
        let midnight = 20_001 * 24 * 60 * 60 * SECOND;
        let told = |now: Nanos| now.div_ceil(SECOND) + Nanos::from(seconds_until(midnight, now)) - midnight / SECOND;
        let evening = midnight - 3_600 * SECOND;
        assert_eq!([0, SECOND / 2, SECOND - 1].map(|within| told(evening + within)), [0, 31, 60], "seconds after it");
        let soon = midnight - 60 * SECOND;
        assert_eq!([0, SECOND / 2].map(|within| told(soon + within)), [0, 1], "who is nearly there is told the moment");
    }
}
