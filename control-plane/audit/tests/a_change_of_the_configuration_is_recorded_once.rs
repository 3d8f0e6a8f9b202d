//! A server that starts with another configuration says what changed; several that start at once say so once, and no record holds a secret.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use control_plane_audit::{About, Audit, AuditEvent, Filter, Settings, Source, What, Who, fingerprint};
use control_plane_embedded::{Embedded, Retention};
use control_plane_model::store::{
    AlertRecord, AuditFrom, AuditRecord, InvestigationRecord, Lease, Scope, StateEntry, StateStore, StoreError,
};
use futures_util::future::join_all;
use serde_json::{Value, json};

fn server() -> Who {
    Who {
        name: "control-plane".into(),
        subject: String::new(),
        issued_by: "its configuration".into(),
        role: "server".into(),
    }
}

fn states() -> (Arc<dyn StateStore>, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (Arc::new(Embedded::open(&dir.path().join("store.sqlite"), Retention::default()).unwrap()), dir)
}

fn settings(hours: u32, keys: &[(&str, &str)]) -> Settings {
    Settings {
        values: [("retention.max_age_hours".to_owned(), json!(hours)), ("version".to_owned(), json!("1"))].into(),
        intake_keys: keys
            .iter()
            .map(|(account, key)| ((*account).to_owned(), fingerprint(account, key).into()))
            .collect(),
        service_keys: [("nightly".to_owned(), json!({ "role": "viewer" }))].into(),
    }
}

/// What was recorded, the oldest first.
async fn recorded(audit: &Audit) -> Vec<AuditEvent> {
    let listing = audit.list(&Filter::default(), None, 1_000).await.unwrap();
    listing.records.into_iter().rev().map(|recorded| recorded.said.unwrap().event).collect()
}

#[tokio::test]
async fn what_changed_is_recorded_with_before_and_after() {
    let (states, _dir) = states();
    let audit = Audit::new(states);
    let first = settings(24, &[("111111111111", "a"), ("222222222222", "b")]);
    assert_eq!(audit.note_configuration(&server(), &first).await.unwrap(), 4);
    assert_eq!(audit.note_configuration(&server(), &first).await.unwrap(), 0);
    audit.record(AuditEvent::new(What::SignIn, server(), Source::default())).await.unwrap();
    assert_eq!(audit.note_configuration(&server(), &first).await.unwrap(), 0);
    let second = settings(48, &[("111111111111", "another"), ("333333333333", "c")]);
    assert_eq!(audit.note_configuration(&server(), &second).await.unwrap(), 4);
    let events = recorded(&audit).await.split_off(5);
    let told: Vec<(&str, Option<&About>, bool, bool)> = events
        .iter()
        .map(|event| (event.what.name(), event.about.as_ref(), event.before.is_some(), event.after.is_some()))
        .collect();
    let key = |account: &str| About::Key(account.into());
    assert_eq!(
        told,
        [
            ("intake_key.change", Some(&key("111111111111")), true, true),
            ("intake_key.remove", Some(&key("222222222222")), true, false),
            ("intake_key.add", Some(&key("333333333333")), false, true),
            ("configuration", None, true, true),
        ]
    );
    assert_eq!(events[3].before, Some(json!({ "retention.max_age_hours": 24 })));
    assert_eq!(events[3].after, Some(json!({ "retention.max_age_hours": 48 })));
    // Back again, and a service key gone.
    let third = Settings { service_keys: [].into(), ..first };
    assert_eq!(audit.note_configuration(&server(), &third).await.unwrap(), 5);
    assert!(recorded(&audit).await.iter().any(|event| event.what == What::ServiceKeyRemove));
    assert!(audit.verify(None).await.unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_start_at_once_record_a_change_once() {
    let (states, _dir) = states();
    for round in 0..5_u32 {
        let settings = settings(round, &[("111111111111", &round.to_string()), ("222222222222", "b")]);
        let servers: Vec<Audit> = (0..6).map(|_| Audit::new(states.clone())).collect();
        let who = server();
        let noted = join_all(servers.iter().map(|audit| audit.note_configuration(&who, &settings))).await;
        let records: usize = noted.into_iter().map(|noted| noted.unwrap()).sum();
        assert_eq!(records, if round == 0 { 4 } else { 2 }, "{round}");
    }
}

/// What is remembered besides the audit only spares reading: without it, the audit itself says what the configuration was.
#[tokio::test]
async fn the_audit_says_what_the_configuration_was() {
    let (states, _dir) = states();
    let audit = Audit::new(states.clone());
    for hours in [1, 2, 3] {
        audit.note_configuration(&server(), &settings(hours, &[("1", "a")])).await.unwrap();
        states.take_entry("audit/configuration").await.unwrap().unwrap();
    }
    assert_eq!(audit.note_configuration(&server(), &settings(3, &[("1", "a")])).await.unwrap(), 0);
    assert_eq!(recorded(&audit).await.len(), 5);
}

/// A store that stops answering after some pages of the audit.
#[derive(Debug)]
struct Slow {
    states: Arc<dyn StateStore>,
    pages: AtomicUsize,
}

#[async_trait::async_trait]
impl StateStore for Slow {
    async fn identity(&self) -> Result<String, StoreError> {
        self.states.identity().await
    }

    async fn lease(&self, holder: &str, length: Duration) -> Result<Option<Lease>, StoreError> {
        self.states.lease(holder, length).await
    }

    async fn state(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.states.state(name).await
    }

    async fn store(&self, by: Lease, name: &str, state: String, changed: Vec<AlertRecord>) -> Result<(), StoreError> {
        self.states.store(by, name, state, changed).await
    }

    async fn alerts(&self, scope: &Scope, tenant: Option<&str>, limit: usize) -> Result<Vec<String>, StoreError> {
        self.states.alerts(scope, tenant, limit).await
    }

    async fn add_entry(&self, entry: StateEntry) -> Result<(), StoreError> {
        self.states.add_entry(entry).await
    }

    async fn replace_entry(&self, entry: StateEntry) -> Result<bool, StoreError> {
        self.states.replace_entry(entry).await
    }

    async fn entry(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.states.entry(name).await
    }

    async fn take_entry(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.states.take_entry(name).await
    }

    async fn append(&self, record: AuditRecord) -> Result<bool, StoreError> {
        self.states.append(record).await
    }

    async fn audit(&self, from: AuditFrom, limit: usize) -> Result<Vec<AuditRecord>, StoreError> {
        let left = |pages: usize| pages.checked_sub(1);
        match self.pages.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left) {
            Ok(_) => self.states.audit(from, limit).await,
            Err(_) => Err(StoreError::Busy),
        }
    }

    async fn keep_investigation(&self, record: InvestigationRecord) -> Result<bool, StoreError> {
        self.states.keep_investigation(record).await
    }

    async fn investigation(&self, id: &str) -> Result<Option<InvestigationRecord>, StoreError> {
        self.states.investigation(id).await
    }

    async fn investigations(&self, limit: usize) -> Result<Vec<InvestigationRecord>, StoreError> {
        self.states.investigations(limit).await
    }

    async fn erase_investigation(&self, id: &str) -> Result<bool, StoreError> {
        self.states.erase_investigation(id).await
    }
}

/// However long the audit is that nobody has read, each attempt goes on where the one before ended.
#[tokio::test]
async fn a_long_audit_does_not_keep_a_change_from_being_recorded() {
    let (states, _dir) = states();
    let audit = Audit::new(states.clone());
    assert_eq!(audit.note_configuration(&server(), &settings(1, &[("1", "a")])).await.unwrap(), 3);
    for _ in 0..1_300 {
        audit.record(AuditEvent::new(What::SignIn, server(), Source::default())).await.unwrap();
    }
    let slow = Arc::new(Slow { states, pages: AtomicUsize::new(0) });
    let next = settings(2, &[("1", "a")]);
    let mut tries = Vec::new();
    while tries.len() < 10 && !matches!(tries.last(), Some(Ok(_))) {
        slow.pages.store(2, Ordering::SeqCst);
        tries.push(Audit::new(slow.clone()).note_configuration(&server(), &next).await);
    }
    assert!(tries.len() > 1 && matches!(tries.last(), Some(Ok(1))), "{tries:?}");
    let last = recorded(&audit).await.pop().unwrap();
    assert_eq!(last.before, Some(json!({ "retention.max_age_hours": 1 })));
}

#[test]
fn a_fingerprint_tells_of_a_change_and_nothing_else() {
    let of = |place: &str, secret: &str| fingerprint(place, secret);
    assert_eq!(of("a", "secret"), of("a", "secret"));
    assert_ne!(of("a", "secret"), of("a", "secret2"));
    assert_ne!(of("a", "secret"), of("b", "secret"));
    assert!(!of("a", "secret").contains("secret") && Value::from(of("a", "x")).as_str().unwrap().len() == 13);
}
