//! Turns a written message into requests of the SQS SDK.

use aws_sdk_sqs::{
    error::BuildError,
    operation::send_message::builders::SendMessageFluentBuilder,
    types::{MessageAttributeValue, SendMessageBatchRequestEntry, builders::SendMessageBatchRequestEntryBuilder},
};

use crate::{Written, sdk::with_attributes};

impl Written {
    /// An entry of a `SendMessageBatch`; `id` is unique within the batch. Its `MessageGroupId` is the tenant.
    ///
    /// # Errors
    ///
    /// The SDK's error, where a required field is missing.
    pub fn sqs_entry(self, id: impl Into<String>) -> Result<SendMessageBatchRequestEntry, BuildError> {
        let group = self.message_group_id().map(str::to_owned);
        let entry = SendMessageBatchRequestEntry::builder().id(id).set_message_group_id(group).message_body(self.body);
        with_attributes(entry, self.attributes, text, SendMessageBatchRequestEntryBuilder::message_attributes)?.build()
    }

    /// The message in a `SendMessage` call, with the tenant as `MessageGroupId` unless the call has one.
    ///
    /// # Errors
    ///
    /// The SDK's error, where a required field is missing.
    pub fn send(self, call: SendMessageFluentBuilder) -> Result<SendMessageFluentBuilder, BuildError> {
        let group = call.get_message_group_id().as_deref().or(self.message_group_id()).map(str::to_owned);
        let call = call.set_message_group_id(group).message_body(self.body);
        with_attributes(call, self.attributes, text, SendMessageFluentBuilder::message_attributes)
    }
}

fn text(value: String) -> Result<MessageAttributeValue, BuildError> {
    MessageAttributeValue::builder().data_type("String").string_value(value).build()
}
