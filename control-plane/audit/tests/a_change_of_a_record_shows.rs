//! Whatever somebody does to the records behind the audit's back, verifying says where the chain breaks; servers side by side make one chain.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{path::PathBuf, sync::Arc};

use control_plane_audit::{
    About, Audit, AuditEvent, Chain, Checkpoint, Filter, Format, How, Order, Selection, Source, Verified, What, Who,
};
use control_plane_embedded::{Embedded, FILE, Retention};
use control_plane_model::store::{AuditFrom, AuditRecord, StateStore};
use futures_util::{TryStreamExt, future::join_all};
use rusqlite::Connection;
use serde_json::{Value, json};

fn who(name: &str) -> Who {
    Who {
        name: name.into(),
        subject: format!("subject of {name}"),
        issued_by: "https://login.example/".into(),
        role: "operator".into(),
    }
}

fn event(number: usize) -> AuditEvent {
    let from = Source::of(Some(([192, 0, 2, 7], 443).into()), Some("203.0.113.9"));
    let what = [What::SignIn, What::TenantSuspend, What::TenantResume][number % 3];
    AuditEvent {
        about: Some(About::Tenant(format!("tenant-{}", number % 2))),
        why: Some(format!("because of \"{number}\"\n\u{202e}ü")),
        before: Some(json!({ "status": "active", "z": 1, "a": [1.5, null] })),
        after: Some(json!({ "status": "suspended" })),
        ..AuditEvent::new(what, who(["ada@staff.example", "bob@staff.example"][number % 2]), from)
    }
}

struct Here {
    audit: Audit,
    states: Arc<dyn StateStore>,
    file: PathBuf,
    _dir: tempfile::TempDir,
}

impl Here {
    async fn with(records: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(FILE);
        let states: Arc<dyn StateStore> = Arc::new(Embedded::open(&file, Retention::default()).unwrap());
        let audit = Audit::new(states.clone());
        for number in 1..=records {
            assert_eq!(audit.record(event(number)).await.unwrap(), number as u64);
        }
        Self { audit, states, file, _dir: dir }
    }

    async fn records(&self) -> Vec<AuditRecord> {
        self.states.audit(AuditFrom::After(0), 10_000).await.unwrap()
    }

    /// Does something to the file that the audit's own code has no way to do.
    fn meddle(&self, sql: &str) {
        let triggers = "DROP TRIGGER IF EXISTS audit_is_not_changed; DROP TRIGGER IF EXISTS audit_is_not_deleted;";
        Connection::open(&self.file).unwrap().execute_batch(&format!("{triggers} {sql}")).unwrap();
    }

    async fn broken(&self, expected: Option<Checkpoint>) -> (u64, How) {
        let broken = self.audit.verify(expected).await.unwrap().unwrap_err();
        (broken.number, broken.how)
    }
}

/// What the chain of these records comes to.
fn verify(records: &[AuditRecord], expected: Option<Checkpoint>) -> Result<Verified, (u64, How)> {
    let mut chain = Chain::new(expected);
    let added = records.iter().try_for_each(|record| chain.add(record));
    added.and_then(|()| chain.end()).map_err(|broken| (broken.number, broken.how))
}

#[tokio::test]
async fn what_nobody_touched_verifies() {
    let here = Here::with(1_203).await;
    let verified = here.audit.verify(None).await.unwrap().unwrap();
    let head = here.audit.head().await.unwrap().unwrap();
    assert_eq!(verified, Verified { records: 1_203, last: Some(head.clone()) });
    // Each of them may have been noted, and a number that somebody notes is read back.
    for AuditRecord { number, hash, .. } in here.records().await.into_iter().step_by(100) {
        let noted: Checkpoint = format!("{number}:{hash}").parse().unwrap();
        assert!(here.audit.verify(Some(noted)).await.unwrap().is_ok());
    }
    assert!("1203".parse::<Checkpoint>().is_err() && "0:00".parse::<Checkpoint>().is_err());
    let none = Here::with(0).await;
    assert_eq!(none.audit.verify(None).await.unwrap(), Ok(Verified { records: 0, last: None }));
    assert_eq!(none.broken(Some(head)).await, (1_203, How::Truncated));
}

/// The documentation of the crate says how to do so with other tools: this is done without its code.
#[tokio::test]
async fn a_hash_is_what_the_format_says() {
    let here = Here::with(2).await;
    let records = here.records().await;
    let zeros = "0".repeat(64);
    let mut previous = zeros.as_str();
    for AuditRecord { number, previous: hangs_on, hash, body } in &records {
        assert_eq!(hangs_on, previous);
        let digest =
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, format!("{previous}\n{number}\n{body}").as_bytes());
        assert_eq!(*hash, hex::encode(digest.as_ref()));
        previous = hash;
    }
    let body: serde_json::Value = serde_json::from_str(&records[1].body).unwrap();
    assert_eq!(
        (&body["what"], &body["who"]["role"], &body["about"]["tenant"]),
        (&json!("tenant.resume"), &json!("operator"), &json!("tenant-0"))
    );
    assert!(body["at"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok() && body["from"]["address"] == "192.0.2.7");
}

#[tokio::test]
async fn any_byte_that_is_changed_shows() {
    let records = Here::with(5).await.records().await;
    let mut random = fastrand::Rng::with_seed(16);
    let mut seen = 0;
    for at in 0..records.len() {
        let record = &records[at];
        let texts: [fn(&mut AuditRecord) -> &mut String; 3] =
            [|record| &mut record.body, |record| &mut record.previous, |record| &mut record.hash];
        for text in texts {
            let mut changed = record.clone();
            for byte in 0..text(&mut changed).len() {
                let mut bytes = text(&mut record.clone()).clone().into_bytes();
                bytes[byte] ^= 1 << random.u8(0..7);
                let Ok(other) = String::from_utf8(bytes) else { continue };
                *text(&mut changed) = other;
                let mut records = records.clone();
                records[at] = changed.clone();
                assert_eq!(verify(&records, None), Err((record.number, How::Changed)), "{changed:?}");
                seen += 1;
            }
        }
    }
    assert!(seen > 2_000, "{seen}");
}

#[tokio::test]
async fn whatever_is_done_to_the_table_shows() {
    for (sql, expected) in [
        ("UPDATE audit SET body = replace(body, 'staff', 'stuff') WHERE number = 8", (8, How::Changed)),
        ("UPDATE audit SET body = replace(body, 'staff', 'stuff')", (1, How::Changed)),
        ("DELETE FROM audit WHERE number = 4", (4, How::Missing)),
        ("DELETE FROM audit WHERE number = 1", (1, How::Missing)),
        // Two of them change places.
        (
            "UPDATE audit SET number = -number WHERE number IN (3, 4); UPDATE audit SET number = 7 + number WHERE number < 0",
            (3, How::Changed),
        ),
        ("INSERT INTO audit SELECT 13, previous, hash, body FROM audit WHERE number = 12", (13, How::Changed)),
        ("UPDATE audit SET previous = hash WHERE number = 5", (5, How::Changed)),
        ("UPDATE audit SET number = 14 WHERE number = 12", (12, How::Missing)),
    ] {
        let here = Here::with(12).await;
        here.meddle(sql);
        assert_eq!(here.broken(None).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn what_was_made_anew_or_cut_off_shows_to_whoever_noted_a_record() {
    let here = Here::with(6).await;
    let noted = here.audit.head().await.unwrap();
    // Dropped at the end: what is left hangs together.
    here.meddle("DELETE FROM audit WHERE number > 4");
    assert!(here.audit.verify(None).await.unwrap().is_ok());
    assert_eq!(here.broken(noted.clone()).await, (6, How::Truncated));
    // And others in their place.
    for number in 0..3 {
        here.audit.record(event(number)).await.unwrap();
    }
    assert!(here.audit.verify(None).await.unwrap().is_ok());
    assert_eq!(here.broken(noted).await, (6, How::Replaced));
    // One of another chain.
    let mut records = here.records().await;
    records[3] = Here::with(4).await.records().await[3].clone();
    assert_eq!(verify(&records, None), Err((4, How::Unlinked)));
    let mut records = here.records().await;
    records[3] = records[2].clone();
    assert_eq!(verify(&records, None), Err((3, How::Reordered)));
}

#[tokio::test]
async fn the_table_itself_takes_neither_changes_nor_removals() {
    let here = Here::with(2).await;
    let connection = Connection::open(&here.file).unwrap();
    for sql in ["UPDATE audit SET body = ''", "DELETE FROM audit", "DELETE FROM audit WHERE number = 2"] {
        let refused = connection.execute(sql, []).unwrap_err().to_string();
        assert!(refused.contains("append-only"), "{sql}: {refused}");
    }
    let before = here.records().await;
    for sql in [
        "INSERT OR REPLACE INTO audit VALUES (1, '', '', '')",
        "REPLACE INTO audit SELECT 2, previous, hash, '' FROM audit WHERE number = 1",
        "INSERT INTO audit VALUES (1, '', '', '') ON CONFLICT DO UPDATE SET body = ''",
    ] {
        assert_eq!(connection.execute(sql, []).unwrap(), 0, "{sql}");
        assert_eq!(here.records().await, before, "{sql}");
    }
    let again = here.records().await[1].clone();
    assert!(!here.states.append(AuditRecord { body: "{}".into(), ..again.clone() }).await.unwrap());
    assert_eq!(here.records().await[1], again);
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_side_by_side_make_one_chain() {
    let here = Here::with(0).await;
    // Two audits over one store know nothing of each other's turns.
    let servers = [Audit::new(here.states.clone()), Audit::new(here.states.clone())];
    let records = (0..200).map(|number| servers[number % 2].record(event(number)));
    let mut numbers: Vec<u64> = join_all(records).await.into_iter().map(|number| number.unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=200).collect::<Vec<_>>());
    assert_eq!(here.audit.verify(None).await.unwrap().unwrap().records, 200);
}

#[tokio::test]
async fn filters_narrow_and_pages_follow_one_another() {
    let here = Here::with(1_100).await;
    let by = |who: Option<&str>, what: Option<&str>, tenant: Option<&str>| Filter {
        who: who.map(str::to_owned),
        what: what.map(str::to_owned),
        tenant: tenant.map(str::to_owned),
        ..Filter::default()
    };
    for (filter, expected) in [
        (by(None, None, None), 1_100),
        (by(Some("ada@staff.example"), None, None), 550),
        (by(Some("subject of ada@staff.example"), None, None), 550),
        (by(None, Some("tenant"), None), 734),
        (by(None, Some("tenant.suspend"), None), 367),
        (by(None, Some("tenant.sus"), None), 0),
        (by(Some("bob@staff.example"), Some("sign_in"), Some("tenant-1")), 183),
        (by(Some("ada@staff.example"), None, Some("tenant-1")), 0),
        (Filter { from: Some(jiff::Timestamp::MAX), ..Filter::default() }, 0),
        (Filter { to: Some(jiff::Timestamp::MIN), ..Filter::default() }, 0),
    ] {
        let (mut paged, mut before) = (Vec::new(), None);
        loop {
            let page = here.audit.list(&filter, before, 70).await.unwrap();
            paged.extend(page.records);
            before = page.older;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(paged.len(), expected, "{filter:?}");
        let of = |order| Selection { filter: filter.clone(), order, ..Selection::default() };
        let latest: Vec<_> = here.audit.all(of(Order::Newest)).try_collect().await.unwrap();
        let mut oldest: Vec<_> = here.audit.all(of(Order::Oldest)).try_collect().await.unwrap();
        oldest.reverse();
        assert!(paged == latest && latest == oldest);
        assert!(paged.is_sorted_by(|a, b| a.record.number > b.record.number));
    }
}

/// A clock that was wrong for one record hides no other: the chain is whole, and each record is found by its own time.
#[tokio::test]
async fn one_record_of_another_time_hides_no_other() {
    let here = Here::with(20).await;
    for year in ["1970", "9998"] {
        let last = here.records().await.pop().unwrap();
        let (number, previous) = (last.number + 1, last.hash);
        let mut body: Value = serde_json::from_str(&last.body).unwrap();
        body["at"] = format!("{year}-01-01T00:00:00Z").into();
        let body = body.to_string();
        let hashed = format!("{previous}\n{number}\n{body}");
        let hash = hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, hashed.as_bytes()).as_ref());
        assert!(here.states.append(AuditRecord { number, previous, hash, body }).await.unwrap());
        for number in 0..20 {
            here.audit.record(event(number)).await.unwrap();
        }
    }
    assert_eq!(here.audit.verify(None).await.unwrap().unwrap().records, 62);
    let now = jiff::Timestamp::now();
    let hour = jiff::SignedDuration::from_hours(1);
    let filter = Filter { from: Some(now - hour), to: Some(now + hour), ..Filter::default() };
    assert_eq!(here.audit.list(&filter, None, 1_000).await.unwrap().records.len(), 60);
    for order in [Order::Newest, Order::Oldest] {
        let selection = Selection { filter: filter.clone(), order, ..Selection::default() };
        assert_eq!(here.audit.all(selection).try_collect::<Vec<_>>().await.unwrap().len(), 60, "{order:?}");
    }
}

#[tokio::test]
async fn what_a_spreadsheet_would_compute_is_text() {
    let here = Here::with(0).await;
    for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "plain, \"quoted\"\nand on"] {
        let event = AuditEvent {
            why: Some(text.into()),
            ..AuditEvent::new(What::SignIn, who(text), Source::of(None, Some(text)))
        };
        here.audit.record(event).await.unwrap();
    }
    here.meddle("INSERT INTO audit VALUES (8, '', '', '=HYPERLINK(0)')");
    let text = here.audit.export(Selection::default(), Format::Csv);
    let text: String = text.try_collect().await.unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(
        (rows.len(), &rows[0][0], &rows[0][8], &rows[1][11]),
        (8, "8", "unreadable", "plain, \"quoted\"\nand on")
    );
    for cell in rows.iter().flatten() {
        assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell:?}");
    }
}

#[tokio::test]
async fn texts_from_outside_are_bounded() {
    let here = Here::with(0).await;
    let long = "ü".repeat(100_000);
    let proxied = format!("{long}, 203.0.113.9");
    let event = AuditEvent {
        why: Some(long.clone()),
        ..AuditEvent::new(What::SignIn, who(&long), Source::of(None, Some(&proxied)))
    };
    here.audit.record(event.clone()).await.unwrap();
    let body = &here.records().await[0].body;
    assert!(body.len() < 12_000);
    // What the nearest proxy saw stands at the end.
    let body: Value = serde_json::from_str(body).unwrap();
    let claimed = body["from"]["forwarded_for"].as_str().unwrap();
    assert!(claimed.starts_with("…ü") && claimed.ends_with("ü, 203.0.113.9") && claimed.chars().count() == 1_001);
    let told = |before: Option<Value>, after: Option<Value>| AuditEvent { before, after, ..event.clone() }.changes();
    assert_eq!(
        told(Some(json!({ "tier": "basic", "a": 1 })), Some(json!({ "tier": "pro" }))),
        ["a: 1 → –", "tier: basic → pro"]
    );
    assert_eq!((told(None, Some("x".into())), told(None, None)), (vec!["– → x".to_owned()], Vec::new()));
    assert!(here.audit.record(AuditEvent { after: Some(long.repeat(3).into()), ..event }).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_recorded_once_is_recorded_once() {
    let here = Here::with(0).await;
    for key in ["a token", "another"] {
        let once = (0..20).map(|number| here.audit.record_once(key, event(number)));
        assert!(join_all(once).await.into_iter().all(|recorded| recorded.is_ok()));
        assert!(here.audit.record_once(key, event(0)).await.is_ok());
    }
    assert_eq!(here.records().await.len(), 2);
}
