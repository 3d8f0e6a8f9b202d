//! What five minutes brought to everybody's past. Pure: what is remembered goes in, and what is to be stored comes out.

use std::collections::BTreeMap;

use slo::{Definitions, Subject, Watch};

use crate::{answer::Requests, error::Error};

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

/// Feeds the five minutes that end at `end`.
///
/// A run that ended between storing tenants and storing the head has left some tenants five minutes ahead of it. They are not fed
/// again, and are judged as the others are: their past ends where it should.
pub fn feed(
    watch: &mut Watch,
    requests: Option<&BTreeMap<String, Requests>>,
    end: i64,
    definitions: &Definitions,
) -> Result<Step, Error> {
    let mut step = Step::default();
    for (tenant, of_tenant) in requests.into_iter().flatten() {
        step.requests += of_tenant.cell.requests;
        let (subject, tier) = (Subject::Tenant(tenant.clone()), of_tenant.tier());
        if definitions.of(Some(tenant), tier).is_none() {
            step.unpromised += 1;
        } else if watch.known.get(&subject).is_none_or(|known| known.fed < end) {
            watch.feed(subject, tier, &of_tenant.cell, definitions)?;
            step.changed.push(tenant.clone());
        }
    }
    Ok(step)
}

#[cfg(test)]
mod tests {
    use slo::{Alert, Evaluation, Rules, SLOT};

    use super::*;
    use crate::{
        answer::{Answer, Cells},
        slices::Slice,
    };

    const BEGIN: i64 = 1_790_000_100;

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

    fn step(watch: &mut Watch, slot: i64, cells: &Cells) -> (Step, Vec<(Alert, Option<Evaluation>)>) {
        let rules = Rules::new(Definitions::compiled().unwrap(), Some("canary".to_owned()));
        let step = feed(watch, cells.slot(slot), slot + SLOT, &rules.definitions).unwrap();
        (step, watch.close(slot + SLOT, &rules).1)
    }

    #[test]
    fn a_failing_tenant_is_told_of_once_until_it_is_well_for_half_an_hour() {
        let mut watch = Watch::default();
        let mut told = Vec::new();
        for index in 0..30 {
            let slot = BEGIN + index * SLOT;
            let failed = if (10..14).contains(&index) { 20 } else { 0 };
            let (step, changed) = step(&mut watch, slot, &cells(slot, "acme", "basic", 400, failed));
            assert_eq!((step.changed, step.requests), (vec!["acme".to_owned()], 400));
            assert_eq!(watch.judged, Some(slot + SLOT));
            let error_rates = changed.into_iter().filter(|(alert, _)| alert.id().starts_with("error_rate"));
            told.extend(error_rates.map(|(alert, evaluation)| (index, alert, evaluation)));
        }
        let [(11, opened, evaluation), (19, closed, _)] = &told[..] else { panic!("{told:?}") };
        assert_eq!((opened.closed, closed.closed), (None, Some(BEGIN + 20 * SLOT)));
        assert_eq!((opened.requests, opened.failed), (400, 20));
        assert_eq!(evaluation.unwrap().latest.error_rate, Some(0.05));
    }

    #[test]
    fn nobody_is_told_of_the_canary_or_of_a_tier_that_is_not_known() {
        let mut watch = Watch::default();
        for index in 0..10 {
            let slot = BEGIN + index * SLOT;
            assert!(step(&mut watch, slot, &cells(slot, "canary", "basic", 400, 400)).1.is_empty());
        }
        let slot = BEGIN + 10 * SLOT;
        let (unknown, told) = step(&mut watch, slot, &cells(slot, "acme", "gold", 400, 400));
        assert_eq!((unknown.unpromised, unknown.changed.len(), told.len()), (1, 0, 0));
        assert_eq!(watch.known.len(), 1);
    }

    #[test]
    fn a_run_cut_off_after_some_tenants_is_made_up_for() {
        let mut watch = Watch::default();
        step(&mut watch, BEGIN, &cells(BEGIN, "acme", "basic", 400, 20));
        let before = watch.clone();
        let told = step(&mut watch, BEGIN + SLOT, &cells(BEGIN + SLOT, "acme", "basic", 400, 20)).1;
        assert!(!told.is_empty());

        // The tenant was stored, the head was not; another query may have found more spans by now.
        let mut again = Watch { known: watch.known.clone(), ..before };
        let late = cells(BEGIN + SLOT, "acme", "basic", 401, 20);
        let (second, told_again) = step(&mut again, BEGIN + SLOT, &late);
        assert!(second.changed.is_empty());
        assert_eq!((again, told_again), (watch, told));
    }

    #[test]
    fn quiet_minutes_are_judged_too() {
        let mut watch = Watch::default();
        step(&mut watch, BEGIN, &cells(BEGIN, "acme", "basic", 400, 0));
        let (quiet, told) = step(&mut watch, BEGIN + SLOT, &Cells::default());
        assert_eq!((quiet, told, watch.judged), (Step::default(), Vec::new(), Some(BEGIN + 2 * SLOT)));
    }
}
