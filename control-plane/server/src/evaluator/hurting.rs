//! Is it one tenant or everybody, and since which deployment?

use std::cmp::Reverse;

use control_plane_model::store::Version;
use serde::{Deserialize, Serialize};
use slo::{Hurt, Policy, SLOT};

use super::snapshot::SloStatusLine;
use crate::text::{count, time_of_day};

/// Tenants that are named, and of which it is said since when.
const NAMED: usize = 10;
/// A version that was first seen at most this many seconds before requests began to fail or be slow may be the cause.
const BEFORE: i64 = 1_800;
/// Versions that are named for a tenant.
const VERSIONS: usize = 3;
/// How far back the evaluator knows since when requests have failed or been slow, in seconds.
const FARTHEST: i64 = 21_600;

/// The tenants whose requests fail or are slow now.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Hurting {
    /// How many tenants are.
    pub tenants: usize,
    /// How many tenants had requests in the last five minutes.
    pub of: usize,
    /// Whether these are most of them, so that the cause is likely one for all.
    pub is_everybody: bool,
    /// The first ten of them, those first of whom the most requests are hurt.
    pub worst: Vec<HurtingTenant>,
}

/// A tenant that is hurting, since when, and what was new then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HurtingTenant {
    /// `tenant.id`
    pub tenant: String,
    /// Its requests of the last five minutes that are hurt.
    pub hurt: Hurt,
    /// The start of the five minutes since which they are, Unix seconds; six hours ago at the most.
    pub since: i64,
    /// Versions that were first seen in the half hour before, or in those five minutes; the last first.
    pub versions: Vec<Version>,
}

impl Hurting {
    /// Of the lines of tenants. Tenants that nobody is told of do not count.
    pub(super) fn of(lines: &[SloStatusLine], policy: &Policy) -> Self {
        let counts = |line: &&SloStatusLine| {
            let is_excluded = line.status.subject.tenant().is_none_or(|tenant| policy.excluded.contains(tenant));
            !is_excluded && line.status.evaluation.latest.requests > 0
        };
        let of = lines.iter().filter(counts).count();
        let mut hurting: Vec<&SloStatusLine> = lines.iter().filter(counts).filter(|line| line.hurt.is_any()).collect();
        hurting.sort_by_key(|line| Reverse(line.hurt.requests()));
        let tenants = hurting.len();
        let worst = hurting.into_iter().take(NAMED).filter_map(|line| {
            let tenant = line.status.subject.tenant()?.to_owned();
            Some(HurtingTenant { tenant, hurt: line.hurt, since: line.hurt_since?, versions: Vec::new() })
        });
        Self { tenants, of, is_everybody: tenants >= 3 && tenants * 2 > of, worst: worst.collect() }
    }

    /// When versions are of interest that were first seen, Unix seconds, or `None` if nobody hurts.
    pub(super) fn deployments(&self) -> Option<(i64, i64)> {
        let since = self.worst.iter().map(|tenant| tenant.since);
        Some((since.clone().min()? - BEFORE, since.max()? + SLOT))
    }

    /// Says of each tenant which of these versions were new when it began.
    pub(super) fn know(&mut self, versions: &[Version]) {
        for tenant in &mut self.worst {
            let window = tenant.since - BEFORE..tenant.since + SLOT;
            let mut new: Vec<Version> =
                versions.iter().filter(|version| window.contains(&version.first_seen)).cloned().collect();
            new.sort_by_key(|version| Reverse(version.first_seen));
            new.truncate(VERSIONS);
            tenant.versions = new;
        }
    }

    /// Whether it is one or everybody, without their names.
    pub fn headline(&self) -> String {
        let (hurting, all) = (count(self.tenants), count(self.of));
        match self {
            Self { of: 0, .. } => "No tenant had requests in the last five minutes".to_owned(),
            Self { tenants: 0, of: 1, .. } => "The one tenant that has requests is well".to_owned(),
            Self { tenants: 0, .. } => format!("None of {all} tenants is hurting"),
            Self { tenants, of, is_everybody: true, .. } if tenants == of => {
                format!("It is everybody: all {all} tenants are hurting")
            }
            Self { is_everybody: true, .. } => {
                format!("It is not one tenant alone: {hurting} of {all} are hurting")
            }
            Self { tenants: 1, .. } => format!("1 of {all} tenants is hurting"),
            Self { .. } => format!("{hurting} of {all} tenants are hurting"),
        }
    }

    /// What is true of those who are not named; empty where all are.
    pub fn others(&self) -> String {
        match self.tenants.saturating_sub(self.worst.len()) {
            0 if self.tenants < self.of && self.tenants > 0 => "Nobody else is hurting.".to_owned(),
            0 => String::new(),
            more => format!("{more} more are hurting."),
        }
    }

    /// All of it as text; `at` is the end of the five minutes that it is of, Unix seconds.
    pub fn text(&self, at: i64) -> String {
        let tenant = |tenant: &HurtingTenant| {
            let parts = [format!("{} {}", tenant.tenant, tenant.how(at)), tenant.deployed()];
            parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
        };
        let named: Vec<String> = self.worst.iter().map(tenant).collect();
        let named = if named.is_empty() { String::new() } else { format!(": {}", named.join(". ")) };
        format!("{}{named}. {}", self.headline(), self.others()).trim_end().to_owned()
    }
}

impl HurtingTenant {
    /// How it is hurting, and since when, such as "has been failing since 14:05 UTC".
    pub fn how(&self, at: i64) -> String {
        let what = match self.hurt {
            Hurt { failed: 1.., slow: 1.. } => "has been failing and slow",
            Hurt { failed: 1.., .. } => "has been failing",
            Hurt { .. } => "has been slow",
        };
        if at - self.since >= FARTHEST {
            format!("{what} for six hours or more")
        } else {
            format!("{what} since {}", time_of_day(self.since))
        }
    }

    /// What was new when it began, such as "booking-api 42 was new at 14:02 UTC"; empty if nothing was.
    pub fn deployed(&self) -> String {
        let said =
            |new: &Version| format!("{} {} was new at {}", new.service, new.version, time_of_day(new.first_seen));
        self.versions.iter().map(said).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: i64 = 1_800_000_000;

    fn hurting(tenants: usize, of: usize, worst: &[(&str, u64, u64, i64)]) -> Hurting {
        let tenant = |(tenant, failed, slow, ago): &(&str, u64, u64, i64)| HurtingTenant {
            tenant: (*tenant).to_owned(),
            hurt: Hurt { failed: *failed, slow: *slow },
            since: AT - ago,
            versions: Vec::new(),
        };
        let is_everybody = tenants * 2 > of;
        Hurting { tenants, of, is_everybody, worst: worst.iter().map(tenant).collect() }
    }

    fn version(version: &str, ago: i64) -> Version {
        Version {
            service: "booking-api".to_owned(),
            account: String::new(),
            attribute: "service.version".to_owned(),
            version: version.to_owned(),
            first_seen: AT - ago,
        }
    }

    #[test]
    fn it_is_said_who_hurts_since_when_and_after_which_deployment() {
        let mut two = hurting(2, 11, &[("cirrus", 40, 0, 1_200), ("borealis", 0, 9, 21_600)]);
        two.know(&[version("41", 9_000), version("42", 1_320), version("43", 60)]);
        assert_eq!(
            two.text(AT),
            "2 of 11 tenants are hurting: cirrus has been failing since 07:40 UTC; booking-api 42 was new at 07:38 UTC. \
             borealis has been slow for six hours or more. Nobody else is hurting."
        );
        assert_eq!(two.deployments(), Some((AT - 21_600 - 1_800, AT - 1_200 + 300)));
    }

    #[test]
    fn it_is_said_whether_it_is_one_or_everybody() {
        let headline = |tenants, of| hurting(tenants, of, &[]).headline();
        assert_eq!(headline(0, 0), "No tenant had requests in the last five minutes");
        assert_eq!(headline(0, 1_100), "None of 1,100 tenants is hurting");
        assert_eq!(headline(0, 1), "The one tenant that has requests is well");
        assert_eq!(headline(1, 11), "1 of 11 tenants is hurting");
        assert_eq!(headline(9, 11), "It is not one tenant alone: 9 of 11 are hurting");
        assert_eq!(headline(11, 11), "It is everybody: all 11 tenants are hurting");
        assert_eq!(hurting(40, 100, &[("cirrus", 40, 0, 1_200)]).others(), "39 more are hurting.");
    }
}
