//! The sources that a consumer believes.

use std::sync::Arc;

use function_settings::{InvalidSettings, Variables};
use tenant_telemetry::{Received, Thresholds};

use crate::{IncomingMessage, incoming::Carrier};

/// The queues, topics and buses that a consumer believes, by their ARNs.
///
/// A message is believed only if *everything* that carried it is believed: the queue that Lambda read it from and, where the message names them, the
/// topic or bus before that. Lambda itself names the queue, or the topic that invoked the function. The topic within a queue's message is only the
/// sender's claim, so the queue's policy must say who may send to it. An event of EventBridge names its account and region but not its bus, so the
/// ARN of a bus stands for all buses of its account and region. Whoever may invoke the function directly can name any source, so restrict that in
/// IAM.
#[derive(Debug, Clone, Default)]
pub struct BelievedSources(Arc<[String]>);

impl BelievedSources {
    /// Reads the sources from an environment variable, where commas separate them.
    ///
    /// # Errors
    ///
    /// [`InvalidSettings`] where the variable names none, or something that is no such ARN. A consumer without a source would refuse every message.
    pub fn from_env(variable: &str) -> Result<Self, InvalidSettings> {
        Variables::of_process().read(|read| read.arns(variable).into_iter().collect())
    }

    /// Checks that everything that carried the message is believed. The error names what is not.
    pub(crate) fn judge(&self, message: &IncomingMessage) -> Result<(), String> {
        if message.carriers.is_empty() {
            return Err("nowhere".to_owned());
        }
        match message.carriers.iter().find(|carrier| !self.0.iter().any(|arn| carrier.is(arn))) {
            Some(stranger) => Err(stranger.to_string()),
            None => Ok(()),
        }
    }

    /// The message as a CONSUMER span continues it. The sender's sampling threshold counts only if the sender is believed.
    pub fn received<'a>(&self, message: &'a IncomingMessage) -> Received<'a> {
        let believed = self.judge(message).is_ok();
        Received {
            system: message.system,
            destination: &message.source,
            message_id: &message.message_id,
            carrier: &message.attributes,
            xray: message.aws_trace_header.as_deref(),
            sent: message.sent,
            deliveries: message.deliveries,
            thresholds: if believed { Thresholds::Believed } else { Thresholds::LeftOut },
        }
    }
}

impl FromIterator<String> for BelievedSources {
    fn from_iter<I: IntoIterator<Item = String>>(arns: I) -> Self {
        Self(arns.into_iter().collect())
    }
}

impl Carrier {
    fn is(&self, believed: &str) -> bool {
        match self {
            Self::Queue(arn) | Self::Topic(arn) => arn == believed,
            Self::Bus { region, account } => {
                // arn:<partition>:events:<region>:<account>:event-bus/<name>
                let mut parts = believed.split(':').skip(2);
                [parts.next(), parts.next(), parts.next()] == [Some("events"), Some(region), Some(account)]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUE: &str = "arn:aws:sqs:us-east-1:222222222222:orders";
    const TOPIC: &str = "arn:aws:sns:us-east-1:111111111111:events";
    const BUS: &str = "arn:aws:events:us-east-1:111111111111:event-bus/default";

    fn carried(carriers: &[Carrier]) -> IncomingMessage {
        IncomingMessage { carriers: carriers.to_vec(), ..IncomingMessage::default() }
    }

    #[test]
    fn all_that_carried_a_message_must_be_believed() {
        let queue = Carrier::Queue(QUEUE.to_owned());
        let topic = |arn: &str| Carrier::Topic(arn.to_owned());
        let bus = |region: &str, account: &str| Carrier::Bus { region: region.into(), account: account.into() };
        let believed: BelievedSources = [QUEUE, TOPIC, BUS].map(str::to_owned).into_iter().collect();
        for carriers in [
            vec![queue.clone()],
            vec![topic(TOPIC)],
            vec![queue.clone(), topic(TOPIC)],
            vec![bus("us-east-1", "111111111111")],
            vec![queue.clone(), bus("us-east-1", "111111111111")],
        ] {
            assert_eq!(believed.judge(&carried(&carriers)), Ok(()), "{carriers:?}");
        }
        for (carriers, stranger) in [
            (vec![], "nowhere".to_owned()),
            (
                vec![queue.clone(), topic(QUEUE), topic("arn:aws:sns:us-east-1:666666666666:events")],
                "arn:aws:sns:us-east-1:666666666666:events".to_owned(),
            ),
            (vec![Carrier::Queue(format!("{QUEUE}2"))], format!("{QUEUE}2")),
            (vec![Carrier::Queue(String::new())], String::new()),
            (vec![bus("us-east-1", "666666666666")], "an event bus of account 666666666666 in us-east-1".to_owned()),
            (
                vec![queue, bus("eu-west-1", "111111111111")],
                "an event bus of account 111111111111 in eu-west-1".to_owned(),
            ),
            (vec![bus("", "")], "an event bus of account  in ".to_owned()),
        ] {
            assert_eq!(believed.judge(&carried(&carriers)), Err(stranger), "{carriers:?}");
        }
    }
}
