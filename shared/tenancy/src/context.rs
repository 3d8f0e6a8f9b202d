//! Whom a span names, and whose items may be opened.

use std::ops::Deref;

use crate::{TenantId, Tier, UserId};

/// The tenant, tier and user that a span, a log line or a message names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantLabel {
    /// The id of the tenant that is served.
    pub tenant_id: TenantId,
    /// The tier at which it is served.
    pub tier: Tier,
    /// The user who asked, or `None` where a machine did.
    pub user_id: Option<UserId>,
}

/// The tenant, tier and user of one request or message, vouched for; reads like its [`TenantLabel`].
///
/// [`vouched_by`](Self::vouched_by) is the one way to make it:
///
/// ```
/// # use tenancy::{TenantContext, TenantId, TenantLabel, Tier};
/// # let label = TenantLabel { tenant_id: "acme".parse().unwrap(), tier: Tier::named("basic"), user_id: None };
/// let mine = TenantContext::vouched_by("a test", label.clone());
/// assert_eq!(mine.tenant_id.as_str(), "acme");
/// # fn read<T: serde::de::DeserializeOwned>() {}
/// # read::<TenantId>();
/// # let _: TenantLabel = label.into();
/// ```
///
/// Each of the following begins with those lines and does not compile. A context cannot be built from its fields:
///
/// ```compile_fail,E0451
/// # use tenancy::{TenantContext, TenantLabel, Tier};
/// # let label = TenantLabel { tenant_id: "acme".parse().unwrap(), tier: Tier::named("basic"), user_id: None };
/// let forged = TenantContext { label, voucher: "nobody" };
/// ```
///
/// ```compile_fail,E0451
/// # use tenancy::{TenantContext, TenantLabel, Tier};
/// # let label = TenantLabel { tenant_id: "acme".parse().unwrap(), tier: Tier::named("basic"), user_id: None };
/// let mine = TenantContext::vouched_by("a test", label.clone());
/// let forged = TenantContext { label, ..mine };
/// ```
///
/// It has no default, and it cannot be converted from a label or parsed from a text:
///
/// ```compile_fail,E0599
/// # use tenancy::TenantContext;
/// let forged = TenantContext::default();
/// ```
///
/// ```compile_fail,E0277
/// # use tenancy::{TenantContext, TenantLabel, Tier};
/// # let label = TenantLabel { tenant_id: "acme".parse().unwrap(), tier: Tier::named("basic"), user_id: None };
/// let forged: TenantContext = label.into();
/// ```
///
/// ```compile_fail,E0277
/// # use tenancy::{TenantContext, TenantLabel, Tier};
/// # let label = TenantLabel { tenant_id: "acme".parse().unwrap(), tier: Tier::named("basic"), user_id: None };
/// let forged = TenantContext::try_from(label).unwrap();
/// ```
///
/// ```compile_fail,E0277
/// # use tenancy::TenantContext;
/// let forged: TenantContext = "acme".parse().unwrap();
/// ```
///
/// It cannot be deserialized, from JSON or anything else:
///
/// ```compile_fail,E0277
/// # use tenancy::TenantContext;
/// # fn read<T: serde::de::DeserializeOwned>() {}
/// read::<TenantContext>();
/// ```
///
/// The context of one tenant cannot be changed into that of another, neither in place, nor as a clone, nor through what it lends:
///
/// ```compile_fail,E0594
/// fn steal(mine: &mut tenancy::TenantContext) {
///     mine.tenant_id = "another".parse().unwrap();
/// }
/// ```
///
/// ```compile_fail,E0616
/// fn steal(mine: &tenancy::TenantContext) {
///     let mut stolen = mine.clone();
///     stolen.label.tenant_id = "another".parse().unwrap();
/// }
/// ```
///
/// ```compile_fail,E0594
/// fn steal(mine: &mut tenancy::TenantContext, other: tenancy::TenantLabel) {
///     *mine.label() = other;
/// }
/// ```
///
/// ```compile_fail,E0596
/// fn steal(mine: &mut tenancy::TenantContext, other: &mut tenancy::TenantLabel) {
///     std::mem::swap(&mut **mine, other);
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantContext {
    label: TenantLabel,
    voucher: &'static str,
}

impl TenantContext {
    /// Makes the context of a tenant that has been verified. `voucher` is a short text that says what verified it, such as `"the ID token"` or `"the
    /// Lambda authorizer"`. The context opens the tenant's items, so the caller answers for the verification.
    pub fn vouched_by(voucher: &'static str, label: TenantLabel) -> Self {
        Self { label, voucher }
    }

    /// Who verified the tenant, as [`TenantContext::vouched_by`] was told.
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
