//! SNS: its requests are forms. Each message has a span, and carries context as attributes.

use std::{borrow::Cow, collections::BTreeMap};

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use opentelemetry::KeyValue;

use super::{
    call::{Call, CallSpan, MessageDestination, replace_body, text},
    context::Fields,
};
use crate::semconv;

const ENTRIES: &str = "PublishBatchRequestEntries.member.";
const ATTRIBUTES: &str = "MessageAttributes.entry.";

/// The fields of a form that are read. The message of `Publish` is entry 0; those of a batch count from 1.
#[derive(Default)]
struct Form<'a> {
    topic_arn: Option<Cow<'a, str>>,
    target_arn: Option<Cow<'a, str>>,
    entries: BTreeMap<usize, BatchRequestEntry<'a>>,
}

#[derive(Default)]
struct BatchRequestEntry<'a> {
    id: String,
    /// Names of attributes, with the number that each has in the form.
    attributes: Vec<(usize, Cow<'a, str>)>,
}

impl<'a> Form<'a> {
    fn parse(body: &'a str) -> Self {
        let mut form = Self::default();
        for (key, value) in body.split('&').filter_map(|pair| pair.split_once('=')) {
            let in_batch = key.strip_prefix(ENTRIES).and_then(|rest| rest.split_once('.'));
            let in_batch = in_batch.and_then(|(number, rest)| Some((number.parse().ok()?, rest)));
            let (number, field) = in_batch.unwrap_or((0, key));
            let attribute = field.strip_prefix(ATTRIBUTES).and_then(|rest| rest.strip_suffix(".Name")?.parse().ok());
            match (field, attribute) {
                ("TopicArn", _) => form.topic_arn = Some(decoded(value)),
                ("TargetArn", _) => form.target_arn = Some(decoded(value)),
                ("Id", _) => form.entries.entry(number).or_default().id = decoded(value).into_owned(),
                (_, Some(index)) => {
                    form.entries.entry(number).or_default().attributes.push((index, decoded(value)));
                }
                _ => {}
            }
        }
        form
    }

    /// The topic that is published to. There is none if the message goes to a phone or an app's endpoint.
    fn topic(&self) -> Option<&str> {
        let arn = self.topic_arn.as_deref().or(self.target_arn.as_deref())?;
        // arn:aws:sns:<region>:<account>:<topic>
        let name = arn.splitn(6, ':').nth(5)?;
        (!name.contains('/')).then_some(arn)
    }
}

fn decoded(value: &str) -> Cow<'_, str> {
    let mut pairs = form_urlencoded::parse(value.as_bytes());
    pairs.next().map(|(text, _)| text).unwrap_or_default()
}

fn encoded(value: &str) -> String {
    let text: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
    // A plus stands for a space only where whoever reads it takes the body for a form.
    text.replace('+', "%20")
}

/// Starts a span for each message to a topic, and puts its context into the request.
pub(super) fn send(call: &Call<'_>, request: &mut HttpRequest) -> Option<Vec<CallSpan>> {
    let body = text(request)?;
    let mut form = Form::parse(body);
    let topic = form.topic()?.to_owned();
    let to = MessageDestination {
        system: "aws.sns",
        name: topic.rsplit(':').next().unwrap_or_default().to_owned(),
        identity: Some(KeyValue::new(semconv::AWS_SNS_TOPIC_ARN, topic)),
    };
    if call.operation == "Publish" {
        form.entries.entry(0).or_default();
    }
    let (mut spans, mut edits) = (Vec::new(), Edits::default());
    for (index, (number, entry)) in form.entries.into_iter().enumerate() {
        let span = call.start_send(index, entry.id.clone(), &to);
        let prefix = if number == 0 { ATTRIBUTES.to_owned() } else { format!("{ENTRIES}{number}.{ATTRIBUTES}") };
        edits.attributes(&prefix, &entry.attributes, &span);
        spans.push(span);
    }
    let body = edits.applied(body);
    replace_body(request, body);
    Some(spans)
}

/// The changes of a form: the pairs that are removed and the pairs that are added.
#[derive(Default)]
struct Edits {
    gone: Vec<String>,
    added: String,
}

impl Edits {
    fn attributes(&mut self, prefix: &str, there: &[(usize, Cow<'_, str>)], span: &CallSpan) {
        let names = there.iter().map(|(_, name)| name.as_ref());
        let mut next = there.iter().map(|(index, _)| *index).max().unwrap_or(0);
        for (name, value) in Fields::of(&span.cx).with_room_among(names, &span.cx).into_pairs() {
            let index = match there.iter().find(|(_, there)| *there == name) {
                Some((index, _)) => {
                    self.gone.push(format!("{prefix}{index}."));
                    *index
                }
                None => {
                    next += 1;
                    next
                }
            };
            let value = encoded(&value);
            self.added.push_str(&format!(
                "&{prefix}{index}.Name={name}&{prefix}{index}.Value.DataType=String&{prefix}{index}.Value.StringValue={value}"
            ));
        }
    }

    fn applied(&self, body: &str) -> String {
        let mut edited = String::with_capacity(body.len() + self.added.len());
        if self.gone.is_empty() {
            edited.push_str(body);
        } else {
            for pair in body.split('&').filter(|pair| !self.gone.iter().any(|gone| pair.starts_with(gone.as_str()))) {
                let and = if edited.is_empty() { "" } else { "&" };
                edited.extend([and, pair]);
            }
        }
        edited.push_str(&self.added);
        edited
    }
}

/// The attributes of any other call: its topic, if it has one.
pub(super) fn attributes(body: &str) -> Vec<KeyValue> {
    let form = Form::parse(body);
    form.topic().map(|topic| KeyValue::new(semconv::AWS_SNS_TOPIC_ARN, topic.to_owned())).into_iter().collect()
}
