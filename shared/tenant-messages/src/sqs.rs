//! A written message as the SDK of SQS has it.

use aws_sdk_sqs::{
    error::BuildError,
    operation::send_message::builders::SendMessageFluentBuilder,
    types::{MessageAttributeValue, SendMessageBatchRequestEntry, builders::SendMessageBatchRequestEntryBuilder},
};

use crate::{Written, sdk::with_attributes};

impl Written {
    /// An entry of a `SendMessageBatch`; `id` is unique within the batch.
    ///
    /// # Errors
    ///
    /// The SDK's, where a part is missing.
    pub fn sqs_entry(self, id: impl Into<String>) -> Result<SendMessageBatchRequestEntry, BuildError> {
        let entry = SendMessageBatchRequestEntry::builder().id(id).message_body(self.body);
        with_attributes(entry, self.attributes, text, SendMessageBatchRequestEntryBuilder::message_attributes)?.build()
    }

    /// The message in a `SendMessage` call.
    ///
    /// # Errors
    ///
    /// The SDK's, where a part is missing.
    pub fn send(self, call: SendMessageFluentBuilder) -> Result<SendMessageFluentBuilder, BuildError> {
        with_attributes(
            call.message_body(self.body),
            self.attributes,
            text,
            SendMessageFluentBuilder::message_attributes,
        )
    }
}

fn text(value: String) -> Result<MessageAttributeValue, BuildError> {
    MessageAttributeValue::builder().data_type("String").string_value(value).build()
}
