//! Signing in at the control plane of the local cloud: with the emulator's user pools, by one click.
//!
//! Those who run the system are in a pool of their own, users of tenants in the pool of infra/booking. What is not the emulator's is one page
//! (`page`), where a user is chosen instead of typing a name and a password.

mod page;

use std::fmt::Write as _;

use anyhow::{Context, Result, anyhow};
use aws_config::SdkConfig;
use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::{SecureRandom, SystemRandom},
};
use aws_sdk_cognitoidentityprovider::Client;
use jiff::{Timestamp, ToSpan};

use crate::{
    deploy::StackOutputs,
    ministack::REGION,
    outputs::{Outputs, StaffUser, User},
    staff::{self, ROLES, Staff},
};

pub use page::routes;

/// Where the page and the pools' configurations are, at the front door.
const PATH: &str = "/_local/sign-in";

/// Where a provider sends browsers back to.
pub fn callback(control_plane_url: &str) -> String {
    format!("{control_plane_url}/sign-in/callback")
}

/// A user pool, as the control plane knows it.
#[derive(Debug, Clone)]
struct Pool {
    id: String,
    client_id: String,
    client_secret: String,
    /// The client of the control plane's commands, if they have one here.
    cli_client_id: Option<String>,
    /// Who its users are.
    heading: &'static str,
    users: Vec<Choice>,
}

/// Somebody to sign in as.
#[derive(Debug, Clone)]
struct Choice {
    username: String,
    password: String,
    /// What they are: a role, or the tenant.
    is: String,
}

/// Who may sign in at the control plane.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// Those who run the system.
    pub staff_users: Vec<StaffUser>,
    /// The service key of this run.
    pub key: String,
    staff: Pool,
    tenants: Pool,
    portal_client_id: String,
}

impl SignIn {
    /// Creates the staff's pool in account C; tenants' `users` are in that of the booking stack.
    pub async fn create(
        booking: (&SdkConfig, &StackOutputs),
        observability: &SdkConfig,
        users: &[User],
        control_plane_url: &str,
    ) -> Result<Self> {
        let (account, stack) = booking;
        let from_stack =
            |name: &str| stack.get(name).cloned().with_context(|| format!("the booking stack has no output {name}"));
        let Staff { pool_id, client_id, cli_client_id, users: staff_users } =
            staff::create(observability, &callback(control_plane_url)).await?;
        let of_staff = |user: &StaffUser| Choice {
            username: user.username.clone(),
            password: user.password.clone(),
            is: user.role.clone(),
        };
        let of_tenant = |user: &User| Choice {
            username: user.username.clone(),
            password: user.password.clone(),
            is: format!("{}, {}", user.tenant, user.tier),
        };
        let staff = Pool {
            client_secret: client_secret(observability, &pool_id, &client_id).await?,
            id: pool_id,
            client_id,
            cli_client_id: Some(cli_client_id),
            heading: "Those who run the system",
            users: staff_users.iter().map(of_staff).collect(),
        };
        let (id, client_id) = (from_stack("UserPoolId")?, from_stack("ControlPlaneClientId")?);
        let tenants = Pool {
            client_secret: client_secret(account, &id, &client_id).await?,
            id,
            client_id,
            cli_client_id: None,
            heading: "Admins of tenants",
            users: users.iter().map(of_tenant).collect(),
        };
        let portal_client_id = from_stack("UserPoolClientId")?;
        Ok(Self { staff_users, key: service_key()?, staff, tenants, portal_client_id })
    }

    /// The section `[access]` of the control plane's configuration.
    pub fn configuration(&self, control_plane_url: &str, front: &str) -> Result<String> {
        let provider = |pool: &Pool| {
            format!(
                "issuer = \"https://cognito-idp.{REGION}.amazonaws.com/{id}\", discovery_url = \"{front}{PATH}/{id}\", \
                 client_id = \"{}\", client_secret = \"{}\"",
                pool.client_id,
                pool.client_secret,
                id = pool.id
            )
        };
        // To a browser it is another origin by its other name.
        let portal = [front.to_owned(), front.replace("127.0.0.1", "localhost")];
        let [operators, viewers] = ROLES.map(|(_, group)| group);
        let hash = digest(&SHA256, self.key.as_bytes());
        // Longer than a run.
        let expires = Timestamp::now().checked_add((24 * 365).hours())?;
        Ok(format!(
            "[access]\nurl = \"{control_plane_url}\"\nallowed_origins = {portal:?}\n\
             [access.staff]\nprovider = {{ {}{} }}\nrole_claim = \"cognito:groups\"\noperators = [\"{operators}\"]\nviewers = [\"{viewers}\"]\n\
             [access.tenants]\nprovider = {{ {}, bearer_client_ids = [\"{}\"] }}\n\
             [[access.service_key]]\nname = \"local cloud\"\nrole = \"viewer\"\nsha256 = \"{}\"\nexpires = \"{expires}\"\n",
            provider(&self.staff),
            self.staff.cli_client_id.iter().map(|id| format!(", cli_client_id = \"{id}\"")).collect::<String>(),
            provider(&self.tenants),
            self.portal_client_id,
            hex(hash.as_ref()),
        ))
    }
}

/// How one signs in, a line for each way.
pub fn how(outputs: &Outputs) -> String {
    let url = |issuer: &str| format!("{}/sign-in/{issuer}", outputs.control_plane_url);
    let staff: Vec<_> = outputs.staff.iter().map(|user| user.role.as_str()).collect();
    if staff.is_empty() {
        return "  sign in there   not asked for: everybody on this machine is an operator\n".to_owned();
    }
    let tenants: Vec<_> = outputs.users.iter().map(|user| user.tenant.as_str()).collect();
    format!(
        "  sign in there   {}    (one click: {})\n                  {}  (one click: the admin of {})\n",
        url("staff"),
        staff.join(", "),
        url("tenants"),
        tenants.join(", "),
    )
}

/// What a pool knows a client by.
async fn client_secret(account: &SdkConfig, pool_id: &str, client_id: &str) -> Result<String> {
    let client = Client::new(account);
    let described = client.describe_user_pool_client().user_pool_id(pool_id).client_id(client_id).send().await?;
    let secret = described.user_pool_client().and_then(|client| client.client_secret());
    secret.map(str::to_owned).with_context(|| format!("the client {client_id} has no secret"))
}

fn service_key() -> Result<String> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| anyhow!("no random bytes"))?;
    Ok(format!("cpk_{}", hex(&bytes)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _never_fails = write!(text, "{byte:02x}");
        text
    })
}
