//! Whom a span names, and whose items may be opened.

use std::ops::Deref;

use crate::{TenantId, Tier, UserId};

/// The tenant, tier and user that a span, a log line or a message names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantLabel {
    /// The tenant served.
    pub tenant_id: TenantId,
    /// The tenant's tier.
    pub tier: Tier,
    /// The user who asked; none where a machine did.
    pub user_id: Option<UserId>,
}

/// The tenant, tier and user of one request or message, vouched for; reads like its [`TenantLabel`].
///
/// It is not made of parts, nor read from JSON:
///
/// ```compile_fail
/// use tenancy::{TenantContext, TenantLabel, Tier};
///
/// let label = TenantLabel {
///     tenant_id: "acme".parse().unwrap(),
///     tier: Tier::named("basic"),
///     user_id: None,
/// };
/// let forged = TenantContext { label, voucher: "nobody" };
/// ```
///
/// nor turn one tenant's into another's:
///
/// ```compile_fail
/// fn steal(mine: &mut crate::TenantContext) {
///     mine.tenant_id = "another".parse().unwrap();
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantContext {
    label: TenantLabel,
    voucher: &'static str,
}

impl TenantContext {
    /// The context of whom `voucher` has verified: a short text that says who that was and how, such as `"the ID token"` or
    /// `"the Lambda authorizer"`. Whoever calls this opens the tenant's items, and answers for it.
    pub fn vouched_by(voucher: &'static str, label: TenantLabel) -> Self {
        Self { label, voucher }
    }

    /// Who vouched for it.
    pub fn voucher(&self) -> &'static str {
        self.voucher
    }

    /// The same tenant and user with the tier that the registry knows.
    pub fn with_tier(mut self, tier: Tier) -> Self {
        self.label.tier = tier;
        self
    }

    /// Whom spans, logs and messages of this work name.
    pub fn label(&self) -> &TenantLabel {
        &self.label
    }
}

impl Deref for TenantContext {
    type Target = TenantLabel;
    fn deref(&self) -> &TenantLabel {
        &self.label
    }
}
