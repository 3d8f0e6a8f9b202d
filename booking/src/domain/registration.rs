//! Wishes to become a customer, and to let a colleague in. Neither can name a tenant, a tier or a role: a body that tries is refused.

use http::StatusCode;
use lambda_problem::Problem;

use super::{
    EmailAddress,
    fields::{Fields, name},
};

/// A company that wants to become a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// What it is called: 1–100 characters, trimmed, none of them a control character.
    pub company_name: String,
    /// The mail address of the tenant's first admin.
    pub email: EmailAddress,
}

impl Registration {
    /// Reads a JSON body. 400 for a body that is too large or no JSON object, 422 naming every field that is wrong.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let detail = "The company cannot be registered with these values.";
        let refusal = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_registration", detail);
        let mut fields = Fields::parse(body, &["company_name", "email"], "is not a field of a registration", refusal)?;
        let company_name = fields.take("company_name", name);
        let email = fields.take("email", EmailAddress::parse);
        fields.or_refuse(company_name.zip(email).map(|(company_name, email)| Self { company_name, email }))
    }
}

/// A colleague whom an admin lets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The address of the colleague who is invited.
    pub email: EmailAddress,
}

impl Invitation {
    /// Reads a JSON body, as [`Registration::parse`] does.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let detail = "The invitation cannot be sent with these values.";
        let refusal = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_invitation", detail);
        let mut fields = Fields::parse(body, &["email"], "is not a field of an invitation", refusal)?;
        let email = fields.take("email", EmailAddress::parse);
        fields.or_refuse(email.map(|email| Self { email }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn refused(body: &Value) -> (u16, Vec<String>) {
        let problem = Registration::parse(body.to_string().as_bytes()).unwrap_err();
        (problem.status().as_u16(), problem.errors().iter().map(|error| error.field.clone()).collect())
    }

    #[test]
    fn a_company_has_a_name_and_an_admin() {
        let body = json!({ "company_name": " Hooli Air ", "email": "Ada@Hooli.example" }).to_string();
        let registration = Registration::parse(body.as_bytes()).unwrap();
        assert_eq!(registration.company_name, "Hooli Air");
        assert_eq!(registration.email.as_str(), "ada@hooli.example");
    }

    #[test]
    fn each_wrong_field_is_named() {
        let wrong = |fields: &[&str]| (422, fields.iter().map(|field| format!("/{field}")).collect::<Vec<_>>());
        assert_eq!(refused(&json!({})), wrong(&["company_name", "email"]));
        assert_eq!(refused(&json!({ "company_name": " ", "email": "a@b.example" })), wrong(&["company_name"]));
        assert_eq!(refused(&json!({ "company_name": "x".repeat(101), "email": 7 })), wrong(&["company_name", "email"]));
        assert_eq!(refused(&json!({ "company_name": "Hooli", "email": "ada" })), wrong(&["email"]));
    }

    #[test]
    fn nobody_chooses_a_tenant_a_tier_or_a_role() {
        for field in ["tenant_id", "tier", "role", "custom:tenant-id"] {
            let mut body = json!({ "company_name": "Hooli", "email": "a@b.example" });
            body[field] = json!("acme");
            assert_eq!(refused(&body), (422, vec![format!("/{field}")]));
            let body = json!({ "email": "a@b.example", field: "acme" }).to_string();
            assert_eq!(Invitation::parse(body.as_bytes()).unwrap_err().status(), 422);
        }
    }
}
