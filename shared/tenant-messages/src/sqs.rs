//! A written message as the SDK of SQS has it.

use aws_sdk_sqs::{
    error::BuildError,
    operation::send_message::builders::SendMessageFluentBuilder,
    types::{MessageAttributeValue, SendMessageBatchRequestEntry},
};

use crate::Written;

impl Written {
    /// An entry of a `SendMessageBatch`; `id` is unique within the batch.
    ///
    /// # Errors
    ///
    /// The SDK's, where a part is missing.
    pub fn sqs_entry(self, id: impl Into<String>) -> Result<SendMessageBatchRequestEntry, BuildError> {
        let mut entry = SendMessageBatchRequestEntry::builder().id(id).message_body(self.body);
        for (name, value) in self.attributes {
            entry = entry.message_attributes(name, text(value)?);
        }
        entry.build()
    }

    /// The message in a `SendMessage` call.
    ///
    /// # Errors
    ///
    /// The SDK's, where a part is missing.
    pub fn send(self, mut call: SendMessageFluentBuilder) -> Result<SendMessageFluentBuilder, BuildError> {
        for (name, value) in self.attributes {
            call = call.message_attributes(name, text(value)?);
        }
        Ok(call.message_body(self.body))
    }
}

fn text(value: String) -> Result<MessageAttributeValue, BuildError> {
    MessageAttributeValue::builder().data_type("String").string_value(value).build()
}
