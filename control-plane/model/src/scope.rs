//! The tenants whose data a read may see.

/// The tenants whose data a read may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// An operator's: all there is.
    All,
    /// A tenant's: only what was done for it.
    Tenant(String),
}

impl Scope {
    /// The one tenant that may be seen, or `None` where all may.
    pub fn tenant(&self) -> Option<&str> {
        match self {
            Self::All => None,
            Self::Tenant(tenant) => Some(tenant),
        }
    }

    /// Whether what was done for `tenant`, or for nobody in particular, may be seen.
    pub fn sees(&self, tenant: Option<&str>) -> bool {
        self.tenant().is_none_or(|own| tenant == Some(own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_sees_itself_and_an_operator_everybody() {
        let own = Scope::Tenant("a".into());
        assert!(own.sees(Some("a")) && !own.sees(Some("b")) && !own.sees(None));
        assert!(Scope::All.sees(Some("a")) && Scope::All.sees(None));
    }
}
