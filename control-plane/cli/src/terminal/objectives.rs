//! Objectives, alerts and cost, as tables.

use comfy_table::Cell;
use control_plane::{
    alerting::Alarm,
    api::{FareLine, SloAnswer},
    evaluator::Whose,
    text::{attained, clock, duration, known, percent, promised},
};
use slo::{CostReport, Objectives};

use super::lists::{number, table};

const NANOSECONDS: i64 = 1_000_000_000;

/// How everybody fares: tiers first, then tenants, the worst first.
pub(crate) fn slo(answer: &SloAnswer) -> String {
    let mut table = table([
        "whose",
        "tier",
        "promised",
        "objectives",
        "alerts",
        "requests 5 min",
        "failed 5 min",
        "p99 5 min",
        "burn 1 h",
        "budget left 30 d",
    ]);
    for line in answer.groups.iter().chain(&answer.tenants) {
        let evaluation = &line.fare.evaluation;
        table.add_row([
            Cell::new(whose(line)),
            Cell::new(&line.fare.tier),
            Cell::new(objectives(&evaluation.objectives)),
            Cell::new(if line.violated { "violated" } else { "met" }),
            Cell::new(if line.alerts > 0 { format!("{} open", line.alerts) } else { String::new() }),
            number(evaluation.latest.requests.to_string()),
            number(known(evaluation.latest.error_rate, percent)),
            number(known(evaluation.latest.p99_ns, duration)),
            number(known(evaluation.burn[0].long, |burn| format!("{burn:.1}"))),
            number(if line.budget_left < 0.0 {
                format!("-{}", percent(-line.budget_left))
            } else {
                attained(line.budget_left)
            }),
        ]);
    }
    let violated = answer.tenants.iter().filter(|line| line.violated).count();
    let at = if answer.at == 0 { "not evaluated yet".to_owned() } else { clock(answer.at * NANOSECONDS) };
    format!("{table}\n{violated} of {} tenants beyond an objective; {at}\n", answer.tenants.len())
}

fn whose(line: &FareLine) -> String {
    match &line.fare.whose {
        Whose::Tenant(tenant) => tenant.clone(),
        Whose::Tier(tier) if tier.is_empty() => "(no tier)".to_owned(),
        Whose::Tier(tier) => format!("(all {tier})"),
        Whose::All => "(everybody)".to_owned(),
    }
}

/// What was promised, as it was written.
fn objectives(Objectives { availability, latency }: &Objectives) -> String {
    format!("{}, {} within {}", promised(availability.target), promised(latency.target), duration(latency.within_ns()))
}

/// Alerts, a line each.
pub(crate) fn alerts(alerts: &[Alarm]) -> String {
    let mut table = table(["opened", "closed", "what", "traces"]);
    for alarm in alerts {
        let closed = alarm.alert.closed.map_or_else(|| "open".to_owned(), |closed| clock(closed * NANOSECONDS));
        let opened = clock(alarm.alert.opened * NANOSECONDS);
        table.add_row([opened, closed, alarm.summary.clone(), format!("{}\n{}", alarm.traces_title, alarm.traces)]);
    }
    format!("{table}\n{} open\n", alerts.iter().filter(|alarm| alarm.alert.closed.is_none()).count())
}

/// Who costs what: tenants, the most first.
pub(crate) fn cost(report: &CostReport) -> String {
    let mut table = table(["tenant", "tier", "requests", "share", "time", "share", "money"]);
    let mut lines: Vec<_> = report.tenants.iter().collect();
    lines.sort_by(|a, b| b.share.seconds.total_cmp(&a.share.seconds));
    let money = |cents| known(cents, |cents: u64| format!("{}.{:02}", cents / 100, cents % 100));
    for line in lines {
        let share = &line.share;
        table.add_row([
            Cell::new(
                line.tenant.clone().filter(|tenant| !tenant.is_empty()).unwrap_or_else(|| "(nobody known)".to_owned()),
            ),
            Cell::new(line.tier.clone().unwrap_or_default()),
            number(format!("{}{:.0}", if share.estimated { "≈ " } else { "" }, share.requests)),
            number(percent(share.requests_share)),
            number(format!("{:.1} s", share.seconds)),
            number(percent(share.seconds_share)),
            number(money(share.cents)),
        ]);
    }
    let total = &report.total;
    let currency = report.currency.as_deref().unwrap_or("(no prices)");
    format!(
        "{table}\n{:.0} requests, {:.1} s, {} {currency} in all\n",
        total.requests,
        total.seconds,
        money(total.cents)
    )
}
