//! What operators do and how the configuration changes is in the audit, which tells whether somebody changed it, and holds no secret.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{path::Path, process::Output};

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use reqwest::{Client, redirect::Policy};
use rusqlite::Connection;
use serde_json::{Value, json};
use testkit::{
    control_plane::{Server, span, text},
    provider::{Provider, access},
};

const KEY: &str = "cpk_of-a-nightly-report";
/// Of [`KEY`], as `sha256sum` says it.
const KEY_SHA256: &str = "772c3c4984bc5612a88c666ee6db88b46de91a3e5ee9f9f5cae71d2b216b58b1";

struct Here {
    server: Server,
    staff: Provider,
    tenants: Provider,
    client: Client,
    dir: tempfile::TempDir,
}

impl Here {
    async fn new(more: &str) -> Self {
        let (staff, tenants) = (Provider::start().await, Provider::start().await);
        let dir = tempfile::tempdir().unwrap();
        let server = Server::configured(dir.path(), &format!("{}\n{more}", access(&staff, &tenants)));
        let client = Client::builder().redirect(Policy::none()).build().unwrap();
        Self { server, staff, tenants, client, dir }
    }

    /// Stops the server and starts one with this besides; `before` is what the first part of the file says.
    fn restart(&mut self, before: &str, more: &str) {
        self.server.kill();
        let config = format!("{before}\n{}\n{more}", access(&self.staff, &self.tenants));
        self.server = Server::configured(self.dir.path(), &config);
    }

    /// Somebody with these claims signs in with a browser: the status, and whether they have a session.
    async fn sign_in(&self, issuer: &str, claims: Value) -> (u16, bool) {
        let provider = if issuer == "staff" { &self.staff } else { &self.tenants };
        provider.user(claims);
        let begun = self.client.get(format!("{}/sign-in/{issuer}", self.server.url)).send().await.unwrap();
        let location = |answer: &reqwest::Response| answer.headers()["location"].to_str().unwrap().to_owned();
        let cookie = begun.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        let back = location(&self.client.get(location(&begun)).send().await.unwrap());
        let back = format!("{}{}", self.server.url, back.strip_prefix("http://127.0.0.1:1").unwrap());
        let request = self.client.get(back).header("cookie", cookie).header("x-forwarded-for", "203.0.113.9, =evil()");
        let request = request.header("x-forwarded-for", "198.51.100.7");
        let answer = request.send().await.unwrap();
        let session = answer.headers().get_all("set-cookie").iter().map(|line| line.to_str().unwrap());
        let session = session.filter(|line| line.starts_with("control-plane-session")).count() > 0;
        (answer.status().as_u16(), session)
    }

    fn viewer(&self) -> String {
        self.staff.token(&json!({ "sub": "9", "email": "vera@staff.example", "groups": ["support"] }))
    }

    async fn ask(&self, path: &str) -> reqwest::Response {
        self.client.get(format!("{}{path}", self.server.url)).bearer_auth(self.viewer()).send().await.unwrap()
    }

    /// Bodies of the records that match, the oldest first.
    async fn bodies(&self, query: &str) -> Vec<Value> {
        let text = self.ask(&format!("/api/audit?format=jsonl&order=oldest&{query}")).await.text().await.unwrap();
        let record = |line: &str| serde_json::from_str::<Value>(line).unwrap();
        text.lines().map(|line| serde_json::from_str(record(line)["body"].as_str().unwrap()).unwrap()).collect()
    }

    fn command(&self, arguments: &[&str]) -> Output {
        self.command_of(&self.viewer(), &[&["audit"], arguments].concat())
    }

    fn command_of(&self, token: &str, arguments: &[&str]) -> Output {
        let mut command = std::process::Command::new(testkit::program("control-plane"));
        command
            .args(arguments)
            .env_remove("CONTROL_PLANE_URL")
            .env("XDG_CONFIG_HOME", self.dir.path())
            .env("CONTROL_PLANE_TOKEN", token);
        if !arguments.contains(&"--url") {
            command.args(["--url", &self.server.url]);
        }
        command.output().unwrap()
    }

    fn database(&self) -> Connection {
        Connection::open(self.dir.path().join(control_plane_embedded::FILE)).unwrap()
    }
}

/// An attribute that says how a request was answered.
fn status(code: i64) -> KeyValue {
    let value = AnyValue { value: Some(any_value::Value::IntValue(code)) };
    KeyValue { key: "http.response.status_code".to_owned(), value: Some(value), ..KeyValue::default() }
}

fn ada() -> Value {
    json!({ "sub": "1", "email": "ada@staff.example", "groups": ["sre"] })
}

fn said(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// All bytes of the files in a folder.
fn bytes_of(folder: &Path) -> Vec<u8> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|file| file.extension().is_none_or(|end| end != "toml"))
        .flat_map(|file| std::fs::read(file).unwrap())
        .collect()
}

#[tokio::test]
async fn an_operator_signs_in_and_it_is_recorded() {
    let here = Here::new("").await;
    assert_eq!(here.sign_in("staff", ada()).await, (303, true));
    let vera = json!({ "sub": "9", "email": "vera@staff.example", "groups": ["support"] });
    assert_eq!(here.sign_in("staff", vera).await, (303, true));
    let pilot =
        json!({ "sub": "2", "email": "pilot@acme.example", "custom:tenant-id": "acme", "custom:role": "admin" });
    assert_eq!(here.sign_in("tenants", pilot).await, (303, true));
    // One of the staff who has no role, again and again; and one of a tenant's.
    for _ in 0..3 {
        assert_eq!(here.sign_in("staff", json!({ "sub": "3", "email": "eve@staff.example" })).await, (403, false));
        assert_eq!(here.sign_in("tenants", json!({ "sub": "4", "email": "eve@acme.example" })).await, (403, false));
    }
    // What no provider vouched for.
    let forged =
        here.client.get(format!("{}/sign-in/callback?code=x&state=y.z", here.server.url)).send().await.unwrap();
    assert_eq!(forged.status(), 400);
    let records = here.bodies("what=sign_in").await;
    let told: Vec<[&str; 4]> = records
        .iter()
        .map(|body| {
            [&body["who"]["name"], &body["who"]["subject"], &body["who"]["role"], &body["outcome"]]
                .map(|value| value.as_str().unwrap())
        })
        .collect();
    // An hour may have passed between the tries of one: then there are two records.
    assert_eq!(
        told[..2],
        [["ada@staff.example", "1", "operator", "done"], ["eve@staff.example", "3", "none", "refused"]]
    );
    assert!(told.len() <= 3 && told[1..].iter().all(|told| told[0] == "eve@staff.example"), "{told:?}");
    let first = &records[0];
    assert_eq!(
        (&first["who"]["issued_by"], &first["from"]),
        (
            &json!(here.staff.issuer()),
            &json!({ "address": "127.0.0.1", "forwarded_for": "203.0.113.9, =evil(), 198.51.100.7" })
        )
    );
    assert!(first["at"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn without_a_record_there_is_no_session() {
    let here = Here::new("").await;
    assert_eq!(here.sign_in("staff", ada()).await, (303, true));
    let sessions = |database: &Connection| {
        database
            .query_row("SELECT count(*) FROM entries WHERE name LIKE 'session/%'", [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    let database = here.database();
    database
        .execute_batch("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'disk full'); END")
        .unwrap();
    assert_eq!(here.sign_in("staff", ada()).await, (503, false));
    assert_eq!(sessions(&database), 1);
    // A viewer changes nothing, and a token of an operator that nobody recorded is good for nothing.
    let vera = json!({ "sub": "9", "email": "vera@staff.example", "groups": ["support"] });
    assert_eq!(here.sign_in("staff", vera).await, (303, true));
    let with = |token: String| here.client.get(format!("{}/api/slo", here.server.url)).bearer_auth(token).send();
    assert_eq!(with(here.staff.token(&ada())).await.unwrap().status(), 503);
    assert_eq!(with(here.viewer()).await.unwrap().status(), 200);
    database.execute_batch("DROP TRIGGER full").unwrap();
    assert_eq!(here.sign_in("staff", ada()).await, (303, true));
}

#[tokio::test]
async fn a_token_of_an_operator_is_recorded_once() {
    let key = format!(
        "[[access.service_key]]\nname = 'nightly report'\nrole = 'operator'\nsha256 = '{KEY_SHA256}'\nexpires = '2100-01-01T00:00:00Z'"
    );
    let here = Here::new(&key).await;
    let token = here.staff.token(&ada());
    for bearer in [
        &token,
        KEY,
        "cpk_another",
        &here.viewer(),
        &here.staff.wrong_token(&ada(), testkit::provider::Misdeed::Expired),
    ] {
        for path in ["/api/slo", "/api/map", "/"] {
            here.client.get(format!("{}{path}", here.server.url)).bearer_auth(bearer).send().await.unwrap();
        }
    }
    // However it is written, it is the same.
    for (written, status) in [
        (format!("bearer {token}"), 200),
        (format!("bEarER {token}"), 200),
        (format!("Bearer   {token}  "), 200),
        (format!("Bearer {token} x"), 401),
        (format!("BEARER {KEY}"), 200),
    ] {
        let request = here.client.get(format!("{}/api/slo", here.server.url)).header("authorization", &written);
        assert_eq!(request.send().await.unwrap().status(), status, "{written}");
    }
    let records = here.bodies("what=token").await;
    let told: Vec<_> = records.iter().map(|body| (&body["who"]["name"], &body["who"]["issued_by"])).collect();
    assert_eq!(
        told,
        [(&json!("ada@staff.example"), &json!(here.staff.issuer())), (&json!("nightly report"), &json!("service key"))]
    );
    assert_eq!(here.bodies("what=service_key.add").await[0]["after"]["expires"], "2100-01-01T00:00:00Z");
}

#[tokio::test]
async fn a_change_of_the_configuration_is_recorded_with_before_and_after() {
    let secrets = ["first-intake-key", "second-intake-key", "of-a-vendor", "hush-hush"];
    let config = |hours: u32, keys: &str| {
        format!(
            "[intake.keys]\n{keys}\n[retention]\nmax_age_hours = {hours}\n[[forward]]\nurl = 'http://127.0.0.1:9/v1/traces?key=of-a-vendor'\n\
             headers = {{ api-key = 'of-a-vendor' }}\n[[alerts.webhook]]\nurl = 'http://127.0.0.1:9/hush-hush'\nsecret = 'hush-hush'"
        )
    };
    let mut here = Here::new(&config(24, "111111111111 = 'first-intake-key'")).await;
    let first = here.bodies("").await;
    let of = |what: &str| first.iter().filter(|body| body["what"] == what).count();
    assert_eq!((first.len(), of("configuration"), of("intake_key.add")), (2, 1, 1));
    assert_eq!(first[1]["after"]["retention.max_age_hours"], 24);
    assert_eq!((&first[0]["who"]["role"], &first[0]["about"]), (&json!("server"), &json!({ "key": "111111111111" })));
    // The same again: nothing to record.
    here.restart("", &config(24, "111111111111 = 'first-intake-key'"));
    assert_eq!(here.bodies("").await.len(), 2);
    here.restart("", &config(48, "111111111111 = 'second-intake-key'\n222222222222 = 'first-intake-key'"));
    here.restart("", &config(48, "222222222222 = 'first-intake-key'"));
    let later = here.bodies("").await.split_off(2);
    let told: Vec<_> =
        later.iter().map(|body| (body["what"].as_str().unwrap(), body["about"]["key"].as_str())).collect();
    assert_eq!(
        told,
        [
            ("intake_key.change", Some("111111111111")),
            ("intake_key.add", Some("222222222222")),
            ("configuration", None),
            ("intake_key.remove", Some("111111111111")),
        ]
    );
    assert_eq!(
        (&later[2]["before"], &later[2]["after"]),
        (&json!({ "retention.max_age_hours": 24 }), &json!({ "retention.max_age_hours": 48 }))
    );
    // Nothing secret in any record, nor in what is remembered besides.
    here.server.kill();
    let kept = bytes_of(here.dir.path());
    for secret in secrets {
        assert!(!kept.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()), "{secret}");
    }
    assert!(kept.windows(12).any(|bytes| bytes == b"222222222222"));
}

#[tokio::test]
async fn the_command_verifies_what_it_is_answered() {
    let here = Here::new("").await;
    for _ in 0..3 {
        assert_eq!(here.sign_in("staff", ada()).await, (303, true));
    }
    let (code, text) = said(&here.command(&["verify"]));
    assert!(code == Some(0) && text.starts_with("The chain of 4 records is unbroken; the last is 4:"), "{text}");
    let noted = text.rsplit(' ').next().unwrap().trim().to_owned();
    assert_eq!(said(&here.command(&["verify", "--expect", &noted])).0, Some(0));
    let (code, list) = said(&here.command(&["list", "--what", "sign_in", "--who", "ada@staff.example"]));
    assert!(code == Some(0) && list.matches("ada@staff.example (operator)").count() == 3, "{list}");
    let (_, list) = said(&here.command(&["list", "--who", "1"]));
    let (subject, address) = (format!("1, {}", here.staff.issuer()), "127.0.0.1, for 203.0.113.9, =evil()");
    assert!(list.matches(&subject).count() == 3 && list.matches(address).count() == 3, "{list}");
    let (code, lines) = said(&here.command(&["export"]));
    assert!(code == Some(0) && lines.lines().count() == 4);
    let (code, csv) = said(&here.command(&["export", "--format", "csv", "--what", "sign_in"]));
    assert!(code == Some(0) && csv.starts_with("number,at,who,") && csv.lines().count() == 4, "{csv}");
    // Somebody with the file changes a record, takes one out, cuts the end off.
    for (sql, arguments, expected) in [
        ("DELETE FROM audit WHERE number = 4", vec!["verify"], (Some(0), "The chain of 3 records is unbroken")),
        ("SELECT 1", vec!["verify", "--expect", &noted], (Some(1), "record 4 was noted, and the audit ends before it")),
        (
            "UPDATE audit SET body = replace(body, 'ada', 'eve') WHERE number = 2",
            vec!["verify"],
            (Some(1), "record 2 was changed"),
        ),
        ("DELETE FROM audit WHERE number = 1", vec!["verify"], (Some(1), "record 1 is missing")),
    ] {
        let database = here.database();
        database
            .execute_batch("DROP TRIGGER IF EXISTS audit_is_not_changed; DROP TRIGGER IF EXISTS audit_is_not_deleted")
            .unwrap();
        database.execute_batch(sql).unwrap();
        let (code, text) = said(&here.command(&arguments));
        assert!(code == expected.0 && text.starts_with(expected.1), "{sql}: {code:?} {text}");
    }
    for arguments in
        [&["verify", "--expect", "4"][..], &["verify", "--url", "http://127.0.0.1:1"], &["list", "--what", "nothing"]]
    {
        assert_eq!(here.command(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[tokio::test]
async fn the_page_shows_filters_and_exports() {
    let here = Here::new("").await;
    for number in 0..60 {
        let name = if number % 2 == 0 { "=HYPERLINK(1)" } else { "<script>alert(1)</script>\u{202e}" };
        assert_eq!(here.sign_in("staff", json!({ "sub": "1", "email": name, "groups": ["sre"] })).await, (303, true));
    }
    let text = async |path: &str| here.ask(path).await.text().await.unwrap();
    let page = text("/audit").await;
    assert!(
        page.contains("href=\"/audit\" aria-current=\"page\"")
            && page.contains("&lt;script&gt;")
            && !page.contains("<script>alert")
    );
    assert!(!page.contains('\u{202e}'));
    assert_eq!(page.matches(">sign_in<").count() - 1, 50, "besides the one to choose");
    let older =
        page.split("href=\"").filter(|rest| rest.starts_with("/audit?")).find(|rest| rest.contains("before=")).unwrap();
    let older = text(&older.split('"').next().unwrap().replace("&amp;", "&")).await;
    assert!(
        older.matches(">sign_in<").count() - 1 == 10 && older.contains("configuration") && !older.contains("before=")
    );
    let whose = text("/audit?who=%3DHYPERLINK(1)").await;
    assert_eq!(whose.matches("=HYPERLINK(1) (operator)").count(), 30);
    // A name is the user's to choose, and a subject is not.
    let subject = text("/audit?who=1").await;
    assert_eq!(subject.matches(&format!("<small>1, {}</small>", here.staff.issuer())).count(), 50);
    // Of nobody, of another time, and of what there is not.
    assert!(text("/audit?who=nobody").await.contains("No record matches"));
    assert!(text("/audit?from=2020-01-01&to=2020-01-02T00:00:00Z").await.contains("from:"));
    for (path, status) in [
        ("/audit?what=nothing", 400),
        ("/api/audit?what=nothing", 400),
        ("/api/audit?before=x", 400),
        ("/api/audit?limit=0", 400),
        ("/api/audit?order=oldest", 400),
        ("/api/audit?format=xml", 400),
        ("/api/audit?format=jsonl&after=1", 400),
        ("/api/audit?from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z", 200),
    ] {
        assert_eq!(here.ask(path).await.status(), status, "{path}");
    }
    let csv = here.ask("/api/audit?format=csv").await;
    assert_eq!(csv.headers()["content-disposition"], "attachment; filename=audit.csv");
    let csv = csv.text().await.unwrap();
    assert!(csv.contains(",'=HYPERLINK(1),") && !csv.contains(",=HYPERLINK"));
    let listing: Value = serde_json::from_str(&text("/api/audit?limit=2&what=sign_in").await).unwrap();
    assert_eq!(
        (listing["records"].as_array().unwrap().len(), &listing["older"]),
        (2, &json!(listing["records"][1]["number"]))
    );
    // A tenant's user has neither page nor link.
    let pilot = here.tenants.token(&json!({ "sub": "2", "custom:tenant-id": "acme", "custom:role": "admin" }));
    for (path, status) in [("/audit", 403), ("/api/audit", 403), ("/api/audit?format=csv", 403), ("/", 200)] {
        let answer = here.client.get(format!("{}{path}", here.server.url)).bearer_auth(&pilot).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        assert!(!answer.text().await.unwrap().contains("/audit\""), "{path}");
    }
}

/// Who has read it, and what operators wrote: nothing of that is in the audit, from which nothing can be erased.
#[tokio::test]
async fn an_investigation_is_recorded_and_what_is_written_in_it_is_not() {
    const SECRET: &str = "the guesser is eve";
    let here = Here::new("").await;
    let refused = [text("problem.code", "no_such_booking"), text("enduser.id", "eve"), status(404)];
    let mut sent = span(1, 0);
    sent.attributes.extend(refused);
    assert_eq!(here.server.send(vec![sent, span(2, 1)]).await.unwrap().status(), 200);
    let operator = here.staff.token(&ada());
    let post = async |token: &str, path: &str, form: &[(&str, &str)]| {
        let request = here.client.post(format!("{}{path}", here.server.url)).bearer_auth(token);
        let form = serde_urlencoded::to_string(form).unwrap();
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let page = "/turned-away?tenant=acme&reason=no_such_booking&from=2000-01-01T00:00:00Z&to=2100-01-01T00:00:00Z";
    let form = [("title", "Who is guessing?"), ("page", page)];
    assert_eq!(post(&here.viewer(), "/investigations", &form).await.0, 403);
    assert_eq!(
        post(&operator, "/investigations", &[("title", "Who?"), ("page", "https://evil.example/traces")]).await.0,
        422
    );
    let (created, opened) = post(&operator, "/investigations", &form).await;
    assert_eq!((created, &opened["opened_by"], &opened["notes"]), (201, &json!("ada@staff.example"), &json!([])));
    let id = opened["id"].as_str().unwrap();
    let at = |action: &str| format!("/investigations/{id}{action}");

    // Notes of several at once, by command and by form, are all there.
    let command =
        here.command_of(&operator, &["investigations", "add-note", id, "by a command", "--url", &here.server.url]);
    assert_eq!(said(&command), (Some(0), format!("{id} has 1 notes\n")));
    let notes: Vec<String> = (0..5).map(|number| format!("{SECRET} {number} <script>")).collect();
    let to_notes = at("/notes");
    let forms: Vec<_> = notes.iter().map(|note| [("text", note.as_str())]).collect();
    for (status, _) in futures_util::future::join_all(forms.iter().map(|form| post(&operator, &to_notes, form))).await {
        assert_eq!(status, 200);
    }
    assert_eq!(post(&operator, &at("/notes"), &[("text", "a\u{1b}[2J")]).await.0, 422);

    // A viewer reads and exports it; what matches now is told with it.
    let shown: Value = here.ask(&format!("/api/investigations/{id}")).await.json().await.unwrap();
    let mut written: Vec<&str> =
        shown["notes"].as_array().unwrap().iter().map(|note| note["text"].as_str().unwrap()).collect();
    written[1..].sort_unstable();
    assert_eq!(
        (written[0], &written[1..]),
        ("by a command", &notes.iter().map(String::as_str).collect::<Vec<_>>()[..])
    );
    let matches = &shown["matches"];
    assert_eq!((&matches["traces"]["matched"], &matches["refusals"]["requests"]), (&json!(1), &json!(1)));
    assert_eq!(matches["traces"]["trace_ids"], json!(["01".repeat(16)]));
    let export = here.command_of(&here.viewer(), &["investigations", "export", id, "--url", &here.server.url]);
    let (code, export) = said(&export);
    assert!(
        code == Some(0) && export.contains("# Who is guessing?") && export.contains(&format!("    {}", notes[0])),
        "{export}"
    );
    assert!(export.contains("Spans are kept from") && export.contains(&"01".repeat(16)), "{export}");
    let html = here.ask(&at("")).await.text().await.unwrap();
    assert!(
        html.contains("&lt;script&gt;")
            && !html.contains("<script>a")
            && html.contains("href=\"/turned-away?tenant=acme&amp;")
    );
    for (tenant, found) in [("acme", true), ("globex", false)] {
        let list =
            here.command_of(&here.viewer(), &["investigations", "list", "--tenant", tenant, "--url", &here.server.url]);
        assert_eq!(said(&list).1.contains(id), found, "{tenant}");
    }

    // Nothing is added once it is closed; erased, it is gone.
    assert_eq!(post(&operator, &at("/close"), &[]).await.1["closed"]["by"], "ada@staff.example");
    assert_eq!(post(&operator, &at("/notes"), &[("text", "late")]).await.0, 409);
    assert_eq!(post(&here.viewer(), &at("/erase"), &[]).await.0, 403);
    let erase = here.command_of(&operator, &["investigations", "erase", id, "--url", &here.server.url]);
    assert_eq!(said(&erase), (Some(0), format!("{id} is erased: Who is guessing?\n")));
    assert_eq!(here.ask(&format!("/api/investigations/{id}")).await.status(), 404);
    assert_eq!(here.ask("/api/investigations").await.json::<Value>().await.unwrap(), json!([]));

    let records = here.bodies("what=investigation").await;
    let told = |record: &Value| {
        let field = |name: &str| record[name].as_str().unwrap().to_owned();
        assert_eq!(
            (&record["who"]["name"], &record["about"]),
            (&json!("ada@staff.example"), &json!({ "investigation": id }))
        );
        (field("what").strip_prefix("investigation.").unwrap().to_owned(), field("outcome"))
    };
    let mut told: Vec<(String, String)> = records.iter().map(told).collect();
    told.sort();
    let times = |what: &str, outcome: &str, times: usize| vec![(what.to_owned(), outcome.to_owned()); times];
    let close =
        [times("close", "begun", 1), times("close", "done", 1), times("erase", "begun", 1), times("erase", "done", 1)];
    let notes = [times("note", "begun", 7), times("note", "done", 6), times("note", "failed", 1)];
    let open = [times("open", "begun", 1), times("open", "done", 1)];
    assert_eq!(told, [&close[..], &notes, &open].concat().concat());
    let all = here.ask("/api/audit?format=jsonl").await.text().await.unwrap();
    assert!(!all.contains(SECRET) && !all.contains("guessing") && !all.contains("by a command"));
}
