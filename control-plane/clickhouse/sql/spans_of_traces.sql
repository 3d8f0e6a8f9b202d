-- All spans of some traces, trace by trace, in the order in which they came, those that came again among them; of an endless one the first.
SELECT trace_id, rank, resource, body
FROM spans
WHERE (bucket, trace_id) IN
(
    SELECT bucket, trace_id FROM trace_buckets
    WHERE trace_id IN (SELECT toFixedString(unhex(arrayJoin({traces:Array(String)})), 16))
)
ORDER BY trace_id, rank DESC, place
LIMIT {limit:UInt32} BY trace_id
