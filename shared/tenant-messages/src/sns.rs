//! A written message as the SDK of SNS has it.

use aws_sdk_sns::{
    error::BuildError,
    operation::publish::builders::PublishFluentBuilder,
    types::{MessageAttributeValue, PublishBatchRequestEntry},
};

use crate::Written;

impl Written {
    /// An entry of a `PublishBatch`; `id` is unique within the batch.
    ///
    /// # Errors
    ///
    /// The SDK's, where a part is missing.
    pub fn sns_entry(self, id: impl Into<String>) -> Result<PublishBatchRequestEntry, BuildError> {
        let mut entry = PublishBatchRequestEntry::builder().id(id).message(self.body);
        for (name, value) in self.attributes {
            entry = entry.message_attributes(name, text(value)?);
        }
        entry.build()
    }

    /// The message in a `Publish` call.
    ///
    /// # Errors
    ///
    /// The SDK's, where a part is missing.
    pub fn publish(self, mut call: PublishFluentBuilder) -> Result<PublishFluentBuilder, BuildError> {
        for (name, value) in self.attributes {
            call = call.message_attributes(name, text(value)?);
        }
        Ok(call.message(self.body))
    }
}

fn text(value: String) -> Result<MessageAttributeValue, BuildError> {
    MessageAttributeValue::builder().data_type("String").string_value(value).build()
}
