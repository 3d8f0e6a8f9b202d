//! Whatever is sent by somebody who may not: it gets its status, and no answer tells whether another tenant's data exists.
//!
//! The attacks stand in `attacks/`. Tokens go straight to the functions on the Lambda host, with a user pool whose key is the
//! test's, and through the front door of both accounts; requests and bodies go through the front door with a good token.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod attacks;

use std::{
    io::{Read, Write},
    net::{IpAddr, TcpStream},
    sync::LazyLock,
    time::Duration,
};

use attacks::requests::{self, Door};
use futures_util::{StreamExt, stream};
use lambda_host::{
    aws::Aws,
    sink::{Behaviour, Sink},
};
use local::ministack::sdk_config;
use reqwest::{Method, header::HeaderMap};
use serde_json::json;
use testkit::{BookingApi, Caller, Cloud, Setup, a_booking, book, eventually, mileage_api, tokens};

static CLOUD: LazyLock<Cloud> = LazyLock::new(|| Cloud::start_for_failures(&[]));
/// Requests at once.
const AT_ONCE: usize = 6;

/// An answer without what differs from one to the next: trace, date, ids.
#[derive(Debug, PartialEq, Eq)]
struct Bare {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

fn bare(status: u16, headers: &HeaderMap, body: &str, number: &str) -> Bare {
    // What is left of a tenant's quota says how many requests it made, whatever these asked for.
    let varies = ["traceparent", "date", "x-amzn-trace-id", "ratelimit"];
    let kept = headers.iter().filter(|(name, _)| !varies.contains(&name.as_str()) && !name.as_str().ends_with("id"));
    let mut headers: Vec<_> =
        kept.map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned())).collect();
    headers.sort();
    Bare { status, headers, body: body.replace(number, "NUMBER") }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_but_a_genuine_one_is_taken_by_a_function() {
    let sink = Sink::otlp(Behaviour::Ok).await.unwrap();
    let url = sink.url();
    let setup = || Setup { env: vec![("OTEL_EXPORTER_OTLP_ENDPOINT", &url)], ..Setup::default() };
    let mut booking = BookingApi::start(setup()).await;
    let mut mileage = mileage_api(&booking.aws, setup()).await;
    tokens::assert_only_genuine_are_taken(&mut booking.function, "/bookings", &booking.aws).await;
    tokens::assert_only_genuine_are_taken(&mut mileage, "/mileage", &booking.aws).await;
    for function in [&mut booking.function, &mut mileage] {
        function.idle().await.unwrap();
    }
    // Whoever was refused before anybody knew them is nobody: a span says why, and names no tenant or user that a token named.
    let refused: Vec<_> =
        sink.spans().into_iter().filter(|span| span.attributes.contains_key("problem.code")).collect();
    assert!(refused.len() >= 200, "{} spans", refused.len());
    for span in refused {
        let names = ["tenant.id", "tenant.tier", "enduser.id"];
        assert!(names.iter().all(|name| !span.attributes.contains_key(*name)), "{:?}", span.attributes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_foreign_token_passes_the_front_door() {
    let (pool, stranger) = (Aws::start(Duration::ZERO).await.unwrap(), Aws::start(Duration::ZERO).await.unwrap());
    let outputs = &CLOUD.outputs;
    // From a network where no other test is; elsewhere than on Linux, loopback has one address.
    let (network, is_alone) = if cfg!(target_os = "linux") { ("127.0.77.0/24", true) } else { ("127.0.0.0/24", false) };
    let source = is_alone.then_some(IpAddr::from([127, 0, 77, 1]));
    let client = reqwest::Client::builder().local_address(source).build().unwrap();
    let mut attacks = tokens::all(&pool, &stranger);
    attacks.push(tokens::Attack { name: "of another pool".into(), authorization: tokens::genuine(&pool), status: 401 });
    let answers = stream::iter(&attacks).map(|attack| {
        let client = client.clone();
        async move {
            let mut statuses = Vec::new();
            for url in [format!("{}/bookings", outputs.booking_url), format!("{}/mileage", outputs.mileage_url)] {
                let request = client.get(url).header("authorization", &attack.authorization);
                statuses.push(request.send().await.unwrap().status().as_u16());
            }
            (attack, statuses)
        }
    });
    let answers: Vec<_> = answers.buffer_unordered(AT_ONCE).collect().await;
    for (attack, statuses) in answers {
        assert_eq!(statuses, [401, 401], "{}", attack.name);
    }
    // Each is told of by API, reason and network, and whatever tenant it names is not.
    let path = format!("/api/turned-away/unverified?window=1h&network={network}");
    let told = eventually("every refusal, from the access logs", async || {
        let told = CLOUD.ask_control_plane(&path).await;
        let lines = told["lines"].as_array().unwrap();
        let of = |api: &str| {
            let own = lines.iter().filter(|line| line["api"] == api && line["status"] == 401);
            own.map(|line| line["requests"].as_u64().unwrap()).sum::<u64>()
        };
        let counted = ["booking-local", "mileage-local"].map(of);
        let expected = attacks.len() as u64;
        counted.iter().all(|counted| if is_alone { *counted == expected } else { *counted >= expected }).then_some(told)
    })
    .await;
    let told = told.to_string();
    assert!(!told.contains("acme") && !told.contains("127.0.77.1"), "{told}");
}

/// acme's newest booking and where acme's list goes on; globex, who is after them.
async fn victim_and_attacker() -> (String, String, Caller) {
    let (acme, globex) = (CLOUD.caller(0).await, CLOUD.caller(1).await);
    for _ in 0..2 {
        let number = book(&acme, "DEL", "DXB").await.booking_number();
        acme.miles(&number).await;
    }
    book(&globex, "OSL", "TOS").await;
    let page = acme.get("/bookings?limit=1").await;
    let number = page.body["bookings"][0]["booking_number"].as_str().unwrap().to_owned();
    (number, page.body["next_cursor"].as_str().unwrap().to_owned(), globex)
}

async fn send(caller: &Caller, attack: &requests::Attack, number: &str, cursor: &str) -> (u16, HeaderMap, String) {
    let path = attack.path.replace("{number}", number).replace("{cursor}", &cursor.replace('+', "%2B"));
    let outputs = &CLOUD.outputs;
    let base = if attack.door == Door::Booking { &outputs.booking_url } else { &outputs.mileage_url };
    let method = Method::from_bytes(attack.method.as_bytes()).unwrap();
    let mut request = reqwest::Client::new().request(method, format!("{base}{path}")).bearer_auth(&caller.token);
    for (name, value) in attack.headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.headers().clone(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_reads_another_tenants_data() {
    const UNKNOWN: &str = "ZZZZZZZ9";
    let (number, cursor, globex) = victim_and_attacker().await;
    let mut unexpected = Vec::new();
    for attack in requests::READS {
        let case = format!("{} {} {:?}", attack.method, attack.path, attack.headers);
        let (status, headers, text) = send(&globex, attack, &number, &cursor).await;
        if status != attack.status {
            unexpected.push(format!("{case}: {status}, not {}: {text}", attack.status));
        }
        assert!(!text.contains("DEL") && !text.contains("DXB"), "{case} shows acme's flight: {text}");
        if attack.path.contains("{number}") {
            let (of_unknown, other, unknown) = send(&globex, attack, UNKNOWN, &cursor).await;
            let expected = bare(of_unknown, &other, &unknown, UNKNOWN);
            assert_eq!(bare(status, &headers, &text, &number), expected, "{case} tells that the booking exists");
        }
        let trace_id = headers.get("traceparent").and_then(|value| value.to_str().ok()?.split('-').nth(1));
        if let (false, Some(trace_id)) = (attack.headers.is_empty(), trace_id) {
            let trace = CLOUD.trace(trace_id, |trace| trace.spans.iter().any(|span| span.kind == "SERVER")).await;
            for span in &trace.spans {
                assert_eq!(span.tenant.as_deref(), Some("globex"), "{case}: {}", span.name);
                assert_eq!(span.tier.as_deref(), Some("standard"), "{case}: {}", span.name);
            }
        }
    }
    assert!(unexpected.is_empty(), "{}", unexpected.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn enumerating_numbers_tells_nothing() {
    let (number, _, globex) = victim_and_attacker().await;
    let mut seen = Vec::new();
    let alphabet: Vec<char> = "0123456789ABCDEFGHJKMNPQRSTVWXYZ".chars().collect();
    // The booking itself, and its neighbours in the last place.
    for last in alphabet.iter().take(16) {
        let guess = format!("{}{last}", &number[..7]);
        let answer = globex.get(&format!("/bookings/{guess}")).await;
        seen.push(bare(answer.status, &answer.headers, &answer.body.to_string(), &guess));
    }
    let answer = globex.get(&format!("/bookings/{number}")).await;
    let real = bare(answer.status, &answer.headers, &answer.body.to_string(), &number);
    assert_eq!(real.status, 404);
    assert!(seen.iter().all(|guess| *guess == real), "{seen:#?}\n{real:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_body_does_harm() {
    let globex = CLOUD.caller(1).await;
    for (name, body, status) in requests::bodies() {
        let answer = globex.post(body).await;
        assert_eq!(answer.status, status, "{name}: {}", answer.body);
        assert!(answer.body["detail"].is_string(), "{name}: {}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_another_tenant_replays_nothing() {
    let (acme, globex) = (CLOUD.caller(0).await, CLOUD.caller(1).await);
    let body = a_booking("LHR", "JFK");
    let first = acme.post_with_key(&body, "replayed").await;
    let stolen = globex.post_with_key(&body, "replayed").await;
    assert_eq!((first.status, stolen.status), (201, 201), "a key is its tenant's own");
    assert_ne!(first.booking_number(), stolen.booking_number());
    // Nor does another body tell that the key was used elsewhere.
    let fresh = globex.post_with_key(&a_booking("CDG", "NRT"), "replayed-2").await;
    let used = acme.post_with_key(&a_booking("SYD", "SCL"), "replayed-2").await;
    assert_eq!((fresh.status, used.status), (201, 201));
}

/// What no HTTP client sends.
#[tokio::test(flavor = "multi_thread")]
async fn malformed_http_is_refused_at_the_door() {
    let globex = CLOUD.caller(1).await;
    let address = CLOUD.outputs.booking_url.strip_prefix("http://").unwrap().split('/').next().unwrap().to_owned();
    let token = &globex.token;
    let get = |more: &str| {
        format!(
            "GET /booking/bookings HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n{more}\r\n\r\n"
        )
    };
    let cases = [
        ("a line feed in a header", get("X-A: a\nX-Amz-Tenant-Id: acme"), vec![200, 400]),
        ("a carriage return in a header", get("X-A: a\rX-Amz-Tenant-Id: acme"), vec![400]),
        ("a zero byte in a header", get("X-A: a\0b"), vec![400]),
        ("a space before the colon", get("X-Amz-Tenant-Id : acme"), vec![400]),
        ("a folded header", get("X-A: a\r\n X-Amz-Tenant-Id: acme"), vec![400]),
        ("a header of 1 MB", get(&format!("X-A: {}", "a".repeat(1 << 20))), vec![431]),
        ("a thousand headers", get(&vec!["X-A: a"; 1000].join("\r\n")), vec![431]),
        ("two lengths", get("Content-Length: 0\r\nContent-Length: 5"), vec![400]),
        ("length and chunks", get("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0"), vec![200, 400]),
        ("a method that is none", get("X-A: a").replacen("GET", "G@T ", 1), vec![400]),
        ("a path without a slash", get("X-A: a").replacen("/booking/bookings", "booking", 1), vec![400, 404]),
    ];
    for (name, text, statuses) in cases {
        let mut connection = TcpStream::connect(&address).unwrap();
        connection.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        // The door may close while a large request is still on its way.
        let _closed_early = connection.write_all(text.as_bytes());
        let mut answer = Vec::new();
        let _closed_early = connection.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        let status: u16 = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        assert!(statuses.contains(&status), "{name}: {answer:.200}");
        assert!(!answer.contains("DEL"), "{name}: {answer}");
    }
}

/// The topic takes messages of the publisher alone; whoever could publish still cannot make body and attributes disagree.
#[tokio::test(flavor = "multi_thread")]
async fn a_forged_message_earns_no_miles() {
    let outputs = &CLOUD.outputs;
    let acme = CLOUD.caller(0).await;
    let number = book(&acme, "LHR", "JFK").await.booking_number();
    acme.miles(&number).await;
    let balances = || CLOUD.keys(&outputs.mileage_account, &outputs.ledger_table, "BOOKING#F0RGED");
    let body = |tenant: &str, number: &str| {
        json!({
            "version": 1, "booking_number": number, "from_airport": "LHR", "to_airport": "JFK",
            "departure_date": "2027-01-01", "sub": "mallory", "Tier-level": "basic", "Tenant-id": tenant,
        })
        .to_string()
    };
    let attribute = |value: &str| {
        aws_sdk_sns::types::MessageAttributeValue::builder().data_type("String").string_value(value).build().unwrap()
    };
    // By account A, whose operator may; the attributes say another tenant, another tier, another event, or nothing.
    let a = CLOUD.sns().await;
    let forged: [(&str, &[(&str, &str)]); 5] = [
        ("F0RGED01", &[("tenant_id", "globex"), ("tenant_tier", "basic"), ("event_type", "booking.confirmed")]),
        ("F0RGED02", &[("tenant_id", "acme"), ("tenant_tier", "premium"), ("event_type", "booking.confirmed")]),
        ("F0RGED03", &[("tenant_id", "acme"), ("tenant_tier", "basic"), ("event_type", "booking.cancelled")]),
        ("F0RGED04", &[("tenant_id", "ACME"), ("tenant_tier", "basic"), ("event_type", "booking.confirmed")]),
        ("F0RGED05", &[("tenant_tier", "basic"), ("event_type", "booking.confirmed")]),
    ];
    for (number, attributes) in forged {
        let mut publish = a.publish().topic_arn(&outputs.topic_arn).message(body("acme", number));
        for (name, value) in attributes {
            publish = publish.message_attributes(*name, attribute(value));
        }
        publish.send().await.unwrap();
    }
    let dead = CLOUD.drain(&outputs.dead_letters_url, forged.len()).await;
    for (number, _) in forged {
        assert!(dead.iter().any(|message| message.body().unwrap().contains(number)), "{number} is not dead");
    }
    assert_eq!(balances().await, [], "a forged message earned miles");

    // By somebody else: the topic's and the queue's policies refuse.
    for account in [outputs.mileage_account.as_str(), "333333333333"] {
        let config = sdk_config(&outputs.aws_endpoint_url, account).await;
        let publish = aws_sdk_sns::Client::new(&config).publish().topic_arn(&outputs.topic_arn);
        let publish = publish.message(body("acme", "F0RGED06")).message_attributes("tenant_id", attribute("acme"));
        assert!(publish.send().await.is_err(), "account {account} may publish");
    }
    for account in [outputs.booking_account.as_str(), "333333333333"] {
        let config = sdk_config(&outputs.aws_endpoint_url, account).await;
        let send = aws_sdk_sqs::Client::new(&config).send_message().queue_url(&outputs.queue_url);
        assert!(send.message_body(body("acme", "F0RGED07")).send().await.is_err(), "account {account} may send");
    }
    assert_eq!(balances().await, [], "a forged message earned miles");
}
