//! A month of 1,000 tenants in which twenty things go wrong: each is found, and hardly anything else.
#![expect(clippy::print_stdout, reason = "the table is for docs")]

mod simulation;

use std::time::Instant;

use simulation::{
    BEGIN, DAY, HOUR, SLOT,
    incidents::{self, Incident},
    tenant::{Shape, Tenant},
};
use slo::{Alert, Alerts, Condition, Evaluation, Observation, Policy, Scope};

const TENANTS: usize = 1_000;
const DAYS: i64 = 30;
const SEED: u64 = 20_260_101;
/// Has an outage of its own and is excluded.
const CANARY: usize = 30_000;
/// Alerts that open so long after an incident's end still belong to it: the longest window of a burn rate.
const AFTERMATH: i64 = 6 * HOUR;

fn tenants(incidents: &[Incident]) -> Vec<Tenant> {
    let mut tenants: Vec<Tenant> = (0..TENANTS).map(|rank| Tenant::new(rank, SEED)).collect();
    // Half a request in five minutes.
    tenants[976].rate = 0.5;
    for incident in incidents {
        match incident.tenant {
            // First, as what is counted.
            Some(rank) => tenants[rank].wrong.insert(0, incident.wrong),
            None => tenants
                .iter_mut()
                .enumerate()
                .for_each(|(rank, tenant)| tenant.wrong.push(incident.wrong.later(incidents::rollout(rank)))),
        }
    }
    let mut canary = Tenant::new(CANARY, SEED);
    canary.rate = 60.0;
    canary
        .wrong
        .extend(incidents.iter().filter(|incident| incident.tenant == Some(960)).map(|incident| incident.wrong));
    tenants.push(canary);
    tenants
}

/// Evaluations of an hour: by slot, of each tenant.
fn live(tenants: &mut [Tenant], hour: i64, shapes: &[Shape; 3]) -> Vec<Vec<Evaluation>> {
    (0..HOUR / SLOT)
        .map(|slot| tenants.iter_mut().map(|tenant| tenant.live(hour + slot * SLOT, shapes)).collect())
        .collect()
}

/// Whether an alert is of an incident: of its tenant and in its time, or as long as the budget remembers.
fn of(incident: &Incident, alert: &Alert, tenants: &[Tenant]) -> bool {
    let remembered = if alert.condition == Condition::Budget { DAYS * DAY } else { AFTERMATH };
    let in_time = alert.opened > incident.wrong.start && alert.opened <= incident.wrong.end + remembered;
    let of_tenant = match (&alert.scope, incident.tenant) {
        (Scope::Tenant { tenant, .. }, Some(rank)) => *tenant == tenants[rank].name,
        (Scope::AllTenants { .. }, None) => true,
        _ => false,
    };
    in_time && of_tenant
}

fn minutes(seconds: i64) -> String {
    match seconds / 60 {
        minutes if minutes < 120 => format!("{minutes} min"),
        minutes if minutes < 2_880 => format!("{:.1} h", minutes as f64 / 60.0),
        minutes => format!("{:.1} d", minutes as f64 / 1_440.0),
    }
}

/// Alerts that opened in the month, in order.
fn simulate(tenants: &mut [Tenant], policy: &Policy) -> Vec<Alert> {
    let began = Instant::now();
    let shapes = Shape::all();
    let (mut alerts, mut opened, mut requests) = (Alerts::new(), Vec::new(), 0);
    for hour in (BEGIN..BEGIN + DAYS * DAY).step_by(HOUR as usize) {
        // Two threads; the tenants with much traffic are more work.
        let (loud, quiet) = tenants.split_at_mut(2 * TENANTS / 5);
        let (loud, quiet) = std::thread::scope(|scope| {
            let quiet = scope.spawn(|| live(quiet, hour, &shapes));
            let loud = live(loud, hour, &shapes);
            (loud, quiet.join().unwrap_or_default())
        });
        assert_eq!(loud.len(), quiet.len());
        for (slot, (loud, quiet)) in loud.iter().zip(&quiet).enumerate() {
            let observations: Vec<Observation<'_>> = tenants
                .iter()
                .zip(loud.iter().chain(quiet))
                .map(|(tenant, evaluation)| Observation { tenant: &tenant.name, tier: tenant.tier, evaluation })
                .collect();
            requests += observations.iter().map(|observation| observation.evaluation.latest.requests).sum::<u64>();
            let at = hour + (slot as i64 + 1) * SLOT;
            opened.extend(alerts.pass(at, &observations, policy).into_iter().filter(|alert| alert.closed.is_none()));
        }
    }
    println!("{requests} requests of {TENANTS} tenants in {DAYS} days, {:.1} s", began.elapsed().as_secs_f64());
    opened
}

#[test]
fn every_incident_is_found_and_hardly_anything_else() {
    let incidents = incidents::all();
    assert_eq!(incidents.len(), 20);
    let mut tenants = tenants(&incidents);
    let canary = tenants[TENANTS].name.clone();
    let policy = Policy { excluded: [canary.clone()].into(), ..Policy::default() };
    let opened = simulate(&mut tenants, &policy);

    println!("| incident | tenant | tier | requests/5 min | requests hit | found by | after | alerts |");
    println!("|---|---|---|--:|--:|---|--:|--:|");
    let mut missed = 0;
    for incident in &incidents {
        let found: Vec<&Alert> = opened.iter().filter(|alert| of(incident, alert, &tenants)).collect();
        let whom = match incident.tenant.map(|rank| &tenants[rank]) {
            Some(tenant) => format!("{} | {} | {:.1} | {}", tenant.name, tenant.tier, tenant.rate, tenant.hit),
            None => "all | all | | ".to_owned(),
        };
        let (by, after) = match found.first() {
            Some(first) => (format!("{:?}", first.condition), minutes(first.opened - incident.wrong.start)),
            None => ("MISSED".to_owned(), String::new()),
        };
        missed += usize::from(found.is_empty());
        println!("| {} | {whom} | {by} | {after} | {} |", incident.what, found.len());
    }
    let mistaken: Vec<&Alert> =
        opened.iter().filter(|alert| !incidents.iter().any(|incident| of(incident, alert, &tenants))).collect();
    println!("{} alerts opened, {} of them false", opened.len(), mistaken.len());
    mistaken.iter().for_each(|alert| println!("false: {alert:?}"));

    assert_eq!(missed, 0, "incidents that were not found");
    assert!(mistaken.len() <= 2, "{} false alerts", mistaken.len());
    let of_canary = |alert: &&Alert| matches!(&alert.scope, Scope::Tenant { tenant, .. } if *tenant == canary);
    assert_eq!(opened.iter().find(of_canary), None);
}
