//! The quota of each tier.

use std::{collections::BTreeMap, str::FromStr};

use function_settings::Reader;
use tenancy::{InvalidQuota, InvalidTenant, Quota, Tier};

/// The quota of each tier, which holds for tenants that have no quota of their own in the registry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TierQuotas(BTreeMap<Tier, Quota>);

/// Why a text is not the quotas of tiers.
#[derive(Debug, thiserror::Error)]
pub enum InvalidTierQuotas {
    /// A part is not a tier and its quota.
    #[error("{0:?} is not tier=requests a second/burst/bookings a day")]
    Form(String),
    /// A tier is named twice.
    #[error("{0} is named twice")]
    Twice(Tier),
    /// The name before the `=` is not a tier.
    #[error(transparent)]
    Tier(#[from] InvalidTenant),
    /// The quota that follows this tier's name is invalid.
    #[error("{0}: {1}")]
    Quota(Tier, InvalidQuota),
}

impl TierQuotas {
    /// The quotas in `TIER_QUOTAS`, such as `free=5/10/100,pro=50/100/10000`: of each tier requests a second, burst and bookings a day. Each of
    /// `tiers` must have one.
    pub fn read(read: &mut Reader<'_>, tiers: impl IntoIterator<Item = Tier>) -> Self {
        const NAME: &str = "TIER_QUOTAS";
        let text = read.text(NAME);
        if text.is_empty() {
            return Self::default();
        }
        let quotas = read.kept(text.parse::<Self>().map_err(|error| format!("{NAME}: {error}")));
        for tier in tiers.into_iter().filter(|tier| !quotas.0.contains_key(tier) && !quotas.0.is_empty()) {
            read.mistake(format!("{NAME} has no quota of the tier {tier}"));
        }
        quotas
    }

    /// The quota of this tier, if it has one.
    pub fn of(&self, tier: Tier) -> Option<Quota> {
        self.0.get(&tier).copied()
    }
}

impl FromStr for TierQuotas {
    type Err = InvalidTierQuotas;
    fn from_str(text: &str) -> Result<Self, InvalidTierQuotas> {
        let mut quotas = BTreeMap::new();
        for part in text.split(',') {
            let (tier, quota) = part.split_once('=').ok_or_else(|| InvalidTierQuotas::Form(part.to_owned()))?;
            let tier: Tier = tier.trim().parse()?;
            let quota = quota.parse().map_err(|error| InvalidTierQuotas::Quota(tier, error))?;
            if quotas.insert(tier, quota).is_some() {
                return Err(InvalidTierQuotas::Twice(tier));
            }
        }
        Ok(Self(quotas))
    }
}

#[cfg(test)]
mod tests {
    use function_settings::Variables;

    use super::*;

    const TIERS: [Tier; 2] = [Tier::named("free"), Tier::named("pro")];

    fn read(text: &'static str) -> Result<TierQuotas, String> {
        let variables = Variables::from_fn(move |_| Some(text.to_owned()));
        variables.read(|read| TierQuotas::read(read, TIERS)).map_err(|error| error.to_string())
    }

    #[test]
    fn each_tier_has_its_quota() {
        let quotas = read("free=5/10/100, pro=50/100/10000").unwrap();
        assert_eq!(quotas.of(Tier::named("pro")), Some(Quota::new(50, 100, 10_000).unwrap()));
        assert_eq!(quotas.of(Tier::named("gold")), None);
    }

    #[test]
    fn a_tier_without_a_quota_or_with_two_is_told_at_the_start() {
        for (text, why) in [
            ("", "TIER_QUOTAS is not set"),
            ("free=5/10/100", "TIER_QUOTAS has no quota of the tier pro"),
            ("free", "TIER_QUOTAS: \"free\" is not tier=requests a second/burst/bookings a day"),
            ("free=5/10/100,free=5/10/100", "TIER_QUOTAS: free is named twice"),
            ("free=5/0/100,pro=50/100/10000", "TIER_QUOTAS: free: the burst must be 1 to 100000"),
        ] {
            let told = read(text).unwrap_err();
            assert!(told.starts_with(&format!("settings: {why}")), "{told}");
        }
    }
}
