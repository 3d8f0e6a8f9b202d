//! Reads the XML that SNS and S3 answer with.

use aws_smithy_xml::decode::{Document, ScopedDecoder, try_data};

use super::answer::BatchResultEntry;

/// The code of an error: `<Error><Code>` at the top, or in an element around it.
pub(super) fn error_code(body: &[u8]) -> Option<String> {
    let mut document = Document::new(std::str::from_utf8(body).ok()?);
    let mut root = document.root_element().ok()?;
    if root.start_el().local() == "Error" {
        return text(&mut root, "Code");
    }
    while let Some(mut child) = root.next_tag() {
        if child.start_el().local() == "Error" {
            return text(&mut child, "Code");
        }
    }
    None
}

/// The id that the message of a `Publish` got.
pub(super) fn message_id(body: &[u8]) -> Option<String> {
    let mut document = Document::new(std::str::from_utf8(body).ok()?);
    let mut root = document.root_element().ok()?;
    while let Some(mut child) = root.next_tag() {
        if child.start_el().local() == "PublishResult" {
            return text(&mut child, "MessageId");
        }
    }
    None
}

/// The entries of a `PublishBatch`, both accepted and refused.
pub(super) fn entries(body: &[u8]) -> Option<Vec<BatchResultEntry>> {
    let mut document = Document::new(std::str::from_utf8(body).ok()?);
    let mut root = document.root_element().ok()?;
    let mut entries = Vec::new();
    while let Some(mut result) = root.next_tag() {
        if result.start_el().local() != "PublishBatchResult" {
            continue;
        }
        while let Some(mut list) = result.next_tag() {
            while let Some(mut member) = list.next_tag() {
                entries.extend(entry(&mut member));
            }
        }
    }
    Some(entries)
}

fn entry(member: &mut ScopedDecoder<'_, '_>) -> Option<BatchResultEntry> {
    let mut entry = BatchResultEntry { id: String::new(), message_id: None, code: None, message: None };
    while let Some(mut field) = member.next_tag() {
        let name = field.start_el().local().to_owned();
        let value = try_data(&mut field).ok()?.into_owned();
        match name.as_str() {
            "Id" => entry.id = value,
            "MessageId" => entry.message_id = Some(value),
            "Code" => entry.code = Some(value),
            "Message" => entry.message = Some(value),
            _ => {}
        }
    }
    Some(entry)
}

fn text(parent: &mut ScopedDecoder<'_, '_>, name: &str) -> Option<String> {
    while let Some(mut child) = parent.next_tag() {
        if child.start_el().local() == name {
            return try_data(&mut child).ok().map(|text| text.into_owned());
        }
    }
    None
}
