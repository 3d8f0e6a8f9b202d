//! Which tenants cost the most, and why: because they send much, or because what they send takes longer than for others.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    cost::Prices,
    row::Row,
    spending::{Operation, Period, Spent, by_operation, change},
};

/// A tenant's requests count as slow if they take this many times as long as those of others, …
const SLOWER: f64 = 1.25;
/// … and is why it is dear, if what that costs is at least so much of all that it costs.
const MATTERS: f64 = 0.1;

/// A tenant, and why it is dear.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dear {
    /// `tenant.id`
    pub tenant: String,
    /// Its share of all that is spent: of the money, or of the time where there are no prices.
    pub share: f64,
    /// Its share of all requests.
    pub requests_share: f64,
    /// What it spends the most on; or, where requests take longer than for others and that matters, what costs it the most by that.
    pub driver: Driver,
    /// The share by which it costs more than in as much time of the period before, such as 0.4 for 40 % more, or `None` where it cost nothing.
    pub change: Option<f64>,
    /// Whether others cost something in the period before, and it did not.
    pub is_new: bool,
}

/// An operation that makes a tenant dear.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Driver {
    /// `service.name`
    pub service: String,
    /// Name of its spans.
    pub operation: String,
    /// Its share of what the tenant spends.
    pub share: f64,
    /// How many times as long a request takes on average as one of the other tenants, or `None` if no other tenant has any.
    pub times_others: Option<f64>,
    /// Whether that is why the tenant is dear, and not the number of its requests.
    pub is_slower: bool,
}

impl Dear {
    /// The dearest tenants and why each is, the dearest first. Requests of nobody in particular count in the whole, and name no tenant.
    pub fn of(now: Period<'_>, before: Period<'_>, prices: Option<&Prices>, most: usize) -> Vec<Self> {
        let everybody = by_operation(now.rows, prices);
        let whole = sum(everybody.values());
        let (tenants, earlier) = (by_tenant(now.rows), by_tenant(before.rows));
        let cost_before = |tenant: &str| {
            let rows = earlier.get(tenant).into_iter().flatten().copied();
            rows.map(|row| Spent::of(row, prices).cost()).sum::<f64>()
        };
        let had_costs = before.rows.iter().any(|row| Spent::of(row, prices).cost() > 0.0);
        let mut dear: Vec<Self> = tenants
            .into_iter()
            .filter_map(|(tenant, rows)| {
                let own = by_operation(rows, prices);
                let spent = sum(own.values());
                let before_this = cost_before(tenant);
                let part = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
                Some(Self {
                    tenant: tenant.to_owned(),
                    share: part(spent.cost(), whole.cost()),
                    requests_share: part(spent.requests, whole.requests),
                    driver: driver(&own, &spent, &everybody)?,
                    change: change((spent.cost(), now.seconds), (before_this, before.seconds)),
                    is_new: had_costs && before_this == 0.0,
                })
            })
            .collect();
        dear.sort_by(|a, b| b.share.total_cmp(&a.share));
        dear.truncate(most);
        dear
    }
}

fn by_tenant(rows: &[Row]) -> BTreeMap<&str, Vec<&Row>> {
    let mut tenants: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        if let Some(tenant) = row.key.tenant.as_deref().filter(|tenant| !tenant.is_empty()) {
            tenants.entry(tenant).or_default().push(row);
        }
    }
    tenants
}

fn sum<'a>(spent: impl IntoIterator<Item = &'a Spent>) -> Spent {
    let mut sum = Spent::default();
    spent.into_iter().for_each(|spent| sum.add(spent));
    sum
}

fn driver(
    own: &BTreeMap<Operation<'_>, Spent>,
    whole: &Spent,
    everybody: &BTreeMap<Operation<'_>, Spent>,
) -> Option<Driver> {
    let others = |operation: &Operation<'_>, spent: &Spent| {
        let all = everybody.get(operation)?;
        let requests = all.requests - spent.requests;
        // What is left of a difference of sums is no request.
        (requests > 1e-6 * all.requests).then(|| (requests, all.seconds - spent.seconds, all.cost() - spent.cost()))
    };
    let times = |operation: &Operation<'_>, spent: &Spent| {
        let (requests, seconds, _) = others(operation, spent)?;
        let average = seconds / requests;
        (average > 0.0).then_some(spent.seconds_per_request()? / average)
    };
    // What an operation costs beyond what as many requests of others cost.
    let beyond = |operation: &Operation<'_>, spent: &Spent| {
        let (requests, _, cost) = others(operation, spent)?;
        Some(spent.cost() - spent.requests * cost / requests)
    };
    let slower = own
        .iter()
        .filter(|(operation, spent)| times(operation, spent).is_some_and(|times| times >= SLOWER))
        .filter_map(|(operation, spent)| Some((operation, spent, beyond(operation, spent)?)))
        .filter(|(.., beyond)| *beyond >= MATTERS * whole.cost())
        .max_by(|a, b| a.2.total_cmp(&b.2));
    let dearest = own.iter().max_by(|a, b| a.1.cost().total_cmp(&b.1.cost()));
    let (operation, spent) = slower.map(|(operation, spent, _)| (operation, spent)).or(dearest)?;
    Some(Driver {
        service: operation.0.to_owned(),
        operation: operation.1.to_owned(),
        share: if whole.cost() > 0.0 { spent.cost() / whole.cost() } else { 0.0 },
        times_others: times(operation, spent),
        is_slower: slower.is_some(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spending::tests::row;

    fn dear(now: &[Row], before: &[Row]) -> Vec<Dear> {
        Dear::of(Period { rows: now, seconds: 100.0 }, Period { rows: before, seconds: 100.0 }, None, 5)
    }

    #[test]
    fn a_tenant_is_dear_by_how_long_its_requests_take() {
        let now = [
            row("fornax", "GET", 100, 10),
            row("fornax", "POST", 100, 320),
            row("a", "GET", 500, 10),
            row("a", "POST", 400, 100),
            row("", "GET", 100, 10),
        ];
        let [a, fornax] = dear(&now, &[row("fornax", "POST", 100, 200)]).try_into().unwrap();
        assert_eq!((a.tenant.as_str(), a.driver.operation.as_str(), a.driver.is_slower), ("a", "POST", false));
        assert!(a.is_new && a.change.is_none());
        assert_eq!((fornax.driver.operation.as_str(), fornax.driver.is_slower), ("POST", true));
        assert_eq!(fornax.driver.times_others.map(|times| (times * 10.0).round()), Some(32.0));
        assert_eq!((fornax.requests_share * 1e3).round(), 167.0, "200 of 1,200");
        assert_eq!((fornax.share * 1e3).round(), 418.0, "33 of 79 seconds");
        assert_eq!(fornax.change.map(|change| (change * 1e3).round()), Some(650.0), "33 seconds, before 20");
        assert!(!fornax.is_new);
    }

    #[test]
    fn a_tenant_is_dear_by_how_much_it_sends() {
        let now = [row("many", "GET", 900, 10), row("few", "GET", 100, 10), row("few", "PUT", 1, 11)];
        let [many, few] = dear(&now, &[]).try_into().unwrap();
        assert_eq!((many.driver.times_others, many.driver.is_slower, many.is_new), (Some(1.0), false, false));
        assert_eq!((few.driver.operation.as_str(), few.driver.is_slower), ("GET", false));
        let alone = dear(&now[..1], &[]);
        assert_eq!(alone[0].driver.times_others, None, "nobody is there to be held against");
    }

    #[test]
    fn what_is_slow_and_costs_next_to_nothing_is_not_why() {
        let now =
            [row("a", "GET", 1_000, 100), row("a", "PUT", 1, 900), row("b", "GET", 1_000, 100), row("b", "PUT", 9, 1)];
        assert!(dear(&now, &[]).iter().all(|dear| !dear.driver.is_slower && dear.driver.operation == "GET"));
    }
}
