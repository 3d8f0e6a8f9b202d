//! What is kept in DynamoDB is read back as from SQLite; who leads is one, and nobody stores for another.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use aws_sdk_dynamodb::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region},
};
use control_plane_dynamodb::DynamoDbStates;
use control_plane_embedded::{Embedded, Retention};
use control_plane_model::store::{
    AlertRecord, AuditFrom, AuditRecord, InvestigationRecord, Lease, Scope, StateEntry, StateStore, StoreError,
};
use testkit::dynamodb::Table;

const LEASE: Duration = Duration::from_secs(1);

/// A server's view of the table.
fn server(table: &Table) -> DynamoDbStates {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("111111111111", "local", None, None, "local"))
        .endpoint_url(&table.url);
    DynamoDbStates::with_client(Client::from_conf(config.build()), table.name.to_owned())
}

fn alert(number: i64, tenant: Option<&str>, opened: i64) -> AlertRecord {
    AlertRecord {
        id: format!("error_rate@{opened}:{}#{number}", tenant.unwrap_or("*")),
        tenant: tenant.map(str::to_owned),
        opened,
        body: format!("{{\"number\":{number}}}"),
    }
}

/// Letters that do not compress.
fn noise(bytes: usize) -> String {
    let mut random = fastrand::Rng::with_seed(15);
    (0..bytes).map(|_| random.alphanumeric()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn states_and_alerts_are_read_back_alike() {
    let table = Table::start().await;
    let dir = tempfile::tempdir().unwrap();
    let embedded = Embedded::open(&dir.path().join("store.sqlite"), Retention::default()).unwrap();
    let both: [Arc<dyn StateStore>; 2] = [Arc::new(embedded), Arc::new(server(&table))];
    // Some open at once, some are told of again, one of a tenant whose name is the key of others; more than a transaction has room for.
    let tenants = [Some("acme"), Some("ALERTS#acme"), Some("globex"), None];
    let many: Vec<AlertRecord> =
        (0..130).map(|number| alert(number, tenants[number as usize % 4], 1_700_000_000 + number / 3 * 300)).collect();
    let again = AlertRecord { body: "{\"closed\":1}".into(), ..many[7].clone() };
    let mut answers = Vec::new();
    for states in &both {
        let lease = states.lease("a", LEASE).await.unwrap().unwrap();
        assert_eq!(states.state("alerts").await.unwrap(), None);
        let mut found = Vec::new();
        // Larger than an item, then smaller again; beside another.
        for (name, state) in [("alerts", noise(1_200_000)), ("other", "o".into()), ("alerts", "{}".into())] {
            states.store(lease, name, state.clone(), many.clone()).await.unwrap();
            assert!(states.state(name).await.unwrap().is_some_and(|kept| kept == state), "{name}");
        }
        states.store(lease, "alerts", "[]".into(), vec![again.clone()]).await.unwrap();
        for tenant in tenants {
            for limit in [1, 20, 500] {
                found.push(states.alerts(&Scope::All, tenant, limit).await.unwrap());
            }
        }
        found.push(states.alerts(&Scope::Tenant("acme".into()), None, 500).await.unwrap());
        found.push(states.alerts(&Scope::Tenant("acme".into()), Some("globex"), 500).await.unwrap());
        answers.push(found);
    }
    assert_eq!(answers[0], answers[1]);
    assert!(answers[0][2].len() == 33 && answers[0][11].len() == 130 && answers[0][13].is_empty());
}

/// Asks for the lease until it is had.
async fn wait_for(states: &DynamoDbStates, holder: &str) -> Lease {
    loop {
        match states.lease(holder, LEASE).await.unwrap() {
            Some(lease) => return lease,
            None => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_leads_and_whoever_led_before_stores_nothing() {
    let table = Table::start().await;
    let [a, b, c] = [server(&table), server(&table), server(&table)];
    let first = a.lease("a", LEASE).await.unwrap().unwrap();
    // For as long as it is renewed, nobody else has it.
    let (begun, mut renewed) = (Instant::now(), Instant::now());
    while begun.elapsed() < LEASE * 5 / 4 {
        renewed = Instant::now();
        assert_eq!(a.lease("a", LEASE).await.unwrap(), Some(first));
        assert_eq!((b.lease("b", LEASE).await.unwrap(), c.lease("c", LEASE).await.unwrap()), (None, None));
        tokio::time::sleep(LEASE / 10).await;
    }
    a.store(first, "alerts", "1".into(), vec![alert(1, None, 1)]).await.unwrap();
    // Not before its time; then one of two.
    let of_b = wait_for(&b, "b").await;
    let (waited, of_c) = (renewed.elapsed(), c.lease("c", LEASE).await.unwrap());
    assert!(of_b.term > first.term && waited >= LEASE * 99 / 100 && of_c.is_none(), "{of_b:?} {waited:?} {of_c:?}");
    // Whoever led before writes neither state nor alerts, be it before the next has written anything; and leads no more.
    for alerts in [1, 150] {
        let changed = (0..alerts).map(|number| alert(number, Some("acme"), 9)).collect();
        let late = a.store(first, "alerts", "2".into(), changed).await;
        assert!(matches!(late, Err(StoreError::Superseded)), "{late:?}");
    }
    assert_eq!(b.state("alerts").await.unwrap().as_deref(), Some("1"));
    assert_eq!(b.alerts(&Scope::All, None, 500).await.unwrap().len(), 1);
    assert_eq!(a.lease("a", LEASE).await.unwrap(), None);
    b.store(of_b, "alerts", "2".into(), Vec::new()).await.unwrap();
    // It may lead again, as another.
    let again = wait_for(&a, "a").await;
    assert!(again.term > of_b.term);
    assert!(matches!(b.store(of_b, "alerts", "3".into(), Vec::new()).await, Err(StoreError::Superseded)));
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_end_by_themselves_and_are_taken_once() {
    let table = Table::start().await;
    let dir = tempfile::tempdir().unwrap();
    let embedded = Embedded::open(&dir.path().join("store.sqlite"), Retention::default()).unwrap();
    let both: [Arc<dyn StateStore>; 2] = [Arc::new(embedded), Arc::new(server(&table))];
    let entry = |name: &str, body: &str, until| StateEntry { name: name.into(), body: body.into(), until };
    let second = || i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    for states in both {
        let now = second();
        let read = async |name: &str| states.entry(name).await.unwrap();
        states.add_entry(entry("a", "1", now + 3_600)).await.unwrap();
        states.add_entry(entry("a", "2", now + 3_600)).await.unwrap();
        states.add_entry(entry("over", "1", now)).await.unwrap();
        assert_eq!((read("a").await.as_deref(), read("over").await, read("b").await), (Some("2"), None, None));
        assert_eq!(states.take_entry("over").await.unwrap(), None);
        assert!(states.replace_entry(entry("a", "3", now + 3_600)).await.unwrap());
        assert_eq!(read("a").await.as_deref(), Some("3"));
        let takes = (0..8).map(|_| states.take_entry("a"));
        let taken = futures_util::future::join_all(takes).await;
        assert_eq!(taken.into_iter().filter_map(|taken| taken.unwrap()).collect::<Vec<_>>(), ["3"]);
        // What was taken does not come back by being replaced.
        assert!(!states.replace_entry(entry("a", "4", now + 3_600)).await.unwrap());
        assert_eq!(read("a").await, None);
        let until = second() + 3;
        states.add_entry(entry("soon", "1", until)).await.unwrap();
        let before = read("soon").await;
        assert!(before.as_deref() == Some("1") || second() >= until, "{before:?}");
        tokio::time::sleep(Duration::from_secs(4)).await;
        assert_eq!(read("soon").await, None);
        assert!(!states.replace_entry(entry("soon", "2", now + 3_600)).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_is_appended_to_and_read_alike() {
    let table = Table::start().await;
    let dir = tempfile::tempdir().unwrap();
    let embedded = Embedded::open(&dir.path().join("store.sqlite"), Retention::default()).unwrap();
    let both: [Arc<dyn StateStore>; 2] = [Arc::new(embedded), Arc::new(server(&table))];
    let record = |number: u64, body: &str| AuditRecord {
        number,
        previous: format!("{:064}", number - 1),
        hash: format!("{number:064}"),
        body: body.into(),
    };
    let mut answers = Vec::new();
    for states in &both {
        let mut found = vec![states.audit(AuditFrom::Before(u64::MAX), 1).await.unwrap()];
        // Of several that want a number one gets it, and stays.
        let wanted = (0..8).map(|server| states.append(record(1, &format!("{server}"))));
        let got = futures_util::future::join_all(wanted).await;
        assert_eq!(got.iter().filter(|got| *got.as_ref().unwrap()).count(), 1);
        let first = states.audit(AuditFrom::After(0), 5).await.unwrap();
        assert!(!states.append(record(1, "another")).await.unwrap());
        assert_eq!(states.audit(AuditFrom::After(0), 5).await.unwrap(), first);
        for number in 2..=120 {
            // Some megabytes: more than one answer of DynamoDB holds.
            let body = if number % 5 == 0 { noise(120_000) } else { format!("{{\"ü\":\"{number}\\n\"}}") };
            assert!(states.append(record(number, &body)).await.unwrap());
        }
        for number in [1, 2, 10, 99, 100, 120, 121, u64::MAX] {
            for limit in [1, 7, 500] {
                for from in [AuditFrom::After(number), AuditFrom::Before(number)] {
                    let records = states.audit(from, limit).await.unwrap();
                    found.push(records.into_iter().filter(|record| record.number > 1).collect());
                }
            }
        }
        answers.push(found);
    }
    assert!(answers[0] == answers[1]);
    assert_eq!((answers[0][5].len(), answers[0][6].len()), (119, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_investigation_is_changed_by_one_at_a_time_and_erased_for_good() {
    let table = Table::start().await;
    let dir = tempfile::tempdir().unwrap();
    let embedded = Embedded::open(&dir.path().join("store.sqlite"), Retention::default()).unwrap();
    let both: [Arc<dyn StateStore>; 2] = [Arc::new(embedded), Arc::new(server(&table))];
    let record = |id: &str, version, body: &str| InvestigationRecord { id: id.into(), version, body: body.to_owned() };
    for states in both {
        let keep = async |record: InvestigationRecord| states.keep_investigation(record).await.unwrap();
        assert_eq!(states.investigations(5).await.unwrap(), []);
        assert!(!keep(record("20270115-b", 2, "nothing is there to be changed")).await);
        for id in ["20270115-b", "20270115-a", "20270116-a"] {
            assert!(keep(record(id, 1, "{}")).await);
            assert!(!keep(record(id, 1, "another of this id")).await);
        }
        // Of several that change the same version one does.
        let notes: Vec<_> = (0..8).map(|note| record("20270115-a", 2, &format!("{note} {}", noise(60_000)))).collect();
        let kept = notes.iter().map(|note| states.keep_investigation(note.clone()));
        let kept = futures_util::future::join_all(kept).await;
        let [winner] = &notes.iter().zip(kept).filter(|(_, kept)| *kept.as_ref().unwrap()).collect::<Vec<_>>()[..]
        else {
            panic!("not one")
        };
        let now = states.investigation("20270115-a").await.unwrap();
        assert_eq!(now.as_ref(), Some(winner.0));
        assert!(!keep(record("20270115-a", 4, "one is left out")).await);
        // The last first, and no more than wanted.
        let ids = async |limit| {
            let found = states.investigations(limit).await.unwrap();
            found.into_iter().map(|record| (record.id, record.version)).collect::<Vec<_>>()
        };
        let all =
            [("20270116-a", 1), ("20270115-b", 1), ("20270115-a", 2)].map(|(id, version)| (id.to_owned(), version));
        assert_eq!((ids(2).await, ids(9).await), (all[..2].to_vec(), all.to_vec()));
        assert!(states.erase_investigation("20270116-a").await.unwrap());
        assert!(!states.erase_investigation("20270116-a").await.unwrap());
        assert_eq!((states.investigation("20270116-a").await.unwrap(), ids(9).await), (None, all[1..].to_vec()));
        assert!(!keep(record("20270116-a", 2, "it does not come back")).await);
    }
}
