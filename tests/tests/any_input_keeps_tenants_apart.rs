//! Keys, claims and messages for any input: what is valid is read back as it was written, what is not is refused without a
//! panic, and no key of one tenant lies within another's fence.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{collections::HashMap, sync::LazyLock, time::Duration};

use airline_events::{Booking, BookingConfirmed, TIERS};
use booking::domain::{BookingNumber, IdempotencyKey, NewBooking};
use jsonwebtoken::Algorithm;
use lambda_host::aws::{Aws, CLIENT_ID, TENANT_ROLE_ARN, USER_POOL_ID};
use lambda_http_client::HttpClient;
use local::ministack::sdk_config;
use mileage::miles::miles_between;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tenancy::{TenantContext, TenantId, TenantLabel, Tier, UserId};
use tenant_auth::{Identity, JwtSettings, JwtVerifier};
use tenant_messages::{BelievedSources, InvalidMessage, TenantMessage, read, receive};
use tenant_store::{Cursor, TenantTable, is_partition_of};
use tokio::runtime::Runtime;

/// Tenants that look alike: short, of few letters.
fn tenant() -> impl Strategy<Value = TenantId> {
    prop_oneof!["[a-c]{1,3}", "[A-Za-z0-9_-]{1,64}"].prop_map(|text| text.parse().unwrap())
}

fn user() -> impl Strategy<Value = UserId> {
    "[A-Za-z0-9._@|:+=~/-]{1,128}".prop_map(|text| text.parse().unwrap())
}

fn tier() -> impl Strategy<Value = Tier> {
    prop::sample::select(TIERS.as_slice())
}

fn label() -> impl Strategy<Value = TenantLabel> {
    (tenant(), tier(), user()).prop_map(|(tenant_id, tier, user_id)| TenantLabel {
        tenant_id,
        tier,
        user_id: Some(user_id),
    })
}

fn number() -> impl Strategy<Value = String> {
    "[0-9A-HJKMNP-TV-Z]{8}"
}

/// Of a flight that goes somewhere else.
fn airports() -> impl Strategy<Value = (String, String)> {
    ("[A-Z]{3}", "[A-Z]{3}").prop_filter("two airports", |(from, to)| from != to)
}

fn event() -> impl Strategy<Value = BookingConfirmed> {
    let date = (0..10_000_u16, 1..=12_u8, 1..=28_u8).prop_map(|(y, m, d)| format!("{y:04}-{m:02}-{d:02}"));
    (label(), number(), airports(), date).prop_map(|(tenant, booking_number, (from, to), date)| {
        BookingConfirmed(Booking {
            booking_number,
            from_airport: from,
            to_airport: to,
            departure_date: date,
            sub: tenant.user_id.unwrap(),
            tier: tenant.tier,
            tenant_id: tenant.tenant_id,
        })
    })
}

/// Any JSON.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[a-z#]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[A-Za-z-]{0,10}", inner, 0..4)
                .prop_map(|members| Value::from(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// An object with some of these names, each with anything.
fn object(names: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let member = (prop::sample::select(names), json_value());
    prop::collection::vec(member, 0..names.len()).prop_map(|members| {
        Value::from(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
    })
}

fn is_token(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// What an identity provider may call a user.
fn is_user(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || "._@|:+=~/-".contains(c))
}

/// The queue that a message comes from.
const QUEUE: &str = "arn:aws:sqs:us-east-1:222222222222:mileage-bookings-dev";

/// The partition that the items of a message's user are in.
fn partition(event: &BookingConfirmed) -> String {
    let tenant = TenantContext::vouched_by("this test", event.label().unwrap());
    TABLE.of_user(&tenant).unwrap().key("BALANCE")["pk"].as_s().unwrap().clone()
}

fn attributes(event: &BookingConfirmed) -> HashMap<String, String> {
    event.write().unwrap().attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

proptest! {
    #[test]
    fn an_identifier_is_read_back_and_nothing_else_is_one(text in ".{0,70}") {
        prop_assert_eq!(text.parse::<TenantId>().map(|id| id.to_string()).ok(), is_token(&text, 64).then(|| text.clone()));
        prop_assert_eq!(text.parse::<UserId>().map(|id| id.to_string()).ok(), is_user(&text).then(|| text.clone()));
        prop_assert!(text.parse::<Tier>().is_ok_and(|tier| tier.as_str() == text) || text.parse::<Tier>().is_err());
    }

    #[test]
    fn no_key_of_a_tenant_lies_within_the_fence_of_another(one in event(), other in event(), number in number()) {
        let fence = format!("TENANT#{}#", one.0.tenant_id);
        let (its, others) = (partition(&one), partition(&other));
        prop_assert!(its.starts_with(&fence) && is_partition_of(&its, &one.label().unwrap()));
        prop_assert_eq!(others.starts_with(&fence), one.0.tenant_id == other.0.tenant_id);
        let same_user = one.0.tenant_id == other.0.tenant_id && one.0.sub == other.0.sub;
        prop_assert_eq!(its == others, same_user);
        prop_assert_eq!(is_partition_of(&others, &one.label().unwrap()), same_user);
        // Nor does what a caller writes become part of a key's structure.
        let hash = number.parse::<IdempotencyKey>().unwrap().hash();
        prop_assert!(hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }

    #[test]
    fn a_number_is_read_back_and_nothing_else_is_one(number in number(), text in ".{0,12}") {
        prop_assert_eq!(number.parse::<BookingNumber>().unwrap().to_string(), number);
        if let Ok(parsed) = text.parse::<BookingNumber>() {
            prop_assert_eq!(parsed.to_string(), text);
        }
    }

    #[test]
    fn a_place_in_a_list_is_read_back_and_nothing_else_is_one(seconds in 0..4_000_000_000_i64, number in number(), text in ".{0,60}") {
        let place = format!("{:.3}~{number}", jiff::Timestamp::from_second(seconds).unwrap());
        prop_assert_eq!(place.parse::<Cursor<BookingNumber>>().unwrap().to_string(), place.clone());
        prop_assert_eq!(place.parse::<Cursor<String>>().unwrap().to_string(), place);
        prop_assert!(text.parse::<Cursor<BookingNumber>>().is_err());
        let _read_or_refused = text.parse::<Cursor<String>>();
    }

    #[test]
    fn a_message_is_read_back_in_every_shape(event in event()) {
        let body = event.write().unwrap().body;
        prop_assert_eq!(&read::<BookingConfirmed>(&body, &attributes(&event)).unwrap(), &event);

        let string = |value: &String| json!({ "Type": "String", "Value": value });
        let wrapped: Map<String, Value> = attributes(&event).iter().map(|(name, value)| (name.clone(), string(value))).collect();
        let envelope = json!({ "Type": "Notification", "Message": body, "MessageAttributes": wrapped });
        let string = |value: &String| json!({ "dataType": "String", "stringValue": value, "stringListValues": [], "binaryListValues": [] });
        let raw: Map<String, Value> = attributes(&event).iter().map(|(name, value)| (name.clone(), string(value))).collect();
        let record = |body: String, attributes: Map<String, Value>| {
            json!({ "Records": [{
                "eventSource": "aws:sqs", "eventSourceARN": QUEUE, "messageId": "1", "body": body, "attributes": {}, "messageAttributes": attributes,
            }] })
        };
        for sqs in [record(envelope.to_string(), Map::new()), record(body, raw)] {
            let received = receive(sqs).unwrap();
            let believed: BelievedSources = [QUEUE.to_owned()].into_iter().collect();
            let (booking, tenant) = received[0].accept::<BookingConfirmed>(&believed).unwrap();
            prop_assert_eq!((&booking, tenant.label()), (&event, &event.label().unwrap()));
            let refused = received[0].accept::<BookingConfirmed>(&BelievedSources::default());
            prop_assert_eq!(refused.err(), Some(InvalidMessage::Unbelieved(QUEUE.to_owned())));
        }
    }

    #[test]
    fn attributes_that_say_another_thing_than_the_body_are_refused(event in event(), which in 0..3_usize, text in ".{0,70}") {
        let written = event.write().unwrap();
        let body = written.body;
        let (name, genuine) = written.attributes[which].clone();
        prop_assume!(text != genuine);
        let mut forged = attributes(&event);
        forged.insert(name.to_owned(), text);
        prop_assert_eq!(read::<BookingConfirmed>(&body, &forged).map(|_| ()), Err(InvalidMessage::Disagreement(name)));
        forged.remove(name);
        prop_assert_eq!(read::<BookingConfirmed>(&body, &forged).map(|_| ()), Err(InvalidMessage::MissingAttribute(name)));
    }

    #[test]
    fn no_event_and_no_body_makes_a_function_panic(
        event in object(&["Records", "detail-type", "detail", "id", "source"]),
        body in object(&["version", "booking_number", "from_airport", "to_airport", "departure_date", "sub", "Tier-level", "Tenant-id"]),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let _read_or_refused = receive(event);
        if let Ok(event) = read::<BookingConfirmed>(&body.to_string(), &HashMap::new()) {
            prop_assert!(is_token(event.0.tenant_id.as_str(), 64));
        }
        let today = jiff::civil::date(2026, 11, 21);
        prop_assert!(NewBooking::parse(&bytes, today).is_err_and(|problem| problem.status().is_client_error()));
    }

    #[test]
    fn any_json_for_a_booking_is_a_booking_or_the_callers_mistake(
        body in object(&["from_airport", "to_airport", "departure_date", "passenger_name", "tenant_id"]),
    ) {
        if let Err(problem) = NewBooking::parse(body.to_string().as_bytes(), jiff::civil::date(2026, 11, 21)) {
            prop_assert!(problem.status().is_client_error(), "{problem}");
        }
    }

    #[test]
    fn a_flight_earns_the_same_both_ways(from in 0..iata_airports::all().len(), to in 0..iata_airports::all().len()) {
        let (from, to) = (&iata_airports::all()[from], &iata_airports::all()[to]);
        let miles = miles_between(from, to);
        prop_assert_eq!(miles, miles_between(to, from));
        prop_assert!((500..=12_451).contains(&miles.0));
    }
}

/// No call is made to it.
static TABLE: LazyLock<TenantTable> = LazyLock::new(|| {
    let config = RUNTIME.block_on(sdk_config("http://127.0.0.1:9", "111111111111"));
    TenantTable::new(&config, "ledger", TENANT_ROLE_ARN)
});
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
static POOL: LazyLock<(Aws, JwtVerifier)> = LazyLock::new(|| {
    RUNTIME.block_on(async {
        let aws = Aws::start(Duration::ZERO).await.unwrap();
        let client = HttpClient::new(Duration::from_secs(30));
        let verifier = JwtVerifier::new(JwtSettings::cognito(USER_POOL_ID, CLIENT_ID, Some(&aws.url), TIERS), client);
        (aws, verifier)
    })
});

/// Claims that would be served, some of them replaced by anything.
fn claims() -> impl Strategy<Value = Value> {
    const NAMES: &[&str] =
        &["sub", "iss", "aud", "token_use", "iat", "exp", "nbf", "custom:tenant-id", "custom:tier-level", "other"];
    object(NAMES).prop_map(|replaced| {
        let now = jiff::Timestamp::now().as_second();
        let mut claims = json!({
            "sub": "ada",
            "iss": format!("https://cognito-idp.us-east-1.amazonaws.com/{USER_POOL_ID}"),
            "aud": CLIENT_ID,
            "token_use": "id",
            "iat": now,
            "exp": now + 3600,
            "custom:tenant-id": "acme",
            "custom:tier-level": "basic",
        });
        // Few at once, or all tokens would fail at the first check.
        for (name, value) in replaced.as_object().unwrap().iter().take(2) {
            claims[name] = value.clone();
        }
        claims
    })
}

proptest! {
    #[test]
    fn no_claims_make_a_tenant_that_is_none(claims in claims()) {
        let (aws, verifier) = &*POOL;
        let header = json!({ "alg": "RS256", "kid": "key-1" }).to_string();
        let token = aws.sign(&header, &claims.to_string(), Algorithm::RS256).unwrap();
        if let Ok(Identity { tenant, .. }) = RUNTIME.block_on(verifier.verify(Some(&format!("Bearer {token}")))) {
            let user = tenant.user_id.as_ref().unwrap();
            prop_assert!(is_token(tenant.tenant_id.as_str(), 64) && is_user(user.as_str()));
            prop_assert_eq!(&json!(tenant.tenant_id.as_str()), &claims["custom:tenant-id"]);
            prop_assert_eq!(&json!(tenant.tier.as_str()), &claims["custom:tier-level"]);
            prop_assert_eq!(&json!(user.as_str()), &claims["sub"]);
        }
    }

    #[test]
    fn no_header_makes_the_verifier_panic(authorization in ".{0,200}") {
        let (_, verifier) = &*POOL;
        prop_assert!(RUNTIME.block_on(verifier.verify(Some(&authorization))).is_err());
    }
}
