//! A tenant that asks for ten times what it may, for a while, and its neighbours, who ask as usual.

use std::time::Duration;

use anyhow::Result;
use aws_sdk_cognitoidentityprovider::Client as Cognito;
use futures_util::future::join_all;
use reqwest::{Client, StatusCode, header::RETRY_AFTER};
use serde_json::Value;
use tenancy::{Quota, RegistryEntry, TenantStatus};
use tokio::time::{Instant, sleep, sleep_until};

use super::expectations::Expectations;
use crate::{
    ministack::sdk_config,
    outputs::{Outputs, User},
    users,
};

/// A tenant of its own, so that no other's quota changes: who it is, and what it may.
const NOISY: (&str, &str, &str) = ("zephyr", "basic", "Zephyr Air");
const QUOTA: &str = "1/2/1000";
/// Requests a second: the noisy tenant's, ten times its quota, and each neighbour's.
const FLOOD_PER_S: u32 = 10;
const NEIGHBOUR_PER_S: u32 = 1;
pub(super) const LASTS: Duration = Duration::from_secs(20);
/// The last spans are exported after the answers.
const SHOWN_WITHIN: Duration = Duration::from_secs(60);

/// What was told to whom.
#[derive(Debug, Default)]
pub(super) struct Flood {
    /// Requests of the noisy tenant that were served.
    pub(super) served: usize,
    /// And those that were refused.
    pub(super) refused: usize,
    /// Requests of its neighbours, all of which were served if all is well.
    pub(super) neighbours: usize,
}

impl Flood {
    /// The noisy tenant.
    pub(super) const TENANT: &str = NOISY.0;

    /// Who was refused, and that nobody else was, with the pages that show it.
    pub(super) fn told(&self, outputs: &Outputs) -> String {
        let Self { served, refused, neighbours } = self;
        let (tenant, url) = (Self::TENANT, &outputs.control_plane_url);
        format!(
            "A tenant that asked for ten times what it may:\n\n  \
             {tenant} was served {served} times and refused {refused} times. Its neighbours asked {neighbours} times, and were served each time.\n  \
             its page          {url}/tenants/{tenant}\n  \
             what was refused  {url}/traces?tenant={tenant}&status=throttle\n  \
             who is hurt       {url}/tenants"
        )
    }
}

/// Asks for bookings, for as long as the flood lasts.
pub(super) async fn flood(outputs: &Outputs, expectations: &mut Expectations) -> Result<Flood> {
    let noisy = register(outputs).await?;
    let neighbours = outputs.users.iter().map(|user| asked_at(outputs, user, NEIGHBOUR_PER_S));
    let (noisy, neighbours) = tokio::try_join!(asked_at(outputs, &noisy, FLOOD_PER_S), async {
        join_all(neighbours).await.into_iter().collect::<Result<Vec<_>>>()
    })?;
    let with = |answers: &[Answer], status| answers.iter().filter(|answer| answer.status == status).count();
    let told = |answer: &Answer| answer.status == StatusCode::TOO_MANY_REQUESTS && answer.retry_after.is_some();
    let (served, refused) = (with(&noisy, StatusCode::OK), noisy.iter().filter(|answer| told(answer)).count());
    let neighbours = neighbours.concat();
    let flood = Flood { served, refused, neighbours: neighbours.len() };
    expectations.expect(
        format!("{} asks for ten times its quota: most is refused with 429, and told when to come again", NOISY.0),
        served > 0 && refused > 2 * served && served + refused == noisy.len(),
    );
    expectations
        .expect("every request of its neighbours is served", with(&neighbours, StatusCode::OK) == neighbours.len());
    expectations
        .expect("the control plane shows who was throttled, and that nobody else was", shows(outputs, &flood).await?);
    Ok(flood)
}

/// Whether the control plane counts every refusal as throttled, and none of a neighbour's requests.
async fn shows(outputs: &Outputs, flood: &Flood) -> Result<bool> {
    let client = Client::new();
    let throttled = async |tenant: &str| -> Result<Option<u64>> {
        let path = format!("/api/traces?tenant={tenant}&status=throttle");
        let found: Value = outputs.ask_control_plane(&client, &path).send().await?.json().await?;
        Ok(found["matched"].as_u64())
    };
    let (all, begun) = (Some(flood.refused as u64), Instant::now());
    while throttled(Flood::TENANT).await? != all {
        if begun.elapsed() > SHOWN_WITHIN {
            return Ok(false);
        }
        sleep(Duration::from_millis(200)).await;
    }
    for user in &outputs.users {
        if throttled(&user.tenant).await? != Some(0) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The tenant in the registry, with its quota, and a user of it.
async fn register(outputs: &Outputs) -> Result<User> {
    let (tenant, tier, company) = NOISY;
    let config = sdk_config(&outputs.aws_endpoint_url, &outputs.booking_account).await;
    let entry = RegistryEntry {
        tenant_id: tenant.parse()?,
        tier: tier.parse()?,
        status: TenantStatus::Active,
        company_name: company.to_owned(),
        created_at: format!("{:.3}", jiff::Timestamp::now()),
        quota: Some(QUOTA.parse::<Quota>()?),
        access_lists: None,
    };
    users::register(&aws_sdk_dynamodb::Client::new(&config), &outputs.tenants_table, &entry).await?;
    let claims = [("custom:tenant-id", tenant), ("custom:tier-level", tier), ("custom:role", "member")];
    users::create_one(&Cognito::new(&config), &outputs.user_pool_id, &format!("robot@{tenant}.example"), &claims).await
}

#[derive(Debug, Clone)]
struct Answer {
    status: StatusCode,
    retry_after: Option<String>,
}

/// What a user is answered who asks for the list of bookings so many times a second, whatever became of the requests before.
async fn asked_at(outputs: &Outputs, user: &User, per_s: u32) -> Result<Vec<Answer>> {
    let token = users::sign_in(outputs, &user.username, &user.password).await?;
    let (client, url) = (Client::new(), format!("{}/bookings", outputs.booking_url));
    let begun = Instant::now();
    let requests = (0..per_s * LASTS.as_secs() as u32).map(|index| {
        let (client, url, token) = (&client, &url, &token);
        async move {
            sleep_until(begun + Duration::from_secs(1) * index / per_s).await;
            let answer = client.get(url).bearer_auth(token).send().await?;
            let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
            Ok(Answer { status: answer.status(), retry_after: retry_after.map(str::to_owned) })
        }
    });
    join_all(requests).await.into_iter().collect()
}
