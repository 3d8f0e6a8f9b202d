//! What a user may do within their tenant.

/// What a user may do within their tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// A user who may also invite colleagues.
    Admin,
    /// A user of what the tenant has bought.
    Member,
}

impl Role {
    /// The role as it stands in the claim.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::Member => "member",
        }
    }

    /// The role that a claim names. A missing or unknown claim gives the role with the fewest rights.
    pub fn of_claim(claim: Option<&str>) -> Self {
        if claim == Some(Role::Admin.as_str()) { Role::Admin } else { Role::Member }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_claim_to_be_admin_makes_one() {
        assert_eq!(Role::of_claim(Some(Role::Admin.as_str())), Role::Admin);
        for claim in [None, Some(""), Some("member"), Some("Admin"), Some("owner")] {
            assert_eq!(Role::of_claim(claim), Role::Member, "{claim:?}");
        }
    }
}
