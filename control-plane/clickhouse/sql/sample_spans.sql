-- The spans of some traces, trace by trace, each once, as it came first; of an endless trace the first.
SELECT trace_id, resource, scope, body
FROM
(
    SELECT trace_id, resource, scope, body
    FROM spans
    WHERE (bucket, trace_id) IN
    (
        SELECT bucket, trace_id FROM trace_buckets
        WHERE trace_id IN (SELECT toFixedString(unhex(arrayJoin({traces:Array(String)})), 16))
    )
    ORDER BY trace_id, rank DESC, place
    LIMIT 1 BY trace_id, span_id
)
LIMIT {limit:UInt64} BY trace_id
