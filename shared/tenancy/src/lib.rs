//! Who a request or message is served for.
//!
//! | item | idea |
//! |---|---|
//! | [`TenantId`], [`UserId`] | a customer company, and a user of one, as identity providers name them |
//! | [`Tier`], [`Tiers`] | the service level that a tenant has bought, and which there are |
//! | [`Role`] | what a user may do within their tenant |
//! | [`TenantLabel`] | tenant, tier and user that a span, a log line or a message names; it opens nothing |
//! | [`TenantContext`] | the same, vouched for; it opens a tenant's items |
//! | [`RegistryEntry`], [`TenantStatus`] | what a registry of tenants knows of one |
//! | [`Quota`] | how much of a service a tenant may use |
//! | [`AccessLists`] | whom a tenant turns away and whom alone it lets in, by [`Network`] and user |
//! | `TenantIds`, `PseudonymKey` | what of ids leaves, with the feature `pseudonyms`: plain, as a keyed hash, or not at all |
//! | `HiddenIds` | the same for ids in the midst of texts |
//! | [`Pattern`] | which texts a contract allows, for the code that reads them and the schema that is published |
//!
//! ```
//! use tenancy::{TenantContext, TenantLabel, Tier, Tiers};
//!
//! const FREE: Tier = Tier::named("free");
//! let tiers = Tiers::from([FREE, Tier::named("pro")]);
//!
//! // What somebody has checked: a token, a signature, a key.
//! let label = TenantLabel {
//!     tenant_id: "acme".parse()?,
//!     tier: tiers.parse("free")?,
//!     user_id: Some("auth0|65f1".parse()?),
//! };
//! let tenant = TenantContext::vouched_by("our gateway's API key", label);
//! assert_eq!((tenant.tenant_id.as_str(), tenant.tier), ("acme", FREE));
//!
//! assert!(tiers.parse("gold").is_err(), "nobody sells it");
//! # Ok::<(), tenancy::InvalidTenant>(())
//! ```
//!
//! # Errors
//!
//! [`InvalidTenant`] says which text is invalid and what it may consist of. It repeats only the name of an unknown tier; every other text may be
//! secret.
//!
//! # Guarantees
//!
//! - A value is valid by construction, read from JSON too: a [`TenantId`] can stand in a key, a header and an IAM condition without escaping, and a
//!   [`UserId`] in a key.
//! - A [`TenantContext`] is made by [`vouched_by`](TenantContext::vouched_by) alone, which a reviewer finds by its name, and never becomes another
//!   tenant's. Its documentation tries every other way, and none compiles.
//! - There is no global "current tenant": code that needs the tenant gets it as an argument.

mod access_lists;
mod context;
#[cfg(feature = "pseudonyms")]
mod hidden;
mod identifier;
mod pattern;
#[cfg(feature = "pseudonyms")]
mod pseudonym;
mod quota;
mod registry;
mod role;
mod tier;

pub use access_lists::{
    AccessLists, Foreseen, InvalidNetwork, List, ListEntry, Listed, ListsAreFull, Network, Refused,
};
pub use context::{TenantContext, TenantLabel};
#[cfg(feature = "pseudonyms")]
pub use hidden::HiddenIds;
pub use identifier::{InvalidTenant, TenantId, UserId};
pub use pattern::Pattern;
#[cfg(feature = "pseudonyms")]
pub use pseudonym::{InvalidTenantIds, PseudonymKey, TenantIds};
pub use quota::{InvalidQuota, Quota};
pub use registry::{RegistryEntry, TenantStatus};
pub use role::Role;
pub use tier::{Tier, Tiers};
