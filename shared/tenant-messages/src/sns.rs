//! A written message as the SDK of SNS has it.

use aws_sdk_sns::{
    error::BuildError,
    operation::publish::builders::PublishFluentBuilder,
    types::{MessageAttributeValue, PublishBatchRequestEntry, builders::PublishBatchRequestEntryBuilder},
};

use crate::{Written, sdk::with_attributes};

impl Written {
    /// An entry of a `PublishBatch`; `id` is unique within the batch.
    ///
    /// # Errors
    ///
    /// The SDK's, where a part is missing.
    pub fn sns_entry(self, id: impl Into<String>) -> Result<PublishBatchRequestEntry, BuildError> {
        let entry = PublishBatchRequestEntry::builder().id(id).message(self.body);
        with_attributes(entry, self.attributes, text, PublishBatchRequestEntryBuilder::message_attributes)?.build()
    }

    /// The message in a `Publish` call.
    ///
    /// # Errors
    ///
    /// The SDK's, where a part is missing.
    pub fn publish(self, call: PublishFluentBuilder) -> Result<PublishFluentBuilder, BuildError> {
        with_attributes(call.message(self.body), self.attributes, text, PublishFluentBuilder::message_attributes)
    }
}

fn text(value: String) -> Result<MessageAttributeValue, BuildError> {
    MessageAttributeValue::builder().data_type("String").string_value(value).build()
}
