//! What the SDKs of SNS and SQS have alike.

/// Adds a written message's attributes to a request that is being built: `text` makes an SDK's value of each, and `add` adds it.
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
}
