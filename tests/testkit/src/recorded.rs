//! Signed requests as IAM sees them, without what differs from run to run: the lines of infra/iam/calls.json.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Signed;

/// A permission that a function needed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RecordedCall {
    /// The function, without its stage.
    pub function: String,
    /// Whose credentials signed: `own` for the function's role, else the role that was assumed.
    pub role: String,
    /// Tags of that session, `name=value`.
    pub session_tags: BTreeSet<String>,
    /// What was called.
    pub call: String,
    /// What IAM decides on: one of the call's actions.
    pub action: String,
    /// The resource, with placeholders for accounts, region, stage and generated names.
    pub resource: String,
    /// For DynamoDB the shapes of the partition keys, `dynamodb:LeadingKeys`.
    pub leading_keys: BTreeSet<String>,
    /// For AssumeRole the tags asked for, `name=value`.
    pub request_tags: BTreeSet<String>,
}

/// What is replaced by placeholders.
#[derive(Debug, Clone)]
pub struct Names {
    /// Account ids and their placeholders.
    pub accounts: Vec<(String, &'static str)>,
    /// What an API's path begins with and the API's place: account and logical name.
    pub apis: Vec<(&'static str, &'static str)>,
    /// The account that a function runs in, by the function's name without its stage.
    pub account_of: fn(&str) -> &'static str,
    /// The stage.
    pub stage: String,
    /// The region.
    pub region: String,
    /// Who called, where no session says so.
    pub tenant: String,
}

impl Names {
    /// The permissions that a request needs.
    pub fn record(&self, signed: &Signed) -> BTreeSet<RecordedCall> {
        let function = signed.function.trim_end_matches(&format!("-{}", self.stage)).to_owned();
        let account = (self.account_of)(&function);
        let at = |name: &str| format!("arn:aws:{}:<region>:{account}:{name}", signed.service);
        let text = |name: &str| signed.parameters[name].as_str().unwrap_or_default();
        let tenant = signed.session.as_ref().and_then(|session| session.tags.first()).map(|(_, value)| value.clone());
        let tenant = tenant.unwrap_or_else(|| self.tenant.clone());
        let tags = |tags: &[(String, String)]| tags.iter().map(|(name, _)| format!("{name}=<tenant>")).collect();
        let call = |action: &str, resource: String, keys: BTreeSet<String>| RecordedCall {
            function: function.clone(),
            role: signed.session.as_ref().map_or_else(|| "own".to_owned(), |session| self.role(&session.role)),
            session_tags: signed.session.as_ref().map(|session| tags(&session.tags)).unwrap_or_default(),
            call: signed.action.clone(),
            action: format!("{}:{action}", signed.service),
            resource: self.plain(&resource),
            leading_keys: keys.iter().map(|key| shape(key, &tenant)).collect(),
            request_tags: tags(&signed.requested_tags()),
        };
        let none = BTreeSet::new;
        let found = match (signed.service.as_str(), signed.action.as_str()) {
            ("dynamodb", _) => {
                let parts = parts(&signed.action, &signed.parameters);
                parts.into_iter().map(|part| call(part.action, self.table(&at, part), part_keys(part.body))).collect()
            }
            ("sts", "AssumeRole") => {
                let role = self.role(text("RoleArn"));
                let assume = call("AssumeRole", role.clone(), none());
                let tag = (!assume.request_tags.is_empty()).then(|| call("TagSession", role, none()));
                [Some(assume), tag].into_iter().flatten().collect::<Vec<_>>()
            }
            ("sns", "Publish" | "PublishBatch") => vec![call("Publish", text("TopicArn").to_owned(), none())],
            ("sqs", "SendMessage" | "SendMessageBatch") => {
                let queue = text("QueueUrl").rsplit('/').next().unwrap_or_default();
                vec![call("SendMessage", at(queue), none())]
            }
            ("cognito-idp", action) => vec![call(action, at("userpool/<UserPool>"), none())],
            ("logs", "StartQuery") => {
                let groups = signed.parameters["logGroupIdentifiers"].as_array().cloned().unwrap_or_default();
                let group = |group: &Value| call("StartQuery", group.as_str().unwrap_or_default().to_owned(), none());
                groups.iter().map(group).collect()
            }
            ("execute-api", request) => vec![call("Invoke", self.route(request), none())],
            (_, action) => vec![call(action, "*".to_owned(), none())],
        };
        found.into_iter().collect()
    }

    fn table(&self, at: &impl Fn(&str) -> String, part: Part<'_>) -> String {
        let name = part.body["TableName"].as_str().unwrap_or_default();
        // A table of another account is named by its ARN.
        let table = if name.starts_with("arn:") { name.to_owned() } else { at(&format!("table/{name}")) };
        match part.body["IndexName"].as_str() {
            Some(index) => format!("{table}/index/{index}"),
            None => table,
        }
    }

    fn role(&self, arn: &str) -> String {
        let generated = |logical: &str| format!("role/<{logical}>");
        let (account, name) = arn.rsplit_once(":role/").unwrap_or((arn, ""));
        let name = match name {
            tenant if tenant.contains("-TenantRole") => generated("TenantRole"),
            reader if reader.starts_with("tenants-reader") => generated("TenantsReader"),
            other => format!("role/{other}"),
        };
        self.plain(&format!("{account}:{name}"))
    }

    /// The route of a request such as `GET /mileage/miles`, which is signed for the API at `/mileage`.
    fn route(&self, request: &str) -> String {
        let (method, path) = request.split_once(' ').unwrap_or(("", request));
        for (prefix, api) in &self.apis {
            if let Some(path) = path.strip_prefix(prefix) {
                return format!("arn:aws:execute-api:<region>:{api}/<stage>/{method}{path}");
            }
        }
        format!("no API is at {path}")
    }

    fn plain(&self, resource: &str) -> String {
        let mut plain = resource
            .replace(&format!("-{}", self.stage), "-<stage>")
            .replace(&format!(":{}:", self.region), ":<region>:");
        for (account, placeholder) in &self.accounts {
            plain = plain.replace(account.as_str(), placeholder);
        }
        plain
    }
}

/// A part of a call that IAM decides on by itself.
#[derive(Debug, Clone, Copy)]
struct Part<'a> {
    action: &'a str,
    body: &'a Value,
}

/// The parts of a DynamoDB call: of a transaction each of its items needs its own permission.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html>
fn parts<'a>(action: &'a str, body: &'a Value) -> Vec<Part<'a>> {
    const PARTS: [(&str, &str); 5] = [
        ("Put", "PutItem"),
        ("Update", "UpdateItem"),
        ("Delete", "DeleteItem"),
        ("ConditionCheck", "ConditionCheckItem"),
        ("Get", "GetItem"),
    ];
    let Some(items) = body["TransactItems"].as_array() else { return vec![Part { action, body }] };
    let of_item =
        |item: &'a Value| PARTS.iter().filter_map(move |(part, action)| Some(Part { action, body: item.get(part)? }));
    items.iter().flat_map(of_item).collect()
}

/// The values of the partition key, whose name is `pk` or `tenant_id` in every table here.
fn part_keys(body: &Value) -> BTreeSet<String> {
    let of = |item: &Value, names: [&str; 2]| names.iter().find_map(|name| item[name]["S"].as_str()).map(str::to_owned);
    let item = of(&body["Key"], ["pk", "tenant_id"]).or_else(|| of(&body["Item"], ["pk", "tenant_id"]));
    item.or_else(|| of(&body["ExpressionAttributeValues"], [":pk", ":tenant_id"])).into_iter().collect()
}

/// A key with its words and without its values: `TENANT#<tenant>#USER#<value>`.
fn shape(key: &str, tenant: &str) -> String {
    let word = |segment: &str| segment.bytes().all(|byte| byte.is_ascii_alphabetic());
    let segments = key.split('#').enumerate().map(|(place, segment)| match segment {
        own if own == tenant => "<tenant>".to_owned(),
        registered if registered.starts_with("t-") => "t-<id>".to_owned(),
        word_of_ours if word(segment) && place.is_multiple_of(2) => word_of_ours.to_owned(),
        _ => "<value>".to_owned(),
    });
    segments.collect::<Vec<_>>().join("#")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_another_tenant_is_seen() {
        assert_eq!(shape("TENANT#acme#USER#3f2a-1", "acme"), "TENANT#<tenant>#USER#<value>");
        assert_eq!(shape("TENANT#acme2#USER#3f2a-1", "acme"), "TENANT#<value>#USER#<value>");
    }
}
