//! Who a request or message is served for.
//!
//! Values of these types are valid by construction. A [`TenantLabel`] says whom a span or a message names, and opens nothing. A
//! [`TenantContext`] opens a tenant's items: it is made where somebody vouches for it, which a reviewer finds by searching for
//! [`vouched_by`](TenantContext::vouched_by).
//!
//! | module | idea |
//! |---|---|
//! | `identifier` | the id of a tenant, and of a user |
//! | `tier` | the service level that a tenant has bought, and which there are |
//! | `role` | what a user may do within their tenant |
//! | `registry` | what a registry of tenants knows of one |
//! | `context` | whom a span names, and whose items may be opened |
//! | `pattern` | which texts a contract allows |

mod context;
mod identifier;
mod pattern;
mod registry;
mod role;
mod tier;

pub use context::{TenantContext, TenantLabel};
pub use identifier::{InvalidTenant, TenantId, UserId};
pub use pattern::Pattern;
pub use registry::{RegistryEntry, TenantStatus};
pub use role::Role;
pub use tier::{Tier, Tiers};
