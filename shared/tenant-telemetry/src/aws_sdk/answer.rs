//! Reads an answer of AWS: the error of the call, or for each message its id or why it was refused.

use std::collections::HashMap;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use serde::Deserialize;

use super::xml;

/// The outcome of sending one message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The service accepted the message and gave it this id.
    Sent(String),
    Refused {
        code: String,
        message: String,
    },
}

/// The outcomes of a call's messages.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fates {
    /// In the order of the request.
    InOrder(Vec<Fate>),
    ById(HashMap<String, Fate>),
}

impl Fates {
    pub(super) fn of(&self, index: usize, id: &str) -> Option<&Fate> {
        match self {
            Self::InOrder(fates) => fates.get(index),
            Self::ById(fates) => fates.get(id),
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct SqsAnswer {
    message_id: Option<String>,
    successful: Option<Vec<BatchResultEntry>>,
    failed: Option<Vec<BatchResultEntry>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct BatchResultEntry {
    pub(super) id: String,
    pub(super) message_id: Option<String>,
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
}

impl BatchResultEntry {
    /// The outcome of this entry. A message has an id once it is accepted.
    pub(super) fn fate(self) -> (String, Fate) {
        let fate = match self.message_id {
            Some(id) => Fate::Sent(id),
            None => refused(self.code, self.message),
        };
        (self.id, fate)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EventsAnswer {
    entries: Vec<EventsResultEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EventsResultEntry {
    event_id: Option<String>,
    error_code: Option<String>,
    error_message: Option<String>,
}

fn refused(code: Option<String>, message: Option<String>) -> Fate {
    Fate::Refused { code: code.unwrap_or_else(|| "_OTHER".to_owned()), message: message.unwrap_or_default() }
}

/// The outcomes of the messages that a call sent, from its answer. There are none for calls that send no messages.
pub(super) fn fates(service: &str, operation: &str, body: &[u8]) -> Option<Fates> {
    match (service, operation) {
        ("SNS", "Publish") => Some(Fates::InOrder(vec![Fate::Sent(xml::message_id(body)?)])),
        ("SNS", "PublishBatch") => {
            Some(Fates::ById(xml::entries(body)?.into_iter().map(BatchResultEntry::fate).collect()))
        }
        ("SQS", "SendMessage") => {
            let answer: SqsAnswer = serde_json::from_slice(body).ok()?;
            Some(Fates::InOrder(vec![Fate::Sent(answer.message_id?)]))
        }
        ("SQS", "SendMessageBatch") => {
            let answer: SqsAnswer = serde_json::from_slice(body).ok()?;
            Some(Fates::ById(
                answer.successful.into_iter().chain(answer.failed).flatten().map(BatchResultEntry::fate).collect(),
            ))
        }
        ("EventBridge", "PutEvents") => {
            let answer: EventsAnswer = serde_json::from_slice(body).ok()?;
            let fate = |event: EventsResultEntry| match event.event_id {
                Some(id) => Fate::Sent(id),
                None => refused(event.error_code, event.error_message),
            };
            Some(Fates::InOrder(answer.entries.into_iter().map(fate).collect()))
        }
        _ => None,
    }
}

/// An error in AWS's JSON protocols.
#[derive(Deserialize, Default)]
#[serde(default)]
struct ErrorBody {
    #[serde(rename = "__type")]
    r#type: Option<String>,
    code: Option<String>,
    #[serde(rename = "CancellationReasons")]
    cancellation_reasons: Vec<CancellationReason>,
}

#[derive(Deserialize)]
struct CancellationReason {
    #[serde(rename = "Code")]
    code: Option<String>,
}

/// Why a call failed, according to its answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The service's own code, such as `TransactionCanceledException`; the status where it gives none.
    pub(super) code: Option<String>,
    /// Whether a write was refused only because of its own conditions, such as the one that a user must be new.
    pub(super) is_unmet_condition: bool,
}

impl Refusal {
    /// Reads the failure from a response. Its body has been read already, as that of every refusal.
    pub(super) fn read(response: &HttpResponse) -> Self {
        let body = response.body().bytes().unwrap_or_default();
        let json: ErrorBody = serde_json::from_slice(body).unwrap_or_default();
        let code = response.headers().get("x-amzn-errortype").map(str::to_owned).or(json.r#type).or(json.code);
        let code = code.as_deref().and_then(bare).map(str::to_owned).or_else(|| xml::error_code(body));
        let is_unmet_condition = match code.as_deref() {
            Some("TransactionCanceledException") => {
                let met = |reason: &CancellationReason| {
                    matches!(reason.code.as_deref(), None | Some("None" | "ConditionalCheckFailed"))
                };
                json.cancellation_reasons.iter().all(met)
            }
            Some("ConditionalCheckFailedException" | "UsernameExistsException") => true,
            _ => false,
        };
        let status = response.status();
        let status = (status.is_client_error() || status.is_server_error()).then(|| status.as_u16().to_string());
        Self { code: code.or(status), is_unmet_condition }
    }
}

/// `aws.protocoltests#FooError:http://…` without what stands around the name.
fn bare(code: &str) -> Option<&str> {
    let code = code.split(':').next()?;
    code.rsplit('#').next().filter(|code| !code.is_empty())
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn read(status: u16, header: Option<&'static str>, body: &'static str) -> (Option<String>, bool) {
        let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
        if let Some(header) = header {
            response.headers_mut().insert("x-amzn-errortype", header);
        }
        let Refusal { code, is_unmet_condition } = Refusal::read(&response);
        (code, is_unmet_condition)
    }

    #[test]
    fn a_code_is_found_wherever_a_service_puts_it() {
        for (header, body, code) in [
            (Some("UsernameExistsException:http://x"), "{}", "UsernameExistsException"),
            (
                None,
                r#"{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"}"#,
                "ResourceNotFoundException",
            ),
            (None, r#"{"code":"Refused","message":"x"}"#, "Refused"),
            (
                None,
                "<ErrorResponse><Error><Type>Sender</Type><Code>NotFound</Code></Error></ErrorResponse>",
                "NotFound",
            ),
            (None, "<?xml version=\"1.0\"?>\n<Error><Code>NoSuchKey</Code><Key>x</Key></Error>", "NoSuchKey"),
            (None, "", "400"),
            (Some(""), "no answer", "400"),
        ] {
            assert_eq!(read(400, header, body).0.as_deref(), Some(code), "{body}");
        }
        assert_eq!(read(200, None, ""), (None, false));
    }

    #[test]
    fn only_its_own_conditions_excuse_a_cancelled_transaction() {
        let cancelled = "TransactionCanceledException";
        for (body, excused) in [
            (
                r#"{"CancellationReasons":[{"Code":"None"},{"Code":"ConditionalCheckFailed","Item":{"a":{"S":"b"}}}]}"#,
                true,
            ),
            (r#"{"CancellationReasons":[{"Code":"ConditionalCheckFailed"},{"Code":"TransactionConflict"}]}"#, false),
        ] {
            assert_eq!(read(400, Some(cancelled), body), (Some(cancelled.to_owned()), excused), "{body}");
        }
        assert!(read(400, Some("ConditionalCheckFailedException"), "{}").1);
        assert!(!read(400, Some("ThrottlingException"), "{}").1);
    }
}
