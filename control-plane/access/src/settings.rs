//! Who may sign in: the section `[access]` of the configuration file.

use std::fmt;

use serde::Deserialize;

/// Who may sign in, and for how long.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where browsers find the control plane, scheme and host: `https://control-plane.example`. Sign-in leads back to `/sign-in/callback` below it.
    pub url: String,
    /// Origins whose pages may read the API with their users' tokens: the portal's, as a browser writes it, `https://portal.example`.
    #[serde(default)]
    pub allowed_origins: Vec<String>,
    /// The issuer of those who run the system.
    pub staff: Option<StaffSettings>,
    /// The issuer of tenants' users.
    pub tenants: Option<TenantsSettings>,
    /// The service keys of programs.
    #[serde(default, rename = "service_key")]
    pub service_keys: Vec<ServiceKeySettings>,
    /// How long a session lasts.
    #[serde(default)]
    pub session: SessionSettings,
}

/// An OpenID provider, and the client that it knows this server by.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerSettings {
    /// The `iss` of its tokens, to the letter.
    pub issuer: String,
    /// Where its configuration is, if not at `/.well-known/openid-configuration` below the issuer.
    pub discovery_url: Option<String>,
    /// The client's id: the `aud` of its tokens.
    pub client_id: String,
    /// The client's secret, if it has one.
    pub client_secret: Option<Secret>,
    /// Further clients whose ID tokens are taken as bearer tokens: the portal's.
    #[serde(default)]
    pub bearer_client_ids: Vec<String>,
    /// The public client of `control-plane login`, whose ID tokens are taken as bearer tokens, too.
    pub cli_client_id: Option<String>,
    /// The claim that names its user in logs and the audit.
    #[serde(default = "email")]
    pub name_claim: String,
}

/// A text that is shown nowhere.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Who of the staff may what. Somebody who is of none of these groups may not sign in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StaffSettings {
    /// The provider that says who belongs to the staff.
    pub provider: IssuerSettings,
    /// The claim with a user's groups: a text, or a list of them.
    #[serde(default = "groups")]
    pub role_claim: String,
    /// The groups whose members are operators.
    #[serde(default)]
    pub operators: Vec<String>,
    /// The groups whose members are viewers.
    #[serde(default)]
    pub viewers: Vec<String>,
}

/// Which users of tenants see their tenant's figures.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantsSettings {
    /// The provider that says who is a tenant's user.
    pub provider: IssuerSettings,
    /// The claim with the tenant's id.
    #[serde(default = "tenant_id")]
    pub tenant_claim: String,
    /// The claim with a user's role in their tenant.
    #[serde(default = "role")]
    pub role_claim: String,
    /// The roles that see the tenant's figures.
    #[serde(default = "admin")]
    pub roles: Vec<String>,
}

/// A service key, by which one program may read.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceKeySettings {
    /// What the audit calls it.
    pub name: String,
    /// The SHA-256 of the key, hexadecimal: the key itself is nowhere but with the program.
    pub sha256: String,
    /// `viewer` or `operator`.
    pub role: String,
    /// The first moment at which it is not good any more, RFC 3339.
    pub expires: jiff::Timestamp,
}

/// How long a session lasts.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SessionSettings {
    /// Minutes without a request after which it is over.
    pub idle_minutes: u32,
    /// Hours after which it is over in any case.
    pub max_hours: u32,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self { idle_minutes: 60, max_hours: 12 }
    }
}

fn email() -> String {
    "email".to_owned()
}

fn groups() -> String {
    "cognito:groups".to_owned()
}

fn tenant_id() -> String {
    "custom:tenant-id".to_owned()
}

fn role() -> String {
    "custom:role".to_owned()
}

fn admin() -> Vec<String> {
    vec!["admin".to_owned()]
}
