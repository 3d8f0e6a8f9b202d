//! The functions of `examples/notes` on the Lambda host. They know nothing of the airline, and what is tested on them is what the crates of
//! `shared/` promise to whoever carries them away.

use std::time::Duration;

use lambda_host::{
    aws::{Aws, CLIENT_ID, TENANT_ROLE_ARN, TENANTS_TABLE, USER_POOL_ID},
    function::{Function, Outcome},
    payloads::{Subscription, post},
};
use serde_json::{Value, json};

use crate::functions::{DEADLINE, Setup, start};

/// Where notes are sent, and the queue from which they are read.
pub const NOTES: Subscription<'static> = Subscription {
    topic_arn: "arn:aws:sns:us-east-1:111111111111:notes",
    queue_arn: "arn:aws:sqs:us-east-1:111111111111:notes-inbox",
};

/// notes-api and the AWS it talks to.
pub struct NotesApi {
    /// The process.
    pub function: Function,
    /// DynamoDB and the user pool.
    pub aws: Aws,
}

impl NotesApi {
    /// Starts it.
    pub async fn start(setup: Setup<'_>) -> Self {
        Self::start_with(Aws::start(Duration::from_millis(1)).await.unwrap(), setup).await
    }

    /// Starts it with this AWS.
    pub async fn start_with(aws: Aws, setup: Setup<'_>) -> Self {
        let function = start("notes-api", &notes_api_env(&aws), setup).await;
        Self { function, aws }
    }

    /// An event that takes a note for this tenant.
    pub fn event(&self, tenant: &str, headers: &[(&str, &str)]) -> String {
        let token = self.aws.token(tenant, "basic", &format!("user-of-{tenant}")).unwrap();
        let headers = [headers, &[("content-type", "application/json")]].concat();
        post("/notes", &token, &headers, &json!({ "text": "the kettle is on" }))
    }

    /// Takes a note for acme; asserts that it worked.
    pub async fn note(&mut self) -> Outcome {
        let event = self.event("acme", &[]);
        let outcome = self.function.invoke(event, DEADLINE).await.unwrap();
        assert_eq!(outcome.http().0, 201, "{outcome:?}");
        outcome
    }
}

/// What notes-api always needs.
pub fn notes_api_env(aws: &Aws) -> Vec<(&str, &str)> {
    vec![
        ("OTEL_SERVICE_NAME", "notes-api"),
        ("AWS_ENDPOINT_URL", aws.url.as_str()),
        ("NOTES_TABLE", "notes"),
        ("TENANT_ROLE_ARN", TENANT_ROLE_ARN),
        ("TENANTS_TABLE", TENANTS_TABLE),
        ("USER_POOL_ID", USER_POOL_ID),
        ("USER_POOL_CLIENT_ID", CLIENT_ID),
    ]
}

/// notes-inbox, which believes [`NOTES`].
pub async fn notes_inbox(aws: &Aws, setup: Setup<'_>) -> Function {
    let believed = format!("{},{}", NOTES.queue_arn, NOTES.topic_arn);
    let env = [
        ("OTEL_SERVICE_NAME", "notes-inbox"),
        ("AWS_ENDPOINT_URL", aws.url.as_str()),
        ("NOTES_TABLE", "notes"),
        ("TENANT_ROLE_ARN", TENANT_ROLE_ARN),
        ("BELIEVED_SOURCES", believed.as_str()),
    ];
    start("notes-inbox", &env, setup).await
}

/// A record of SQS: a note for acme that was sent, with this trace context among its attributes.
pub fn note_sent(from: Subscription<'_>, id: &str, trace: &[(&str, &str)]) -> Value {
    let body = json!({ "version": 1, "id": id, "text": "the kettle is on", "tenant": "acme", "tier": "basic" });
    let attributes = [("tenant_id", "acme"), ("tenant_tier", "basic"), ("event_type", "note.sent")];
    from.record(id, &body, attributes.into_iter().chain(trace.iter().copied()))
}

/// An invocation with these records.
pub fn batch(records: impl IntoIterator<Item = Value>) -> Value {
    json!({ "Records": records.into_iter().collect::<Vec<_>>() })
}
