-- The rows of a block.
SELECT
    trace_id, span_id, parent_id, trace_state, name, kind, start_ns, duration, status, status_message,
    resource, scope_name, scope_version, attributes, events, links
FROM otel_spans
WHERE at = fromUnixTimestamp64Milli({at:Int64}, 'UTC') AND _block_number = {block:UInt64}
