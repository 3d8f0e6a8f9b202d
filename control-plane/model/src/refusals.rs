//! Who was turned away: requests that were answered with a 4xx once somebody had been verified. Whoever was refused before that is nobody, whatever
//! tenant their token names, and is not among them.

use serde::{Deserialize, Serialize};

use crate::{scope::Scope, trace::TraceId};

/// Traces that are named of each line.
pub const TRACES: usize = 3;

/// Traces of a refusal are sought among this many of its latest requests.
pub const TRACES_AMONG: usize = 64;

/// Lines that are told apart while a window is read; requests of further ones are counted, and in no line.
pub const MAX_LINES: usize = 50_000;

/// What follows from somebody's own act, and is no reason to be told of: a tenant was suspended, or its access lists changed.
pub const AS_DECIDED: [&str; 3] = ["tenant_suspended", "network_not_allowed", "user_not_allowed"];

/// Selects refused requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalQuery {
    /// Only requests that began at or after this, Unix seconds.
    pub from: i64,
    /// Only refusals before this time.
    pub to: i64,
    /// Only refusals of this tenant.
    pub tenant: Option<String>,
    /// Of one user, by `enduser.id`.
    pub user: Option<String>,
    /// Only refusals by this service.
    pub service: Option<String>,
    /// Only refusals for this reason; see [`RefusalLine::reason`].
    pub reason: Option<String>,
    /// How many lines the answer has at most.
    pub limit: usize,
}

impl RefusalQuery {
    /// Whose refusals are meant, as far as these eyes see them: one tenant's, or all of them; `None` if there is nothing to be seen.
    pub fn tenant_filter<'a>(&'a self, scope: &'a Scope) -> Option<Option<&'a str>> {
        let tenant = self.tenant.as_deref().or(scope.tenant());
        scope.sees(tenant).then_some(tenant)
    }
}

/// A line of the answer: requests of one user that one operation refused for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalLine {
    /// `tenant.id`.
    pub tenant: String,
    /// `enduser.id`, as far as spans tell it.
    pub user: Option<String>,
    /// The AWS account of the service, where spans say it.
    pub account: Option<String>,
    /// `service.name`.
    pub service: String,
    /// Name of the span, such as `GET /bookings/{number}`.
    pub operation: String,
    /// `http.response.status_code`.
    pub status: u16,
    /// `problem.code`; the status, of a service that says none.
    pub reason: String,
    /// How many spans tell of.
    pub requests: u64,
    /// When the first of them began, nanoseconds since 1970.
    pub first_unix_ns: i64,
    /// When the last did.
    pub last_unix_ns: i64,
    /// The traces of the latest of them, the newest first, [`TRACES`] at most: of very many in one trace it is that one alone, see [`TRACES_AMONG`].
    pub trace_ids: Vec<TraceId>,
}

/// The answer: the lines with the most requests, the most first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusals {
    /// The lines, at most as many as were asked for.
    pub lines: Vec<RefusalLine>,
    /// Requests of all lines, including the lines that are not listed.
    pub requests: u64,
    /// Whether there are more lines.
    pub more: bool,
}

impl Refusals {
    /// The first `limit` of these lines, in their order.
    pub fn first(limit: usize, mut lines: Vec<RefusalLine>) -> Self {
        let requests = lines.iter().map(|line| line.requests).sum();
        lines.sort_by(|a, b| b.rank().cmp(&a.rank()).then_with(|| a.name().cmp(&b.name())));
        let more = lines.len() > limit;
        lines.truncate(limit);
        Self { lines, requests, more }
    }
}

impl RefusalLine {
    fn rank(&self) -> (u64, i64) {
        (self.requests, self.last_unix_ns)
    }

    fn name(&self) -> impl Ord + '_ {
        let Self { tenant, user, account, service, operation, status, reason, .. } = self;
        (tenant, user, account, service, operation, status, reason)
    }
}
