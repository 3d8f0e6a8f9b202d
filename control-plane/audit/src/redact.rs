//! A configuration without its secrets.

use serde_json::{Map, Value};

use crate::{Settings, fingerprint};

impl Settings {
    /// What a configuration file says, as a value. The text at any place below one of these names is a secret; of other texts that are URLs, what
    /// stands before the host and in the query. Of secrets there is a [`fingerprint`] of what `resolve` makes of them.
    pub fn of(file: &Value, secrets: &[&str], resolve: impl Fn(&str) -> String) -> Self {
        let mut settings = Self::default();
        let sections = file.as_object().into_iter().flatten();
        for (section, value) in sections {
            let Value::Object(members) = value else {
                settings.values.insert(section.clone(), redacted(section, value, secrets, &resolve));
                continue;
            };
            for (name, value) in members {
                let place = format!("{section}.{name}");
                let shown = redacted(&place, value, secrets, &resolve);
                match (place.as_str(), shown) {
                    ("intake.keys", Value::Object(keys)) => settings.intake_keys.extend(keys),
                    ("access.service_key", Value::Array(keys)) => settings.service_keys(keys),
                    (_, shown) => drop(settings.values.insert(place, shown)),
                }
            }
        }
        settings
    }

    /// By their names; where two have one, while a key is exchanged for another, together.
    fn service_keys(&mut self, keys: Vec<Value>) {
        for key in keys {
            let name = key["name"].as_str().unwrap_or_default().to_owned();
            match self.service_keys.get_mut(&name) {
                None => drop(self.service_keys.insert(name, key)),
                Some(Value::Array(several)) => several.push(key),
                Some(one) => *one = Value::Array(vec![one.take(), key]),
            }
        }
    }
}

fn redacted(place: &str, value: &Value, secrets: &[&str], resolve: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) if place.split('.').any(|name| secrets.contains(&name)) => {
            fingerprint(place, &resolve(text)).into()
        }
        Value::String(text) => url(place, text).into(),
        Value::Array(values) => values.iter().map(|value| redacted(place, value, secrets, resolve)).collect(),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                (name.clone(), redacted(&format!("{place}.{name}"), value, secrets, resolve))
            };
            Value::Object(members.iter().map(member).collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

/// A text; of a URL, scheme, host and path. Where what stands before an `@` may be a password with such letters as well as a path or a query with an
/// `@`, the scheme alone.
fn url(place: &str, text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let rest = match rest.rsplit_once('@') {
        Some((before, _)) if before.contains(['/', '?', '#']) => "",
        Some((_, rest)) => rest,
        None => rest,
    };
    let (shown, _) = rest.split_once(['?', '#']).unwrap_or((rest, ""));
    let shown = format!("{scheme}://{shown}");
    if shown == text { shown } else { format!("{shown} (the rest: {})", fingerprint(place, text)) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_password_is_shown_whatever_letters_it_has() {
        for letter in ["#", "?", "@", "/", "://", "@/?#@", ":"] {
            for address in ["db:8123/x", "db", "db:8123/x?cluster=main"] {
                let text = format!("clickhouse://cp:S3cr{letter}et@{address}");
                let shown = url("store", &text);
                assert!(shown.starts_with("clickhouse://") && shown.contains(" (the rest: set, "), "{shown}");
                let (shown, _) = shown.split_once(" (").unwrap();
                assert!(!shown.contains("S3cr") && !shown.contains("et"), "{text}: {shown}");
            }
        }
        assert!(url("store", "clickhouse://cp:p@s:s@db:8123/x").starts_with("clickhouse://db:8123/x (the rest: "));
        // Other parsers read this as a query that contains an @.
        assert!(url("forward", "https://h/p?token=S3cr@et").starts_with("https:// (the rest: "));
        assert_eq!(url("forward", "https://h:1/p"), "https://h:1/p");
    }

    #[test]
    fn a_configuration_shows_what_it_says_and_no_secret() {
        let file = json!({
            "store": "clickhouse://user:password1@host:8123/db",
            "retention": { "max_age_hours": 24 },
            "intake": { "keys": { "111111111111": "password2", "222222222222": "$KEY" } },
            "access": {
                "url": "https://cp.example",
                "staff": { "provider": { "issuer": "https://login.example/", "client_secret": "password3" }, "operators": ["sre"] },
                "service_key": [
                    { "name": "nightly", "sha256": "password4", "role": "viewer" },
                    { "name": "nightly", "sha256": "password5", "role": "viewer" },
                    { "name": "ci", "sha256": "password6", "role": "operator" },
                ],
            },
            "forward": [{ "url": "https://h/p?token=password7#password8", "headers": { "api-key": "password9" } }],
        });
        let settings = Settings::of(&file, &["keys", "client_secret", "sha256", "headers"], |text| {
            text.replace("$KEY", "password")
        });
        let text = serde_json::to_string(&settings).unwrap();
        assert!(!text.contains("password") && !text.contains("$KEY"), "{text}");
        assert_eq!(settings.values["retention.max_age_hours"], 24);
        assert_eq!(settings.values["access.url"], "https://cp.example");
        assert_eq!(settings.values["access.staff"]["operators"], json!(["sre"]));
        assert!(settings.values["store"].as_str().unwrap().starts_with("clickhouse://host:8123/db (the rest: set, "));
        assert!(settings.values["forward"][0]["url"].as_str().unwrap().starts_with("https://h/p (the rest: set, "));
        assert_eq!(settings.intake_keys["222222222222"], fingerprint("intake.keys.222222222222", "password"));
        assert_eq!(
            (settings.service_keys["nightly"].as_array().unwrap().len(), &settings.service_keys["ci"]["role"]),
            (2, &json!("operator"))
        );
        assert!(!settings.values.contains_key("intake.keys") && !settings.values.contains_key("access.service_key"));
    }
}
