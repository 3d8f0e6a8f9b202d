//! The verified sender of a request, and what that sender may do.

use control_plane_model::store::Scope;
use serde::{Deserialize, Serialize};
use tenancy::TenantId;

/// What somebody may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees all tenants, and changes what can be changed.
    Operator,
    /// A viewer sees all tenants and changes none.
    Viewer,
    /// Sees one tenant's own figures.
    Tenant(TenantId),
}

impl Role {
    /// The name that pages, logs and the audit use.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Viewer => "viewer",
            Self::Tenant(_) => "tenant",
        }
    }
}

/// A verified user or program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// By what name: the e-mail address or the subject of a token, the name of a service key.
    pub name: String,
    /// The `sub` of a token, which is given to nobody else later, as an address may be; empty where there is none.
    #[serde(default)]
    pub subject: String,
    /// Who vouches for the principal: an issuer, or `service key`.
    pub issued_by: String,
    /// What the principal may do.
    pub role: Role,
}

impl Principal {
    /// What they may see, for every read of the store.
    pub fn scope(&self) -> Scope {
        match &self.role {
            Role::Operator | Role::Viewer => Scope::All,
            Role::Tenant(tenant) => Scope::Tenant(tenant.to_string()),
        }
    }

    /// Whether they may change something.
    pub fn may_change(&self) -> bool {
        self.role == Role::Operator
    }
}
