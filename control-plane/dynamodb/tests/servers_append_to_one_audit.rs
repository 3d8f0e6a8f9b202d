//! Servers on several hosts record what happens in one table: one unbroken chain.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use aws_sdk_dynamodb::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region},
};
use control_plane_audit::{Audit, AuditEvent, How, Source, What, Who};
use control_plane_dynamodb::DynamoDbStates;
use futures_util::future::join_all;
use serde_json::json;
use testkit::dynamodb::Table;

fn server(table: &Table) -> Audit {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("111111111111", "local", None, None, "local"))
        .endpoint_url(&table.url);
    let client = Client::from_conf(config.build());
    Audit::new(Arc::new(DynamoDbStates::with_client(client, table.name.to_owned())))
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_records_of_two_servers_hang_together() {
    let table = Table::start().await;
    let servers = [server(&table), server(&table)];
    let who = |name: &str| Who {
        name: name.into(),
        subject: String::new(),
        issued_by: "https://login.example/".into(),
        role: "operator".into(),
    };
    let records = (0..200).map(|number| {
        let name = ["ada@staff.example", "bob@staff.example"][number % 2];
        servers[number % 2].record(AuditEvent::new(What::SignIn, who(name), Source::default()))
    });
    let mut numbers: Vec<u64> = join_all(records).await.into_iter().map(|number| number.unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=200).collect::<Vec<_>>());
    let verified = servers[0].verify(None).await.unwrap().unwrap();
    assert_eq!((verified.records, &verified.last), (200, &servers[1].head().await.unwrap()));
    // Somebody with the right to delete takes one out.
    let key = json!({ "pk": { "S": "CONTROL_PLANE#AUDIT" }, "sk": { "S": format!("{:020}", 77) } });
    table.ask("DeleteItem", &json!({ "TableName": table.name, "Key": key })).await;
    let broken = servers[1].verify(verified.last).await.unwrap().unwrap_err();
    assert_eq!((broken.number, broken.how), (77, How::Missing));
}
