//! A single function on the Lambda host, with AWS and a collector of its own.

use std::time::Duration;

use lambda_host::{
    aws::{Aws, CLIENT_ID, TENANT_ROLE_ARN, TENANTS_TABLE, USER_POOL_ID},
    function::{Config, Function, Outcome},
    payloads,
};

use crate::program;

/// The topic that bookings are published to, as the payloads name it.
pub const TOPIC_ARN: &str = "arn:aws:sns:us-east-1:111111111111:booking-events-dev";

/// The queue that they are read from.
const QUEUE_ARN: &str = "arn:aws:sqs:us-east-1:222222222222:mileage-bookings-dev";

/// What no test uses up that is not about quotas.
const TIER_QUOTAS: &str = "basic=10000/20000/10000000,standard=10000/20000/10000000,premium=10000/20000/10000000";

/// What an invocation of a test may take.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// How a function is to run, beyond what it always needs.
#[derive(Debug, Clone, Default)]
pub struct Setup<'a> {
    /// More environment.
    pub env: Vec<(&'a str, &'a str)>,
    /// Invocations at once.
    pub concurrency: Option<u32>,
}

/// booking-api and the AWS it talks to.
pub struct BookingApi {
    /// The process.
    pub function: Function,
    /// DynamoDB and the user pool.
    pub aws: Aws,
}

impl BookingApi {
    /// Starts it.
    pub async fn start(setup: Setup<'_>) -> Self {
        Self::start_with(Aws::start(Duration::from_millis(1)).await.unwrap(), setup).await
    }

    /// Starts it with this AWS.
    pub async fn start_with(aws: Aws, setup: Setup<'_>) -> Self {
        let function = booking_api(&aws, setup).await;
        Self { function, aws }
    }

    /// An event that books for this tenant.
    pub fn event(&self, tenant: &str, headers: &[(&str, &str)]) -> String {
        let token = self.aws.token(tenant, "basic", &format!("user-of-{tenant}")).unwrap();
        payloads::create_booking(&token, headers)
    }

    /// Books for acme; asserts that it worked.
    pub async fn book(&mut self) -> Outcome {
        let event = self.event("acme", &[]);
        let outcome = self.function.invoke(event, DEADLINE).await.unwrap();
        assert_eq!(outcome.http().0, 201, "{outcome:?}");
        outcome
    }
}

/// A process of booking-api beside others of the same AWS.
pub async fn booking_api(aws: &Aws, setup: Setup<'_>) -> Function {
    start("booking-api", &booking_api_env(aws), setup).await
}

/// What booking-api always needs.
pub fn booking_api_env(aws: &Aws) -> Vec<(&str, &str)> {
    vec![
        ("OTEL_SERVICE_NAME", "booking-api"),
        ("AWS_ENDPOINT_URL", aws.url.as_str()),
        ("RESERVATIONS_TABLE", "reservations"),
        ("TENANT_ROLE_ARN", TENANT_ROLE_ARN),
        ("TIER_QUOTAS", TIER_QUOTAS),
        ("TENANTS_TABLE", TENANTS_TABLE),
        ("MILEAGE_API_URL", "http://127.0.0.1:9"),
        ("USER_POOL_ID", USER_POOL_ID),
        ("USER_POOL_CLIENT_ID", CLIENT_ID),
    ]
}

/// mileage-accrual on a ledger.
pub async fn mileage_accrual(aws: &Aws, setup: Setup<'_>) -> Function {
    let believed = format!("{QUEUE_ARN},{TOPIC_ARN}");
    let env = [
        ("OTEL_SERVICE_NAME", "mileage-accrual"),
        ("AWS_ENDPOINT_URL", aws.url.as_str()),
        ("LEDGER_TABLE", "ledger"),
        ("TENANT_ROLE_ARN", TENANT_ROLE_ARN),
        ("BELIEVED_SOURCES", believed.as_str()),
    ];
    start("mileage-accrual", &env, setup).await
}

/// booking-publisher, to a topic.
pub async fn booking_publisher(aws: &Aws, setup: Setup<'_>) -> Function {
    let env = [
        ("OTEL_SERVICE_NAME", "booking-publisher"),
        ("AWS_ENDPOINT_URL", aws.url.as_str()),
        ("BOOKING_TOPIC_ARN", TOPIC_ARN),
        ("PARKING_QUEUE_URL", "http://127.0.0.1:9/parking"),
    ];
    start("booking-publisher", &env, setup).await
}

/// mileage-api on a ledger.
pub async fn mileage_api(aws: &Aws, setup: Setup<'_>) -> Function {
    let env = [
        ("OTEL_SERVICE_NAME", "mileage-api"),
        ("AWS_ENDPOINT_URL", aws.url.as_str()),
        ("LEDGER_TABLE", "ledger"),
        ("TENANT_ROLE_ARN", TENANT_ROLE_ARN),
        ("TIER_QUOTAS", TIER_QUOTAS),
        ("TENANTS_TABLE", TENANTS_TABLE),
        ("TENANTS_READER_ROLE_ARN", "arn:aws:iam::111111111111:role/tenants-reader"),
        ("USER_POOL_ID", USER_POOL_ID),
        ("USER_POOL_CLIENT_ID", CLIENT_ID),
    ];
    start("mileage-api", &env, setup).await
}

/// registration-api with limits of a few.
pub async fn registration_api(aws: &Aws, setup: Setup<'_>) -> Function {
    let env = [
        ("OTEL_SERVICE_NAME", "registration-api"),
        ("AWS_ENDPOINT_URL", aws.url.as_str()),
        ("TENANTS_TABLE", "tenants"),
        ("REGISTRATIONS_TABLE", "registrations"),
        ("USER_POOL_ID", USER_POOL_ID),
        ("USER_POOL_CLIENT_ID", CLIENT_ID),
        ("REGISTRATIONS_PER_SOURCE_AND_HOUR", "5"),
        ("MAILS_PER_ADDRESS_AND_DAY", "3"),
        ("INVITATIONS_PER_TENANT_AND_DAY", "50"),
    ];
    start("registration-api", &env, setup).await
}

/// Starts the function of this name; what is set up goes before what it always needs.
pub(crate) async fn start(name: &str, always: &[(&str, &str)], setup: Setup<'_>) -> Function {
    let env: Vec<_> = always.iter().copied().chain(setup.env).collect();
    let mut config = Config::new(program(name), name, &env);
    config.concurrency = setup.concurrency;
    Function::start(&config).await.unwrap()
}
