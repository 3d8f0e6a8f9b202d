//! What a function asked AWS for: service, action, parameters, and whose credentials signed it.

use std::collections::HashMap;

use axum::body::Bytes;
use serde_json::{Value, json};

/// Credentials that a function got by assuming a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The role's ARN.
    pub role: String,
    /// The session's tags.
    pub tags: Vec<(String, String)>,
}

/// A signed request.
#[derive(Debug, Clone)]
pub struct Signed {
    /// Name of the calling function.
    pub function: String,
    /// The service it was signed for, such as `dynamodb`.
    pub service: String,
    /// The action, such as `TransactWriteItems`; of a REST API method and path.
    pub action: String,
    /// Its parameters: the JSON body, or the fields of a form.
    pub parameters: Value,
    /// The session that signed; the function's own role if none.
    pub session: Option<Session>,
}

impl Session {
    /// The access key and session that an answer to AssumeRole gives out.
    pub fn given_out(request: &Bytes, answer: &Bytes) -> Option<(String, Self)> {
        let form = form(request);
        if form.get("Action").map(String::as_str) != Some("AssumeRole") {
            return None;
        }
        let answer = String::from_utf8_lossy(answer);
        let (_, rest) = answer.split_once("<AccessKeyId>")?;
        let (access_key, _) = rest.split_once("</AccessKeyId>")?;
        Some((access_key.to_owned(), Self { role: form.get("RoleArn")?.clone(), tags: tags(&form) }))
    }
}

impl Signed {
    /// What a request says; nothing if nobody signed it.
    pub fn read(
        function: &str,
        action: &str,
        parts: &hyper::http::request::Parts,
        body: &Bytes,
        sessions: &HashMap<String, Session>,
    ) -> Option<Self> {
        let authorization = parts.headers.get("authorization")?.to_str().ok()?;
        let (_, credential) = authorization.strip_prefix("AWS4-HMAC-SHA256")?.split_once("Credential=")?;
        let scope: Vec<&str> = credential.split(',').next()?.trim().split('/').collect();
        let [access_key, _, _, service, _] = scope[..] else { return None };
        let parameters = serde_json::from_slice(body).unwrap_or_else(|_| json!(form(body)));
        let action =
            if service == "execute-api" { format!("{} {}", parts.method, parts.uri.path()) } else { action.to_owned() };
        Some(Self {
            function: function.to_owned(),
            service: service.to_owned(),
            action,
            parameters,
            session: sessions.get(access_key).cloned(),
        })
    }

    /// The tags that an AssumeRole asks for.
    pub fn requested_tags(&self) -> Vec<(String, String)> {
        serde_json::from_value(self.parameters.clone()).map(|form| tags(&form)).unwrap_or_default()
    }
}

fn form(body: &Bytes) -> HashMap<String, String> {
    form_urlencoded::parse(body).into_owned().collect()
}

fn tags(form: &HashMap<String, String>) -> Vec<(String, String)> {
    let tag = |number: usize| {
        let field = |name: &str| form.get(&format!("Tags.member.{number}.{name}")).cloned();
        Some((field("Key")?, field("Value")?))
    };
    (1..).map_while(tag).collect()
}
