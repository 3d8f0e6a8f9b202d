//! What is shown of a tenant besides its sums over the window: its users, what failed, and what it spends.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use control_plane_analysis::Users;
use control_plane_model::{
    listing::{Order, Search, SearchResult},
    rollup,
    sample::SampleQuery,
    search::{Expression, quoted},
    store::{Detail, Scope, SpanStore, StoreError},
    trace,
};
use futures_util::StreamExt;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use slo::{Cell, Key, Kind, OperationCost, Period, Prices, Row, Spent};
use tenant_registry::Tenant;

use super::timeline::{self, Own, ServiceKey, Stretches};
use crate::{
    problem::{Problem, off_thread},
    window::Window,
};

/// Traces of each list.
const LISTED: usize = 10;
/// Traces that are looked at for users.
const SAMPLED: usize = 1_000;
/// Operations of which it is said what they cost.
const OPERATIONS: usize = 50;
/// Services of which it is said what they cost day by day.
const SERVICES: usize = 10;
/// Hours of a month's end of which it is told by the minute.
const LAST_HOURS: i64 = 6;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;
const MONTH: i64 = 30 * DAY;
const NANOSECONDS: i64 = 1_000_000_000;

/// A tenant as the registry has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Registered {
    /// The company's name.
    pub company_name: String,
    /// `active` or `suspended`.
    pub status: String,
    /// The tier that is used, whatever tokens name.
    pub tier: String,
}

impl From<&Tenant> for Registered {
    fn from(tenant: &Tenant) -> Self {
        let entry = &tenant.entry;
        Self {
            company_name: entry.company_name.to_string(),
            status: entry.status.as_str().to_owned(),
            tier: entry.tier.as_str().to_owned(),
        }
    }
}

/// The distinct users that traces of the window name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsersSeen {
    /// How many there are at least: all of them, if all traces were looked at.
    pub at_least: usize,
    /// How many traces were looked at.
    pub traces: usize,
    /// How many traces the window has.
    pub of: usize,
}

/// Traces in which something failed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct FailedTraces {
    /// How many there are in the window.
    pub matched: usize,
    /// The latest.
    pub newest: Vec<trace::Summary>,
}

/// What a tenant spends in the window, and spent in the same length of time before it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Spending {
    /// The currency of all amounts. There is none without prices.
    pub currency: Option<String>,
    /// What was spent in the window.
    pub now: Spent,
    /// What was spent in the time before the window. It is missing where that time's requests are not all kept any more.
    pub before: Option<Spent>,
    /// The costs by service and operation, the most expensive first.
    pub operations: Vec<OperationCost>,
    /// The last 30 days, UTC, by service, whatever the window; days without requests are left out.
    pub days: Vec<SpentDay>,
}

/// What was spent on a day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpentDay {
    /// When the day begins, Unix seconds.
    pub start: i64,
    /// `service.name` of one of the ten dearest, or `None` for all others together.
    pub service: Option<String>,
    /// What was used.
    pub spent: Spent,
}

/// The traces of a tenant in a window that match a condition, or all.
fn expression(id: &str, condition: &str) -> Result<Expression, Problem> {
    Ok(format!("annotation[tenant.id] = {}{condition}", quoted(id)).parse()?)
}

/// The slowest traces.
pub(super) async fn slowest(
    spans: &dyn SpanStore,
    scope: &Scope,
    id: &str,
    window: Window,
) -> Result<Vec<trace::Summary>, Problem> {
    Ok(search(spans, scope, expression(id, "")?, window, Order::Slowest).await?.traces)
}

/// The latest traces that failed.
pub(super) async fn failed(
    spans: &dyn SpanStore,
    scope: &Scope,
    id: &str,
    window: Window,
) -> Result<FailedTraces, Problem> {
    let found = search(spans, scope, expression(id, " AND fault")?, window, Order::Newest).await?;
    Ok(FailedTraces { matched: found.matched, newest: found.traces })
}

async fn search(
    spans: &dyn SpanStore,
    scope: &Scope,
    expression: Expression,
    Window { from_ns, to_ns }: Window,
    order: Order,
) -> Result<SearchResult, StoreError> {
    let search = Search { from_ns, to_ns, expression: Some(expression), order, limit: LISTED };
    spans.search(scope, search).await
}

/// The users whom traces of the window name.
pub(super) async fn users(
    spans: &dyn SpanStore,
    scope: &Scope,
    id: &str,
    window: Window,
) -> Result<UsersSeen, Problem> {
    let Window { from_ns, to_ns } = window;
    let query = SampleQuery { from_ns, to_ns, expression: Some(expression(id, "")?), limit: SAMPLED };
    let mut sample = spans.sample(scope, query).await?;
    let mut users = Users::of(id);
    while let Some(batch) = sample.traces.next().await {
        let batch = batch?;
        users = off_thread(move || {
            batch.iter().for_each(|trace| users.look(trace));
            users
        })
        .await?;
    }
    Ok(UsersSeen { at_least: users.count(), traces: users.traces(), of: sample.matched })
}

/// A tenant's sums of the last 30 days without latencies: by the hour, and the last hours as they are kept, so that what is left of a budget now
/// is told to the minute.
pub(super) async fn month(spans: &dyn SpanStore, scope: &Scope, id: &str, now: Timestamp) -> Result<Own, Problem> {
    let to = now.as_second();
    let hour = |time: i64| time.div_euclid(HOUR) * HOUR;
    // An evaluation is a few minutes old, and its budget begins with an hour.
    let (from, lately) = (hour(to - MONTH - HOUR), hour(to - LAST_HOURS * HOUR));
    let read = |from: i64, to: i64, detail| {
        let window = Window { from_ns: from * NANOSECONDS, to_ns: to * NANOSECONDS };
        timeline::own(spans, scope, id, Stretches::of(window, now), detail)
    };
    let (mut month, last) =
        tokio::try_join!(read(from, lately, Detail::HourlyCounts), read(lately, to, Detail::Counts))?;
    month.take(last);
    Ok(month)
}

/// What each of the dearest services was used for, and all others together, day by day: on the whole days among a tenant's sums of the last 30
/// days, and today.
pub(super) fn days(month: &Own, now: Timestamp, prices: Option<&Prices>) -> Vec<SpentDay> {
    let today = now.as_second().div_euclid(DAY);
    let mut services: HashMap<&str, BTreeMap<i64, Spent>> = HashMap::new();
    for (service, start, cell) in month.cells() {
        let day = start.div_euclid(DAY);
        if day > today - MONTH / DAY {
            let spent = Spent::of_service(service, cell.weight, cell.weighted_duration_ns, prices);
            services.entry(service).or_default().entry(day).or_default().add(&spent);
        }
    }
    let cost = |days: &BTreeMap<i64, Spent>| days.values().map(Spent::cost).sum::<f64>();
    let mut dearest: Vec<(f64, &str)> = services.iter().map(|(service, days)| (cost(days), *service)).collect();
    dearest.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    dearest.truncate(SERVICES);
    let mut all: BTreeMap<(i64, Option<&str>), Spent> = BTreeMap::new();
    for (service, days) in services {
        let named = dearest.iter().any(|(_, one)| *one == service).then_some(service);
        for (day, spent) in days {
            all.entry((day, named)).or_default().add(&spent);
        }
    }
    let day = |((day, service), spent): ((i64, Option<&str>), Spent)| SpentDay {
        start: day * DAY,
        service: service.map(str::to_owned),
        spent,
    };
    all.into_iter().map(day).collect()
}

/// As long a time before a window, or `None` where its requests are not all counted any more: they would seem to have cost less.
pub(super) fn before(window: Window, now: Timestamp) -> Option<Window> {
    let before = window.moved(-1.0);
    (before.seconds().0 >= now.as_second() - rollup::KEPT).then_some(before)
}

impl Spending {
    /// Of a window and of the same length of time before it, where that is known, by the sums of a tenant's services.
    pub(super) fn of(
        window: Window,
        now: Timestamp,
        (services, earlier): (&HashMap<ServiceKey, Cell>, Option<&HashMap<ServiceKey, Cell>>),
        prices: Option<&Prices>,
    ) -> Self {
        let (from, to) = window.seconds();
        let (services, earlier) = (rows(services), earlier.map(rows));
        let sum = |rows: &[Row]| {
            let mut sum = Spent::default();
            rows.iter().for_each(|row| sum.add(&Spent::of(row, prices)));
            sum
        };
        let period = Period { rows: &services, seconds: (to.min(now.as_second()) - from).max(0) as f64 };
        let before = Period { rows: earlier.as_deref().unwrap_or_default(), seconds: (to - from) as f64 };
        let mut operations = OperationCost::all(period, before, prices);
        operations.truncate(OPERATIONS);
        let currency = prices.map(|prices| prices.currency.clone());
        let (now, before) = (sum(&services), earlier.as_deref().map(sum));
        Self { currency, now, before, operations, days: Vec::new() }
    }
}

fn rows(services: &HashMap<ServiceKey, Cell>) -> Vec<Row> {
    let row = |((service, operation, _), cell): (&ServiceKey, &Cell)| {
        let (service, operation) = (service.clone(), operation.clone());
        let key = Key { account: None, service, operation, kind: Kind::Server, tenant: None, tier: None };
        Row { key: Arc::new(key), cell: cell.clone() }
    };
    services.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_held_against_a_time_of_which_requests_are_no_longer_counted() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let last = |days: i64| {
            let (from, to) = (now.as_second() - days * DAY, now.as_second());
            Window { from_ns: from * NANOSECONDS, to_ns: to * NANOSECONDS }
        };
        let begins = |window| before(window, now).map(|before| (now.as_second() - before.seconds().0) / DAY);
        assert_eq!((begins(last(7)), begins(last(17))), (Some(14), Some(34)));
        assert_eq!((begins(last(18)), begins(last(30))), (None, None));

        let cell = {
            let mut cell = Cell::empty(0, 3_600);
            cell.add(10_000_000, false, Some(1.0));
            cell
        };
        let services = HashMap::from([(("api".to_owned(), "GET".to_owned(), String::new()), cell)]);
        let change = |earlier| Spending::of(last(7), now, (&services, earlier), None).operations[0].change;
        assert_eq!((change(None), change(Some(&services))), (None, Some(0.0)));
        assert_eq!(Spending::of(last(30), now, (&services, None), None).before, None);
    }

    #[test]
    fn days_name_the_dearest_services_and_add_up_the_others() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let today = now.as_second().div_euclid(DAY) * DAY;
        let mut month = Own::default();
        for service in 0..SERVICES as u64 + 3 {
            let mut cell = Cell::empty(today, 3_600);
            cell.add((service + 1) * 1_000_000_000, false, Some(1.0));
            month.count(&format!("service {service}"), &cell);
        }
        // The first day is only partly within 30 days, so it is left out.
        month.count("service 0", &Cell { start: today - MONTH, ..Cell::empty(today - MONTH, 3_600) });
        let days = days(&month, now, None);
        assert_eq!(days.len(), SERVICES + 1);
        let rest = days.iter().find(|day| day.service.is_none()).unwrap();
        assert_eq!((rest.start, rest.spent.requests, rest.spent.seconds), (today, 3.0, 1.0 + 2.0 + 3.0));
    }
}
