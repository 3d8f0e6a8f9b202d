//! The configuration file of `control-plane serve` (TOML). docs/control-plane.md describes it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail};
use control_plane_clickhouse::Address;
use control_plane_embedded::Retention;
use serde::{Deserialize, de::IgnoredAny};
use slo::{Definitions, Prices, Rules};
use tenancy::{PseudonymKey, TenantIds};

use crate::{
    alerting::Webhook,
    evaluator::{SETTLE, Settings},
    forward::{ForwardDestination, Privacy},
    intake::Keys,
    tenants,
    trace_links::{self, TraceLinks},
};

const HOUR: i64 = 3_600;

/// What the file says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where spans are kept, if not in the data folder.
    store: Option<String>,
    /// Where alerts and what was judged are kept, if not in the data folder: `dynamodb:` and a table.
    states: Option<String>,
    access: Option<control_plane_access::Settings>,
    /// What accounts are called, by their ids.
    pub(crate) accounts: BTreeMap<String, String>,
    intake: Intake,
    retention: RetentionLimits,
    forward: Vec<Forward>,
    /// Had `url`, where log lines were asked for before this server kept them; files that still have it are taken.
    logs: Option<IgnoredAny>,
    slo: Slo,
    alerts: AlertsTo,
    /// The registry of tenants, where operators may change them here.
    tenants: Option<tenants::Settings>,
    pub(crate) find: Find,
    /// Other tools in which a trace is to be seen.
    trace_link: Vec<trace_links::Setting>,
    /// What is paid for requests and time.
    pub(crate) prices: Option<Prices>,
    /// The configuration as the file has it.
    #[serde(skip)]
    written: serde_json::Value,
}

/// Below these names all text is secret: a webhook's URL may be all that whoever posts there needs.
const SECRETS: &[&str] = &["keys", "sha256", "client_secret", "secret", "hmac_key", "headers", "webhook"];

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Slo {
    /// A folder of OpenSLO files, in place of those of infra/slo that are compiled in.
    definitions: Option<PathBuf>,
    /// Tenants that are not alerted on: the canary's.
    excluded_tenants: Vec<String>,
    settle_seconds: Option<u16>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AlertsTo {
    /// Where this control plane is, for links in alerts.
    control_plane_url: String,
    webhook: Vec<Receiver>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Receiver {
    url: String,
    secret: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Intake {
    /// Bearer keys by account id.
    keys: BTreeMap<String, String>,
    /// What addresses of access logs are hashed with; without it nothing of them is kept but their networks.
    hmac_key: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RetentionLimits {
    max_age_hours: Option<u32>,
    max_bytes: Option<u64>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Forward {
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    tenant_ids: TenantIds,
    hmac_key: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Find {
    /// The annotations whose values people look for.
    pub(crate) annotations: Vec<String>,
}

impl Default for Find {
    fn default() -> Self {
        Self { annotations: vec!["booking.number".to_owned()] }
    }
}

impl Config {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)?;
        Ok(Self { written: toml::from_str(&text)?, ..toml::from_str(&text)? })
    }

    /// What of the file has no effect, and what takes its place: a sentence each.
    pub(crate) fn without_effect(&self) -> Vec<&'static str> {
        let logs = "[logs] has no effect any more, and can be removed from the configuration: log lines are those that are sent to /v1/logs (OTLP)";
        self.logs.map(|_| logs).into_iter().collect()
    }

    /// What is in effect, without its secrets, for the audit.
    pub(crate) fn audited(&self) -> control_plane_audit::Settings {
        let effective = |text: &str| secret(text).unwrap_or_default();
        let mut written = self.written.clone();
        if let Some(tables) = written.as_object_mut() {
            tables.remove("logs");
        }
        for (name, value) in [("store", &self.store), ("states", &self.states)] {
            if let Some(text) = value {
                written[name] = effective(text).into();
            }
        }
        if let Some(tenants) = &self.tenants {
            written["tenants"]["table"] = effective(&tenants.table).into();
        }
        if let Some(folder) = &self.slo.definitions {
            written["slo"]["definitions_content"] = content(folder).into();
        }
        written["version"] = env!("CARGO_PKG_VERSION").into();
        control_plane_audit::Settings::of(&written, SECRETS, effective)
    }

    /// Overrides where spans and states are stored, if that is given.
    #[must_use]
    pub fn kept_in(self, store: Option<String>, states: Option<String>) -> Self {
        Self { store: store.or(self.store), states: states.or(self.states), ..self }
    }

    /// The table that keeps states, or `None` where that is the data folder.
    pub fn states(&self) -> Result<Option<String>> {
        let Some(text) = self.states.as_deref().map(secret).transpose()? else { return Ok(None) };
        match text.strip_prefix("dynamodb:") {
            Some(table) if !table.is_empty() => Ok(Some(table.to_owned())),
            _ => bail!("states: expected dynamodb: and the name or ARN of a table, not {text}"),
        }
    }

    /// The database that keeps spans, or `None` where that is the data folder.
    pub fn store(&self) -> Result<Option<Address>> {
        let address = |text: &String| secret(text)?.parse().map_err(|error| anyhow!("store: {error}"));
        self.store.as_ref().map(address).transpose()
    }

    /// Who may sign in. There are no settings if nobody has to.
    pub fn access(&self) -> Result<Option<control_plane_access::Settings>> {
        let mut access = self.access.clone();
        let issuers = access.iter_mut().flat_map(|access| {
            let staff = access.staff.as_mut().map(|staff| &mut staff.provider);
            staff.into_iter().chain(access.tenants.as_mut().map(|tenants| &mut tenants.provider))
        });
        for issuer in issuers {
            if let Some(named) = &mut issuer.client_secret {
                named.0 = secret(&named.0)?;
            }
        }
        Ok(access)
    }

    /// The registry of tenants, or `None` where nobody changes tenants here.
    pub(crate) fn tenants(&self) -> Result<Option<tenants::Settings>> {
        let mut settings = self.tenants.clone();
        if let Some(settings) = &mut settings {
            settings.table = secret(&settings.table)?;
        }
        Ok(settings)
    }

    /// Other tools that traces link to.
    pub(crate) fn trace_links(&self) -> Result<TraceLinks> {
        let mut settings = self.trace_link.clone();
        for setting in &mut settings {
            setting.url = secret(&setting.url)?;
        }
        TraceLinks::of(&settings).map_err(|error| anyhow!(error))
    }

    /// The keys of senders, by the account that they may send for.
    pub fn keys(&self) -> Result<Keys> {
        Ok(Keys::new(&secrets(&self.intake.keys)?))
    }

    /// What addresses of access logs are hashed with.
    pub(crate) fn address_key(&self) -> Result<Option<PseudonymKey>> {
        let key = self.intake.hmac_key.as_deref().map(secret).transpose()?;
        Ok(key.map(|key| PseudonymKey::new(key.as_bytes())))
    }

    /// What is kept.
    pub fn retention(&self) -> Retention {
        let default = Retention::default();
        Retention {
            max_age: self.retention.max_age_hours.map_or(default.max_age, |hours| i64::from(hours) * HOUR),
            max_bytes: self.retention.max_bytes.unwrap_or(default.max_bytes),
        }
    }

    /// The destinations that spans are passed on to.
    pub fn destinations(&self) -> Result<Vec<ForwardDestination>> {
        let destination = |forward: &Forward| {
            let key = match (forward.tenant_ids, &forward.hmac_key) {
                (TenantIds::Hmac, None) => {
                    bail!("forwarding to {} with tenant_ids = \"hmac\" needs an hmac_key", forward.url)
                }
                (TenantIds::Hmac, Some(key)) => Some(PseudonymKey::new(secret(key)?.as_bytes())),
                (TenantIds::Plain | TenantIds::Drop, _) => None,
            };
            let privacy = Privacy { ids: forward.tenant_ids, key };
            Ok(ForwardDestination { url: forward.url.clone(), headers: secrets(&forward.headers)?, privacy })
        };
        self.forward.iter().map(destination).collect()
    }

    /// What is promised to whom, and when alerts open.
    pub fn slo(&self) -> Result<Settings> {
        let definitions = match &self.slo.definitions {
            None => Definitions::compiled()?,
            Some(folder) => {
                let mut files = Vec::new();
                yaml_files(folder, &mut files)?;
                Definitions::read(files.iter().map(|(name, text)| (name.as_str(), text.as_str())))?
            }
        };
        let rules = Rules::new(definitions, self.slo.excluded_tenants.iter().cloned());
        Ok(Settings { rules, settle: self.slo.settle_seconds.map_or(SETTLE, i64::from) })
    }

    /// The webhooks that receive alerts.
    pub fn webhooks(&self) -> Result<Vec<Webhook>> {
        let webhook = |receiver: &Receiver| {
            Ok(Webhook {
                url: receiver.url.clone(),
                secret: receiver.secret.as_deref().map(secret).transpose()?,
                control_plane_url: self.alerts.control_plane_url.trim_end_matches('/').to_owned(),
            })
        };
        self.alerts.webhook.iter().map(webhook).collect()
    }
}

/// What shows that the definitions of a folder are others than before.
fn content(folder: &Path) -> String {
    let mut files = Vec::new();
    if let Err(error) = yaml_files(folder, &mut files) {
        return format!("cannot be read: {error}");
    }
    files.sort_unstable();
    let whole: String = files.iter().map(|(name, text)| format!("{name} {}\n{text}", text.len())).collect();
    control_plane_audit::fingerprint("slo.definitions_content", &whole)
}

/// The YAML files of a folder and its subfolders.
fn yaml_files(folder: &Path, found: &mut Vec<(String, String)>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            yaml_files(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            found.push((path.display().to_string(), std::fs::read_to_string(&path)?));
        }
    }
    Ok(())
}

/// Resolves all of these values, by their names.
fn secrets(values: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
    values.iter().map(|(name, value)| Ok((name.clone(), secret(value)?))).collect()
}

/// A value as it stands; the environment's, where it begins with `$`.
fn secret(value: &str) -> Result<String> {
    match value.strip_prefix('$') {
        Some(name) => std::env::var(name).ok().with_context(|| format!("the environment has no {name}")),
        None => Ok(value.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_file() {
        let config: Config = toml::from_str(
            r#"
            [intake.keys]
            "111111111111" = "secret"
            [retention]
            max_age_hours = 24
            [[forward]]
            url = "https://otlp.example.com/v1/traces"
            headers = { api-key = "k" }
            tenant_ids = "hmac"
            hmac_key = "h"
            "#,
        )
        .unwrap();
        assert_eq!(config.retention().max_age, 86_400);
        let destinations = config.destinations().unwrap();
        assert_eq!((destinations[0].headers["api-key"].as_str(), destinations.len()), ("k", 1));
    }

    #[test]
    fn the_audit_is_told_what_is_in_effect() {
        let dir = tempfile::tempdir().unwrap();
        let (file, definitions) = (dir.path().join("c.toml"), dir.path().join("slo"));
        std::fs::create_dir(&definitions).unwrap();
        // A variable that every test has.
        let text = format!(
            "[tenants]\ntable = '$CARGO_PKG_NAME'\ntiers = ['basic']\n[slo]\ndefinitions = '{}'",
            definitions.display()
        );
        std::fs::write(&file, text).unwrap();
        let audited = || Config::read(&file).unwrap().audited().values;
        let mut seen = Vec::new();
        for (name, text) in [("a.yaml", "kind: SLO"), ("a.yaml", "kind: SLI"), ("b.yml", "kind: SLO")] {
            std::fs::write(definitions.join(name), text).unwrap();
            let values = audited();
            assert_eq!(values["tenants.table"], env!("CARGO_PKG_NAME"));
            assert_eq!(values["slo.definitions"].as_str(), definitions.to_str());
            assert_eq!(values, audited());
            let content = values["slo.definitions_content"].to_string();
            assert!(!seen.contains(&content));
            seen.push(content);
        }
        std::fs::remove_dir_all(&definitions).unwrap();
        assert!(audited()["slo.definitions_content"].as_str().unwrap().starts_with("cannot be read"));
    }

    #[test]
    fn a_file_that_says_where_log_lines_are_asked_for_is_taken_and_told_that_it_has_no_effect() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c.toml");
        std::fs::write(&file, "[logs]\nurl = 'http://127.0.0.1:8080/_local/logs'\n[retention]\nmax_age_hours = 24")
            .unwrap();
        let config = Config::read(&file).unwrap();
        assert_eq!(config.retention().max_age, 86_400);
        assert!(matches!(config.without_effect().as_slice(), [told] if told.starts_with("[logs] has no effect")));
        assert!(config.audited().values.keys().all(|name| !name.starts_with("logs")));
        assert!(Config::default().without_effect().is_empty());
    }

    #[test]
    fn what_cannot_be_used_is_refused() {
        assert!(toml::from_str::<Config>("[retentoin]").is_err());
        let parsed = |text: &str| toml::from_str::<Config>(text).unwrap();
        assert!(parsed("[[forward]]\nurl = 'u'\ntenant_ids = 'hmac'").destinations().is_err());
        assert!(
            parsed("store = 'postgres://h'").store().is_err() && parsed("store = '$NO_SUCH_VARIABLE'").store().is_err()
        );
        assert!(parsed("").kept_in(Some("clickhouse://h".into()), None).store().unwrap().is_some());
        assert!(parsed("states = 'dynamodb:'").states().is_err() && parsed("states = 'table'").states().is_err());
        assert_eq!(parsed("states = 'dynamodb:t'").states().unwrap().as_deref(), Some("t"));
        let linking = |url: &str| parsed(&format!("[[trace_link]]\nname = 'n'\nurl = '{url}'")).trace_links();
        assert!(linking("https://x.example/{trace_id}").is_ok() && linking("https://x.example/{tace_id}").is_err());
        assert!(parsed("[intake.keys]\n1 = '$NO_SUCH_VARIABLE'").keys().is_err());
    }
}
