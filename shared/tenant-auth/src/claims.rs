//! The claims of a caller, and how a tenant is made of them.

use std::{collections::HashMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use tenancy::{InvalidTenant, TenantLabel, Tier, Tiers};

use crate::AuthError;

/// The names under which an identity provider, or an authorizer, says who a caller is, and the tiers that there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimNames {
    /// The claim that holds the tenant's id.
    pub tenant_id: String,
    /// The claim that holds the tenant's tier.
    pub tier: String,
    /// The tier of a caller whose token names none. Without this default, such a caller is refused.
    pub tier_if_absent: Option<Tier>,
    /// The claim that holds the user's id. The token of a machine has none.
    pub user_id: String,
    /// The claim that holds the user's role: `admin`, or anything else for a member.
    pub role: String,
    /// Which tiers there are. A caller with another tier is refused.
    pub tiers: Tiers,
}

impl ClaimNames {
    /// The claims of this project's user pool: `sub`, `custom:tenant-id`, `custom:tier-level`, `custom:role`.
    pub(crate) fn cognito(tiers: impl Into<Tiers>) -> Self {
        Self {
            tenant_id: "custom:tenant-id".to_owned(),
            tier: "custom:tier-level".to_owned(),
            tier_if_absent: None,
            user_id: "sub".to_owned(),
            role: "custom:role".to_owned(),
            tiers: tiers.into(),
        }
    }

    /// `tenant_id`, `tier`, `role`, and the `sub` of every token (RFC 7519 §4.1.2).
    pub fn plain(tiers: impl Into<Tiers>) -> Self {
        Self {
            tenant_id: "tenant_id".to_owned(),
            tier: "tier".to_owned(),
            tier_if_absent: None,
            user_id: "sub".to_owned(),
            role: "role".to_owned(),
            tiers: tiers.into(),
        }
    }

    /// Makes the tenant, tier and user of a caller from its claims.
    pub(crate) fn label(
        &self,
        tenant_id: Option<&str>,
        tier: Option<&str>,
        user_id: Option<&str>,
    ) -> Result<TenantLabel, InvalidTenant> {
        let tier = match (tier, self.tier_if_absent) {
            (None, Some(tier)) => tier,
            (tier, _) => self.tiers.parse(tier.unwrap_or_default())?,
        };
        let user_id = user_id.map(str::parse).transpose()?;
        Ok(TenantLabel { tenant_id: tenant_id.unwrap_or_default().parse()?, tier, user_id })
    }
}

/// The claims of a token as raw JSON. Only the claims that matter are parsed later, so a deeply nested claim that nobody reads costs nothing. A claim
/// that is there twice is refused, as RFC 7519 §4 allows.
#[derive(Debug)]
pub(crate) struct Claims(HashMap<String, Box<RawValue>>);

impl Claims {
    /// A claim that is a text, or `null`; the error is that it is something else.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, NoText> {
        self.0.get(name).map_or(Ok(None), |claim| serde_json::from_str(claim.get()).map_err(|_| NoText))
    }

    /// A claim that is a text or a list of texts.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let list = self.0.get(name).and_then(|claim| serde_json::from_str(claim.get()).ok());
        list.or_else(|| Some(vec![self.text(name).ok()??])).unwrap_or_default()
    }
}

/// The claims of a token that [`JwtVerifier::claims`](crate::JwtVerifier::claims) has verified.
#[derive(Debug)]
pub struct VerifiedClaims(pub(crate) Claims);

impl VerifiedClaims {
    /// A claim that is a text; `None` where there is none.
    ///
    /// # Errors
    ///
    /// [`AuthError::InvalidToken`] where it is something else.
    pub fn text(&self, name: &str) -> Result<Option<String>, AuthError> {
        self.0.text(name).map_err(wrong_shape)
    }

    /// The values of a claim that is a text or a list of texts. There are none where it is neither.
    pub fn texts(&self, name: &str) -> Vec<String> {
        self.0.texts(name)
    }
}

pub(crate) fn wrong_shape(_: NoText) -> AuthError {
    AuthError::InvalidToken("claims of the wrong shape".to_owned())
}

/// A claim that should be a text is something else.
#[derive(Debug)]
pub(crate) struct NoText;

impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Claims;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Claims, A::Error> {
                let mut claims = HashMap::new();
                while let Some((name, claim)) = map.next_entry()? {
                    if claims.insert(name, claim).is_some() {
                        return Err(A::Error::custom("a claim twice"));
                    }
                }
                Ok(Claims(claims))
            }
        }

        deserializer.deserialize_map(Reader)
    }
}
