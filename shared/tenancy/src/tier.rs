//! The service level that a tenant has bought.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{InvalidTenant, Pattern};

const MAX: usize = 15;

/// The service level that a tenant has bought, by its name: 1–15 characters of `[a-z0-9-]`, such as `basic` or `pro`. Which tiers there are is
/// for a service to say ([`Tiers`]).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tier {
    // Filled up with zeros. A tier is passed around by value, as the word that it is.
    bytes: [u8; MAX],
    length: u8,
}

impl Tier {
    /// Which texts are names of tiers.
    pub const PATTERN: Pattern = Pattern::new("a-z0-9-", 1, MAX);

    /// The tier of this name, for a constant.
    ///
    /// # Panics
    ///
    /// When the name is not of [`Tier::PATTERN`]: in a constant, that is an error of the compiler's.
    #[allow(clippy::panic, reason = "a constant that is wrong does not compile")]
    pub const fn named(name: &'static str) -> Self {
        let name = name.as_bytes();
        let mut bytes = [0; MAX];
        let mut index = 0;
        while index < name.len() && index < MAX {
            assert!(matches!(name[index], b'a'..=b'z' | b'0'..=b'9' | b'-'), "a tier is of a-z, 0-9 and -");
            bytes[index] = name[index];
            index += 1;
        }
        assert!(index == name.len() && index > 0, "a tier has 1 to 15 characters");
        Self { bytes, length: index as u8 }
    }

    /// The tier as it stands in claims, attributes and annotations.
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tier({self})")
    }
}

impl FromStr for Tier {
    type Err = InvalidTenant;
    fn from_str(text: &str) -> Result<Self, InvalidTenant> {
        if !Self::PATTERN.allows(text) {
            return Err(InvalidTenant::Tier);
        }
        let mut bytes = [0; MAX];
        bytes.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
        Ok(Self { bytes, length: text.len() as u8 })
    }
}

impl TryFrom<String> for Tier {
    type Error = InvalidTenant;
    fn try_from(text: String) -> Result<Self, InvalidTenant> {
        text.parse()
    }
}

impl From<Tier> for String {
    fn from(tier: Tier) -> String {
        tier.as_str().to_owned()
    }
}

/// Which tiers a service has. An unknown one is refused, so that a plan that somebody added elsewhere is heard of at once and not measured
/// as if it had no objectives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tiers(Arc<[Tier]>);

impl Tiers {
    /// Finds the tier of this name.
    ///
    /// # Errors
    ///
    /// Where it cannot be a tier, or is none of these.
    pub fn parse(&self, name: &str) -> Result<Tier, InvalidTenant> {
        let tier = name.parse()?;
        if self.0.contains(&tier) { Ok(tier) } else { Err(InvalidTenant::UnknownTier(tier)) }
    }
}

impl<const N: usize> From<[Tier; N]> for Tiers {
    fn from(tiers: [Tier; N]) -> Self {
        Self(tiers.into())
    }
}

impl FromStr for Tiers {
    type Err = InvalidTenant;

    /// From names that commas separate.
    fn from_str(names: &str) -> Result<Self, InvalidTenant> {
        Ok(Self(names.split(',').map(|name| name.trim().parse()).collect::<Result<_, _>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tier_is_a_short_token() {
        for good in ["basic", "pro", "tier-2", "a", &"x".repeat(15)] {
            let tier: Tier = good.parse().unwrap();
            assert_eq!(
                (tier.as_str(), tier.to_string(), format!("{tier:?}")),
                (good, good.to_owned(), format!("Tier({good})"))
            );
        }
        for bad in ["", "Premium", "a b", "ä", "a\n", "a_b", &"x".repeat(16)] {
            assert_eq!(bad.parse::<Tier>(), Err(InvalidTenant::Tier), "{bad:?}");
        }
        assert_eq!(Ok(Tier::named("premium")), "premium".parse());
    }

    #[test]
    fn a_tier_that_nobody_named_is_refused_by_its_name() {
        let tiers: Tiers = "free, pro".parse().unwrap();
        assert_eq!(tiers, Tiers::from([Tier::named("free"), Tier::named("pro")]));
        assert_eq!(tiers.parse("pro"), Ok(Tier::named("pro")));
        assert_eq!(tiers.parse("gold").unwrap_err().to_string(), "there is no tier \"gold\"");
        assert_eq!(tiers.parse("Pro"), Err(InvalidTenant::Tier));
        assert!("free,,pro".parse::<Tiers>().is_err());
    }
}
