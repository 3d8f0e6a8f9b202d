//! What "Why?" asks for, as two searches: the traces that are asked about, and those that they are set against.

use control_plane_analysis::Settings;
use control_plane_model::search::{Expression, Flag, NumberOf, quoted};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    api::query::{Conditions, one_of},
    problem::Problem,
    text::{clock, duration, readable},
    window::{self, Window, WindowQuery},
};

/// What `against` may be.
pub(crate) const AGAINST: [&str; 5] = ["ok", "quick", "tier", "before", "rest"];
const NANOSECONDS: i64 = 1_000_000_000;

/// The parameters of a comparison.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct WhyFilter {
    #[serde(flatten)]
    pub(crate) conditions: Conditions,
    /// One of [`AGAINST`].
    pub(crate) against: Option<String>,
    /// Before and after what.
    pub(crate) moment: Option<String>,
    #[serde(flatten)]
    pub(crate) window: WindowQuery,
}

/// One side.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SideQuery {
    /// The side in words: "failed requests of cirrus".
    pub(super) name: String,
    pub(super) expression: Option<String>,
    pub(super) window: Window,
}

/// Both sides.
#[derive(Debug)]
pub(super) struct Sides {
    pub(super) bad: SideQuery,
    pub(super) good: SideQuery,
    pub(super) settings: Settings,
}

/// What is known about the tenant besides the query.
#[derive(Debug, Clone, Default)]
pub(super) struct TenantFacts {
    pub(super) tier: Option<String>,
    /// Requests are slow from this many seconds on.
    pub(super) slow_from: f64,
}

impl WhyFilter {
    /// What the traces are set against: the quick ones where slow ones are asked about, else those that went well.
    pub(crate) fn against(&self) -> Result<&'static str, Problem> {
        let usual = if self.conditions.slower_than_ms.is_some() { "quick" } else { "ok" };
        Ok(one_of("against", &self.against, &AGAINST)?.unwrap_or(usual))
    }

    /// The window, in whole seconds.
    pub(super) fn window(&self, now: Timestamp) -> Result<Window, Problem> {
        self.window.resolve(now)?.query().resolve(now)
    }

    /// The two sides over a window.
    pub(super) fn sides(&self, window: Window, known: &TenantFacts) -> Result<Sides, Problem> {
        let conditions = &self.conditions;
        // What is wrong with any of them is told whatever is done with it.
        let all = conditions.expression()?;
        let sought = |name: String, expression: Option<String>| SideQuery { name, expression, window };
        let settings = |until_failure: bool| Settings { until_failure, ..Settings::default() };
        let requests = format!("requests{}", self.subject_phrase());
        match self.against()? {
            "quick" => {
                let others = Conditions { slower_than_ms: None, ..conditions.clone() }.expression()?;
                let (from, named) = (known.slow_from, duration(known.slow_from * 1e9));
                Ok(Sides {
                    bad: sought(
                        format!("{requests} slower than {named}"),
                        also(&others, &format!("duration > {from}")),
                    ),
                    good: sought("quicker ones".into(), also(&others, &format!("duration <= {from}"))),
                    settings: settings(false),
                })
            }
            "tier" => {
                let tenant = conditions.tenant.as_deref();
                let tenant = tenant.ok_or_else(|| {
                    Problem::bad_request("against=tier: name the tenant that is compared with its tier")
                })?;
                let tier = conditions.tier.as_deref().or(known.tier.as_deref());
                let tier = tier.ok_or_else(|| Problem::bad_request("tier: the tenant's tier is not known; name it"))?;
                let own = Conditions { tier: None, ..conditions.clone() }.expression()?;
                let others =
                    Conditions { tenant: None, tier: Some(tier.to_owned()), ..conditions.clone() }.expression()?;
                let not_own = format!("NOT annotation[tenant.id] = {}", quoted(tenant));
                Ok(Sides {
                    bad: sought(requests, own),
                    good: sought(format!("those of other tenants of {tier}"), also(&others, &not_own)),
                    // The comparison is by tier or tenant, so these attributes are left out of the findings.
                    settings: Settings {
                        until_failure: false,
                        passed_over: ["tenant.", "enduser.", "user."].map(str::to_owned).into(),
                    },
                })
            }
            "before" => {
                let (before, after) = self.before_and_after(window)?;
                let since = readable(&clock(after.from_ns));
                Ok(Sides {
                    bad: SideQuery {
                        name: format!("{requests} since {since} UTC"),
                        expression: all.clone(),
                        window: after,
                    },
                    good: SideQuery { name: "those before".into(), expression: all, window: before },
                    settings: settings(false),
                })
            }
            "rest" => {
                let narrowed = Conditions { filter: None, status: None, slower_than_ms: None, ..conditions.clone() };
                let about = Conditions { tenant: None, tier: None, service: None, account: None, ..conditions.clone() };
                let about = about.expression()?;
                let about = about.ok_or_else(|| {
                    Problem::bad_request("against=rest: say which traces by filter, status or slower_than_ms")
                })?;
                Ok(Sides {
                    bad: sought(format!("{requests} that match"), all),
                    good: sought("the others".into(), also(&narrowed.expression()?, &format!("NOT ({about})"))),
                    settings: settings(about.parse().is_ok_and(|about| is_of_failures(&about))),
                })
            }
            _ => {
                let status = conditions.status.as_deref().unwrap_or("fault");
                let named = match status {
                    "fault" => "failed",
                    "error" => "refused",
                    "throttle" => "throttled",
                    _ => {
                        return Err(Problem::bad_request(
                            "status: successful requests are compared with fault, error or throttle",
                        ));
                    }
                };
                let others = Conditions { status: None, ..conditions.clone() }.expression()?;
                Ok(Sides {
                    bad: sought(format!("{named} {requests}"), also(&others, status)),
                    good: sought("those that went well".into(), also(&others, "ok")),
                    settings: settings(true),
                })
            }
        }
    }

    /// The tenant, tier and service as the end of a phrase.
    fn subject_phrase(&self) -> String {
        let Conditions { tenant, tier, service, .. } = &self.conditions;
        let of = match (tenant, tier) {
            (Some(tenant), _) => format!(" of {tenant}"),
            (None, Some(tier)) => format!(" of {tier} tenants"),
            (None, None) => String::new(),
        };
        format!("{of}{}", service.as_ref().map(|service| format!(" through {service}")).unwrap_or_default())
    }

    /// The window in two; without a moment, the window and the same length of time before it.
    fn before_and_after(&self, window: Window) -> Result<(Window, Window), Problem> {
        let Some(moment) = &self.moment else { return Ok((window.moved(-1.0), window)) };
        let at = window::moment("moment", moment)?.div_euclid(NANOSECONDS) * NANOSECONDS;
        if at <= window.from_ns || at >= window.to_ns {
            return Err(Problem::bad_request("moment: it must be within the window"));
        }
        Ok((Window { to_ns: at, ..window }, Window { from_ns: at, ..window }))
    }
}

/// An expression that demands one thing more.
fn also(expression: &Option<String>, more: &str) -> Option<String> {
    Some(expression.as_ref().map_or_else(|| more.to_owned(), |expression| format!("({expression}) AND {more}")))
}

/// Whether an expression asks which requests failed.
fn is_of_failures(expression: &Expression) -> bool {
    asks(expression, |part| match part {
        Expression::Is(flag) => *flag != Flag::Partial,
        Expression::Number(of, ..) => *of == NumberOf::HttpStatus,
        _ => false,
    })
}

/// Whether an expression asks how requests went: which failed, or how long they took.
pub(crate) fn is_of_outcomes(expression: &Expression) -> bool {
    is_of_failures(expression) || asks(expression, |part| matches!(part, Expression::Number(..)))
}

/// Whether a part of an expression is such a one.
fn asks(expression: &Expression, is: impl Fn(&Expression) -> bool + Copy) -> bool {
    is(expression)
        || match expression {
            Expression::And(parts) | Expression::Or(parts) => parts.iter().any(|part| asks(part, is)),
            Expression::Not(inner) => asks(inner, is),
            Expression::Service(_, inner) | Expression::Edge(_, _, inner) => {
                inner.as_deref().is_some_and(|inner| asks(inner, is))
            }
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(query: &str) -> WhyFilter {
        serde_urlencoded::from_str(query).unwrap()
    }

    /// The expressions of both sides, or the problem.
    fn asked(query: &str) -> (String, String) {
        let filter = filter(query);
        let known = TenantFacts { tier: Some("standard".into()), slow_from: 0.5 };
        match filter
            .window(Timestamp::from_second(1_800_000_000).unwrap())
            .and_then(|window| filter.sides(window, &known))
        {
            Ok(sides) => {
                let expression = |side: &SideQuery| side.expression.clone().unwrap_or_default();
                for side in [&sides.bad, &sides.good] {
                    assert!(side.expression.as_ref().is_none_or(|text| text.parse::<Expression>().is_ok()), "{side:?}");
                }
                (expression(&sides.bad), expression(&sides.good))
            }
            Err(problem) => (problem.detail, String::new()),
        }
    }

    #[test]
    fn each_side_is_a_search() {
        let whose = "annotation[tenant.id] = \"cirrus\"";
        let tier = "annotation[tenant.tier] = \"standard\"";
        for (query, bad, good) in [
            ("", "fault".to_owned(), "ok".to_owned()),
            ("tenant=cirrus", format!("({whose}) AND fault"), format!("({whose}) AND ok")),
            ("tenant=cirrus&status=throttle", format!("({whose}) AND throttle"), format!("({whose}) AND ok")),
            ("slower_than_ms=500", "duration > 0.5".into(), "duration <= 0.5".into()),
            (
                "filter=fault+OR+error&against=quick",
                "(fault OR error) AND duration > 0.5".into(),
                "(fault OR error) AND duration <= 0.5".into(),
            ),
            ("tenant=cirrus&against=tier", whose.to_owned(), format!("({tier}) AND NOT {whose}")),
            ("tenant=cirrus&against=before&moment=1799998000", whose.to_owned(), whose.to_owned()),
            (
                "tenant=cirrus&filter=fault+OR+error&against=rest",
                format!("(fault OR error) AND {whose}"),
                format!("({whose}) AND NOT (fault OR error)"),
            ),
        ] {
            assert_eq!(asked(query), (bad, good), "{query}");
        }
    }

    #[test]
    fn what_cannot_be_compared_is_told() {
        for (query, problem) in [
            ("against=tier", "against=tier: name the tenant"),
            ("against=rest&tenant=cirrus", "against=rest: say which"),
            ("against=all", "against: one of"),
            ("status=ok", "status: successful requests"),
            ("against=before&moment=soon", "moment: \"soon\" is neither"),
            ("against=before&moment=2000", "moment: it must be within the window"),
            ("filter=fault+AND", "filter expression, column 10"),
        ] {
            assert!(asked(query).0.starts_with(problem), "{query}: {}", asked(query).0);
        }
    }

    #[test]
    fn before_is_another_window() {
        let sides = |query: &str| {
            let filter = filter(query);
            let window = filter.window(Timestamp::from_second(1_800_000_000).unwrap()).unwrap();
            let sides = filter.sides(window, &TenantFacts::default()).unwrap();
            [sides.good.window, sides.bad.window].map(|window| window.seconds())
        };
        assert_eq!(sides("against=before&from=1000&to=2000&moment=1500"), [(1000, 1500), (1500, 2000)]);
        assert_eq!(sides("against=before&from=1000&to=2000"), [(0, 1000), (1000, 2000)]);
        assert_eq!(sides("from=1000&to=2000"), [(1000, 2000), (1000, 2000)]);
    }
}
