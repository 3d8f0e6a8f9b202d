//! The service level that a tenant has bought.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::InvalidTenant;

/// The service level a tenant has bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Shared resources, no promise beyond the default objective.
    Basic,
    /// The middle tier.
    Standard,
    /// The tightest objectives.
    Premium,
}

impl Tier {
    /// All of them.
    pub const ALL: [Tier; 3] = [Tier::Basic, Tier::Standard, Tier::Premium];

    /// The tier as it stands in claims, attributes and annotations.
    pub fn as_str(self) -> &'static str {
        match self {
            Tier::Basic => "basic",
            Tier::Standard => "standard",
            Tier::Premium => "premium",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Tier {
    type Err = InvalidTenant;
    fn from_str(text: &str) -> Result<Self, InvalidTenant> {
        match text {
            "basic" => Ok(Tier::Basic),
            "standard" => Ok(Tier::Standard),
            "premium" => Ok(Tier::Premium),
            _ => Err(InvalidTenant::Tier),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_tier_is_refused() {
        assert_eq!("premium".parse(), Ok(Tier::Premium));
        for bad in ["Premium", "gold", ""] {
            assert_eq!(bad.parse::<Tier>(), Err(InvalidTenant::Tier));
        }
    }
}
