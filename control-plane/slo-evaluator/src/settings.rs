//! What the environment says.

use std::fmt;

use crate::error::Error;

/// How long after five minutes are over they are evaluated, unless SETTLE_SECONDS says otherwise: spans leave a function within
/// seconds, and are in reach of queries a minute or two later.
const SETTLE: i64 = 180;
/// More than that, and what was evaluated is no news.
const MOST_SETTLE: i64 = 3_600;

/// What the environment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// STATE_TABLE: the table that remembers.
    pub table: String,
    /// ALERT_TOPIC_ARN: the topic that alerts are sent to.
    pub topic: String,
    /// SPANS_STORE, or the SSM parameter or secret that SPANS_STORE_ARN names: the control plane's ClickHouse, to be asked instead of logs.
    pub spans_store: Option<SpansStore>,
    /// SPANS_ACCOUNT_IDS: the accounts whose spans are read, separated by commas.
    pub accounts: Vec<String>,
    /// SPANS_LOG_GROUP: where spans are, in every one of them.
    pub log_group: String,
    /// EXCLUDED_TENANT: the canary's, or `None` if empty.
    pub excluded: Option<String>,
    /// SETTLE_SECONDS: how long spans are waited for.
    pub settle: i64,
}

/// How the control plane's ClickHouse is found.
#[derive(Clone, PartialEq, Eq)]
pub enum SpansStore {
    /// By this address: `clickhouse://user:password@host:port/database`.
    Given(String),
    /// By the address that is kept there.
    At(String),
}

/// An address has a password.
impl fmt::Debug for SpansStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(_) => f.write_str("Given"),
            Self::At(arn) => f.debug_tuple("At").field(arn).finish(),
        }
    }
}

impl Settings {
    /// From variables, by name.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let given = |name: &'static str| variable(name).filter(|value| !value.is_empty());
        let wrong = |name, problem: &str| Error::Setting { name, problem: problem.to_owned() };
        let needed = |name| given(name).ok_or_else(|| wrong(name, "is not set"));
        let spans_store = match (given("SPANS_STORE_ARN"), given("SPANS_STORE")) {
            (Some(arn), _) => Some(SpansStore::At(arn)),
            (None, address) => address.map(SpansStore::Given),
        };
        // Of logs, where these are read.
        let of_logs = |name| if spans_store.is_some() { Ok(given(name).unwrap_or_default()) } else { needed(name) };
        let accounts = of_logs("SPANS_ACCOUNT_IDS")?;
        let accounts: Vec<String> = accounts
            .split(',')
            .map(|id| id.trim().to_owned())
            .filter(|id| spans_store.is_none() || !id.is_empty())
            .collect();
        if !accounts.iter().all(|id| id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit())) {
            return Err(wrong("SPANS_ACCOUNT_IDS", "must be numbers of 12 digits, separated by commas"));
        }
        let settle = match given("SETTLE_SECONDS").map(|text| text.parse()) {
            None => SETTLE,
            Some(Ok(settle)) if (0..=MOST_SETTLE).contains(&settle) => settle,
            Some(_) => return Err(wrong("SETTLE_SECONDS", "must be seconds, at most 3600")),
        };
        Ok(Self {
            table: needed("STATE_TABLE")?,
            topic: needed("ALERT_TOPIC_ARN")?,
            accounts,
            spans_store: spans_store.clone(),
            log_group: of_logs("SPANS_LOG_GROUP")?,
            excluded: given("EXCLUDED_TENANT"),
            settle,
        })
    }
}

/// Where the function runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: String,
    /// The region.
    pub region: String,
}

impl Place {
    /// From the ARN the function was invoked by.
    pub fn of_function(arn: &str) -> Result<Self, Error> {
        let parts: Vec<&str> = arn.split(':').collect();
        match parts[..] {
            ["arn", partition, "lambda", region, ..] if !region.is_empty() => {
                Ok(Self { partition: partition.to_owned(), region: region.to_owned() })
            }
            _ => Err(Error::Setting { name: "invoked function ARN", problem: format!("{arn:?} names no region") }),
        }
    }

    /// The ARN of a log group, as StartQuery takes it.
    pub fn log_group(&self, account: &str, name: &str) -> String {
        format!("arn:{}:logs:{}:{account}:log-group:{name}", self.partition, self.region)
    }

    /// Where the console is.
    pub fn console(&self) -> &'static str {
        match self.partition.as_str() {
            "aws-cn" => "https://console.amazonaws.cn",
            "aws-us-gov" => "https://console.amazonaws-us-gov.com",
            _ => "https://console.aws.amazon.com",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(changes: &[(&str, &str)]) -> Result<Settings, Error> {
        let mut all = vec![
            ("STATE_TABLE", "slo-state-dev"),
            ("ALERT_TOPIC_ARN", "arn:aws:sns:eu-west-1:333333333333:pages-dev"),
            ("SPANS_ACCOUNT_IDS", "111111111111,222222222222"),
            ("SPANS_LOG_GROUP", "aws/spans"),
            ("EXCLUDED_TENANT", "canary"),
        ];
        all.extend(changes);
        Settings::read(|name| all.iter().rfind(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_template_s_variables_are_read() {
        let settings = environment(&[]).unwrap();
        assert_eq!(settings.accounts, ["111111111111", "222222222222"]);
        assert_eq!((settings.excluded.as_deref(), settings.settle), (Some("canary"), SETTLE));
        assert_eq!(environment(&[("SETTLE_SECONDS", "60"), ("EXCLUDED_TENANT", "")]).unwrap().settle, 60);
        let stored = environment(&[("SPANS_STORE", "clickhouse://cp:secret@ch"), ("SPANS_ACCOUNT_IDS", "")]).unwrap();
        assert!(stored.spans_store.is_some() && !format!("{stored:?}").contains("secret"));
        let at = environment(&[("SPANS_STORE_ARN", "arn:aws:secretsmanager:eu-west-1:333333333333:secret:store")]);
        assert!(matches!(at.unwrap().spans_store, Some(SpansStore::At(_))));
        for (name, value) in [
            ("STATE_TABLE", ""),
            ("SPANS_ACCOUNT_IDS", ""),
            ("SPANS_ACCOUNT_IDS", "1,2"),
            ("SETTLE_SECONDS", "soon"),
            ("SETTLE_SECONDS", "-1"),
        ] {
            assert!(environment(&[(name, value)]).unwrap_err().to_string().starts_with(name), "{name}={value}");
        }
    }

    #[test]
    fn a_place_is_named_by_the_function_s_arn() {
        let place = Place::of_function("arn:aws-cn:lambda:cn-north-1:333333333333:function:slo-evaluator-dev").unwrap();
        assert_eq!(place.log_group("1", "aws/spans"), "arn:aws-cn:logs:cn-north-1:1:log-group:aws/spans");
        assert_eq!(place.console(), "https://console.amazonaws.cn");
        assert!(Place::of_function("").is_err());
    }
}
