//! Credentials for a tenant's items are of that tenant's session: asked for once, kept until shortly before they end, and never
//! used for another. The AWS of the Lambda host refuses keys of another tenant than the session's, as the role's policy does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use futures_util::future::join_all;
use lambda_host::aws::{Aws, TENANT_ROLE_ARN};
use local::ministack::sdk_config;
use tenancy::{TenantContext, TenantLabel, Tier};
use tenant_store::{TenantItems, TenantTable};

fn tenant(id: &str) -> TenantContext {
    let label =
        TenantLabel { tenant_id: id.parse().unwrap(), tier: Tier::named("basic"), user_id: "user-1".parse().ok() };
    TenantContext::vouched_by("this test", label)
}

async fn start() -> (Aws, TenantTable) {
    let aws = Aws::start(Duration::from_millis(5)).await.unwrap();
    let table = TenantTable::new(&sdk_config(&aws.url, "111111111111").await, "ledger", TENANT_ROLE_ARN);
    (aws, table)
}

fn sessions(aws: &Aws) -> usize {
    aws.calls("AssumeRole")
}

async fn reads(items: &TenantItems) -> bool {
    items.get("BALANCE").send().await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_calls_at_once_for_a_tenant_one_asks_for_a_session() {
    let (aws, table) = start().await;
    let tenants: Vec<_> = ["acme", "acme2", "globex"].map(tenant).into_iter().cycle().take(60).collect();
    let all = tenants.iter().map(async |tenant| reads(&table.of_user(tenant).unwrap()).await);
    assert!(join_all(all).await.into_iter().all(|read| read));
    assert_eq!(sessions(&aws), 3);
    let asked = aws.requests().into_iter().find(|(action, _)| action == "AssumeRole").unwrap().1;
    assert!(asked.contains("Tags.member.1.Key=tenant_id") && asked.contains("DurationSeconds=3600"), "{asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_replaced_shortly_before_it_ends() {
    let (aws, table) = start().await;
    let items = table.of_user(&tenant("acme")).unwrap();
    aws.let_sessions_last(330);
    assert!(reads(&items).await && reads(&items).await);
    assert_eq!(sessions(&aws), 1);

    let (aws, table) = start().await;
    let items = table.of_user(&tenant("acme")).unwrap();
    // Between half of the five minutes and all of them: the SDK spreads renewals.
    aws.let_sessions_last(140);
    assert!(reads(&items).await && reads(&items).await);
    assert_eq!(sessions(&aws), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_opens_no_other_tenants_items() {
    let (_aws, table) = start().await;
    let acme = table.of_user(&tenant("acme")).unwrap();
    let foreign = table.of_user(&tenant("acme2")).unwrap().key("BALANCE");
    let error = acme.get("BALANCE").set_key(Some(foreign)).send().await.unwrap_err();
    assert!(format!("{error:?}").contains("AccessDeniedException"), "{error:?}");
}
