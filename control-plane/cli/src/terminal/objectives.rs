//! Objectives, alerts and cost, as tables.

use std::fmt::Write;

use comfy_table::Cell;
use control_plane::{
    alerting::Alarm,
    api::{CostAnswer, SloAnswer, SloStatusLine},
    evaluator::Subject,
    text::{attained, cents, clock, count, duration, known, left, limit, objectives, percent, promised, spent, times},
};
use jiff::Timestamp;
use slo::{Budget, Evaluation, Objectives};

use super::screen::{Screen, at_fault, number};

const NANOSECONDS: i64 = 1_000_000_000;

/// How everybody fares: tiers first, then tenants, the worst first, with what of their objectives is violated, and since when there are
/// alerts.
pub(crate) fn slo(answer: &SloAnswer, alerts: &[Alarm], screen: &Screen) -> String {
    let mut table = screen.table([
        "subject",
        "tier",
        "promised",
        "alerts",
        "requests, 5 min",
        "failed, 5 min",
        "p99, 5 min",
        "burn rate, 1 h",
        "failure budget left, 30 days",
        "objectives missed",
    ]);
    for line in answer.groups.iter().chain(&answer.tenants) {
        let evaluation = &line.status.evaluation;
        table.add_row([
            Cell::new(subject(line)),
            Cell::new(&line.status.tier),
            Cell::new(objectives(&evaluation.objectives)),
            Cell::new(open(line, alerts)),
            number(count(evaluation.latest.requests)),
            at_fault(number(known(evaluation.latest.error_rate, percent)), line.hurt.failed > 0),
            at_fault(number(known(evaluation.latest.p99_ns, duration)), line.hurt.slow > 0),
            number(known(evaluation.burn[0].long, times)),
            at_fault(number(left(line.budget_left)), !evaluation.available()),
            Cell::new(violations(evaluation)),
        ]);
    }
    let table = screen.draw(table, &[0, 4, 5, 6, 7, 8], &[2, 7, 1, 4]);
    let violated = answer.tenants.iter().filter(|line| line.violated).count();
    let at = if answer.at == 0 { "not evaluated yet".to_owned() } else { clock(answer.at * NANOSECONDS) };
    let tenants = answer.tenants.len();
    let hurting = answer.hurting.as_ref().map(|hurting| format!("{}\n", hurting.text(answer.at))).unwrap_or_default();
    format!("{table}\n{hurting}{violated} of {tenants} tenants miss an objective; {at}\n{}\n", screen.link("/tenants"))
}

/// How many alerts of a tenant are open, and since when.
fn open(line: &SloStatusLine, alerts: &[Alarm]) -> String {
    let open = || {
        let of_tenant = alerts
            .iter()
            .map(|alarm| &alarm.alert)
            .filter(|alert| alert.scope.tenant() == line.status.subject.tenant());
        of_tenant.filter(|alert| alert.closed.is_none())
    };
    match open().map(|alert| alert.opened).min() {
        Some(opened) if line.alerts > 0 => {
            let opened =
                Timestamp::from_second(opened).map_or_else(|_| "–".into(), |at| at.strftime("%m-%d %H:%M").to_string());
            format!("{} since {opened} UTC", line.alerts)
        }
        _ if line.alerts > 0 => format!("{} open", line.alerts),
        _ => String::new(),
    }
}

/// Which objectives are violated, each with what was measured and what was promised; nothing where all are met.
fn violations(evaluation: &Evaluation) -> String {
    let Objectives { availability, latency } = &evaluation.objectives;
    let Budget { requests, failed, .. } = evaluation.budget;
    let failed = (!evaluation.available()).then(|| {
        let share = percent(evaluation.budget.burnt().unwrap_or_default() * availability.allowed());
        let allowed = promised(availability.allowed());
        format!("{share} failed in 30 days ({} of {}), {allowed} may", count(failed), count(requests))
    });
    let quick = evaluation.quick.filter(|_| !evaluation.quick_enough()).map(|quick| {
        let limit = limit(latency.within_ns());
        format!("{} within {limit} in 30 days, {} promised", attained(quick), promised(latency.target))
    });
    [failed, quick].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn subject(line: &SloStatusLine) -> String {
    match &line.status.subject {
        Subject::Tenant(tenant) => tenant.clone(),
        Subject::Tier(tier) if tier.is_empty() => "(no tier)".to_owned(),
        Subject::Tier(tier) => format!("(all {tier})"),
        Subject::All => "(everybody)".to_owned(),
    }
}

/// Alerts, a line each, and below them by their numbers where their traces are, and where it is said why they opened.
pub(crate) fn alerts(alerts: &[Alarm], screen: &Screen) -> String {
    let mut table = screen.table(["", "opened", "closed", "what"]);
    let mut links = String::new();
    for (index, alarm) in alerts.iter().enumerate() {
        let name = index + 1;
        let closed = alarm.alert.closed.map(|closed| Cell::new(clock(closed * NANOSECONDS)));
        let closed = closed.unwrap_or_else(|| at_fault(Cell::new("open"), true));
        let opened = Cell::new(clock(alarm.alert.opened * NANOSECONDS));
        table.add_row([number(name.to_string()), opened, closed, Cell::new(&alarm.summary)]);
        // Writing to a string does not fail.
        let (traces, why) = (screen.link(&alarm.traces), screen.link(&alarm.why()));
        let _ = writeln!(links, "\n{name}  {}\n   {traces}\n   Why: {why}", alarm.traces_title);
    }
    let table = screen.draw(table, &[0, 1, 2], &[]);
    let open = alerts.iter().filter(|alarm| alarm.alert.closed.is_none()).count();
    format!("{table}\n{open} open\n{links}")
}

/// Tenants of which it is said in a sentence why they are dear.
const EXPLAINED: usize = 5;

/// Who costs what: tenants, the dearest first; and why the dearest are dear; `page` shows the same.
pub(crate) fn cost(answer: &CostAnswer, page: &str, screen: &Screen) -> String {
    let report = &answer.report;
    let mut table = screen.table(["tenant", "tier", "requests", "share", "time", "share", "money"]);
    let mut lines: Vec<_> = report.tenants.iter().collect();
    lines.sort_by(|a, b| a.share.dearer_first(&b.share));
    for line in lines {
        let share = &line.share;
        table.add_row([
            Cell::new(
                line.tenant.clone().filter(|tenant| !tenant.is_empty()).unwrap_or_else(|| "(nobody known)".to_owned()),
            ),
            Cell::new(line.tier.clone().unwrap_or_default()),
            number(format!("{}{}", if share.estimated { "≈ " } else { "" }, count(share.requests))),
            number(percent(share.requests_share)),
            number(spent(share.seconds)),
            number(percent(share.seconds_share)),
            number(known(share.cents, cents)),
        ]);
    }
    let table = screen.draw(table, &[2, 3, 4, 5, 6], &[]);
    let total = &report.total;
    let currency = report.currency.as_deref().unwrap_or("(no prices)");
    let why = answer.dearest.iter().take(EXPLAINED);
    let why: String = why.map(|dearest| format!("{}: {}\n", dearest.dear.tenant, dearest.why)).collect();
    format!(
        "{table}\n{why}{} requests, {}, {} {currency} in all\n{}\n",
        count(total.requests),
        spent(total.seconds),
        known(total.cents, cents),
        screen.link(page)
    )
}

#[cfg(test)]
mod tests {
    use slo::{Alert, Condition, Scope};

    use super::*;

    #[test]
    fn an_alert_has_an_address_that_says_why() {
        let scope = Scope::Tenant { tenant: "cirrus".to_owned(), tier: "basic".to_owned() };
        let (condition, opened) = (Condition::ErrorRate, 1_800_000_000);
        let alert =
            Alert { scope, condition, value: 0.2, threshold: 0.01, requests: 9, failed: 4, opened, closed: None };
        let alarm = Alarm::new(alert, None);
        let told = alerts(std::slice::from_ref(&alarm), &Screen::new(None, false, "https://cp.example/"));
        assert!(told.contains(&format!("\n   Why: https://cp.example{}\n", alarm.why())), "{told}");
        assert!(told.contains(&format!("\n   https://cp.example{}\n", alarm.traces)), "{told}");
    }
}
