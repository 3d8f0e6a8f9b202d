//! A function whose environment is wrong ends at its start, and its log has one line that names every mistake: whoever sets the variables
//! right does so once, and not once for each.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use lambda_host::function::{Config, Function};

/// Wrong for every function: telemetry's, and whom TLS trusts.
const OF_ALL: [(&str, &str, &str); 4] = [
    ("TLS_ROOTS", "sytem", "\"sytem\" is not amazon or system"),
    ("OTEL_TRACES_EXPORTER", "zipkin", "\"zipkin\" is not otlp"),
    ("X_DEBUG_TRACES_PER_SECOND", "many", "\"many\" is not a whole number"),
    ("TELEMETRY_FLUSH", "never", "\"never\" is not each or adaptive"),
];

/// Wrong, where there is a registry.
const OF_APIS: (&str, &str) = ("TENANTS_CACHE_SECONDS", "soon");
const MISSING_FROM_APIS: [&str; 3] = ["USER_POOL_ID", "USER_POOL_CLIENT_ID", "TENANTS_TABLE"];

/// What a function says that is started with all of that, and with nothing else.
async fn told(function: &str) -> String {
    let wrong = OF_ALL.iter().map(|(name, value, _)| (*name, *value)).chain([OF_APIS]);
    let config = Config::new(testkit::program(function), function, &wrong.collect::<Vec<_>>());
    let ended = Function::start(&config).await.err().expect("a wrong environment").to_string();
    let mut lines = ended.lines().filter(|line| line.contains("settings: "));
    let (Some(line), None) = (lines.next(), lines.next()) else { panic!("not one line: {ended}") };
    line.to_owned()
}

async fn tells(function: &str, is_api: bool, missing: &[&str]) {
    let line = told(function).await;
    let of_api = MISSING_FROM_APIS.iter().filter(|_| is_api).chain(missing);
    let missing = of_api.map(|name| format!("{name} is not set"));
    let wrong = OF_ALL.iter().map(|(name, _, mistake)| {
        assert!(line.contains(name), "{function}: {line}");
        (*mistake).to_owned()
    });
    let seconds = is_api.then(|| "TENANTS_CACHE_SECONDS=\"soon\" is not a whole number".to_owned());
    let mistakes: Vec<_> = wrong.chain(missing).chain(seconds).collect();
    for mistake in &mistakes {
        assert_eq!(line.matches(mistake.as_str()).count(), 1, "{function}, {mistake}: {line}");
    }
    assert_eq!(line.matches("; ").count() + 1, mistakes.len(), "{function}: {line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_function_tells_every_mistake() {
    let numbers = ["REGISTRATIONS_PER_SOURCE_AND_HOUR", "MAILS_PER_ADDRESS_AND_DAY", "INVITATIONS_PER_TENANT_AND_DAY"];
    let registration = [&["REGISTRATIONS_TABLE"], &numbers[..]].concat();
    tells("booking-api", true, &["RESERVATIONS_TABLE", "TENANT_ROLE_ARN", "TIER_QUOTAS", "MILEAGE_API_URL"]).await;
    tells("booking-publisher", false, &["BOOKING_TOPIC_ARN", "PARKING_QUEUE_URL"]).await;
    tells("invitation-mail", false, &[]).await;
    tells("registration-api", true, &registration).await;
    tells("mileage-api", true, &["LEDGER_TABLE", "TENANT_ROLE_ARN", "TIER_QUOTAS"]).await;
    tells("mileage-accrual", false, &["LEDGER_TABLE", "TENANT_ROLE_ARN", "BELIEVED_SOURCES"]).await;
}
