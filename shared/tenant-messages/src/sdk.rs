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
