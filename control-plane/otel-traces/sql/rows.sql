-- The rows of a block. An SDK may have cut a text amid a letter.
SELECT
    toValidUTF8(trace_id), toValidUTF8(span_id), toValidUTF8(parent_id), toValidUTF8(trace_state), toValidUTF8(name), toValidUTF8(kind),
    start_ns, duration, toValidUTF8(status), toValidUTF8(status_message),
    toValidUTF8(resource), toValidUTF8(scope_name), toValidUTF8(scope_version), toValidUTF8(attributes),
    arrayMap(event -> (event.1, toValidUTF8(event.2), toValidUTF8(event.3)), events),
    arrayMap(link -> (toValidUTF8(link.1), toValidUTF8(link.2), toValidUTF8(link.3), toValidUTF8(link.4)), links)
FROM otel_spans
WHERE at = fromUnixTimestamp64Milli({at:Int64}, 'UTC') AND _block_number = {block:UInt64}
