//! A tenant over time, beside its tier and everybody, and the versions that came meanwhile.

use std::collections::{BTreeMap, HashMap};

use control_plane_model::{
    rollup,
    store::{Detail, RequestQuery, Scope, SpanStore, SumsOf, Version},
};
use futures_util::StreamExt;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use slo::{Cell, Row, Subject, Summary};

use crate::{problem::Problem, window::Window};

/// Points of a chart, at most.
const MAX_POINTS: i64 = 120;

/// A stretch of time of a tenant, a tier or everybody.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Point {
    /// Unix seconds.
    pub start: i64,
    /// How much of the stretch is in the window and over, in seconds: what a rate is a share of.
    pub seconds: i64,
    /// The figures of this step.
    pub summary: Summary,
}

/// The tenants that a tenant is compared with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ComparedTenants {
    /// A tier, or everybody.
    pub subject: Subject,
    /// The window, in the same stretches; those without requests are left out.
    pub points: Vec<Point>,
}

/// A version that was first seen in the window, and how its service fared for the tenant.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Deployed {
    /// What, and when.
    #[serde(flatten)]
    pub version: Version,
    /// The tenant's requests to the service in the window, before the minute in which the version was first seen.
    pub before: Summary,
    /// The figures from then on.
    pub after: Summary,
}

/// The equal stretches that a window is divided into; Unix seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretches {
    /// Where the first of the sums begins that are in the window.
    from: i64,
    to: i64,
    /// The time until which there are sums.
    until: i64,
    /// The length of each stretch.
    pub(super) width: i64,
}

impl Stretches {
    /// Minutes while there are few of them; else five, an hour, or a day. None is shorter than what sums of that age are kept by.
    pub(super) fn of(window: Window, now: Timestamp) -> Self {
        let ((from, to), now) = (window.seconds(), now.as_second());
        let kept = rollup::width(from, now).unwrap_or(rollup::HOUR);
        let few = |width: &i64| *width >= kept && (to - from) / width <= MAX_POINTS;
        let width = [60, 300, 3_600].into_iter().find(few).unwrap_or(86_400);
        let until = (to + kept - 1).div_euclid(kept) * kept;
        Self { from: from.div_euclid(kept) * kept, to, until: until.min(now), width }
    }

    /// When the stretch begins that a time is in.
    pub(super) fn start(self, time: i64) -> i64 {
        time.div_euclid(self.width) * self.width
    }

    /// How much of the stretch that begins then is in the window and over.
    pub(super) fn seconds(self, start: i64) -> i64 {
        ((start + self.width).min(self.until) - start.max(self.from)).max(1)
    }

    /// The numbers of each stretch.
    pub(super) fn points(self, cells: &BTreeMap<i64, Cell>) -> Vec<Point> {
        let mut stretches: BTreeMap<i64, Cell> = BTreeMap::new();
        for (time, cell) in cells {
            stretches.entry(self.start(*time)).or_default().merge(cell);
        }
        let point =
            |(start, cell): (i64, Cell)| Point { start, seconds: self.seconds(start), summary: Summary::of(&cell) };
        stretches.into_iter().map(point).collect()
    }

    fn query(self, of: SumsOf, detail: Detail) -> RequestQuery {
        RequestQuery { from: self.from, to: self.to, of, detail }
    }
}

/// Service, operation and account.
pub(super) type ServiceKey = (String, String, String);

/// What was done for a tenant.
#[derive(Debug, Default)]
pub(super) struct Own {
    /// The sums by service and time.
    by_service: HashMap<String, BTreeMap<i64, Cell>>,
    pub(super) services: HashMap<ServiceKey, Cell>,
    /// The tier of its latest request.
    pub(super) tier: Option<String>,
}

/// A tenant's sums of a window.
pub(super) async fn own(
    spans: &dyn SpanStore,
    scope: &Scope,
    id: &str,
    stretches: Stretches,
    detail: Detail,
) -> Result<Own, Problem> {
    let mut own = Own::default();
    each(spans, scope, stretches.query(SumsOf::Tenant(id.to_owned()), detail), |row| {
        let (key, cell) = (&row.key, &row.cell);
        let account = key.account.clone().unwrap_or_default();
        own.services.entry((key.service.clone(), key.operation.clone(), account)).or_default().merge(cell);
        own.count(&key.service, cell);
        own.tier = key.tier.clone().or(own.tier.take());
    })
    .await?;
    Ok(own)
}

impl Own {
    /// Adds what a service was asked in the stretch of a cell.
    pub(super) fn count(&mut self, service: &str, cell: &Cell) {
        self.by_service.entry(service.to_owned()).or_default().entry(cell.start).or_default().merge(cell);
    }

    /// Adds what each service was asked at other times.
    pub(super) fn take(&mut self, other: Self) {
        for (service, cells) in other.by_service {
            let own = self.by_service.entry(service).or_default();
            cells.into_iter().for_each(|(start, cell)| own.entry(start).or_default().merge(&cell));
        }
    }

    /// What there is of each service, with when it begins.
    pub(super) fn cells(&self) -> impl Iterator<Item = (&str, i64, &Cell)> {
        self.by_service
            .iter()
            .flat_map(|(service, cells)| cells.iter().map(move |(start, cell)| (service.as_str(), *start, cell)))
    }

    /// The sums of all services together, by time.
    pub(super) fn over_time(&self) -> BTreeMap<i64, Cell> {
        let mut all: BTreeMap<i64, Cell> = BTreeMap::new();
        for (start, cell) in self.by_service.values().flatten() {
            all.entry(*start).or_default().merge(cell);
        }
        all
    }

    /// The versions of services that served it, and how these fared before and after.
    pub(super) fn deployed(&self, versions: Vec<Version>) -> Vec<Deployed> {
        let mut deployed: Vec<Deployed> = versions
            .into_iter()
            .filter_map(|version| {
                let cells = self.by_service.get(&version.service)?;
                let minute = version.first_seen.div_euclid(rollup::MINUTE) * rollup::MINUTE;
                let summary = |cells: &mut dyn Iterator<Item = (&i64, &Cell)>| {
                    let mut sum = Cell::default();
                    cells.for_each(|(_, cell)| sum.merge(cell));
                    Summary::of(&sum)
                };
                let (before, after) = (summary(&mut cells.range(..minute)), summary(&mut cells.range(minute..)));
                Some(Deployed { version, before, after })
            })
            .collect();
        deployed.sort_by_key(|deployed| deployed.version.first_seen);
        deployed
    }
}

/// What was done for all of each tier together, by when its sums begin.
#[derive(Debug, Default)]
pub(super) struct Together(BTreeMap<Option<String>, BTreeMap<i64, Cell>>);

/// The sums of a window of all tenants together: none, for the eyes of a tenant.
pub(super) async fn together(spans: &dyn SpanStore, scope: &Scope, stretches: Stretches) -> Result<Together, Problem> {
    let mut together = Together::default();
    if scope.tenant().is_none() {
        each(spans, scope, stretches.query(SumsOf::Together, Detail::Latencies), |row| {
            let of_tier = together.0.entry(row.key.tier.clone()).or_default();
            of_tier.entry(stretches.start(row.cell.start)).or_default().merge(&row.cell);
        })
        .await?;
    }
    Ok(together)
}

impl Together {
    /// A tier, if it is known, and everybody.
    pub(super) fn compared_tenants(&self, tier: Option<&str>, stretches: Stretches) -> Vec<ComparedTenants> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let of_tier = tier.map(|tier| {
            let cells = self.0.get(&Some(tier.to_owned())).cloned().unwrap_or_default();
            ComparedTenants { subject: Subject::Tier(tier.to_owned()), points: stretches.points(&cells) }
        });
        let mut all: BTreeMap<i64, Cell> = BTreeMap::new();
        for (start, cell) in self.0.values().flatten() {
            all.entry(*start).or_default().merge(cell);
        }
        of_tier.into_iter().chain([ComparedTenants { subject: Subject::All, points: stretches.points(&all) }]).collect()
    }
}

/// Looks at each row.
async fn each(
    spans: &dyn SpanStore,
    scope: &Scope,
    query: RequestQuery,
    mut look: impl FnMut(&Row),
) -> Result<(), Problem> {
    let mut rows = spans.request_rows(scope, query).await?;
    while let Some(batch) = rows.next().await {
        batch?.iter().for_each(&mut look);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn over(from: i64, to: i64) -> Stretches {
        let window = Window { from_ns: from * 1_000_000_000, to_ns: to * 1_000_000_000 };
        Stretches::of(window, Timestamp::from_second(NOW).unwrap())
    }

    fn cells(starts: &[i64]) -> BTreeMap<i64, Cell> {
        starts.iter().map(|start| (*start, Cell { requests: 1, weight: 60.0, ..Cell::empty(*start, 60) })).collect()
    }

    #[test]
    fn no_stretch_is_shorter_than_what_sums_are_kept_by() {
        let day = 86_400;
        assert_eq!(over(NOW - 3_600, NOW).width, 60);
        assert_eq!(over(NOW - day, NOW).width, 3_600);
        assert_eq!(over(NOW - 3 * day, NOW - 3 * day + 3_600).width, 300);
        assert_eq!(over(NOW - 20 * day, NOW - 20 * day + 3_600).width, 3_600);
        assert_eq!(over(NOW - 30 * day, NOW).width, 86_400);
    }

    #[test]
    fn a_stretch_says_how_much_of_it_is_in_the_window_and_over() {
        // 10:02:30 to 11:00 of some day, asked for at 10:57:10.
        let hour = NOW - NOW.rem_euclid(3_600);
        let window = Window { from_ns: (hour + 150) * 1_000_000_000, to_ns: (hour + 3_600) * 1_000_000_000 };
        let stretches = Stretches::of(window, Timestamp::from_second(hour + 3_430).unwrap());
        let points = stretches.points(&cells(&[hour + 120, hour + 180, hour + 3_420]));
        let told: Vec<(i64, i64)> = points.iter().map(|point| (point.start - hour, point.seconds)).collect();
        assert_eq!(told, [(120, 60), (180, 60), (3_420, 10)]);
    }

    #[test]
    fn what_was_asked_at_other_times_keeps_its_time() {
        let own = |starts: &[i64]| {
            let mut own = Own::default();
            cells(starts).into_values().for_each(|cell| own.count("api", &cell));
            own
        };
        let mut all = own(&[0, 3_600]);
        all.take(own(&[3_600, 7_200]));
        let mut told: Vec<_> = all.cells().map(|(_, start, cell)| (start, cell.requests)).collect();
        told.sort_unstable();
        assert_eq!(told, [(0, 1), (3_600, 2), (7_200, 1)]);
    }

    #[test]
    fn versions_divide_the_requests_of_their_service() {
        let service = |name: &str, starts: &[i64]| (name.to_owned(), cells(starts));
        let by_service = HashMap::from([service("api", &[0, 60, 120]), service("other", &[0])]);
        let own = Own { by_service, ..Own::default() };
        let version = |service: &str, first_seen| Version {
            service: service.to_owned(),
            account: String::new(),
            attribute: "service.version".to_owned(),
            version: "2".to_owned(),
            first_seen,
        };
        let deployed = own.deployed(vec![version("api", 130), version("nobody's", 70), version("api", 70)]);
        let counts: Vec<_> = deployed.iter().map(|it| (it.before.requests, it.after.requests)).collect();
        assert_eq!(counts, [(1, 2), (2, 1)]);
    }
}
