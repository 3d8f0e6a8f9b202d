-- Spans of a trace in the order in which they came, each once; of an endless one the first.
SELECT trace_id, rank, resource, body
FROM spans
WHERE bucket IN (SELECT bucket FROM trace_buckets WHERE trace_id = toFixedString(unhex({trace_id:String}), 16))
    AND trace_id = toFixedString(unhex({trace_id:String}), 16)
ORDER BY rank DESC, place
LIMIT 1 BY span_id
LIMIT {limit:UInt32}
