//! Five minutes more of everybody, and what they change. Pure: what is remembered goes in, and what is to be stored comes out.

use std::collections::BTreeMap;

use slo::{Evaluation, Observation};

use crate::{
    answer::Requests,
    error::Error,
    notice::Notice,
    record::{Head, Known, Versioned},
    settings::{Place, Rules},
    slices::SLOT,
};

/// Every tenant that was heard of, by name.
pub type Tenants = BTreeMap<String, Versioned<Known>>;

/// What five minutes brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// Tenants whose past is to be stored.
    pub changed: Vec<String>,
    /// Requests, the canary's among them.
    pub requests: u64,
    /// Tenants that were promised nothing, because their tier is not known; they are not evaluated.
    pub unpromised: usize,
}

/// Feeds the five minutes that begin at `slot` and judges everybody at their end. What is to be told is added to
/// [`Head::untold`].
///
/// A run that ended between storing tenants and storing the head has left some tenants five minutes ahead of it. They are not fed
/// again, and are judged as the others are: their past ends where it should.
pub fn close(
    head: &mut Head,
    tenants: &mut Tenants,
    requests: Option<&BTreeMap<String, Requests>>,
    slot: i64,
    rules: &Rules,
    place: &Place,
) -> Result<Step, Error> {
    let end = slot + SLOT;
    let mut step = Step::default();
    for (tenant, of_tenant) in requests.into_iter().flatten() {
        step.requests += of_tenant.cell.requests;
        let tier = of_tenant.tier();
        let Some(objectives) = rules.definitions.of(Some(tenant), tier) else {
            step.unpromised += 1;
            continue;
        };
        let known = &mut tenants.entry(tenant.clone()).or_default().value;
        if known.fed < end {
            known.state.feed(&of_tenant.cell, &objectives)?;
            known.fed = end;
            known.tier = tier.to_owned();
            step.changed.push(tenant.clone());
        }
    }

    let evaluations = evaluate(tenants, end, rules);
    let observations: Vec<Observation<'_>> =
        evaluations.iter().map(|(tenant, (tier, evaluation))| Observation { tenant, tier, evaluation }).collect();
    for alert in head.alerts.pass(end, &observations, &rules.policy) {
        let of = alert.scope.tenant().and_then(|tenant| evaluations.get(tenant));
        let evaluation = of.map(|(_, evaluation)| *evaluation);
        head.untold.push(Notice::new(alert, evaluation, place));
    }
    head.evaluated = Some(end);
    Ok(step)
}

/// Everybody's numbers, also of those who had no requests.
fn evaluate<'a>(tenants: &'a Tenants, at: i64, rules: &Rules) -> BTreeMap<&'a str, (&'a str, Evaluation)> {
    let evaluated = tenants.iter().filter_map(|(tenant, known)| {
        let known = &known.value;
        let objectives = rules.definitions.of(Some(tenant), &known.tier)?;
        Some((tenant.as_str(), (known.tier.as_str(), known.state.evaluate(&objectives, at))))
    });
    evaluated.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        answer::{Answer, Cells},
        notice::Event,
        slices::Slice,
    };

    const BEGIN: i64 = 1_790_000_100;

    fn place() -> Place {
        Place { partition: "aws".to_owned(), region: "eu-west-1".to_owned() }
    }

    /// An answer about one tenant: so many requests of 100 ms, of which so many failed.
    fn cells(slot: i64, tenant: &str, tier: &str, requests: u64, failed: u64) -> Cells {
        let fields = [
            ("slot", slot.to_string()),
            ("tenant", tenant.to_owned()),
            ("tier", tier.to_owned()),
            ("latency", "212".to_owned()),
            ("estimated", "0".to_owned()),
            ("requests", requests.to_string()),
            ("records", requests.to_string()),
            ("failures", failed.to_string()),
            ("duration_ns", (requests * 100_000_000).to_string()),
            ("weights", requests.to_string()),
            ("weighted_failures", failed.to_string()),
            ("weighted_duration_ns", (requests * 100_000_000).to_string()),
        ];
        let row = fields.map(|(field, value)| (field.to_owned(), value)).to_vec();
        let mut cells = Cells::default();
        cells.add(Slice { from: slot, to: slot + SLOT }, &Answer { rows: vec![row], matched: None }).unwrap();
        cells
    }

    fn step(head: &mut Head, tenants: &mut Tenants, slot: i64, cells: &Cells) -> Step {
        let rules = Rules::compiled(Some("canary")).unwrap();
        close(head, tenants, cells.slot(slot), slot, &rules, &place()).unwrap()
    }

    #[test]
    fn a_failing_tenant_is_told_of_once_until_it_is_well_for_half_an_hour() {
        let (mut head, mut tenants) = (Head::default(), Tenants::new());
        let mut told = Vec::new();
        for index in 0..30 {
            let slot = BEGIN + index * SLOT;
            let failed = if (10..14).contains(&index) { 20 } else { 0 };
            let step = step(&mut head, &mut tenants, slot, &cells(slot, "acme", "basic", 400, failed));
            assert_eq!((step.changed, step.requests), (vec!["acme".to_owned()], 400));
            assert_eq!(head.evaluated, Some(slot + SLOT));
            told.extend(
                head.untold
                    .drain(..)
                    .filter(|notice| notice.id.starts_with("error_rate"))
                    .map(|notice| (index, notice)),
            );
        }
        let [(11, opened), (19, closed)] = &told[..] else { panic!("{told:?}") };
        assert_eq!((opened.event, closed.event), (Event::Opened, Event::Closed));
        assert_eq!((opened.alert.requests, opened.alert.failed), (400, 20));
        assert_eq!(opened.evaluation.unwrap().latest.error_rate, Some(0.05));
    }

    #[test]
    fn nobody_is_told_of_the_canary_or_of_a_tier_that_is_not_known() {
        let (mut head, mut tenants) = (Head::default(), Tenants::new());
        for index in 0..10 {
            let slot = BEGIN + index * SLOT;
            step(&mut head, &mut tenants, slot, &cells(slot, "canary", "basic", 400, 400));
        }
        let unknown =
            step(&mut head, &mut tenants, BEGIN + 10 * SLOT, &cells(BEGIN + 10 * SLOT, "acme", "gold", 400, 400));
        assert_eq!((unknown.unpromised, unknown.changed.len()), (1, 0));
        assert!(head.untold.is_empty());
        assert_eq!(tenants.len(), 1);
    }

    #[test]
    fn a_run_cut_off_after_some_tenants_is_made_up_for() {
        let (mut head, mut tenants) = (Head::default(), Tenants::new());
        let first = cells(BEGIN, "acme", "basic", 400, 20);
        step(&mut head, &mut tenants, BEGIN, &first);
        let second = cells(BEGIN + SLOT, "acme", "basic", 400, 20);
        let before = head.clone();
        step(&mut head, &mut tenants, BEGIN + SLOT, &second);
        let (whole, told) = (tenants.clone(), head.clone());
        assert!(!told.untold.is_empty());

        // The tenant was stored, the head was not; another query may have found more spans by now.
        head = before;
        let late = cells(BEGIN + SLOT, "acme", "basic", 401, 20);
        let again = step(&mut head, &mut tenants, BEGIN + SLOT, &late);
        assert!(again.changed.is_empty());
        assert_eq!((head, tenants), (told, whole));
    }

    #[test]
    fn quiet_minutes_are_judged_too() {
        let (mut head, mut tenants) = (Head::default(), Tenants::new());
        step(&mut head, &mut tenants, BEGIN, &cells(BEGIN, "acme", "basic", 400, 0));
        let step = step(&mut head, &mut tenants, BEGIN + SLOT, &Cells::default());
        assert_eq!((step, head.evaluated), (Step::default(), Some(BEGIN + 2 * SLOT)));
    }
}
