//! Those who run the system, in a user pool of account C: an operator and a viewer. On AWS they are of the company's own identity
//! provider, so no template makes this pool.

use anyhow::{Context, Result};
use aws_config::SdkConfig;
use aws_sdk_cognitoidentityprovider::{
    Client,
    types::{AdminCreateUserConfigType, OAuthFlowType},
};

use crate::{outputs::StaffUser, users::create_in};

/// Each role with the group that it follows from.
pub const ROLES: [(&str, &str); 2] = [("operator", "operators"), ("viewer", "viewers")];

/// The staff, and where they sign in.
#[derive(Debug)]
pub struct Staff {
    /// Their user pool.
    pub pool_id: String,
    /// The control plane's client there.
    pub client_id: String,
    /// That of its commands.
    pub cli_client_id: String,
    /// One for each role.
    pub users: Vec<StaffUser>,
}

/// Where the browser of somebody comes back to who uses `control-plane login`.
const CLI_CALLBACK: &str = "http://localhost:8318/callback";

/// Creates the pool, the control plane's clients there, and a user for each role.
pub async fn create(config: &SdkConfig, callback: &str) -> Result<Staff> {
    let client = Client::new(config);
    let by_invitation = AdminCreateUserConfigType::builder().allow_admin_create_user_only(true).build();
    let create = client.create_user_pool().pool_name("staff").admin_create_user_config(by_invitation);
    let pool = create.send().await.context("cannot create the staff's user pool")?;
    let pool_id = pool.user_pool().and_then(|pool| pool.id()).context("no id of the staff's user pool")?.to_owned();

    let client_id = create_client(&client, &pool_id, "control-plane", callback, true).await?;
    // On a user's own machine there is no secret.
    let cli_client_id = create_client(&client, &pool_id, "control-plane-cli", CLI_CALLBACK, false).await?;

    let mut users = Vec::new();
    for (role, group) in ROLES {
        let username = format!("{role}@airline.example");
        client.create_group().user_pool_id(&pool_id).group_name(group).send().await?;
        let password = create_in(&client, &pool_id, &username, &[]).await?;
        let add = client.admin_add_user_to_group().user_pool_id(&pool_id).username(&username).group_name(group);
        add.send().await.with_context(|| format!("{username} cannot join {group}"))?;
        users.push(StaffUser { username, password, role: role.to_owned() });
    }
    Ok(Staff { pool_id, client_id, cli_client_id, users })
}

async fn create_client(client: &Client, pool_id: &str, name: &str, callback: &str, secret: bool) -> Result<String> {
    let create = client.create_user_pool_client().user_pool_id(pool_id).client_name(name);
    let create = create.generate_secret(secret).supported_identity_providers("COGNITO").callback_urls(callback);
    let create = create.allowed_o_auth_flows_user_pool_client(true).allowed_o_auth_flows(OAuthFlowType::Code);
    let create =
        ["openid", "email", "profile"].into_iter().fold(create, |create, scope| create.allowed_o_auth_scopes(scope));
    // The longest that Cognito has: the emulator leaves groups out of ID tokens that it gives for a refresh token, so one must last for a run.
    let create = create.id_token_validity(24);
    let created = create.send().await.with_context(|| format!("cannot create the client {name}"))?;
    let id = created.user_pool_client().and_then(|client| client.client_id());
    id.map(str::to_owned).with_context(|| format!("no id of the client {name}"))
}
