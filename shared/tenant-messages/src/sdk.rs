//! What the SDKs of SNS and SQS have in common.

/// Adds a message's attributes to a request that is being built. `text` turns each into the SDK's type, and `add` adds it.
pub(crate) fn with_attributes<Request, Value, Error>(
    request: Request,
    attributes: impl IntoIterator<Item = (&'static str, String)>,
    text: impl Fn(String) -> Result<Value, Error>,
    add: impl Fn(Request, &'static str, Value) -> Request,
) -> Result<Request, Error> {
    attributes.into_iter().try_fold(request, |request, (name, value)| Ok(add(request, name, text(value)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Written;

    #[test]
    fn attributes_are_added_in_their_order_or_none_is() {
        let attributes = || [("tenant_id", "acme".to_owned()), ("event_type", "invoice.paid".to_owned())];
        let add = |mut request: Vec<(&'static str, usize)>, name, value| {
            request.push((name, value));
            request
        };
        let long = |text: String| if text.is_empty() { Err("no text") } else { Ok(text.len()) };
        let request = with_attributes(vec![("before", 0)], attributes(), long, add);
        assert_eq!(request, Ok(vec![("before", 0), ("tenant_id", 4), ("event_type", 12)]));
        let one_is_empty = [("tenant_id", "acme".to_owned()), ("event_type", String::new())];
        assert_eq!(with_attributes(Vec::new(), one_is_empty, long, add), Err("no text"));
    }

    fn written() -> Written {
        let attributes = [("tenant_id", "acme"), ("tenant_tier", "pro"), ("event_type", "parcel.packed")];
        Written { body: "{}".to_owned(), attributes: attributes.map(|(name, value)| (name, value.to_owned())) }
    }

    #[cfg(feature = "sns")]
    #[test]
    fn to_sns_the_tenant_is_the_message_group() {
        use aws_sdk_sns::{Client, Config, config::BehaviorVersion};

        assert_eq!(written().sns_entry("0").unwrap().message_group_id(), Some("acme"));
        let client = Client::from_conf(Config::builder().behavior_version(BehaviorVersion::latest()).build());
        let group = |call| written().publish(call).unwrap().get_message_group_id().clone();
        assert_eq!(group(client.publish()).as_deref(), Some("acme"));
        assert_eq!(group(client.publish().message_group_id("order-7")).as_deref(), Some("order-7"));
    }

    #[cfg(feature = "sqs")]
    #[test]
    fn to_sqs_the_tenant_is_the_message_group() {
        use aws_sdk_sqs::{Client, Config, config::BehaviorVersion};

        assert_eq!(written().sqs_entry("0").unwrap().message_group_id(), Some("acme"));
        let client = Client::from_conf(Config::builder().behavior_version(BehaviorVersion::latest()).build());
        let group = |call| written().send(call).unwrap().get_message_group_id().clone();
        assert_eq!(group(client.send_message()).as_deref(), Some("acme"));
        assert_eq!(group(client.send_message().message_group_id("order-7")).as_deref(), Some("order-7"));
    }
}
