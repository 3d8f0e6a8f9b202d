//! Turns a written message into requests of the SNS SDK.

use aws_sdk_sns::{
    error::BuildError,
    operation::publish::builders::PublishFluentBuilder,
    types::{MessageAttributeValue, PublishBatchRequestEntry, builders::PublishBatchRequestEntryBuilder},
};

use crate::{Written, sdk::with_attributes};

impl Written {
    /// An entry of a `PublishBatch`; `id` is unique within the batch. Its `MessageGroupId` is the tenant, which a standard topic passes on to
    /// standard queues: <https://docs.aws.amazon.com/sns/latest/api/API_PublishBatchRequestEntry.html>.
    ///
    /// # Errors
    ///
    /// The SDK's error, where a required field is missing.
    pub fn sns_entry(self, id: impl Into<String>) -> Result<PublishBatchRequestEntry, BuildError> {
        let group = self.message_group_id().map(str::to_owned);
        let entry = PublishBatchRequestEntry::builder().id(id).set_message_group_id(group).message(self.body);
        with_attributes(entry, self.attributes, text, PublishBatchRequestEntryBuilder::message_attributes)?.build()
    }

    /// The message in a `Publish` call, with the tenant as `MessageGroupId` unless the call has one.
    ///
    /// # Errors
    ///
    /// The SDK's error, where a required field is missing.
    pub fn publish(self, call: PublishFluentBuilder) -> Result<PublishFluentBuilder, BuildError> {
        let group = call.get_message_group_id().as_deref().or(self.message_group_id()).map(str::to_owned);
        let call = call.set_message_group_id(group).message(self.body);
        with_attributes(call, self.attributes, text, PublishFluentBuilder::message_attributes)
    }
}

fn text(value: String) -> Result<MessageAttributeValue, BuildError> {
    MessageAttributeValue::builder().data_type("String").string_value(value).build()
}
