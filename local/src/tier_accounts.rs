//! Tiers with a mileage account of their own. On AWS the mileage stack is deployed once more, with other `Tiers`, and the
//! portal's configuration says which API is whose.

use std::str::FromStr;

use airline_events::TIERS;
use anyhow::{Context, Error, Result, ensure};
use axum::http::{HeaderMap, header};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use tenancy::{Tier, Tiers};

use crate::ministack::{BOOKING_ACCOUNT, MILEAGE_ACCOUNT, OBSERVABILITY_ACCOUNT};

/// A tier and the account its miles are kept in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TierAccount {
    /// The tier, as in claims.
    pub tier: String,
    /// The account's id, of twelve digits.
    pub account: String,
}

impl FromStr for TierAccount {
    type Err = Error;

    /// From `premium=666666666666`.
    fn from_str(text: &str) -> Result<Self> {
        let (tier, account) = text.split_once('=').context("not of the form TIER=ACCOUNT")?;
        let tier = Tiers::from(TIERS).parse(tier)?;
        let digits = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        ensure!(digits, "an account is twelve digits");
        let taken = [BOOKING_ACCOUNT, MILEAGE_ACCOUNT, OBSERVABILITY_ACCOUNT].contains(&account);
        ensure!(!taken, "{account} is already account A, B or C");
        Ok(Self { tier: tier.to_string(), account: account.to_owned() })
    }
}

/// An account that the mileage stack is deployed into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MileageAccount {
    /// Its name there; artifact buckets are named for it, and their names are global.
    pub stack: String,
    /// The account's id, of twelve digits.
    pub account: String,
    /// Whose account it is, or `None` for account B, which takes the other tiers.
    pub tier: Option<String>,
    /// The stack's `Tiers`.
    pub tiers: Vec<String>,
}

/// Account B first, then those of tiers with their own; an error where a tier or an account is named twice, or B would have
/// no tier.
pub fn mileage_accounts(own: &[TierAccount]) -> Result<Vec<MileageAccount>> {
    for (index, one) in own.iter().enumerate() {
        let again = own.iter().skip(index + 1).any(|other| other.tier == one.tier || other.account == one.account);
        ensure!(!again, "{} or its account is named twice", one.tier);
    }
    let has_own = |tier: &String| own.iter().any(|one| one.tier == *tier);
    let tiers: Vec<_> = TIERS.iter().map(ToString::to_string).filter(|tier| !has_own(tier)).collect();
    ensure!(!tiers.is_empty(), "account B is left without a tier");
    let mut accounts =
        vec![MileageAccount { stack: "mileage".to_owned(), account: MILEAGE_ACCOUNT.to_owned(), tier: None, tiers }];
    accounts.extend(own.iter().cloned().map(|TierAccount { tier, account }| MileageAccount {
        stack: format!("mileage-{tier}"),
        account,
        tiers: vec![tier.clone()],
        tier: Some(tier),
    }));
    Ok(accounts)
}

/// The tier that the caller's token claims. Nobody has verified it yet: it only chooses the API, which does.
pub fn claimed(headers: &HeaderMap) -> Option<Tier> {
    let token = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let claims = token.split('.').nth(1)?;
    let claims: serde_json::Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    claims["custom:tier-level"].as_str()?.parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_tier_and_an_account() {
        let premium: TierAccount = "premium=666666666666".parse().unwrap();
        assert_eq!((premium.tier.as_str(), premium.account.as_str()), ("premium", "666666666666"));
        for wrong in [
            "premium",
            "gold=666666666666",
            "premium=3333",
            "premium=66666666666x",
            "basic=222222222222",
            "basic=333333333333",
        ] {
            assert!(wrong.parse::<TierAccount>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn account_b_keeps_the_rest() {
        let of = |list: &[&str]| mileage_accounts(&list.iter().map(|one| one.parse().unwrap()).collect::<Vec<_>>());
        let [b] = &of(&[]).unwrap()[..] else { panic!("more than account B") };
        assert_eq!(b.tiers, ["basic", "standard", "premium"]);
        let [b, own] = &of(&["premium=666666666666"]).unwrap()[..] else { panic!("not two accounts") };
        assert_eq!(
            (b.account.as_str(), &b.tier, &b.tiers[..]),
            (MILEAGE_ACCOUNT, &None, &["basic", "standard"].map(str::to_owned)[..])
        );
        assert_eq!(
            (own.account.as_str(), own.tier.as_deref(), &own.tiers[..]),
            ("666666666666", Some("premium"), &["premium".to_owned()][..])
        );
        assert!(of(&["premium=666666666666", "premium=444444444444"]).is_err());
        assert!(of(&["premium=666666666666", "basic=666666666666"]).is_err());
        assert!(of(&["premium=666666666666", "basic=444444444444", "standard=555555555555"]).is_err());
    }

    #[test]
    fn a_token_claims_a_tier() {
        let with = |authorization: &str| {
            let value = HeaderValue::from_str(authorization).unwrap();
            claimed(&HeaderMap::from_iter([(header::AUTHORIZATION, value)]))
        };
        let claims = BASE64_URL_SAFE_NO_PAD.encode(r#"{"custom:tier-level":"premium"}"#);
        assert_eq!(with(&format!("Bearer e30.{claims}.c2ln")), Some(Tier::named("premium")));
        assert_eq!(with(&format!("e30.{claims}.c2ln")), Some(Tier::named("premium")));
        for unreadable in ["Bearer e30.e30.c2ln", "Bearer", "AWS4-HMAC-SHA256 Credential=a/b/c", "a.%%.b"] {
            assert_eq!(with(unreadable), None, "{unreadable}");
        }
    }
}
