//! The demo's tenants, one per tier, and an admin of each. Made by the service, as on AWS: nobody chooses a tenant.

use anyhow::{Context, Result, anyhow};
use aws_config::SdkConfig;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_sdk_cognitoidentityprovider::{
    Client,
    types::{AttributeType, AuthFlowType, MessageActionType},
};
use tenancy::{RegistryEntry, TenantStatus};

use crate::outputs::{Outputs, User};

/// Tenant, tier and the company's name.
pub const TENANTS: [(&str, &str, &str); 3] = [
    ("acme", "basic", "Acme Air"),
    ("globex", "standard", "Globex Airways"),
    ("oceanic", "premium", "Oceanic Airlines"),
];

/// Writes tenants into the registry: id, tier and the company's name.
pub async fn register_tenants(config: &SdkConfig, table: &str, tenants: &[(&str, &str, &str)]) -> Result<()> {
    let registry = aws_sdk_dynamodb::Client::new(config);
    let now = format!("{:.3}", jiff::Timestamp::now());
    for (tenant, tier, company) in tenants {
        let entry = RegistryEntry {
            tenant_id: tenant.parse()?,
            tier: tier.parse()?,
            status: TenantStatus::Active,
            company_name: (*company).to_owned(),
            created_at: now.clone(),
            quota: None,
            access_lists: None,
        };
        register(&registry, table, &entry).await?;
    }
    Ok(())
}

/// Writes a tenant into the registry.
pub async fn register(registry: &aws_sdk_dynamodb::Client, table: &str, entry: &RegistryEntry) -> Result<()> {
    let put = registry.put_item().table_name(table).set_item(Some(serde_dynamo::to_item(entry)?));
    put.send().await.with_context(|| format!("cannot register {}", entry.tenant_id))?;
    Ok(())
}

/// Creates an admin for each tenant.
pub async fn create(config: &SdkConfig, user_pool_id: &str) -> Result<Vec<User>> {
    let client = Client::new(config);
    let mut users = Vec::new();
    for (tenant, tier, company) in TENANTS {
        let username = format!("pilot@{tenant}.example");
        let claims = [
            ("custom:tenant-id", tenant),
            ("custom:tier-level", tier),
            ("custom:role", "admin"),
            ("custom:company-name", company),
        ];
        users.push(create_one(&client, user_pool_id, &username, &claims).await?);
    }
    Ok(users)
}

/// Creates a user of a tenant with a random password and these claims.
pub async fn create_one(client: &Client, user_pool_id: &str, username: &str, claims: &[(&str, &str)]) -> Result<User> {
    let password = create_in(client, user_pool_id, username, claims).await?;
    let claim =
        |name| claims.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()).unwrap_or_default();
    Ok(User {
        username: username.to_owned(),
        password,
        tenant: claim("custom:tenant-id"),
        tier: claim("custom:tier-level"),
    })
}

/// Creates a user with these attributes besides the address; the password, which is random.
pub async fn create_in(
    client: &Client,
    user_pool_id: &str,
    username: &str,
    attributes: &[(&str, &str)],
) -> Result<String> {
    let password = random_password()?;
    let attribute = |name: &str, value: &str| AttributeType::builder().name(name).value(value).build();
    let mut create = client
        .admin_create_user()
        .user_pool_id(user_pool_id)
        .username(username)
        .message_action(MessageActionType::Suppress)
        .user_attributes(attribute("email", username)?)
        .user_attributes(attribute("email_verified", "true")?);
    for (name, value) in attributes {
        create = create.user_attributes(attribute(name, value)?);
    }
    create.send().await.with_context(|| format!("cannot create {username}"))?;
    let set = client.admin_set_user_password().user_pool_id(user_pool_id).username(username).password(&password);
    set.permanent(true).send().await.with_context(|| format!("cannot set the password of {username}"))?;
    Ok(password)
}

/// Signs a user in; the ID token.
pub async fn sign_in(outputs: &Outputs, username: &str, password: &str) -> Result<String> {
    let config = crate::ministack::sdk_config(&outputs.aws_endpoint_url, &outputs.booking_account).await;
    let signed_in = Client::new(&config)
        .initiate_auth()
        .auth_flow(AuthFlowType::UserPasswordAuth)
        .client_id(&outputs.user_pool_client_id)
        .auth_parameters("USERNAME", username)
        .auth_parameters("PASSWORD", password)
        .send()
        .await
        .with_context(|| format!("{username} cannot sign in"))?;
    let token = signed_in.authentication_result().and_then(|result| result.id_token());
    token.map(str::to_owned).context("no ID token")
}

fn random_password() -> Result<String> {
    let mut bytes = [0; 12];
    SystemRandom::new().fill(&mut bytes).map_err(|_| anyhow!("no random bytes"))?;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    // The pool's policy wants an upper-case letter and a digit.
    Ok(format!("Fly7-{hex}"))
}
